"""The shipped reader on what the training never saw: other people's digits, cheques, letters, words, printed amounts.

`python -m tests.scenes.elsewhere [--model DIR] [--out FILE] [--limit N]`. Measure only: nothing is
chosen by these figures, and no threshold is tuned on them. The scribes' bitmaps and the cheques lie in
`DIGITS_DATA`; letters, words and amounts are set in the faces of the split `test`.
"""

from __future__ import annotations

import json
import os
import string
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from convert.card import wilson_interval
from edge.atomic import write_text
from edge.inference.bundle import sha256_file
from edge.nouns import Frame, Gray, Prediction, Reading
from edge.paper.reader import Reader
from edge.pipeline import classify_crop, read_frame
from tests.scenes.amounts import format_amounts, measure_amounts
from tests.scenes.arguments import parser_of
from tests.scenes.page import SEED, draw_page, spread
from train.data.fonts import Face, faces_of

BITMAPS = ("optdigits32", "semeion")
"""Data sets of black and white digits, each stretched to its bitmap: a 1 is as broad as a 0."""

BITMAP_SIDE = 128
"""The bitmaps are enlarged to this side, so that their steps become edges."""

LOOKALIKES = "OoDIlijJSsZBbgq|/!()[]"
"""Characters that are a digit to the pixel in some face; `train.junk` leaves the same ones out."""

OTHERS = "".join(c for c in string.ascii_letters + string.punctuation if c not in LOOKALIKES)

WORDS = (
    "able", "amount", "bank", "bill", "black", "city", "clerk", "cold", "date", "day", "energy", "exit", "flow",
    "fuel", "gas", "gross", "heat", "hot", "hour", "judge", "key", "large", "litre", "local", "meter", "model",
    "month", "name", "net", "night", "north", "number", "office", "paid", "phase", "power", "price", "pump", "quick",
    "rate", "room", "serial", "sheet", "sign", "sold", "street", "sum", "tariff", "tax", "total", "town", "type",
    "unit", "valve", "volt", "water", "week", "weight", "yard", "year", "zone",
)  # fmt: skip
"""Words of three to six letters as they stand beside numbers; each comes in small letters, Title and CAPITALS."""

CHARACTER_PAGE = (160, 160)
WORD_PAGE = (160, 320)
"""Rows and columns of the pages."""

REPEATS = 4
"""Pictures of each character in each face."""

WORD_PICTURES = 900

FREQUENT = 10
"""Mistakes that are listed."""


@dataclass(frozen=True)
class CropRow:
    """A set of single digits: how many are labelled right, how many are accepted, and how many of these are wrong."""

    name: str
    digits: int
    right: int
    accepted: int
    wrong_accepted: int


@dataclass(frozen=True)
class ChequeRow:
    """Strings by what a user gets: an `ok` reading that is right or wrong, doubt, or nothing.

    `exact` strings have a reading with the truth's digits, in doubt or not, and no other reading that is
    `ok`; `largest_exact` takes the reading with the largest box and leaves the others out.
    """

    strings: int
    exact: int
    largest_exact: int
    ok_right: int
    ok_wrong: int
    in_doubt: int
    empty: int


@dataclass(frozen=True)
class OpenSetRow:
    """Pages without a digit: on how many one was believed all the same, and what was found most often.

    `accepted` counts the characters with a believed digit in any reading, and the words with an `ok`
    reading; `ok` counts the pages with an `ok` reading.
    """

    name: str
    pictures: int
    accepted: int
    ok: int
    most_frequent: tuple[tuple[str, str, int], ...]


def main() -> None:
    """Print a line each, and write them where `--out` says."""
    parser = parser_of(__doc__)
    parser.add_argument("--limit", type=int, help="at most this many pictures of each set, evenly spaced")
    arguments = parser.parse_args()
    reader = Reader.open(arguments.model)
    crops = [measure_crops(name, *load_bitmaps(name), reader, arguments.limit) for name in BITMAPS]
    print("\n".join(map(format_crops, crops)), flush=True)
    cheques = measure_cheques(*load_cheques(), reader, arguments.limit)
    print(format_cheques(cheques), flush=True)
    open_set = measure_open_set(faces_of("test"), reader, arguments.limit)
    print("\n".join(map(format_open_set, open_set)), flush=True)
    amounts = measure_amounts(faces_of("test"), reader, arguments.limit)
    print(format_amounts(amounts))
    if arguments.out:
        report = {
            "seed": SEED,
            "crops": [asdict(row) for row in crops],
            "cheques": asdict(cheques),
            "open_set": [asdict(row) for row in open_set],
            "amounts": asdict(amounts),
            "model_sha256": sha256_file(arguments.model / "model.tflite"),
        }
        write_text(arguments.out, json.dumps(report, indent=1) + "\n")


def load_bitmaps(name: str) -> tuple[list[Gray], list[str]]:
    """A data set's digits, dark on light and enlarged, with their labels."""
    with np.load(_data() / name / f"{name}.npz") as file:
        return [enlarge(bitmap) for bitmap in file["x"]], [str(label) for label in file["y"]]


def load_cheques() -> tuple[list[Gray], list[str]]:
    """The pictures of amounts, as they are, with the digits of each."""
    with np.load(_data() / "orand_car_a" / "orand_car_a.npz") as file:
        jpeg, offsets, texts = file["jpeg"], file["off"], file["text"]
    pictures = [cv2.imdecode(jpeg[a:b], cv2.IMREAD_GRAYSCALE) for a, b in pairwise(offsets)]
    return pictures, [str(text) for text in texts]


def enlarge(bitmap: NDArray[np.uint8]) -> Gray:
    """A square bitmap of bright ink as a dark digit with smooth edges on white paper, with a margin of an eighth."""
    large = cv2.resize(255 - bitmap, (BITMAP_SIDE, BITMAP_SIDE), interpolation=cv2.INTER_CUBIC)
    return cv2.copyMakeBorder(large, *[BITMAP_SIDE // 8] * 4, cv2.BORDER_CONSTANT, value=255)


def measure_crops(
    name: str, pictures: Sequence[Gray], labels: Sequence[str], reader: Reader, limit: int | None = None
) -> CropRow:
    """Classify single digits and count what is right; a picture without ink counts as wrong."""
    chosen = spread(len(pictures), limit)
    found = [(labels[k], classify_crop(pictures[k], reader)[0]) for k in chosen]
    right = sum(is_right(label, prediction) for label, prediction in found)
    accepted = [pair for pair in found if _is_accepted(pair[1], reader.cutoff)]
    wrong = sum(not is_right(*pair) for pair in accepted)
    return CropRow(name, len(chosen), right, len(accepted), wrong)


def is_right(label: str, prediction: Prediction | None) -> bool:
    """Whether the most likely class is the label."""
    return prediction is not None and prediction.label == label


def _is_accepted(prediction: Prediction | None, cutoff: float) -> bool:
    return prediction is not None and prediction.is_digit and prediction.confidence >= cutoff


def measure_cheques(
    pictures: Sequence[Gray], texts: Sequence[str], reader: Reader, limit: int | None = None
) -> ChequeRow:
    """Read each amount as a picture on its own."""
    chosen = spread(len(pictures), limit)
    results = [(read_frame(Frame(pictures[k], str(k)), reader), texts[k]) for k in chosen]
    outcomes = Counter(outcome(readings, truth) for readings, truth in results)
    return ChequeRow(
        strings=len(chosen),
        exact=sum(is_exact(readings, truth) for readings, truth in results),
        largest_exact=sum(largest_text(readings) == truth for readings, truth in results),
        ok_right=outcomes["ok_right"],
        ok_wrong=outcomes["ok_wrong"],
        in_doubt=outcomes["in_doubt"],
        empty=outcomes["empty"],
    )


def digits_of(text: str) -> str:
    """A text without its decimal points and commas; "?" and "-" stay, and so make it another text."""
    return text.replace(".", "").replace(",", "")


def is_exact(readings: Sequence[Reading], truth: str) -> bool:
    """Whether one reading has the truth's digits and no other reading is "ok"."""
    return any(
        digits_of(reading.text) == truth and all(other.status != "ok" for other in readings if other is not reading)
        for reading in readings
    )


def outcome(readings: Sequence[Reading], truth: str) -> str:
    """What a user makes of the readings: "ok_right", "ok_wrong" when any "ok" one is wrong, "in_doubt" or "empty"."""
    believed = [digits_of(reading.text) for reading in readings if reading.status == "ok"]
    if believed:
        return "ok_right" if all(text == truth for text in believed) else "ok_wrong"
    return "empty" if all(reading.status == "empty" for reading in readings) else "in_doubt"


def largest_text(readings: Sequence[Reading]) -> str:
    """The digits of the reading with the largest box; none without a box."""
    boxed = [(reading.box[2] * reading.box[3], reading.text) for reading in readings if reading.box]
    return digits_of(max(boxed)[1]) if boxed else ""


def measure_open_set(faces: Sequence[Face], reader: Reader, limit: int | None = None) -> list[OpenSetRow]:
    """Rows of the characters that are no digit's double, of those that are, and of words."""
    rows = [
        ("characters", _each_in_each(OTHERS, faces), CHARACTER_PAGE, believed_digit),
        ("lookalikes", _each_in_each(LOOKALIKES, faces), CHARACTER_PAGE, believed_digit),
        ("words", _words_in(faces), WORD_PAGE, sure_text),
    ]
    return [_open_set_row(name, plan, page, taken, reader, limit) for name, plan, page, taken in rows]


def _each_in_each(characters: str, faces: Sequence[Face]) -> list[tuple[str, Face]]:
    return [(character, face) for character in characters for face in faces for _ in range(REPEATS)]


def _words_in(faces: Sequence[Face]) -> list[tuple[str, Face]]:
    forms = [form for word in WORDS for form in (word, word.title(), word.upper())]
    rng = np.random.default_rng(SEED)
    return [(forms[rng.integers(len(forms))], faces[rng.integers(len(faces))]) for _ in range(WORD_PICTURES)]


def _open_set_row(
    name: str,
    plan: Sequence[tuple[str, Face]],
    page: tuple[int, int],
    taken: Callable[[Sequence[Reading]], str],
    reader: Reader,
    limit: int | None,
) -> OpenSetRow:
    """Read a page of each text; `taken` says what it was taken for, or "" if for nothing."""
    chosen = spread(len(plan), limit)
    found: Counter[tuple[str, str]] = Counter()
    sure = 0
    for index in chosen:
        text, face = plan[index]
        readings = read_frame(Frame(draw_page(text, face, page, index), text), reader)
        sure += any(reading.status == "ok" for reading in readings)
        found.update([(text, taken(readings))])
    found = Counter({pair: count for pair, count in found.items() if pair[1]})
    frequent = tuple((text, read, count) for (text, read), count in found.most_common(FREQUENT))
    return OpenSetRow(name, len(chosen), found.total(), sure, frequent)


def believed_digit(readings: Sequence[Reading]) -> str:
    """The first digit that is not below the cutoff, whatever its reading's status; "" if there is none."""
    digits = (digit.text for reading in readings for digit in reading.digits)
    return next((text for text in digits if text.isdigit()), "")


def sure_text(readings: Sequence[Reading]) -> str:
    """The readings that are "ok", one after the other; "" if there is none."""
    return " ".join(reading.text for reading in readings if reading.status == "ok")


def format_crops(row: CropRow) -> str:
    """One line of a set of single digits."""
    return (
        f"{row.name:12s} right {share(row.right, row.digits)}  accepted {share(row.accepted, row.digits)}  "
        f"wrong among accepted {share(row.wrong_accepted, row.accepted)}"
    )


def format_cheques(row: ChequeRow) -> str:
    """Two lines: whole strings that are exact, and what the user is given."""
    n = row.strings
    return (
        f"{'cheques':12s} exact {share(row.exact, n)}  largest reading only {share(row.largest_exact, n)}\n"
        f"{'':12s} ok and right {100 * row.ok_right / n:.1f} %  ok and wrong {share(row.ok_wrong, n)}  "
        f"in doubt {100 * row.in_doubt / n:.1f} %  empty {100 * row.empty / n:.1f} %"
    )


def format_open_set(row: OpenSetRow) -> str:
    """Two lines: the share that was taken for digits, and by which."""
    taken = ", ".join(f"{text} as {read} ({count})" for text, read, count in row.most_frequent)
    ok = f"with an ok reading {100 * row.ok / row.pictures:.1f} %"
    return f"{row.name:12s} accepted {share(row.accepted, row.pictures)}  {ok}\n{'':12s} {taken or 'none'}"


def share(part: int, whole: int) -> str:
    """A percentage with the counts and its 95 % interval; "–" of nothing."""
    if not whole:
        return "– of 0"
    low, high = wilson_interval(part, whole)
    return f"{100 * part / whole:.1f} % ({part} of {whole}; 95 %: {100 * low:.1f} to {100 * high:.1f})"


def _data() -> Path:
    return Path(os.environ["DIGITS_DATA"])


if __name__ == "__main__":
    main()
