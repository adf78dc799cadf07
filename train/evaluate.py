"""What a run is worth: accuracy with its interval, report a class, calibrated confidence, and the figures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import classification_report, confusion_matrix

from edge.atomic import write_text
from edge.inference.classifier import softmax
from edge.meters.cell import answers, has_positions, is_clear, is_near, read_indices, read_labels
from edge.nouns import Glyph
from edge.paper.views import OWN_WEIGHT, views_of
from train import figures
from train.confidence import Confidence, Logits, Tolerance, Verdicts, calibrate, judge
from train.run_folder import EVALUATION_FILE, VALIDATION_FILE, RunFolder, as_json

BATCH = 1024


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Share right of n glyphs, with its 95 % Wilson interval."""

    split: str
    n: int
    errors: int
    accuracy: float
    interval: tuple[float, float]

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.accuracy:.2%} of {self.n} right ({self.split}; {self.errors} wrong; "
            f"95 % interval {low:.2%} to {high:.2%})"
        )


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Accuracy on the evaluation split, and the confidence that the validation split chose."""

    accuracy: Accuracy
    confidence: Confidence


def logits_of(model: keras.Model, glyphs: NDArray[np.uint8]) -> Logits:
    """Logits (n, classes) of glyphs (n, 28, 28)."""
    return np.asarray(model.predict(glyphs[..., None], batch_size=BATCH, verbose=0), np.float32)


def score(is_right: NDArray[np.bool_], split: str) -> Accuracy:
    """Accuracy of verdicts, with its interval."""
    right, n = int(is_right.sum()), len(is_right)
    interval = binomtest(right, n).proportion_ci(method="wilson")
    return Accuracy(split, n, n - right, right / n, (float(interval.low), float(interval.high)))


def second_look(
    model: keras.Model, glyphs: NDArray[np.uint8], logits: NDArray[np.float32], indices: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Logits (n, classes) of some of the glyphs after the device's second look, see `edge.paper.views`."""
    if not len(indices):
        return logits[indices]
    seen = [[view.pixels for view in views_of(Glyph(glyphs[k]))] for k in indices]
    views = np.stack([logits_of(model, np.stack(view)) for view in zip(*seen, strict=True)])
    return (OWN_WEIGHT * logits[indices] + views.sum(axis=0)) / (OWN_WEIGHT + len(views))


def evaluate(
    run: RunFolder,
    model: keras.Model,
    names: tuple[str, ...],
    evaluation_split: str,
    validation_split: str,
    tolerance: Tolerance,
) -> Evaluation:
    """Judge a model on the run folder's validation and evaluation glyphs, and write its reports and figures there.

    Parameters
    ----------
    run : RunFolder
        With validation.npz, evaluation.npz and history.csv.
    model : keras.Model
    names : tuple of str
        The labels in the order of the classes.
    evaluation_split, validation_split : str
        How reports and figures call them.
    tolerance : Tolerance
        What chooses the cutoff.
    """
    validation, evaluation = run.arrays(VALIDATION_FILE), run.arrays(EVALUATION_FILE)
    logits = logits_of(model, validation["glyphs"])
    look_again = None if has_positions(names) else partial(second_look, model, validation["glyphs"], logits)
    clear = is_clear(validation["labels"], names)
    logits, labels = logits[clear], validation["labels"][clear]
    confidence = calibrate(logits, labels, names, validation_split, tolerance, look_again)
    before, after = (judge(logits, labels, names, t) for t in (1.0, confidence.temperature))
    run.write_figure("reliability.png", figures.reliability(before, after, validation_split))
    run.write_figure(
        "risk_coverage.png", figures.risk_coverage_curve(after, confidence, tolerance.risk, validation_split)
    )
    logits = logits_of(model, evaluation["glyphs"])
    verdicts = judge(logits, evaluation["labels"], names, confidence.temperature)
    said = answers(softmax(logits.astype(np.float64) / confidence.temperature), names)
    accuracy = score(is_near(said, evaluation["labels"], names), evaluation_split)
    _write_report(run, evaluation, verdicts, names, accuracy)
    run.write_figure("curves.png", figures.curves(run.history()))
    labels = read_indices(evaluation["labels"], names)
    sheet = figures.mistakes(evaluation["glyphs"], labels, verdicts, read_labels(names), evaluation_split)
    run.write_figure("mistakes.png", sheet)
    return Evaluation(accuracy, confidence)


def _write_report(
    run: RunFolder, evaluation: dict[str, np.ndarray], verdicts: Verdicts, names: tuple[str, ...], accuracy: Accuracy
) -> None:
    """report.txt, report.json and confusion.png, all from the same labels."""
    labels, names = read_indices(evaluation["labels"], names), read_labels(names)
    shown = sorted(set(labels.tolist()) | set(verdicts.predicted.tolist()))
    matrix = confusion_matrix(labels, verdicts.predicted, labels=shown)
    options: dict[str, Any] = {
        "labels": shown,
        "target_names": [figures.name_of(names[k]) for k in shown],
        "zero_division": 0,
    }
    text = classification_report(labels, verdicts.predicted, digits=4, **options)
    by_series = series_scores(verdicts.is_right, evaluation.get("series"))
    lines = [str(accuracy), *(str(part) for part in by_series.values()), "", text]
    write_text(run.path / "report.txt", "\n".join(lines))
    table = classification_report(labels, verdicts.predicted, output_dict=True, **options)
    classes = {name: _class_row(table[name]) for name in options["target_names"]}
    report = {
        **asdict(accuracy),
        "series": {name: asdict(part) for name, part in by_series.items()},
        "classes": classes,
        "confusion": {"labels": options["target_names"], "rows_written_columns_read": matrix.tolist()},
    }
    write_text(run.path / "report.json", as_json(report))
    title = f"{accuracy.errors} of {accuracy.n} wrong ({accuracy.split})"
    run.write_figure("confusion.png", figures.confusion(matrix, [names[k] for k in shown], title))


def _class_row(row: dict[str, float]) -> dict[str, float]:
    return {
        "precision": row["precision"],
        "recall": row["recall"],
        "f1": row["f1-score"],
        "support": int(row["support"]),
    }


def series_scores(is_right: NDArray[np.bool_], series: NDArray[np.int64] | None) -> dict[str, Accuracy]:
    """Accuracy of each part of the collection, where the parts are known; MNIST's hsf 4, the students, is harder."""
    if series is None:
        return {}
    return {f"hsf {part}": score(is_right[series == part], f"hsf {part}") for part in np.unique(series).tolist()}
