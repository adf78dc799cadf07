"""The model card: what was measured and where it came from, in the schema of `edge.inference.bundle`."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import math
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convert.flatbuffer import Tensor, count_multiply_adds, count_parameters
from convert.measure import REFERENCE, Measurement
from convert.run_folder import Calibration, RunFolder
from edge.inference import bundle
from edge.inference.bundle import Accuracy, CalibrationSet, Card, Runtimes, Score
from edge.meters.cell import is_near, is_same

Z_95 = 1.959964
"""Quantile of the normal distribution that leaves 2.5 % on either side."""

FACTS = (
    "model_sha256",
    "golden_sha256",
    "recipe",
    "labels",
    "input",
    "output",
    "preprocessing",
    "confidence",
    "data",
    "seed",
    "started_from",
    "command",
    "calibration_set",
    "size_bytes",
    "parameters",
    "multiply_adds",
    "limits",
)
"""Fields that the run and the files decide; the others say when and where the bundle was made, or are measured."""

TOOLS = ("tensorflow", "keras", "numpy", "opencv-python-headless", "ai-edge-litert", "tflite-runtime", "readout")


def make_card(
    name: str, run: RunFolder, calibration: Calibration, model: bytes, golden: bytes, measurement: Measurement
) -> Card:
    """The card of a bundle made from `run` with these files' contents; `measurement` has the reference runtime."""
    network = measurement.network
    return Card(
        name=name,
        recipe=run.card.recipe,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        model_sha256=hashlib.sha256(model).hexdigest(),
        golden_sha256=hashlib.sha256(golden).hexdigest(),
        labels=run.card.labels,
        input=_tensor(network.inputs[0]),
        output=_tensor(network.outputs[0]),
        preprocessing=run.card.preprocessing,
        confidence=run.card.confidence,
        data=run.card.data,
        seed=run.card.seed,
        started_from=run.card.started_from,
        command=run.card.command,
        calibration_set=CalibrationSet(
            split=run.card.calibration_split, count=len(calibration.indices), sha256=calibration.sha256
        ),
        accuracy=_accuracy(run, measurement),
        runtimes=_runtimes(run, measurement),
        size_bytes=len(model),
        parameters=count_parameters(network),
        multiply_adds=count_multiply_adds(network),
        versions={**{f"train.{tool}": version for tool, version in run.card.versions.items()}, **tool_versions()},
        git_commit=git_commit(),
        limits=run.card.limits,
    )


def score(errors: int, n: int) -> Score:
    """Share right of n, with its Wilson interval."""
    return Score(n=n, errors=errors, accuracy=1 - errors / n, interval=wilson_interval(n - errors, n))


def wilson_interval(right: int, n: int) -> tuple[float, float]:
    """95 % interval of a share of which `right` of `n` were seen.

    References
    ----------
    Wilson, Probable inference, the law of succession, and statistical inference, 1927.
    """
    share = right / n
    spread = 1 + Z_95**2 / n
    centre = (share + Z_95**2 / (2 * n)) / spread
    half = Z_95 / spread * math.sqrt(share * (1 - share) / n + Z_95**2 / (4 * n**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def are_near(stated: Accuracy, measured: Accuracy, most: tuple[int, int]) -> bool:
    """Whether a card's figures hold together and lie within `most`, a fraction, of those measured here."""
    share, of = most
    if stated.split != measured.split or abs(stated.agreement - measured.agreement) * of > share:
        return False
    pairs = ((stated.keras, measured.keras), (stated.int8, measured.int8))
    return all(
        a == score(a.errors, a.n) and a.n == b.n and abs(a.errors - b.errors) * of <= share * b.n for a, b in pairs
    )


def tool_versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide what comes out, as far as they are installed."""
    found = {"python": platform.python_version()}
    for tool in TOOLS:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[tool] = importlib.metadata.version(tool)
    return found


def git_commit(folder: Path = Path(__file__).parent) -> str:
    """The commit that `folder` is at, or "unknown" where it is in no repository."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "--verify", "HEAD"], capture_output=True, text=True, check=False
        )
    except OSError:
        return "unknown"
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def _tensor(tensor: Tensor) -> bundle.Tensor:
    return bundle.Tensor(
        shape=list(tensor.shape), dtype="int8", scale=tensor.scales[0], zero_point=tensor.zero_points[0]
    )


def _accuracy(run: RunFolder, measurement: Measurement) -> Accuracy:
    names, temperature = run.card.labels, run.card.confidence.temperature
    floats, int8s = (measurement.answers(names, temperature, runtime) for runtime in (None, REFERENCE))
    return Accuracy(
        split=run.card.evaluation_split,
        keras=_score_of(is_near(floats, measurement.labels, names)),
        int8=_score_of(is_near(int8s, measurement.labels, names)),
        agreement=float(np.mean(is_same(floats, int8s, names))),
    )


def _score_of(is_right: NDArray[np.bool_]) -> Score:
    return score(int(np.count_nonzero(~is_right)), len(is_right))


def _runtimes(run: RunFolder, measurement: Measurement) -> Runtimes | None:
    if len(measurement.quantized) < 2:
        return None
    comparison = measurement.compare(run.card.labels, run.card.confidence)
    return Runtimes(
        versions=measurement.versions,
        different_labels_above_cutoff=comparison.differing,
        largest_difference_steps=comparison.largest_steps,
    )
