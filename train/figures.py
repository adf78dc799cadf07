"""The figures of a run, each a function from figures to a Figure; nothing is shown or saved here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from edge.nouns import NOT_A_DIGIT, Gray, Prediction
from train.confidence import Confidence, Verdicts, equal_mass_bins, expected_calibration_error, risk_coverage
from train.run_folder import History

BLUE, ORANGE, GRAY_LINE = "#1f6fb2", "#d9660f", "#888888"
SAMPLES_A_CLASS = 20
WORST = 50
MISTAKES_A_ROW = 10


def name_of(label: str) -> str:
    """A label as it stands in figures and reports."""
    return "no digit" if label == NOT_A_DIGIT else label


def curves(history: History) -> Figure:
    """Loss and accuracy of training and validation over the epochs."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    epochs = [row["epoch"] for row in history]
    for axes, quantity in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        axes.plot(epochs, [row[quantity] for row in history], "o-", color=BLUE, markersize=3, label="training")
        axes.plot(
            epochs, [row[f"val_{quantity}"] for row in history], "o-", color=ORANGE, markersize=3, label="validation"
        )
        axes.set(xlabel="epoch", ylabel=quantity, title=quantity.capitalize())
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def confusion(matrix: NDArray[np.int64], labels: Sequence[str], title: str) -> Figure:
    """Heatmap of a confusion matrix with its counts: rows are what is written, columns what is read."""
    names = [name_of(label) for label in labels]
    side = max(6.0, 0.42 * len(names) + 2)
    figure = Figure(figsize=(side, side * 0.9), layout="constrained")
    axes = figure.subplots()
    shares = matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
    counts = np.where(matrix > 0, matrix.astype(str), "")
    seaborn.heatmap(
        np.sqrt(shares), annot=counts, fmt="", cmap="Blues", cbar=False, square=True, ax=axes,
        xticklabels=names, yticklabels=names, annot_kws={"size": 8 if len(names) < 15 else 5}, linewidths=0.3,
    )  # fmt: skip
    axes.set(xlabel="read as", ylabel="written", title=title)
    axes.tick_params(axis="y", rotation=0)
    return figure


def samples(glyphs: NDArray[np.uint8], labels: NDArray[np.int64], names: Sequence[str], title: str) -> Figure:
    """A row of glyphs for each class, as the network is given them."""
    present = [k for k in range(len(names)) if (labels == k).any()]
    rows, columns = glyphs.shape[1:]
    sheet = np.zeros((len(present) * rows, SAMPLES_A_CLASS * columns), np.uint8)
    for row, k in enumerate(present):
        for column, glyph in enumerate(glyphs[np.flatnonzero(labels == k)[:SAMPLES_A_CLASS]]):
            sheet[row * rows :, column * columns :][:rows, :columns] = glyph
    figure = Figure(figsize=(10, max(2.0, 0.47 * len(present) + 0.6)), layout="constrained")
    axes = figure.subplots()
    axes.imshow(sheet, cmap="gray_r", vmin=0, vmax=255)
    axes.set_yticks([(row + 0.5) * rows for row in range(len(present))], [name_of(names[k]) for k in present])
    axes.set_xticks([])
    axes.set_title(title)
    return figure


def mistakes(
    glyphs: NDArray[np.uint8],
    labels: NDArray[np.int64],
    verdicts: Verdicts,
    names: Sequence[str] | Mapping[int, str],
    title: str,
) -> Figure:
    """The wrong ones of which the network is surest, with what is written, what is read, and the confidence."""
    wrong = np.flatnonzero(~verdicts.is_right)
    worst = wrong[np.argsort(-verdicts.confidence[wrong], kind="stable")][:WORST]
    rows = max(1, math.ceil(len(worst) / MISTAKES_A_ROW))
    figure = Figure(figsize=(10, 1.35 * rows + 0.6), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(0, MISTAKES_A_ROW), ylim=(rows, -0.1), aspect=1.25)
    axes.axis("off")
    axes.set_title(f"{title}: {len(wrong)} mistakes" + (f", the {WORST} surest" if len(wrong) > WORST else ""))
    for place, k in enumerate(worst):
        row, column = divmod(place, MISTAKES_A_ROW)
        extent = (column + 0.1, column + 0.9, row + 0.95, row + 0.31)
        axes.imshow(glyphs[k], cmap="gray_r", vmin=0, vmax=255, extent=extent, aspect="auto")
        written, read = (name_of(names[int(each[k])]) for each in (labels, verdicts.predicted))
        text = f"{written} as {read}\n{verdicts.confidence[k]:.3f}"
        axes.text(column + 0.5, row + 0.3, text, fontsize=8, ha="center", va="bottom")
    return figure


def reliability(before: Verdicts, after: Verdicts, split: str) -> Figure:
    """Share right over confidence, in groups of equally many glyphs, before and after temperature scaling."""
    figure = Figure(figsize=(5.5, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GRAY_LINE, linestyle="--", linewidth=1, label="ideal")
    for name, verdicts, colour in (("as trained", before, GRAY_LINE), ("calibrated", after, BLUE)):
        said, true, _ = equal_mass_bins(verdicts.confidence, verdicts.is_right)
        error = expected_calibration_error(verdicts.confidence, verdicts.is_right)
        axes.plot(said, true, "o-", color=colour, markersize=4, label=f"{name}, ECE {error:.4f}")
    axes.set(xlabel="mean confidence of the group", ylabel="share right", title=f"Reliability on {split}")
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def risk_coverage_curve(verdicts: Verdicts, confidence: Confidence, limit: float, split: str) -> Figure:
    """Share of wrong ones among the accepted over the share that is accepted, with the cutoff."""
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axes = figure.subplots()
    coverage, risk = risk_coverage(verdicts)
    axes.plot(100 * coverage, 100 * risk, color=BLUE)
    axes.axhline(100 * limit, color=GRAY_LINE, linestyle="--", linewidth=1, label=f"limit {limit:.2%}")
    label = f"cutoff {confidence.cutoff:.3f}: {confidence.coverage:.2%} at {confidence.risk:.3%}"
    axes.plot([100 * confidence.coverage], [100 * confidence.risk], "o", color=ORANGE, label=label)
    axes.set(
        xlabel="characters accepted, %", ylabel="wrong among the accepted, %", title=f"Risk and coverage on {split}"
    )
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def predictions(pictures: Sequence[tuple[str, Gray, Gray | None, Prediction | None]]) -> Figure:
    """A row for each picture: the input, the glyph or cell as the network sees it, and the score of each class."""
    figure = Figure(figsize=(10, 2.8 * len(pictures)), layout="constrained")
    grid = figure.subplots(len(pictures), 3, squeeze=False, width_ratios=(1, 1, 2))
    for (name, gray, seen, prediction), (left, middle, right) in zip(pictures, grid, strict=True):
        _show(left, gray, name, "gray")
        _show(middle, seen, "as the network sees it", "gray_r")
        _bars(right, {} if prediction is None else prediction.scores)
    return figure


def _show(axes: Axes, picture: Gray | None, title: str, colours: str) -> None:
    axes.axis("off")
    axes.set_title(title, fontsize=9)
    if picture is not None:
        axes.imshow(picture, cmap=colours, vmin=0, vmax=255)


def _bars(axes: Axes, scores: Mapping[str, float]) -> None:
    if not scores:
        axes.axis("off")
        axes.set_title("no digit found", fontsize=9)
        return
    best = max(scores, key=scores.__getitem__)
    positions = np.arange(len(scores))
    axes.bar(positions, list(scores.values()), color=[ORANGE if label == best else BLUE for label in scores])
    axes.set_xticks(positions, [name_of(label) for label in scores], fontsize=9 if len(scores) < 15 else 6)
    axes.set(ylim=(0, 1.05), title=f"{name_of(best)}: {scores[best]:.3f}")
