"""The table of operators says what tflite-runtime 2.14 does; it is asked here."""

import subprocess
import sys
from pathlib import Path

import pytest

from convert.operators import NEWEST_KNOWN
from edge.inference.runtime import runtime_versions

ROOT = Path(__file__).parents[2]

ASK = """
import flatbuffers
from ai_edge_litert import schema_py_generated as schema
from tflite_runtime.interpreter import Interpreter

def takes(operator, version):
    code = schema.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode, code.version = operator, min(operator, 127), version
    graph = schema.SubGraphT()
    graph.tensors, graph.inputs, graph.outputs, graph.operators = [], [], [], []
    model = schema.ModelT()
    model.version, model.buffers, model.operatorCodes, model.subgraphs = 3, [schema.BufferT()], [code], [graph]
    builder = flatbuffers.Builder(256)
    builder.Finish(model.Pack(builder), b"TFL3")
    try:
        Interpreter(model_content=bytes(builder.Output()))
    except ValueError:
        return False
    return True

for name, operator in sorted(vars(schema.BuiltinOperator).items()):
    if isinstance(operator, int):
        print(name, max((version for version in range(1, 16) if takes(operator, version)), default=0))
"""


@pytest.mark.skipif("tflite-runtime" not in runtime_versions(), reason="tflite-runtime has no wheel for this Python")
def test_the_table_is_what_tflite_runtime_answers():
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True, cwd=ROOT)
    answers = {name: int(version) for name, version in map(str.split, done.stdout.splitlines())}
    assert {name: version for name, version in answers.items() if version} == NEWEST_KNOWN
    assert len(answers) > 200


def test_the_operators_of_our_networks_are_known():
    versions = {"CONV_2D": 3, "MEAN": 2, "FULLY_CONNECTED": 4, "MUL": 2, "RESHAPE": 1}
    assert all(NEWEST_KNOWN[name] >= version for name, version in versions.items())
