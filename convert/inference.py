"""The int8 model in one runtime, in a process of its own that never loads TensorFlow.

tflite-runtime 2.14 refuses every model ("vector::reserve") in a process that imported TensorFlow
before it: both bring the same C++ symbols. A device has no TensorFlow either.

    python -m convert.inference RUNTIME < question.npz > answer.npz
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import BundleError, MissingRuntimeError
from edge.inference.runtime import load_interpreter
from edge.nouns import Gray

BATCH_SIZE = 250
INT8_RANGE = (-128, 127)


def to_int8(values: NDArray[Any], scale: float, zero_point: int) -> NDArray[np.int8]:
    """Quantized values: rounded first, then clipped, since a plain cast would truncate and wrap."""
    return np.clip(np.rint(values / scale) + zero_point, *INT8_RANGE).astype(np.int8)


def from_int8(quantized: NDArray[np.int8], scale: float, zero_point: int) -> NDArray[np.float64]:
    """What the quantized values stand for."""
    return (quantized.astype(np.float64) - zero_point) * scale


def run_apart(model: bytes, glyphs: Gray, runtime: str) -> NDArray[np.int8]:
    """`run_int8` in a new process.

    Raises
    ------
    MissingRuntimeError, BundleError
        As `run_int8`, or the process died.
    """
    packages = str(Path(__file__).resolve().parents[1])
    path = os.pathsep.join([packages, *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-W", "ignore", "-m", "convert.inference", runtime]
    question = _pack(model=np.frombuffer(model, np.uint8), glyphs=glyphs)
    done = subprocess.run(
        command, input=question, capture_output=True, env={**os.environ, "PYTHONPATH": path}, check=False
    )
    if done.returncode != 0:
        reason = (done.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
        raise BundleError(f"{runtime} died with exit status {done.returncode} ({reason})")
    answer = np.load(io.BytesIO(done.stdout))
    if "missing" in answer:
        raise MissingRuntimeError(str(answer["missing"]))
    if "refused" in answer:
        raise BundleError(str(answer["refused"]))
    return answer["quantized"]


def run_int8(model: bytes, glyphs: Gray, runtime: str) -> NDArray[np.int8]:
    """The int8 model's raw output, (n, classes), for (n, 28, 28) uint8 glyphs.

    Raises
    ------
    MissingRuntimeError
        The runtime is not installed.
    BundleError
        It refuses the model, or input or output is not int8.
    """
    interpreter, _ = load_interpreter(model, runtime)
    for side, details in (
        ("input", interpreter.get_input_details()[0]),
        ("output", interpreter.get_output_details()[0]),
    ):
        if details["dtype"] != np.int8:
            raise BundleError(f"the {side} is {np.dtype(details['dtype']).name}, not int8")
    try:
        starts = range(0, len(glyphs), BATCH_SIZE)
        return np.concatenate([_run_batch(interpreter, glyphs[start : start + BATCH_SIZE]) for start in starts])
    except (RuntimeError, ValueError) as error:
        raise BundleError(f"{runtime} cannot run the model ({str(error).strip().splitlines()[0]})") from error


def answer_question(question: bytes, runtime: str) -> bytes:
    """The npz that `run_apart` reads, for the one that it writes."""
    asked = np.load(io.BytesIO(question))
    try:
        return _pack(quantized=run_int8(asked["model"].tobytes(), asked["glyphs"], runtime))
    except MissingRuntimeError as error:
        return _pack(missing=np.array(str(error)))
    except BundleError as error:
        return _pack(refused=np.array(str(error)))


def _run_batch(interpreter: Any, glyphs: Gray) -> NDArray[np.int8]:
    details = interpreter.get_input_details()[0]
    values = to_int8(glyphs[..., None].astype(np.float64), *details["quantization"])
    if tuple(details["shape"]) != values.shape:
        interpreter.resize_tensor_input(details["index"], values.shape, strict=True)
        interpreter.allocate_tensors()
    interpreter.set_tensor(details["index"], values)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def _pack(**arrays: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


if __name__ == "__main__":
    sys.stdout.buffer.write(answer_question(sys.stdin.buffer.read(), sys.argv[1]))
