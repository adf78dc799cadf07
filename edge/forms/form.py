"""A form's fields: from the cells of a page to a reading a field. Blank cells are blank, doubt says which cell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge.forms.blanks import Shared, Walls, ink_of_walls, marked_walls, shared_walls
from edge.forms.boxes import Written, written_in
from edge.forms.cells import CELL_HEIGHT, MARGIN, WIDEST, Cell, cut_cells
from edge.forms.checks import broken_rule, misplaced
from edge.forms.lines import Lines, known_lines, printed_lines
from edge.forms.region import print_in
from edge.geometry import Points, box_around, corners_of
from edge.inference.classifier import Classifier
from edge.nouns import NOT_A_DIGIT, UNREADABLE, Box, Digit, Gray, Prediction, Reading, Region
from edge.paper.assemble import doubt_together
from edge.paper.decode import SURE, Mark, Transcribe, glyph_of
from edge.paper.views import MAPS, agreed, views_of
from edge.paper.whole import read_wholes
from edge.schema import FieldTable
from edge.text import BLANK, with_point

BLANK_CONFIDENCE = 0.9988
"""That a cell that is called blank is blank: 1732 of 1733 were on pages of validation writers, by Laplace's rule; the
last line of `python -m tests.forms.measure --split validation --count 2` prints it.
"""

LEAST_WEIGHT = 1e-6
"""Of two views neither of which is a digit."""

CELL_PITCH = round(WIDEST * CELL_HEIGHT) + 2 * MARGIN
"""Pixels from cell to cell where a field's digits are put side by side: no picture of a cell is wider."""

Told = tuple[Written, Mark | None]
"""A cell, and what the network says of its ink."""


@dataclass(frozen=True, slots=True, eq=False)
class BoxField:
    """A field of boxes: its table, its cells' corners in the reference picture, and its printed lines there.

    Parameters
    ----------
    table : FieldTable
    quads : tuple of (4, 2) float64
    lines : tuple of Lines
        Of each cell; empty without a reference picture.
    walls : Walls, optional
        The ink on and beside the cells' walls in the reference picture.
    print_ : (rows, columns) uint8, optional
        255 on what the reference picture has in a field's region.
    """

    table: FieldTable
    quads: tuple[Points, ...]
    lines: tuple[Lines, ...] = ()
    walls: Walls | None = None
    print_: Gray | None = None

    @classmethod
    def of(cls, table: FieldTable, reference: Gray | None) -> BoxField:
        """The field with what the reference picture shows of its lines and its print."""
        quads = tuple(corners_of(box) for box in table.digits)
        if reference is None:
            return cls(table, quads)
        if table.region is not None:
            return cls(table, quads, print_=print_in(reference, corners_of(table.region)))
        cells = cut_cells(reference, quads)
        return cls(table, quads, tuple(printed_lines(cells, is_blank=True)), ink_of_walls(cells))


def read_boxes(
    gray: Gray,
    fields: Sequence[tuple[BoxField, Sequence[Points]]],
    classifier: Classifier,
    cutoff: float,
    transcribe: Transcribe | None = None,
) -> list[Reading]:
    """A reading a field, all cells of the page in one inference and the doubtful ones in a second.

    Parameters
    ----------
    gray : (rows, columns) uint8
    fields : sequence of (BoxField, quads)
        With the corners of its cells in the frame.
    classifier : Classifier
    cutoff : float
        Least confidence of a digit that is believed.
    transcribe : callable, optional
        What the network for strings says of pieces of ink: every field's digits are read as a whole as well.
    """
    if not fields:
        return []
    cut = [cut_cells(gray, quads, field.quads) for field, quads in fields]
    written = [_written(field, row) for (field, _), row in zip(fields, cut, strict=True)]
    shared = shared_walls(cut, written, [quads for _, quads in fields])
    cells = [
        _checked(field, row, seen, walls)
        for (field, _), row, seen, walls in zip(fields, cut, written, shared, strict=True)
    ]
    answers = iter(_predict([view for row in cells for each in row for view in each.views], classifier))
    told = [[_told(each, [next(answers) for _ in each.views], cutoff) for each in row] for row in cells]
    if transcribe is not None:
        told = _told_as_wholes(told, transcribe)
    return [_reading(field.table, quads, row, cutoff) for (field, quads), row in zip(fields, told, strict=True)]


def _written(field: BoxField, cells: Sequence[Cell]) -> list[Written]:
    """What is written in a field's cells."""
    return written_in(cells, known_lines(cells, field.lines) if field.lines else printed_lines(cells))


def _checked(field: BoxField, cells: Sequence[Cell], written: Sequence[Written], shared: Shared) -> list[Written]:
    """What is written in a field's cells; blank ones on whose walls a digit may hide are in doubt."""
    is_blank = [each.region is None and each.doubt is None for each in written]
    if not any(is_blank):
        return list(written)
    marked = marked_walls(ink_of_walls(cells), field.walls, is_blank, shared)
    return [Written(None, "a mark on its wall") if mark else each for each, mark in zip(written, marked, strict=True)]


def _predict(regions: Sequence[Region], classifier: Classifier) -> list[Prediction]:
    """What the network says of each region, of the doubtful ones after a second look."""
    glyphs = [glyph_of(region) for region in regions]
    first = classifier.predict(glyphs)
    unsure = [k for k, prediction in enumerate(first) if prediction.confidence < SURE]
    views = iter(classifier.predict([view for k in unsure for view in views_of(glyphs[k])]))
    second = {k: agreed(first[k], [next(views) for _ in MAPS]) for k in unsure}
    return [second.get(k, prediction) for k, prediction in enumerate(first)]


def _told(cell: Written, views: Sequence[Prediction], cutoff: float) -> Told:
    """A cell and what the network says of it, of all its views together; in doubt where they are two digits."""
    if cell.region is None:
        return cell, None
    prediction, doubt = _agreed(cell, views, cutoff)
    return replace(cell, doubt=cell.doubt or doubt), Mark(cell.region, prediction)


def _agreed(cell: Written, views: Sequence[Prediction], cutoff: float) -> tuple[Prediction, str | None]:
    """What all views of a cell say together, and why it may not be one digit."""
    own, *parts = views
    if cell.completed is not None:
        whole = parts.pop(0)
        if not _is_sure(own, cutoff):
            own = _mixed(own, whole)
        elif own.label != whole.label and _is_sure(whole, cutoff):
            return own, f"{own.label} or {whole.label}"
    if own.label == "1" and cell.may_lack_bar and _is_sure(own, cutoff):
        return own, "1 or 7"
    if any(_is_sure(part, cutoff) and (k == 0 or part.label != "1") for k, part in enumerate(parts)):
        return own, "two marks in one cell"
    return own, None


def _told_as_wholes(rows: Sequence[Sequence[Told]], transcribe: Transcribe) -> list[list[Told]]:
    """The cells of each field, less sure where its digits read side by side are others; cells in doubt are left out.

    What is written in boxes is believed for its own cell alone: the second reading takes belief away and gives none.
    """
    asked = [[(k, mark) for k, (cell, mark) in enumerate(row) if mark is not None and not cell.doubt] for row in rows]
    read = read_wholes([[_placed(mark, k) for k, mark in marks] for marks in asked], transcribe)
    told = [list(row) for row in rows]
    for row, marks, answers in zip(told, asked, read, strict=True):
        for (k, mark), answer in zip(marks, answers, strict=True):
            row[k] = row[k][0], _held(mark, answer)
    return told


def _held(mark: Mark, answer: Mark) -> Mark:
    """A cell's mark with no more confidence than the second reading leaves to it."""
    if not mark.prediction.is_digit:
        return mark
    left = answer.odds * answer.prediction.scores[mark.prediction.label]
    return replace(mark, odds=min(1.0, left / mark.prediction.confidence))


def _placed(mark: Mark, number: int) -> Mark:
    """A cell's mark where it stands in its field, in pixels of the cells' pictures."""
    x, y, width, height = mark.region.box
    return replace(mark, region=replace(mark.region, box=(x + number * CELL_PITCH, y, width, height)))


def _is_sure(prediction: Prediction, cutoff: float) -> bool:
    return prediction.is_digit and prediction.confidence >= cutoff


def _mixed(one: Prediction, other: Prediction) -> Prediction:
    """What is said of a glyph that is seen in two ways: each counts as far as it is a digit."""
    weights = [sum(score for label, score in each.scores.items() if label != NOT_A_DIGIT) for each in (one, other)]
    total = max(sum(weights), LEAST_WEIGHT)
    scores = {
        label: (weights[0] * one.scores[label] + weights[1] * other.scores[label]) / total for label in one.scores
    }
    label = max(scores, key=lambda each: scores[each])
    return Prediction(label, scores[label], scores)


def _reading(table: FieldTable, quads: Sequence[Points], told: Sequence[Told], cutoff: float) -> Reading:
    digits = tuple(_digit(quad, cell, mark, cutoff) for quad, (cell, mark) in zip(quads, told, strict=True))
    doubts = [_doubt(cell, mark, digit) for (cell, mark), digit in zip(told, digits, strict=True)]
    reason = next((f"cell {k}: {doubt}" for k, doubt in enumerate(doubts, 1) if doubt), None)
    return judged(table, digits, box_around(np.concatenate(list(quads))), reason)


def _digit(quad: Points, cell: Written, mark: Mark | None, cutoff: float) -> Digit:
    box = box_around(quad)
    if mark is None:
        return Digit(UNREADABLE, 0.0, box) if cell.doubt else Digit(BLANK, BLANK_CONFIDENCE, box)
    is_believed = cell.doubt is None and mark.confidence >= cutoff
    return Digit(mark.prediction.label if is_believed else UNREADABLE, mark.confidence, box)


def _doubt(cell: Written, mark: Mark | None, digit: Digit) -> str | None:
    """Why a cell is not believed; None where it is."""
    if cell.doubt or mark is None:
        return cell.doubt
    if not mark.prediction.is_digit:
        return "not a digit"
    return f"{mark.prediction.label} or another digit" if digit.text == UNREADABLE else None


def judged(table: FieldTable, digits: Sequence[Digit], box: Box, doubt: str | None) -> Reading:
    """The reading that a field's characters make under its rules.

    Parameters
    ----------
    table : FieldTable
    digits : sequence of Digit
        One a cell, `BLANK` for a blank one.
    box : (x, y, width, height)
        Of the whole field, in pixels of the frame.
    doubt : str, optional
        Why a character is not believed.
    """
    text = "".join(digit.text for digit in digits).strip(BLANK)
    confidence = math.prod(digit.confidence for digit in digits)
    reading = Reading(table.name, text, None, "uncertain", confidence, box, doubt, tuple(digits))
    if not text:
        return replace(reading, status="rejected" if table.required else "empty", reason="left blank")
    if BLANK in text:
        return replace(reading, reason=doubt or "a blank cell between digits")
    text = with_point(text, table.decimals)
    if doubt:
        return replace(reading, text=text)
    value = float(text)
    broken = misplaced(table, [digit.text == BLANK for digit in digits]) or broken_rule(table, text, value)
    if broken:
        return replace(reading, text=text, status="rejected", reason=broken)
    if table.check is None and (doubt := doubt_together(confidence)):
        return replace(reading, text=text, reason=doubt)
    return replace(reading, text=text, value=value, status="ok")
