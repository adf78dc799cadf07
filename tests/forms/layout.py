"""Blank forms, seeded: `make_form(kind, seed)` prints a sheet of fields with what stands around them on real ones.

A kind says how the places to write in look:

comb          a row on one line, with ticks between the digits
cells         a row of cells, adjacent or apart, in many kinds of line
table         rows and columns of a ruled table whose columns are cut into digits
single        frames of their own, spaced apart, some with a point or a dash between them
fiducials     any of those, with marks in the sheet's corners
lines         a line to write on, without boxes
dense         as many numbers as go on a sheet, for counting; not among `KINDS`
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.schema import BoxArea, FieldTable, Point
from tests.forms.draw import Bgr, Line, fill_box, frame, rounded_frame, rule, write
from tests.forms.nouns import Colour, Form
from train.data.fonts import digit_faces, family

Spec = tuple[str, int, dict[str, Any]]
"""Label of a number, how many cells it has, and the keys of its field."""

KINDS = ("comb", "cells", "table", "single", "fiducials", "lines")

DPI = 300

SHEETS = {"A4": (3508, 2480), "A5": (2480, 1748), "letter": (3300, 2550)}
"""Rows and columns at 300 dpi."""

DATE = r"(0[1-9]|[12]\d|3[01])(0[1-9]|1[0-2])(19|20)\d\d"
POSTCODE = r"0[1-9]\d{3}|[1-9]\d{4}"
COST_CENTRE = r"[1-4]\d{3}"

FACES = ("Caladea", "DejaVuSans", "DejaVuSerif", "HankenGrotesk", "Roboto", "SourceSansPro", "SourceSerifPro")
"""Families that have a regular and a bold face."""

TITLES = (
    "Application for a refund", "Change of address", "Meter reading", "Registration of a household",
    "Travel expense claim", "Order form", "Patient questionnaire", "Membership renewal", "Delivery note",
    "Declaration of income", "Examination answer sheet", "Request for a replacement card",
)  # fmt: skip

OFFICES = (
    "Municipal Utilities", "Office of Statistics", "Northern Savings Bank", "Department of Transport",
    "St. Anne's Hospital", "Riverside Water Board", "School of Engineering", "Central Library", "Harbour Insurance",
)  # fmt: skip

SENTENCES = (
    "Please write clearly in black or blue ink, one digit in each box.",
    "Leave boxes that you do not need empty.",
    "Do not fold this form and do not use staples.",
    "The information given here is used for this request only.",
    "Forms that reach us after the 15th are dealt with in the following month.",
    "If you make a mistake, cross it out and write the right figure above it.",
    "You find the number on the front of your card or on the last invoice.",
    "Numbers are written to the right; cents go in the last 2 boxes.",
    "We confirm by letter within 10 working days.",
    "Questions are answered on 0800 5500 12, Monday to Friday, 8 to 18 h.",
)

HEADINGS = ("Personal data", "About you", "Account", "Readings", "Amounts", "Details of the claim", "Further details")

SPECS: tuple[Spec, ...] = (
    ("Customer number", 8, {"check": "luhn"}),
    ("Card number", 10, {"check": "luhn", "length": 10}),
    ("Member number", 7, {"check": "mod11"}),
    ("Account", 9, {"check": "iso7064-mod11-10"}),
    ("Parcel number", 8, {"check": "weights", "weights": [8, 6, 4, 2, 3, 5, 9, 1], "modulus": 11}),
    ("Article number", 8, {"check": "weights", "weights": [3, 1, 3, 1, 3, 1, 3, 1], "modulus": 10}),
    ("Date of birth", 8, {"pattern": DATE}),
    ("Date of delivery", 8, {"pattern": DATE}),
    ("Postcode", 5, {"pattern": POSTCODE}),
    ("Cost centre", 4, {"pattern": COST_CENTRE}),
    ("Year", 4, {"minimum": 1900, "maximum": 2026}),
    ("Points", 2, {"minimum": 0, "maximum": 30, "align": "right"}),
    ("Amount", 7, {"decimals": 2, "align": "right"}),
    ("Total", 8, {"decimals": 2, "align": "right"}),
    ("Meter reading", 6, {"align": "right"}),
    ("Telephone", 10, {"align": "left"}),
    ("Reference", 9, {"align": "left"}),
    ("Quantity", 3, {"align": "right", "maximum": 500}),
    ("Invoice number", 6, {"length": 6}),
    ("Room", 3, {}),
    ("Key", 4, {}),
)
"""What forms ask for."""

DENSE = [spec for spec in SPECS if "check" in spec[2]] + [("Number", 6, {"length": 6}), ("Count", 5, {})]


@dataclass(frozen=True, slots=True)
class Look:
    """How a form is printed: colours, faces, and the cells' size and lines, in pixels."""

    face: Path
    bold: Path
    size: int
    ink: Bgr
    accent: Bgr
    pitch: int
    height: int
    gap: int
    line: Line
    inner: Line
    is_rounded: bool
    shade: Bgr | None
    is_label_above: bool
    tick: float
    has_comb_frame: bool


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """What a part of the sheet added: its fields, and the row below it."""

    fields: list[FieldTable]
    bottom: int


def mm(length: float) -> int:
    """Millimetres in pixels of the sheet."""
    return round(length * DPI / 25.4)


def make_form(kind: str, seed: int) -> Form:
    """The blank form of a kind and seed; the same every time."""
    rng = np.random.default_rng([seed, (*KINDS, "dense").index(kind)])
    rows, columns = SHEETS[str(rng.choice(list(SHEETS), p=[0.7, 0.15, 0.15]))] if kind != "dense" else SHEETS["A4"]
    page = np.full((rows, columns, 3), 255, np.uint8)
    written = str(rng.choice(["comb", "cells", "table", "single"])) if kind == "fiducials" else kind
    look = _draw_look(written, rng)
    area = (mm(18), mm(16), columns - 2 * mm(18), rows - 2 * mm(16))
    fiducials = _print_fiducials(page, rng) if kind == "fiducials" else ()
    fields = _print_dense(page, area, look, rng) if kind == "dense" else _print_body(page, written, area, look, rng)
    gray = cv2.cvtColor(page, cv2.COLOR_BGR2GRAY)
    return Form(kind, seed, page, gray, tuple(fields), fiducials, has_corners=bool(rng.random() < 0.5))


def _draw_look(kind: str, rng: np.random.Generator) -> Look:
    regular, bold = _faces()[str(rng.choice(FACES))]
    accents: list[Bgr] = [(30, 30, 30), (110, 60, 20), (60, 110, 40), (40, 40, 150), (90, 90, 90)]
    accent = accents[int(rng.integers(len(accents)))]
    pitch = mm(rng.uniform(5, 7.5))
    is_apart = kind == "single" or (kind == "cells" and rng.random() < 0.35)
    line = _draw_line(kind, accent, rng)
    inner = replace(line, width=max(1, line.width - int(rng.integers(0, 3))), pattern="solid")
    if kind in ("cells", "table") and line.pattern != "double" and rng.random() < 0.25:
        inner = replace(inner, pattern="dotted")
    return Look(
        regular,
        bold,
        size=int(rng.integers(34, 44)),
        ink=(25, 25, 25),
        accent=accent,
        pitch=pitch,
        height=max(round(pitch * rng.uniform(1.15, 1.5)), mm(9.5) if kind == "lines" else 0),
        gap=mm(rng.uniform(1, 3)) if is_apart else 0,
        line=line,
        inner=inner,
        is_rounded=bool(is_apart and line.pattern == "solid" and rng.random() < 0.35),
        shade=_pale(accent, rng.uniform(0.1, 0.25))
        if kind in ("cells", "table", "single", "dense") and rng.random() < 0.35
        else None,
        is_label_above=bool(rng.random() < 0.5),
        tick=rng.uniform(0.25, 0.6),
        has_comb_frame=bool(rng.random() < 0.4),
    )


def _draw_line(kind: str, accent: Bgr, rng: np.random.Generator) -> Line:
    """Black, gray or a colour; pale ones are what forms use that a scanner is meant to drop."""
    pale: list[Bgr] = [(225, 175, 110), (140, 190, 120), (120, 170, 245), (170, 160, 240)]
    gray = int(rng.integers(90, 180))
    choices: list[Bgr] = [(20, 20, 20), (20, 20, 20), accent, (gray, gray, gray), pale[int(rng.integers(len(pale)))]]
    colour = choices[int(rng.integers(len(choices)))]
    shares = [0.8, 0.1, 0.1] if kind in ("cells", "single") else [1.0, 0.0, 0.0]
    pattern = ("solid", "dotted", "double")[int(rng.choice(3, p=shares))]
    return Line(int(rng.integers(1, 6)), colour, pattern)


def _pale(colour: Bgr, share: float) -> Bgr:
    blue, green, red = (round(255 - share * (255 - part)) for part in colour)
    return blue, green, red


@lru_cache(maxsize=1)
def _faces() -> dict[str, tuple[Path, Path]]:
    """Regular and bold face of each family."""
    found = {}
    for name in FACES:
        files = [face for face in digit_faces() if isinstance(face, Path) and family(face) == name]
        regular = [face for face in files if not re.search(r"Bold|It|Obl|Light|Thin|Black|Med|Heavy", face.stem)]
        bold = [face for face in files if face.stem.endswith("Bold")]
        found[name] = (regular[0], bold[0])
    return found


def _print_body(page: Colour, kind: str, area: BoxArea, look: Look, rng: np.random.Generator) -> list[FieldTable]:
    """A head, sections of fields between text, and a foot."""
    x, top, width, height = area
    y = _print_head(page, area, look, rng)
    foot = top + height - mm(24)
    specs = [SPECS[index] for index in rng.permutation(len(SPECS))]
    fields: list[FieldTable] = []
    section = 0
    headings = rng.permutation(HEADINGS)
    while specs and y + look.height + mm(36) < foot:
        y = _print_heading(page, f"{section + 1}. {headings[section % len(headings)]}", x, y, width, look)
        make = _print_table if kind == "table" else _print_rows
        block = make(page, kind, (x, y, width, foot - y), look, specs, rng)
        fields += block.fields
        y = _print_between(page, (x, block.bottom, width, foot - block.bottom), look, rng)
        section += 1
    _print_foot(page, (x, foot, width, mm(24)), look, rng)
    return fields


def _print_head(page: Colour, area: BoxArea, look: Look, rng: np.random.Generator) -> int:
    """Logo, office, form number, title and instructions; returns the row below."""
    x, y, width, _ = area
    _print_logo(page, x, y, mm(14), look, rng)
    write(page, str(rng.choice(OFFICES)), look.bold, round(look.size * 1.2), x + mm(18), y + mm(3), look.accent)
    write(
        page, f"{rng.integers(10, 99)} Station Road", look.face, round(look.size * 0.8), x + mm(18), y + mm(9), look.ink
    )
    number = f"Form {rng.choice(list('ABCKZ'))} {rng.integers(100, 999)}-{rng.integers(1, 9)}"
    write(page, number, look.face, round(look.size * 0.8), x + width, y, look.ink, is_right=True)
    y += mm(19)
    write(page, str(rng.choice(TITLES)), look.bold, look.size * 2, x, y, look.ink)
    y += round(look.size * 2.4)
    sentences = [SENTENCES[index] for index in rng.choice(len(SENTENCES), int(rng.integers(1, 5)), replace=False)]
    y = _print_paragraph(page, " ".join(sentences), x, y, width, look)
    rule(page, x, y + mm(2), width, Line(int(rng.integers(2, 6)), look.accent))
    return y + mm(6)


def _print_logo(page: Colour, x: int, y: int, side: int, look: Look, rng: np.random.Generator) -> None:
    middle, radius = (x + side // 2, y + side // 2), side // 2
    shape = int(rng.integers(4))
    if shape == 0:
        cv2.circle(page, middle, radius, look.accent, -1, cv2.LINE_AA)
        cv2.circle(page, middle, radius // 2, (255, 255, 255), side // 12, cv2.LINE_AA)
    elif shape == 1:
        fill_box(page, (x, y, side, side), look.accent)
        write(page, str(rng.choice(list("AKMRSW"))), look.bold, side, x + side // 6, y + side // 8, (255, 255, 255))
    elif shape == 2:
        for bar in range(4):
            fill_box(
                page,
                (x + bar * side // 4, y + side - (bar + 1) * side // 4, side // 6, (bar + 1) * side // 4),
                look.accent,
            )
    else:
        corners = np.array([[x, y + side], [x + radius, y], [x + side, y + side], [x + radius, y + side * 2 // 3]])
        cv2.fillPoly(page, [corners], look.accent, cv2.LINE_AA)


def _print_paragraph(page: Colour, text: str, x: int, y: int, width: int, look: Look) -> int:
    """Text broken into lines; returns the row below."""
    size = round(look.size * 0.85)
    most = int(width / (0.5 * size))
    for line in re.findall(rf".{{1,{most}}}(?:\s+|$)", text):
        write(page, line.strip(), look.face, size, x, y, look.ink)
        y += round(size * 1.35)
    return y


def _print_heading(page: Colour, text: str, x: int, y: int, width: int, look: Look) -> int:
    """A bar with white text, or a line of bold text over a rule; returns the row below."""
    if look.is_label_above:
        fill_box(page, (x, y, width, mm(7)), look.accent)
        write(page, text, look.bold, look.size, x + mm(2), y + mm(2), (255, 255, 255))
        return y + mm(11)
    write(page, text, look.bold, round(look.size * 1.1), x, y, look.accent)
    rule(page, x, y + mm(6), width, Line(2, look.accent))
    return y + mm(10)


def _print_rows(
    page: Colour,
    kind: str,
    area: BoxArea,
    look: Look,
    specs: list[Spec],
    rng: np.random.Generator,
) -> Block:
    """Two to four rows of fields, one or two a row where they fit; takes them from `specs`."""
    x, y, width, height = area
    fields: list[FieldTable] = []
    bottom = y + height - mm(8)
    lead = mm(6) if look.is_label_above else 0
    indent = 0 if look.is_label_above else mm(rng.uniform(36, 44))
    for _ in range(int(rng.integers(2, 5))):
        left = x
        while y + lead + look.height + mm(8) < bottom:
            fitting = [s for s in specs if left + indent + _row_width(kind, s[1], look) <= x + width]
            if not fitting:
                break
            label, count, rule_keys = fitting[0]
            specs.remove(fitting[0])
            write(page, label, look.face, round(look.size * 0.9), left, y if lead else y + look.height // 3, look.ink)
            keys = _print_field(page, kind, left + indent, y + lead, count, rule_keys, look)
            fields.append(FieldTable(name=_slug(label), kind="handwriting", **keys, **rule_keys))
            left += indent + _row_width(kind, count, look) + mm(12)
        if left == x:
            break
        y += lead + look.height + mm(rng.uniform(5, 9))
    return Block(fields, y)


def _row_width(kind: str, count: int, look: Look) -> int:
    return (
        max(mm(50), count * mm(6))
        if kind == "lines"
        else count * (look.pitch + look.gap) + look.gap * (kind == "single")
    )


def _slug(label: str) -> str:
    return label.lower().replace(" ", "_")


def _print_field(
    page: Colour, kind: str, x: int, y: int, count: int, rule_keys: dict[str, Any], look: Look
) -> dict[str, Any]:
    """The places to write a number in; returns the keys that say where they are."""
    if kind == "lines":
        length = max(mm(50), count * mm(6))
        rule(page, x, y + look.height, length, replace(look.line, pattern="solid"))
        return {"region": (x, y + look.height - mm(9.5), length, mm(11))}
    boxes = _boxes(kind, x, y, count, rule_keys, look)
    {"comb": _print_comb, "cells": _print_cells, "single": _print_cells}[kind](page, boxes, look)
    decimals = rule_keys.get("decimals", 0)
    if decimals and look.gap:
        left, top, _, height = boxes[-decimals]
        cv2.circle(page, (left - look.gap // 2, top + height - 2), 4, look.ink, -1, cv2.LINE_AA)
    if "pattern" in rule_keys and kind == "single" and count == 8:
        for index in (2, 4):
            rule(page, boxes[index][0] - look.gap // 2 - 8, y + look.height // 2, 16, Line(4, look.ink))
    return {"digits": boxes}


def _boxes(kind: str, x: int, y: int, count: int, rule_keys: dict[str, Any], look: Look) -> list[BoxArea]:
    """Boxes in a row; single frames stand further apart where a point or a dash goes between them."""
    wide = {len_ for len_ in (2, 4) if rule_keys.get("pattern") == DATE}
    wide |= {count - rule_keys["decimals"]} if rule_keys.get("decimals") else set()
    boxes = []
    for index in range(count):
        if kind == "single" and index in wide:
            x += look.gap // len(wide)
        boxes.append((x, y, look.pitch, look.height))
        x += look.pitch + look.gap
    return boxes


def _print_comb(page: Colour, boxes: list[BoxArea], look: Look) -> None:
    """A line below the boxes, a tick at every wall, and at times a frame round them all."""
    x, y, pitch, height = boxes[0]
    line = replace(look.line, pattern="solid")
    tick = round(look.tick * height)
    rule(page, x, y + height, len(boxes) * pitch, line)
    for index in range(1, len(boxes)):
        rule(page, x + index * pitch, y + height - tick, tick, line, is_level=False)
    rise = height if look.has_comb_frame or look.tick > 0.45 else tick
    for wall in (x, x + len(boxes) * pitch):
        rule(page, wall, y + height - rise, rise, line, is_level=False)
    if look.has_comb_frame:
        rule(page, x, y, len(boxes) * pitch, line)


def _print_cells(page: Colour, boxes: list[BoxArea], look: Look) -> None:
    """Cells with full walls, each with its own where they stand apart; every second one shaded at times."""
    for index, box in enumerate(boxes):
        if look.shade and (index % 2 == 0 or look.gap):
            fill_box(page, box, look.shade)
    if look.gap:
        for box in boxes:
            (rounded_frame if look.is_rounded else frame)(page, box, look.line)
        return
    x, y, pitch, height = boxes[0]
    for left, *_ in boxes[1:]:
        rule(page, left, y, height, look.inner, is_level=False)
    frame(page, (x, y, len(boxes) * pitch, height), look.line)


def _print_table(
    page: Colour,
    kind: str,
    area: BoxArea,
    look: Look,
    specs: list[Spec],
    rng: np.random.Generator,
) -> Block:
    """A ruled table: a column of labels, then columns cut into digits; a row has a field in each of them."""
    x, y, width, height = area
    columns = _columns(width - mm(34), look, rng)
    rows = int(min(rng.integers(4, 10), (height - mm(18)) // look.height))
    specs.clear()  # a sheet has one table
    if rows < 2:
        return Block([], y)
    lefts = [x + mm(34)]
    for _, count, _ in columns:
        lefts.append(lefts[-1] + count * look.pitch)
    top = y + mm(8)
    _print_table_heads(page, (x, y, lefts[-1] - x, mm(8)), zip(lefts, columns, strict=False), look)
    _print_items(page, (x, top, lefts[-1] - x, rows * look.height), look)
    fields = []
    for left, (label, count, keys) in zip(lefts, columns, strict=False):
        for index in range(1, count):
            rule(page, left + index * look.pitch, top, rows * look.height, look.inner, is_level=False)
        for row in range(rows):
            boxes = _boxes(kind, left, top + row * look.height, count, keys, look)
            fields.append(FieldTable(name=f"{_slug(label)}_{row + 1}", kind="handwriting", digits=boxes, **keys))
    thick = replace(look.line, width=max(2, look.line.width), pattern="solid")
    for row in range(rows):
        rule(page, x, top + row * look.height, lefts[-1] - x, thick)
    for left in lefts[:-1]:
        rule(page, left, y, mm(8) + rows * look.height, thick, is_level=False)
    frame(page, (x, y, lefts[-1] - x, mm(8) + rows * look.height), thick)
    return Block(fields, top + rows * look.height + mm(6))


def _print_table_heads(page: Colour, area: BoxArea, columns: Iterable[tuple[int, Spec]], look: Look) -> None:
    """The tinted row with the columns' labels."""
    x, y, _, _ = area
    fill_box(page, area, _pale(look.accent, 0.18))
    size = round(look.size * 0.8)
    for left, label in [(x, "Item"), *((left, label) for left, (label, _, _) in columns)]:
        write(page, label, look.bold, size, left + mm(1.5), y + mm(2.5), look.ink)


def _print_items(page: Colour, area: BoxArea, look: Look) -> None:
    """What stands at the left of a table's rows, and the tint of every second one."""
    x, top, width, height = area
    for row in range(height // look.height):
        y = top + row * look.height
        if look.shade and row % 2:
            fill_box(page, (x, y, width, look.height), look.shade)
        write(page, f"Item {row + 1}", look.face, round(look.size * 0.85), x + mm(2), y + look.height // 3, look.ink)


def _columns(width: int, look: Look, rng: np.random.Generator) -> list[Spec]:
    """One to three columns of numbers that fit into a width."""
    columns: list[Spec] = []
    for index in rng.permutation(len(SPECS)):
        used = sum(count for _, count, _ in columns) + SPECS[index][1]
        if used * look.pitch < width and len(columns) < 3:
            columns.append(SPECS[index])
    return columns


def _print_dense(page: Colour, area: BoxArea, look: Look, rng: np.random.Generator) -> list[FieldTable]:
    """Rows and columns of short numbers, a number in front of each; half of them with a check digit."""
    x, top, width, height = area
    write(page, f"{rng.choice(OFFICES)}: {rng.choice(TITLES)}", look.bold, 50, x, top, look.ink)
    top, height = top + mm(10), height - mm(10)
    fields: list[FieldTable] = []
    look = replace(look, pitch=mm(5.2), height=mm(6.6), gap=0, line=replace(look.line, pattern="solid"))
    specs = [DENSE[index] for index in rng.permutation(len(DENSE))]
    for y in range(top, top + height - look.height, look.height + mm(2.6)):
        left = x
        while True:
            label, count, keys = specs[len(fields) % len(specs)]
            if left + mm(9) + count * look.pitch > x + width:
                break
            write(page, str(len(fields) + 1), look.face, 30, left, y + look.height // 3, look.ink)
            boxes = _boxes("cells", left + mm(9), y, count, keys, look)
            (_print_comb if len(fields) % 3 == 2 else _print_cells)(page, boxes, look)
            name = f"{_slug(label)}_{len(fields) + 1}"
            fields.append(FieldTable(name=name, kind="handwriting", digits=boxes, **keys))
            left += mm(9) + count * look.pitch + mm(5)
    return fields


def _print_between(page: Colour, area: BoxArea, look: Look, rng: np.random.Generator) -> int:
    """What stands between two sections: a paragraph, boxes to tick, a line for a name, or nothing."""
    x, y, width, height = area
    choice = int(rng.integers(4)) if height > mm(40) else 3
    if choice == 0:
        return _print_paragraph(page, str(rng.choice(SENTENCES)), x, y, width, look) + mm(4)
    if choice == 1:
        for text in ("yes", "no", "not known"):
            frame(page, (x, y, mm(3.5), mm(3.5)), Line(2, look.ink))
            x += mm(5) + write(page, text, look.face, round(look.size * 0.9), x + mm(5), y, look.ink) + mm(8)
        return y + mm(9)
    if choice == 2:
        used = write(page, "Name, first name", look.face, round(look.size * 0.9), x, y + mm(3), look.ink)
        rule(page, x + used + mm(4), y + mm(7), width - used - mm(4), Line(2, look.ink))
        return y + mm(12)
    return y + mm(3)


def _print_foot(page: Colour, area: BoxArea, look: Look, rng: np.random.Generator) -> None:
    """A line to sign on, a frame for the office, and the small print."""
    x, y, width, height = area
    small = round(look.size * 0.7)
    rule(page, x, y + mm(12), mm(70), Line(2, look.ink))
    write(page, "Place, date, signature", look.face, small, x, y + mm(13), look.ink)
    if rng.random() < 0.6:
        box = (x + width - mm(60), y, mm(60), mm(16))
        fill_box(page, box, (238, 238, 238))
        frame(page, box, Line(2, look.ink))
        write(page, "For office use only", look.face, small, box[0] + mm(2), y + mm(1.5), look.ink)
        _print_barcode(page, (box[0] + mm(6), y + mm(5), mm(46), mm(9)), rng)
    write(page, f"{rng.integers(1, 13):02d}/2026", look.face, small, x, y + height - mm(4), look.ink)
    write(
        page,
        f"Page 1 of {rng.integers(1, 5)}",
        look.face,
        small,
        x + width,
        y + height - mm(4),
        look.ink,
        is_right=True,
    )


def _print_barcode(page: Colour, box: BoxArea, rng: np.random.Generator) -> None:
    x, y, width, height = box
    left = x
    while left < x + width:
        bar = int(rng.integers(1, 5)) * 3
        fill_box(page, (left, y, bar, height), (20, 20, 20))
        left += bar + int(rng.integers(1, 4)) * 3


def _print_fiducials(page: Colour, rng: np.random.Generator) -> tuple[Point, ...]:
    """Marks of one shape in the sheet's corners; returns their centres from the upper left clockwise."""
    rows, columns = page.shape[:2]
    inset, radius = mm(9), mm(rng.uniform(1.8, 3.2))
    shape = str(rng.choice(["square", "cross", "ring"]))
    places = [(inset, inset), (columns - inset, inset), (columns - inset, rows - inset), (inset, rows - inset)]
    for x, y in places:
        if shape == "square":
            fill_box(page, (x - radius, y - radius, 2 * radius + 1, 2 * radius + 1), (15, 15, 15))
        elif shape == "ring":
            cv2.circle(page, (x, y), radius, (15, 15, 15), max(3, radius // 3), cv2.LINE_AA)
        else:
            rule(page, x - radius, y, 2 * radius, Line(5, (15, 15, 15)))
            rule(page, x, y - radius, 2 * radius, Line(5, (15, 15, 15)), is_level=False)
    return tuple((float(x), float(y)) for x, y in places)
