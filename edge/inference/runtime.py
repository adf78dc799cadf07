"""One `load_interpreter` for both TFLite runtimes: LiteRT first, tflite-runtime where it has no wheel."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
from typing import Any

import numpy as np

from edge.errors import BundleError, MissingRuntimeError
from edge.stderr import caught_stderr

RUNTIMES = {
    "litert": ("ai_edge_litert.interpreter", "ai-edge-litert"),
    "tflite-runtime": ("tflite_runtime.interpreter", "tflite-runtime"),
}
"""Runtime to (module, distribution), in order of preference: LiteRT runs int8 through XNNPACK."""


def load_interpreter(model: bytes, runtime: str | None = None, threads: int = 1) -> tuple[Any, str]:
    """Make an interpreter with its tensors allocated, and say which runtime made it.

    Parameters
    ----------
    model : bytes
        Content of a .tflite file.
    runtime : str, optional
        "litert" or "tflite-runtime"; by default the first that is installed and works.
    threads : int

    Raises
    ------
    MissingRuntimeError
        None of the wanted runtimes is installed, or numpy 2 stands beside tflite-runtime 2.14.
    BundleError
        The runtime refuses the model.
    """
    wanted = [runtime] if runtime else list(RUNTIMES)
    reasons = []
    for name in wanted:
        try:
            interpreter_class = _interpreter_class(name)
        except MissingRuntimeError as error:
            reasons.append(str(error))
            continue
        return _allocate(interpreter_class, model, threads, name), name
    raise MissingRuntimeError("; ".join(reasons) + "; install one with: pip install ai-edge-litert")


def runtime_versions() -> dict[str, str]:
    """Version of each runtime that can be imported here, by name."""
    found = {}
    for name, (_, distribution) in RUNTIMES.items():
        with contextlib.suppress(MissingRuntimeError, importlib.metadata.PackageNotFoundError):
            _interpreter_class(name)
            found[name] = importlib.metadata.version(distribution)
    return found


def _interpreter_class(name: str) -> Any:
    if name not in RUNTIMES:
        raise MissingRuntimeError(f"runtime {name!r} is unknown; known are {', '.join(RUNTIMES)}")
    if name == "tflite-runtime" and int(np.__version__.split(".")[0]) >= 2:
        raise MissingRuntimeError(
            f"tflite-runtime does not work with numpy {np.__version__}; pip install 'numpy<2', or use ai-edge-litert"
        )
    try:
        return importlib.import_module(RUNTIMES[name][0]).Interpreter
    except ImportError as error:
        raise MissingRuntimeError(f"{name} cannot be imported ({error})") from error


def _allocate(interpreter_class: Any, model: bytes, threads: int, name: str) -> Any:
    try:
        with caught_stderr():  # XNNPACK announces itself there
            interpreter = interpreter_class(model_content=model, num_threads=threads)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BundleError(
            f"{name} refuses the model ({reason}); the file is damaged or needs a newer runtime"
        ) from error
    return interpreter
