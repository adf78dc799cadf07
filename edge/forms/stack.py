"""A stack of forms into a table: a row a form and a column a field, a review folder, and going on after a stop.

The table itself says how far the stack has come. A row knows its page by the file's path and content, so that a restart
finds it again whatever the file's date, or its path where it was moved meanwhile; two files of the same content are two
forms as long as both are there. A page that failed is tried again; where it is read then, or a file of its name, it no
longer counts as failed. Each row names what it was read with, and a restart with anything else is refused.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Self

from edge import __version__
from edge.errors import BundleError, ConfigError, OutputError, PageError
from edge.forms.review import Form, Review
from edge.forms.review_sheet import FAILED, is_for_review
from edge.forms.rowfile import Row, RowFile
from edge.inference.bundle import CARD_FILE, sha256_file
from edge.nouns import Frame, Reading
from edge.schema import Config
from edge.sinks import iso_time, one_line, shown_confidence

FORM_COLUMNS = ("source", "page", "time", "status", "reason")

FIELD_DETAILS = ("value", "status", "confidence", "reason")
"""A field `total` has the column `total`, its text as it was read, and further right `total.value`, `total.status`…"""

LINE_COLUMNS = ("line", "lines", "name", "text", "value", "confidence", "x", "y", "width", "height")
"""Without fields: a row a number found, the `line`-th of the `lines` on its page."""

MARK_COLUMNS = ("file", "read_by")
"""What a restart knows a page and a setup by; last in the table, for nobody else needs them."""

READING_TABLES = {"reference", "page", "field", "read"}
READING_SOURCE_KEYS = {"rotation", "crop"}
"""Of a configuration, what a form's readings depend on."""

HASH_DIGITS = 16
"""Of a sha256 in hex: two of a million files are taken for one another with a chance of 3e-8."""

PROGRESS_S = 10.0
SHEET_S = 60.0
"""How often progress is told, and how often the review sheet is written while the stack runs."""

GRAVITY = ("empty", "ok", "uncertain", "rejected", FAILED)
"""A form has the status of its gravest field; `failed` where its picture could not be read at all."""

Key = tuple[str, str, str]
"""Of a page: its file's name, its number, and what marks the file's content."""


class Stack:
    """A sink that puts forms into a table, and what is doubtful of them into a review folder. Use `Stack.open`.

    Raises
    ------
    OutputError
        The table's forms were read with another setup.
    """

    def __init__(
        self, table: RowFile, fields: Sequence[str], setup: str, review: Review | None, on_note: Callable[[str], None]
    ) -> None:
        self._table = table
        self._fields = tuple(fields)
        self._columns = table_columns(fields)
        self._setup = setup
        self._review = review
        self._note = on_note
        self._hash_of = LastHash()
        self._forms = 0
        self._counts: Counter[str] = Counter()
        self._known: dict[tuple[str, str], list[str]] = {}
        self._failed: dict[tuple[str, str], int] = {}
        self._mended: set[int] = set()
        self._take_up()
        self._begun_forms = self._forms
        self._begun_s = self._noted_s = self._built_s = time.monotonic()

    @classmethod
    def open(
        cls,
        path: Path,
        fields: Sequence[str],
        setup: str,
        review: Path | None = None,
        on_note: Callable[[str], None] = lambda _: None,
    ) -> Self:
        """Begin a table, or go on with the one that is there; use it in a `with`.

        Parameters
        ----------
        path : Path
            Of the CSV file.
        fields : sequence of str
            Names of the fields; empty where every line of digits is read.
        setup : str
            See `setup_of`.
        review : Path, optional
            Folder for what is doubtful.
        on_note : callable
            Takes remarks on how far the stack has come.

        Raises
        ------
        OutputError, ConfigError
            See `RowFile`, `Review.open`, `table_columns`.
        """
        columns = table_columns(fields)
        table = RowFile(path, columns, _ends_form(columns))
        try:
            return cls(table, fields, setup, None if review is None else Review.open(review, path), on_note)
        except BaseException:
            table.close()
            raise

    def is_wanted(self, source: str, index: int) -> bool:
        """Whether a page is not in the table yet, or failed when it was read."""
        shown, page, mark = key = self._key(source, index)
        known = self._known.get((page, mark), ())
        return key[:2] in self._failed or not any(_is_same_form(each, source, shown, mark) for each in known)

    def write(self, frame: Frame, readings: Sequence[Reading], latency_ms: float) -> None:  # noqa: ARG002
        """Put a form into the review folder and then, which makes it final, into the table."""
        names = tuple(reading.name for reading in readings)
        if self._fields and names != self._fields:
            raise ValueError(f"a form's readings must be of the fields {self._fields}, got {names}")
        key = self._key(frame.source, frame.index)
        form = Form(self._forms + 1, key[0], key[1], form_status(readings), form_reason(readings))
        if self._review:
            self._review.add(form, frame, readings)
        rows = [field_cells(readings)] if self._fields else line_cells(readings)
        self._append(key, form, iso_time(frame.timestamp_s), rows)

    def fail(self, error: PageError) -> None:
        """Put a page or file that cannot be read into the table, unless its failure stands there already."""
        key = self._key(error.source, error.index)
        if key[:2] in self._failed:
            return
        form = Form(self._forms + 1, key[0], key[1], FAILED, one_line(str(error)))
        if self._review:
            self._review.add(form)
        self._append(key, form, "", [{} if self._fields else {"line": "1", "lines": "1", "status": FAILED}])

    def close(self) -> None:
        """Write the review sheet, close the table, and tell what is in it."""
        try:
            self._build_sheet()
        finally:
            self._table.close()
        look = f"; look through {self._review.sheet}" if self._review else ""
        self._note(f"{self._table.path}: {describe_counts(self._counts)}{look}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _key(self, source: str, index: int | None) -> Key:
        return _shown(source), "" if index is None else str(index + 1), self._hash_of(source)

    def _append(self, key: Key, form: Form, moment: str, rows: Sequence[dict[str, str]]) -> None:
        """Add a form's rows, each with what is told of the form, and count it."""
        told = {"source": form.source, "page": form.page, "time": moment, "status": form.status, "reason": form.reason}
        marks = {"file": key[2], "read_by": self._setup}
        self._table.append([[(told | row | marks).get(column, "") for column in self._columns] for row in rows])
        self._count(key, form.status)
        self._tell_progress()

    def _take_up(self) -> None:
        """Learn what the table has."""
        unseen, statuses, ends_form = 0, [], _ends_form(self._columns)
        for number, cells in enumerate(self._table.rows(), 2):
            row = dict(zip(self._columns, cells, strict=True))
            self._check_row(row, number)
            statuses.append(row["status"])
            if ends_form(cells):
                status = max(statuses, key=GRAVITY.index)
                self._count((row["source"], row["page"], row["file"]), status)
                unseen += bool(self._review and is_for_review(status) and not self._review.has(self._forms))
                statuses = []
        if self._review:
            self._review.forget_after(self._forms)
        self._tell_restart(unseen)

    def _check_row(self, row: Mapping[str, str], number: int) -> None:
        if row["read_by"] != self._setup:
            raise OutputError(f"{self._table.path}: {_what_changed(row['read_by'], self._setup)}")
        if row["status"] not in GRAVITY:
            raise OutputError(
                f"{self._table.path}: row {number} has the status {row['status']!r}, not one of {', '.join(GRAVITY)}; "
                "was it edited? mend the row, or name another file"
            )

    def _tell_restart(self, unseen: int) -> None:
        if self._table.cut_bytes:
            self._note(f"{self._table.path}: cut off {self._table.cut_bytes} bytes of a form that was half written")
        if self._forms:
            self._note(f"{self._table.path}: has {describe_counts(self._counts)} already; reading goes on after them")
        if unseen and self._review:
            self._note(
                f"{self._review.sheet}: lacks {unseen} doubtful forms of {self._table.path} that were read without "
                "--review; to have those too, read into another table"
            )

    def _count(self, key: Key, status: str) -> None:
        self._forms += 1
        self._counts[status] += 1
        source, page, mark = key
        if status == FAILED:
            self._failed[source, page] = self._forms
            return
        self._known.setdefault((page, mark), []).append(source)
        for failed in {(source, page), (source, "")} & self._failed.keys():
            self._mended.add(self._failed.pop(failed))
            self._counts[FAILED] -= 1

    def _tell_progress(self) -> None:
        now_s = time.monotonic()
        if now_s - self._noted_s >= PROGRESS_S:
            rate = (self._forms - self._begun_forms) / (now_s - self._begun_s)
            self._note(f"{describe_counts(self._counts)}, {rate:.1f} a second")
            self._noted_s = now_s
        if now_s - self._built_s >= SHEET_S:
            self._build_sheet()
            self._built_s = time.monotonic()

    def _build_sheet(self) -> None:
        if self._review:
            self._review.build(self._forms, describe_counts(self._counts), self._mended)


class LastHash:
    """The beginning of the sha256 of a source's file; the last file's is kept, for its pages follow each other."""

    def __init__(self) -> None:
        self._last = ("", "")

    def __call__(self, source: str) -> str:
        """`sha256:` and hex digits; empty for what is no file or cannot be read."""
        if source != self._last[0]:
            self._last = (source, hash_of_file(source))
        return self._last[1]


def setup_of(config: Config, bundles: Iterable[Path]) -> str:
    """What forms are read with: version, configuration and model, each with the beginning of a hash.

    Of the configuration what changes a reading counts; of the reference picture its content.

    Raises
    ------
    BundleError
        A bundle has no card.
    """
    table = config.model_dump(mode="json", include=READING_TABLES)
    table["source"] = config.source.model_dump(mode="json", include=READING_SOURCE_KEYS)
    if config.reference:
        table["reference"]["image"] = hash_of_file(config.reference.image)
    cards = [folder / CARD_FILE for folder in sorted(set(bundles))]
    missing = [card for card in cards if not card.is_file()]
    if missing:
        raise BundleError(f"{missing[0].parent}: {CARD_FILE} is missing; copy the whole bundle folder")
    model = "".join(sha256_file(card) for card in cards)
    return f"readout {__version__}; configuration {_short(json.dumps(table))}; model {_short(model)}"


def table_columns(fields: Sequence[str]) -> list[str]:
    """The columns of a table of forms with these fields, or without fields of the lines found.

    Raises
    ------
    ConfigError
        A field's name is another column's.
    """
    details = [f"{field}.{detail}" for field in fields for detail in FIELD_DETAILS]
    own = [*fields, *details] if fields else list(LINE_COLUMNS)
    columns = [*FORM_COLUMNS, *own, *MARK_COLUMNS]
    twice = [column for column, count in Counter(columns).items() if count > 1]
    if twice:
        raise ConfigError(f"the table would have two columns {twice[0]!r}; give that field another name")
    return columns


def form_status(readings: Sequence[Reading]) -> str:
    """The gravest status among a form's readings."""
    return max((reading.status for reading in readings), key=GRAVITY.index, default="empty")


def form_reason(readings: Sequence[Reading]) -> str:
    """Which readings a user needs to look at, and why: `total: its check digit is 3, not 5; date: …`."""
    return "; ".join(
        f"{reading.name}: {reading.reason or reading.status}" for reading in readings if is_for_review(reading.status)
    )


def field_cells(readings: Sequence[Reading]) -> dict[str, str]:
    """The cells of a form's row: of each field the text as it was read and the details."""
    cells = {}
    for reading in readings:
        cells[reading.name] = reading.text
        cells |= {f"{reading.name}.{detail}": text for detail, text in _details(reading).items()}
    return cells


def line_cells(readings: Sequence[Reading]) -> list[dict[str, str]]:
    """The cells of the rows of a page without fields, a row a reading; a page without any has an empty row."""
    count = str(max(1, len(readings)))
    rows = [
        {"line": str(number), "lines": count, "name": reading.name, "text": reading.text}
        | _details(reading)
        | dict(zip(("x", "y", "width", "height"), map(str, reading.box or ()), strict=False))
        for number, reading in enumerate(readings, 1)
    ]
    return rows or [{"line": "1", "lines": "1", "status": "empty"}]


def shown_value(reading: Reading) -> str:
    """A reading's value in decimal digits; empty without one, or where a float does not hold its digits exactly."""
    if reading.value is None or sum(map(str.isdigit, reading.text)) > sys.float_info.dig:
        return ""
    return format(Decimal(repr(float(reading.value))), "f").removesuffix(".0")


def describe_counts(counts: Mapping[str, int]) -> str:
    """`12 forms (10 ok, 2 uncertain)`."""
    kinds = [f"{counts[status]} {status}" for status in GRAVITY if counts.get(status)]
    total = sum(counts.values())
    return f"{total} form{'' if total == 1 else 's'}" + (f" ({', '.join(kinds)})" if kinds else "")


def hash_of_file(source: str) -> str:
    """`sha256:` and the first hex digits for a regular file; empty for what is none or cannot be read."""
    path = Path(source)
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()[:HASH_DIGITS]}"
    except (OSError, ValueError):
        return ""


def _details(reading: Reading) -> dict[str, str]:
    return {
        "value": shown_value(reading),
        "status": reading.status,
        "confidence": "" if reading.status == "empty" else shown_confidence(reading.confidence),
        "reason": reading.reason or "",
    }


def _ends_form(columns: Sequence[str]) -> Callable[[Row], bool]:
    """What tells whether a row is the last of its form: of fields the only one, of lines the last."""
    if tuple(columns[len(FORM_COLUMNS) : -len(MARK_COLUMNS)]) != LINE_COLUMNS:
        return lambda _: True
    line, lines = columns.index("line"), columns.index("lines")
    return lambda row: row[line] == row[lines]


def _is_same_form(known: str, source: str, shown: str, mark: str) -> bool:
    """Whether a file of the same content as one in the table is that one: by its path, or because that is gone."""
    if known == shown:
        return True
    if not mark:
        return False
    try:
        return Path(known).samefile(source)
    except (OSError, ValueError):
        return True


def _what_changed(theirs: str, ours: str) -> str:
    """The refusal of a table whose forms were read with something else."""
    changed = [
        part.rpartition(" ")[0]
        for part, own in zip(theirs.split("; "), ours.split("; "), strict=False)
        if part != own and part
    ]
    what = " and ".join(changed) or "setup"
    return f"its forms were read with another {what}; name another file, or go on with what they were read with"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _shown(source: str) -> str:
    """A file's name as the table has it: bytes that are no text are written as escapes."""
    return source.encode("utf-8", "backslashreplace").decode()
