"""The run card: what was trained on what, with which settings and tools, and what came out."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import edge
from edge.meters.cell import has_positions
from edge.nouns import NOT_A_DIGIT
from edge.paper.strings import has_strings
from train.checkpoint import Progress
from train.data.dataset import Crops, Dataset, Digits, Labels
from train.evaluate import Evaluation
from train.run_folder import CARD_VERSION

if TYPE_CHECKING:
    from train.recipes import Recipe

PACKAGES = ("tensorflow", "keras", "numpy", "opencv-python-headless", "scikit-learn", "pillow")


RENDERED = (
    "Printed digits, letters and signs it saw were rendered from some thirty families of faces and drawn by rules, not "
    "photographed; O, o, l and I, which are digits in some face, were left out of what is no digit, S, B, Z, g, q and "
    "others like them are few in it."
)


METER = (
    "Half of what it saw were rendered drums, displays and counters. Blank cells, minus signs and what cannot be told "
    "were all rendered, textures, lines and lattices among the latter. An answer counts as right within a tenth of a "
    "step; float and int8 agree where they are read as the same digit, or are a tenth apart at most."
)


STRINGS = (
    "Digits touch on the strips that it saw because they were pushed together, an eighth of them in print; nobody "
    "wrote them so. A strip counts as right where all that stands on it is read, and what is no digit told from digits."
)


@dataclass(frozen=True, slots=True)
class Settings:
    """How a run differs from its recipe: other epochs, seed, at most `limit` pictures of each part, and `start`, the
    bundle whose weights it begins with."""

    seed: int = 0
    epochs: int | None = None
    limit: int | None = None
    is_fresh: bool = False
    command: str = ""
    start: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """A data set cut into its three parts; `train_indices` say where the first lies in the published training set."""

    train: Digits | Crops
    validation: Digits | Crops
    test: Digits | Crops
    train_indices: Labels


def run_card(
    recipe: Recipe,
    dataset: Dataset,
    parts: Parts,
    evaluation: Evaluation,
    progress: Progress,
    settings: Settings,
    ancestors: Sequence[str] = (),
) -> dict[str, Any]:
    """The table of run.json; `convert` copies most of it into the bundle's card.

    `ancestors` are the sha256 of the models that it was trained on from, oldest first.
    """
    splits = {"train": len(parts.train), "validation": len(parts.validation), "test": len(parts.test)}
    about = {"name": dataset.name, "licence": dataset.licence, "source": dataset.source, "sha256": dict(dataset.sha256)}
    way = recipe.preprocessing()
    return {
        "schema_version": CARD_VERSION,
        "recipe": recipe.name,
        "labels": list(recipe.labels),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": settings.command,
        "seed": settings.seed,
        "started_from": list(ancestors),
        "data": [{**about, "splits": splits}],
        "evaluation_split": evaluation.accuracy.split,
        "calibration_split": split_names(recipe, dataset)["calibration"],
        "preprocessing": {"sha256": way.sha256, "constants": way.constants},
        "confidence": evaluation.confidence.as_card(),
        "accuracy": asdict(evaluation.accuracy),
        "versions": _versions(),
        "git_commit": git_commit(),
        "epochs": progress.epochs,
        "seconds": round(progress.seconds, 1),
        "builtin": dataset.is_builtin,
        "limits": limits_of(recipe, dataset, settings),
    }


def split_names(recipe: Recipe, dataset: Dataset) -> dict[str, str]:
    """How cards and figures call what calibrates, validates and evaluates."""
    made = "strips of " if has_strings(recipe.labels) else ""
    parts = {"calibration": "train", "validation": "validation", "evaluation": "test"}
    return {use: f"{made}{dataset.name} {part}" for use, part in parts.items()}


def limits_of(recipe: Recipe, dataset: Dataset, settings: Settings) -> list[str]:
    """What a run's card says that it cannot be trusted with."""
    own = METER if has_positions(recipe.labels) else STRINGS if has_strings(recipe.labels) else RENDERED
    limits = [*dataset.limits, *([own] if NOT_A_DIGIT in recipe.labels else [])]
    if settings.limit is None or settings.limit >= len(dataset.train):
        return limits
    return [*limits, f"A trial run: trained, validated and tested on at most {settings.limit} pictures each."]


def _versions() -> dict[str, str]:
    packages = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"readout": edge.__version__, "python": platform.python_version(), **packages}


def git_commit() -> str:
    """The commit of this package's checkout, with "-dirty" where files differ from it, or "unknown"."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"],
            cwd=Path(__file__).parent, capture_output=True, text=True, check=True, timeout=20,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()
