"""Forms read from generated pages, kind by kind and look by look: `python -m tests.forms.measure`.

Every page is scored against what was written on it. The final figure is on `--split test`, MNIST's test
writers; all tuning is done on `--split validation`. `--fields N` counts wrong numbers instead, on pages full of
them, and names each; `--fields 1 --first-form K` reads the pages of form K of these again. `--stack N` tells the memory
over a stack of pages.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from itertools import product
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from convert.card import wilson_interval
from edge.atomic import write_text
from edge.config import load_config
from edge.fields import open_fields
from edge.inference.bundle import sha256_file
from edge.nouns import Digit, Frame, Gray, Reading
from edge.pipeline import read_frame
from edge.schema import FieldTable
from tests.forms.capture import photograph, scan
from tests.forms.filling import Shares, Split, fill
from tests.forms.layout import KINDS, make_form
from tests.forms.nouns import Filled, FilledField, Form, Matrix, Picture, quad_of, save_template
from tests.scenes.measure import edit_distance

SEED = 20261121

PAGES_A_FORM = 3
"""Pages filled in and captured of one blank form."""

FOUND, REGISTERED = 0.1, 0.25
"""Distance of a cell's middle from its true place over the cell's size, up to which the box is found; and, at every
cell, the page is registered.
"""

FORMS_APART = 10_000
"""Forms between those of one seed and of the next."""

BLANK = " "

DENSE_LOOKS = ("scan 200", "scan 300", "bitonal", "photo")
"""What the pages full of numbers go through in turn."""

STACK_PAGES = 20
"""Different pages in a stack."""

LOOKS: dict[str, Callable[..., Picture]] = {
    **{f"scan {dpi}": partial(scan, dpi=dpi, is_upside_down=False) for dpi in (100, 150, 200, 300, 600)},
    "colour": partial(scan, dpi=200, mode="colour", is_upside_down=False),
    "bitonal": partial(scan, dpi=300, mode="bitonal", is_upside_down=False),
    "upside down": partial(scan, dpi=200, is_upside_down=True),
    "photo": photograph,
}

Read = Callable[[Gray], list[Reading]]
OpenForm = Callable[[Form], Read]
Task = TypeVar("Task")
Measured = TypeVar("Measured")


@dataclass(frozen=True, slots=True)
class Counts:
    """What was right on some pages.

    Cells and fields on a page that was not found count as not right. `fields` leaves out what a person could not
    read either (`doubts`) and what breaks its own rule (`broken`), of which none may be called ok. A field is
    wrong when it is called ok and is not what was written; `checked` are those with a check digit, of any sort.
    """

    pages: int = 0
    registered: int = 0
    boxes: int = 0
    boxes_found: int = 0
    digits: int = 0
    digits_right: int = 0
    digits_wrong: int = 0
    digits_blank: int = 0
    blanks: int = 0
    blanks_right: int = 0
    fields: int = 0
    fields_right: int = 0
    unchecked: int = 0
    unchecked_wrong: int = 0
    checked: int = 0
    checked_wrong: int = 0
    doubts: int = 0
    doubts_ok: int = 0
    broken: int = 0
    broken_ok: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Counts)))


@dataclass(frozen=True, slots=True)
class Wrong:
    """A field that is called ok and should not be: which form, page and look, its name, what stands there and was read,
    and how sure of it the reader was.
    """

    form: int
    page: int
    look: str
    field: str
    truth: str
    read: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of form under one look, with the median seconds of processor time that a page took, on one thread."""

    kind: str
    look: str
    counts: Counts
    median_s: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory in megabytes after so many pages of a stack, and the seconds of processor time and of the clock
    since the command was started.
    """

    pages: int
    resident_mb: float
    processor_s: float
    seconds: float


def main() -> None:
    """Print a row a kind and look, or the counts asked for, and write them where `--out` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("models/paper"))
    parser.add_argument("--split", choices=("validation", "test"), default="test")
    parser.add_argument("--count", type=int, default=12, help="pages a kind and look")
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=list(KINDS))
    parser.add_argument("--looks", nargs="*", choices=list(LOOKS), default=list(LOOKS))
    parser.add_argument(
        "--fields", type=int, help="count this many fields with a check digit, on pages full of numbers"
    )
    parser.add_argument("--first-form", type=int, default=0, help="with --fields: the form to begin with")
    parser.add_argument("--stack", type=int, help="read a folder of this many pages and watch the memory")
    parser.add_argument("--table", action="store_true", help="with --stack: into a table, with a review folder")
    parser.add_argument("--jobs", type=int, default=1, help="processes that share the work")
    parser.add_argument("--seed", type=int, default=SEED, help="other pages to choose by, on the validation split")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--show-mistakes", type=Path, help="folder for the cells and fields that were misread")
    arguments = parser.parse_args()
    if arguments.seed != SEED and arguments.split == "test":
        parser.error("--seed goes with --split validation: the pages of the test split are always the same")
    report = {
        "split": arguments.split,
        "seed": arguments.seed,
        "model_sha256": sha256_file(arguments.model / "model.tflite"),
        **_measured(arguments),
    }
    if arguments.out:
        write_text(arguments.out, json.dumps(report, indent=1) + "\n")


def _measured(arguments: argparse.Namespace) -> dict[str, object]:
    """What the command line asks for, printed as it comes; returns it for the report."""
    if arguments.stack:
        levels = []
        for level in measure_stack(arguments.stack, arguments.split, arguments.model, arguments.table):
            print(format_level(level), flush=True)
            levels.append(asdict(level))
        return {"stack": levels}
    if arguments.fields:
        return _measured_fields(arguments)
    tasks = list(product(arguments.kinds, arguments.looks))
    measure = partial(
        measure_look,
        count=arguments.count,
        split=arguments.split,
        model=arguments.model,
        show=arguments.show_mistakes,
        seed=arguments.seed,
    )
    rows = []
    for row in _mapped(measure, tasks, arguments.jobs):
        print(format_row(row), flush=True)
        rows.append(row)
    for title, counts in totals(rows):
        print(format_counts(title, counts))
    print(format_blank(counts))
    return {"pages": arguments.count, "rows": [asdict(row) for row in rows]}


def _measured_fields(arguments: argparse.Namespace) -> dict[str, object]:
    """Counts over pages full of numbers, and each field that is called ok and should not be."""
    counts, named, opener = Counts(), list[Wrong](), partial(open_form, model=arguments.model)
    forms = measure_fields(arguments.fields, arguments.split, opener, arguments.jobs, arguments.first_form)
    for counts, wrong in forms:
        print(format_counts("fields", counts), *wrong, sep="\n", flush=True)
        named += wrong
    return {"fields": asdict(counts), "wrong": [asdict(each) for each in named]}


def _mapped(measure: Callable[[Task], Measured], tasks: Iterable[Task], jobs: int) -> Iterable[Measured]:
    if jobs == 1:
        yield from (measure(task) for task in tasks)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap(measure, tasks)


def open_form(form: Form, model: Path) -> Read:
    """What reads a form as a user's template would, with one thread and a bundle."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        config = load_config(save_template(form, Path(folder)))
        named = [field.model_copy(update={"model": model.name}) for field in config.field]
        reader = open_fields(config.model_copy(update={"field": named}), model.parent)
    return lambda gray: read_frame(Frame(gray, form.kind), reader)


def measure_look(
    task: tuple[str, str], count: int, split: Split, model: Path, show: Path | None = None, seed: int = SEED
) -> Row:
    """Read `count` pages of a kind under a look."""
    kind, look = task
    counts, times = Counts(), []
    opener = partial(open_form, model=model)
    for filled, picture, readings, seconds in read_pages(kind, [look], range(count), split, opener, seed=seed):
        counts += count_page(filled, picture, readings)
        times.append(seconds)
        if show:
            _show(show, f"{kind}-{look}", filled, picture, readings)
    return Row(kind, look, counts, round(statistics.median(times), 3))


def read_pages(
    kind: str,
    looks: Sequence[str],
    pages: range,
    split: Split,
    opener: OpenForm,
    shares: Shares | None = None,
    seed: int = SEED,
) -> Iterable[tuple[Filled, Picture, list[Reading], float]]:
    """Pages of a kind filled in, captured and read, with the seconds of processor time that the reading took.

    Another seed fills in other pages, of other forms.
    """
    for index in pages:
        number, page = divmod(index, PAGES_A_FORM)
        look = looks[index % len(looks)]
        if page == 0:  # each look has forms of its own, so that few pages a look still show many forms
            form = make_form(kind, abs(seed - SEED) * FORMS_APART + number * len(LOOKS) + list(LOOKS).index(look))
            read = opener(form)
        rng = np.random.default_rng([seed, *kind.encode(), list(LOOKS).index(look), index])  # each page its own writer
        filled = fill(form, split, rng, shares)
        picture = LOOKS[look](filled.colour, rng)
        gray = picture.gray
        start = time.process_time()
        readings = read(gray)
        yield filled, picture, readings, time.process_time() - start


def measure_fields(
    count: int, split: Split, opener: OpenForm, jobs: int = 1, first: int = 0
) -> Iterable[tuple[Counts, list[Wrong]]]:
    """Over pages full of numbers, after every form from the `first` on, until `count` fields with a check digit are
    read: the counts so far, and that form's fields that are called ok and should not be.
    """
    counts = Counts()
    forms = range(first, first + count)
    for more, wrong in _mapped(partial(_dense_form, split=split, opener=opener), forms, jobs):
        counts += more
        yield counts, wrong
        if counts.checked >= count:
            return


def _dense_form(number: int, split: Split, opener: OpenForm) -> tuple[Counts, list[Wrong]]:
    """Counts over the pages of one form that is full of numbers, and its fields that are wrong and ok."""
    pages = range(number * PAGES_A_FORM, (number + 1) * PAGES_A_FORM)
    counts, wrong = Counts(), list[Wrong]()
    read = read_pages("dense", DENSE_LOOKS, pages, split, opener)
    for page, (filled, picture, readings, _) in zip(pages, read, strict=True):
        counts += count_page(filled, picture, readings)
        look = DENSE_LOOKS[page % len(DENSE_LOOKS)]
        wrong += [Wrong(number, page, look, *told) for told in _wrong_fields(filled, readings)]
    return counts, wrong


def _wrong_fields(filled: Filled, readings: Sequence[Reading]) -> Iterable[tuple[str, str, str, float]]:
    """Name, truth, text and confidence of each field of a page that is called ok and should not be."""
    for table, truth, reading in zip(filled.form.fields, filled.fields, readings, strict=True):
        counts = count_field(table, truth, reading)
        if counts.unchecked_wrong or counts.checked_wrong or counts.doubts_ok or counts.broken_ok:
            told = "".join(cell.text or (f"({cell.trouble})" if cell.trouble else "") for cell in truth.cells)
            yield truth.name, f"{told} {truth.broken}".strip(), reading.text, round(reading.confidence, 4)


def measure_stack(
    count: int, split: Split, model: Path, has_table: bool = False, different: int = STACK_PAGES
) -> Iterable[Memory]:
    """Memory and time of `edge read` over a folder of 300 dpi scans of one form, some pages again and again.

    Raises
    ------
    RuntimeError
        The command fails, or does not print a line a page.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scans = _scanned_stack(folder, count, split, different, has_table)
        command = [sys.executable, "-m", "edge", "read", str(scans), "--json"]
        command += ["--config", str(folder / "form.toml"), "--model", str(model)]
        command += ["--csv", str(folder / "out.csv"), "--review", str(folder / "review")] if has_table else []
        start, pages = time.perf_counter(), 0
        one_thread = {**os.environ, "OPENCV_FOR_THREADS_NUM": "1"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=one_thread) as process:
            for pages, _ in enumerate(process.stdout or (), 1):
                if pages % max(1, count // 20) == 0 and pages < count:  # after the last one it may be gone
                    seconds = round(time.perf_counter() - start, 3)
                    yield Memory(pages, _resident_mb(process.pid), _processor_s(process.pid), seconds)
    if process.returncode or pages != count:
        raise RuntimeError(f"edge read ended with {process.returncode} after {pages} of {count} pages")


def _scanned_stack(folder: Path, count: int, split: Split, different: int, has_own_bytes: bool) -> Path:
    """A form's template and, below it, a folder of scans; the pages after the first few are these again.

    They are links to them, or with bytes of their own: a table takes a file that it has for one that was read.
    """
    form, rng = make_form("cells", 0), np.random.default_rng(SEED)
    save_template(form, folder)
    scans = folder / "scans"
    scans.mkdir()
    for index in range(count):
        path, first = scans / f"{index:05d}.png", scans / f"{index % different:05d}.png"
        if index < different:
            gray = scan(fill(form, split, rng).colour, rng, is_upside_down=False).gray
            cv2.imwrite(str(path), gray, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        elif has_own_bytes:
            path.write_bytes(first.read_bytes() + str(index).encode())  # what follows a PNG's end is not read
        else:
            path.hardlink_to(first)
    return scans


def _processor_s(process: int) -> float:
    """Seconds of processor time, the user's and the system's: entries 14 and 15 of Linux' stat."""
    after_name = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mb(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1000


def count_page(filled: Filled, picture: Picture, readings: Sequence[Reading]) -> Counts:
    """What is right in the readings of one page, one a field and in their order."""
    trios = list(zip(filled.form.fields, filled.fields, readings, strict=True))
    errors = [error for table, _, reading in trios for error in cell_errors(table, reading, picture.matrix)]
    refused = any(reading.status == "rejected" and not reading.digits for reading in readings)
    counts = Counts(
        pages=1,
        registered=int(not refused and all(error <= REGISTERED for error in errors) and _regions_hit(trios, picture)),
        boxes=sum(len(table.digits) for table in filled.form.fields),
        boxes_found=sum(error <= FOUND for error in errors),
    )
    for table, truth, reading in trios:
        counts += count_cells(table, truth, reading) + count_field(table, truth, reading)
    return counts


def cell_errors(table: FieldTable, reading: Reading, matrix: Matrix) -> list[float]:
    """Of each cell, the distance of the box that was read from its true place, over its size; infinite without one."""
    digits: Sequence[Digit | None] = (
        reading.digits if len(reading.digits) == len(table.digits) else (None,) * len(table.digits)
    )
    return [
        _box_error(digit, cv2.perspectiveTransform(quad_of(box)[None], matrix)[0]) if digit else float("inf")
        for digit, box in zip(digits, table.digits, strict=True)
    ]


def _box_error(digit: Digit, quad: NDArray[np.float64]) -> float:
    x, y, width, height = digit.box
    middle = cv2.perspectiveTransform(np.array([[[0.5, 0.5]]]), _square_to(quad))[0, 0]
    sides = np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[3] - quad[0])
    return float(np.linalg.norm((x + (width - 1) / 2, y + (height - 1) / 2) - middle) / min(sides))


def _square_to(quad: NDArray[np.float64]) -> Matrix:
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    return cv2.getPerspectiveTransform(square, quad.astype(np.float32))


def _regions_hit(trios: Iterable[tuple[FieldTable, FilledField, Reading]], picture: Picture) -> bool:
    """Whether what was read on each line to write on lies in its region."""
    for table, _, reading in trios:
        if table.region is not None and reading.box is not None:
            quad = cv2.perspectiveTransform(quad_of(table.region)[None], picture.matrix)[0].astype(np.float32)
            x, y, width, height = reading.box
            slack = REGISTERED * float(np.linalg.norm(quad[3] - quad[0]))
            if cv2.pointPolygonTest(quad, (x + width / 2, y + height / 2), True) < -slack:
                return False
    return True


def count_cells(table: FieldTable, truth: FilledField, reading: Reading) -> Counts:
    """Digits and blanks that were read as such; cells that cannot be told are left out."""
    if not table.digits:
        right = max(0, len(truth.text) - edit_distance(truth.text, _plain(reading.text)))
        return Counts(digits=len(truth.text), digits_right=right)
    read = [digit.text for digit in reading.digits]
    read = read if len(read) == len(truth.cells) else [""] * len(truth.cells)
    told = [(cell.text, text) for cell, text in zip(truth.cells, read, strict=True) if not cell.trouble]
    written = [(digit, text) for digit, text in told if digit]
    return Counts(
        digits=len(written),
        digits_right=sum(digit == text for digit, text in written),
        digits_wrong=sum(digit != text and text.isdigit() for digit, text in written),
        digits_blank=sum(text == BLANK for _, text in written),
        blanks=len(told) - len(written),
        blanks_right=sum(text == BLANK for digit, text in told if not digit),
    )


def count_field(table: FieldTable, truth: FilledField, reading: Reading) -> Counts:
    """Whether a field is right, and whether it is called ok where it should not be."""
    is_ok = reading.status == "ok"
    if truth.is_doubtful:
        return Counts(doubts=1, doubts_ok=int(is_ok))
    is_wrong = is_ok and not _is_right(table, truth, reading)
    asked = (
        {"checked": 1, "checked_wrong": int(is_wrong)}
        if table.check
        else {"unchecked": 1, "unchecked_wrong": int(is_wrong)}
    )
    if truth.broken:
        return Counts(broken=1, broken_ok=int(is_ok), **asked)
    expected = "ok" if truth.text else "empty"
    is_right = reading.status == expected and _is_right(table, truth, reading)
    return Counts(fields=1, fields_right=int(is_right), **asked)


def _is_right(table: FieldTable, truth: FilledField, reading: Reading) -> bool:
    """Whether a reading's text and value are what was written."""
    if _plain(reading.text) != truth.text:
        return False
    return reading.value is None or abs(reading.value - int(truth.text) / 10**table.decimals) < 1e-9


def _plain(text: str) -> str:
    return text.replace(".", "")


def totals(rows: Sequence[Row]) -> list[tuple[str, Counts]]:
    """Sums over each kind, over each look, and over all."""
    sums: dict[str, Counts] = {}
    for row in rows:
        for title in (f"all {row.kind}", f"all {row.look}", "all"):
            sums[title] = sums.get(title, Counts()) + row.counts
    return [(title, sums[title]) for title in sorted(sums, key=lambda title: title == "all")]


def format_row(row: Row) -> str:
    """One line of the table."""
    return f"{format_counts(f'{row.kind} {row.look}', row.counts)}  {row.median_s:.2f} s"


def format_counts(title: str, counts: Counts) -> str:
    """Shares right with their intervals, and what was called ok and should not have been."""
    shares = [
        ("pages", counts.registered, counts.pages),
        ("boxes", counts.boxes_found, counts.boxes),
        ("cells", counts.digits_right, counts.digits),
        ("blanks", counts.blanks_right, counts.blanks),
        ("fields", counts.fields_right, counts.fields),
    ]
    return "  ".join(
        [
            f"{title:22s}",
            *(f"{name} {format_share(right, n)}" for name, right, n in shares),
            f"digits called blank {counts.digits_blank}",
            f"wrong and ok {format_few(counts.unchecked_wrong, counts.unchecked)}",
            f"with a check digit {format_few(counts.checked_wrong, counts.checked)}",
            f"doubts ok {format_few(counts.doubts_ok, counts.doubts)}",
            f"broken ok {format_few(counts.broken_ok, counts.broken)}",
        ]
    )


def format_blank(counts: Counts) -> str:
    """How many of the cells called blank are blank, and the probability that one is, by Laplace's rule."""
    called = counts.blanks_right + counts.digits_blank
    confidence = (counts.blanks_right + 1) / (called + 2)
    return f"called blank {called}, of which blank {counts.blanks_right}: a confidence of {confidence:.4f}"


def format_level(level: Memory) -> str:
    """One line of a stack's table."""
    rate, by_clock = level.pages / level.processor_s, level.pages / level.seconds
    rates = f"{rate:.2f} pages a processor-second, {by_clock:.2f} a second"
    return f"{level.pages:5d} pages  {level.resident_mb:7.1f} MB  {rates}"


def format_share(right: int, n: int) -> str:
    """`99.12 % (98.5-99.6) of 700`, with the 95 % Wilson interval."""
    if not n:
        return "-"
    low, high = wilson_interval(right, n)
    return f"{100 * right / n:.2f} % ({100 * low:.1f}-{100 * high:.1f}) of {n}"


def format_few(found: int, n: int) -> str:
    """`2 of 700 (0.078-1.036 %)`, with the 95 % Wilson interval."""
    if not n:
        return "-"
    low, high = wilson_interval(found, n)
    return f"{found} of {n} ({100 * low:.3f}-{100 * high:.3f} %)"


def _show(folder: Path, title: str, filled: Filled, picture: Picture, readings: Sequence[Reading]) -> None:
    """Write the pages' fields that were not read right, each named by what stands there and what was read."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, truth, reading in zip(filled.form.fields, filled.fields, readings, strict=True):
        counts = count_field(table, truth, reading)
        if counts.fields == counts.fields_right and not counts.doubts_ok and not counts.broken_ok:
            continue
        boxes = np.concatenate([quad_of(box) for box in table.digits or [table.region]])
        x, y, width, height = cv2.boundingRect(
            cv2.perspectiveTransform(boxes[None], picture.matrix)[0].astype(np.float32)
        )
        crop = picture.gray[max(0, y - 8) : y + height + 8, max(0, x - 8) : x + width + 8]
        told = "_".join(cell.trouble or cell.text or "-" for cell in truth.cells)
        name = f"{title}-{filled.form.seed}-{truth.name}-{told}-{reading.text or 'nothing'}-{reading.status}.png"
        if crop.size:
            cv2.imwrite(str(folder / name.replace(" ", "_").replace("?", "Q")), crop)


if __name__ == "__main__":
    main()
