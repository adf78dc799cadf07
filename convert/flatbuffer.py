"""What a .tflite file says of itself, read without any interpreter."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from convert.operators import NEWEST_KNOWN
from edge.errors import BundleError

IDENTIFIER = b"TFL3"
"""Bytes 4 to 8 of every .tflite file."""

REAL_TYPES = ("FLOAT", "BFLOAT", "COMPLEX")
"""How the schema's names of types begin that are not whole numbers."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor as the file describes it; scales and zero points are empty where it is not quantized."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    is_constant: bool

    @property
    def is_real(self) -> bool:
        """Whether its values are floats or complex numbers."""
        return self.dtype.startswith(REAL_TYPES)


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator with what it reads and writes; an optional input that is absent is left out."""

    name: str
    version: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class Network:
    """All operators and tensors of a file, those of nested subgraphs too; inputs and outputs are the main one's."""

    operators: tuple[Operator, ...]
    tensors: tuple[Tensor, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


def parse_network(model: bytes) -> Network:
    """Read the content of a .tflite file.

    Raises
    ------
    BundleError
        It is not one, or it is cut short.
    """
    if model[4:8] != IDENTIFIER:
        raise BundleError(
            f"not a TFLite model: {len(model)} bytes without TFL3 at byte 4; build the bundle again with: make convert"
        )
    try:
        content = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model))
        subgraphs = [_read_subgraph(subgraph, content) for subgraph in content.subgraphs]
        main = subgraphs[0]
    except (
        struct.error,
        IndexError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        OverflowError,
        MemoryError,
    ) as error:
        raise BundleError(
            f"a damaged TFLite model ({type(error).__name__}: {error}); build the bundle again with: make convert"
        ) from error
    operators = tuple(operator for subgraph in subgraphs for operator in subgraph.operators)
    tensors = tuple(tensor for subgraph in subgraphs for tensor in subgraph.tensors)
    return Network(operators, tensors, main.inputs, main.outputs)


def unknown_operators(network: Network) -> list[str]:
    """The operators, as `NAME version`, that tflite-runtime 2.14 does not take; sorted, each once."""
    found = {(operator.name, operator.version) for operator in network.operators}
    return [f"{name} {version}" for name, version in sorted(found) if version > NEWEST_KNOWN.get(name, 0)]


def real_tensors(network: Network) -> list[Tensor]:
    """The tensors that hold floats: a full int8 model has none."""
    return [tensor for tensor in network.tensors if tensor.is_real]


def real_operators(network: Network) -> list[str]:
    """Names of the operators that read or write floats; sorted, each once."""
    return sorted(
        {
            operator.name
            for operator in network.operators
            if any(tensor.is_real for tensor in (*operator.inputs, *operator.outputs))
        }
    )


def count_parameters(network: Network) -> int:
    """Weights and biases as deployed: batch norm is folded into them; scales and lone constants are not counted."""
    constants = [tensor for tensor in network.tensors if tensor.is_constant and (tensor.scales or tensor.is_real)]
    return sum(math.prod(tensor.shape) for tensor in constants if tensor.shape)


def count_multiply_adds(network: Network) -> int:
    """Multiply-adds of the convolutions and dense layers for one glyph."""
    return sum(_multiply_adds(operator) for operator in network.operators)


def _multiply_adds(operator: Operator) -> int:
    """Weights are (out, rows, columns, in) or (out, in), those of a depthwise convolution (1, rows, columns, out)."""
    if operator.name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
        return 0
    weights = operator.inputs[1].shape
    each = math.prod(weights[1:3]) if operator.name == "DEPTHWISE_CONV_2D" else math.prod(weights[1:])
    return math.prod(operator.outputs[0].shape) * each


def _read_subgraph(subgraph: Any, content: Any) -> Network:
    tensors = tuple(_read_tensor(tensor, content.buffers[tensor.buffer].data) for tensor in subgraph.tensors)
    codes = content.operatorCodes
    operators = tuple(
        _read_operator(operator, codes[operator.opcodeIndex], tensors) for operator in _listed(subgraph.operators)
    )
    return Network(operators, tensors, _pick(subgraph.inputs, tensors), _pick(subgraph.outputs, tensors))


def _read_tensor(tensor: Any, data: Any) -> Tensor:
    quantization = tensor.quantization
    scales = () if quantization is None else tuple(float(scale) for scale in _listed(quantization.scale))
    zero_points = () if quantization is None else tuple(int(point) for point in _listed(quantization.zeroPoint))
    shape = tuple(int(length) for length in _listed(tensor.shape))
    name = (tensor.name or b"").decode("utf-8", errors="replace")
    return Tensor(name, shape, _name_of(schema.TensorType, tensor.type), scales, zero_points, len(_listed(data)) > 0)


def _read_operator(operator: Any, code: Any, tensors: tuple[Tensor, ...]) -> Operator:
    builtin = max(code.builtinCode, code.deprecatedBuiltinCode)
    name = (
        (code.customCode or b"").decode("utf-8", errors="replace")
        if code.customCode
        else _name_of(schema.BuiltinOperator, builtin)
    )
    return Operator(name, int(code.version), _pick(operator.inputs, tensors), _pick(operator.outputs, tensors))


def _pick(indices: Any, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(tensors[index] for index in _listed(indices) if index >= 0)


def _listed(values: Any) -> Any:
    """The schema gives None for an empty vector."""
    return () if values is None else values


def _name_of(enumeration: type, value: int) -> str:
    """The schema's name of a value, or the number where the schema is older than the file."""
    names = {number: name for name, number in vars(enumeration).items() if isinstance(number, int)}
    return names.get(value, f"{enumeration.__name__} {value}")
