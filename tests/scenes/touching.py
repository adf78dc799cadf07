"""Digits read apart, as a strip, and by both: `python -m tests.scenes.touching`.

Pieces are those of the scenes of kind "touching" that may be several digits to the reader: wide, and no sure digit.
What stands on one is known from where the scene's digits were drawn. With `--whole` it is whole numbers on scenes of
all kinds, digit by digit and as a strip, where the picture shows one number only and has all its digits in one line.
`--powers` prints, for a grid of powers of both ways, the mean logarithm that the truth gets: those of
`edge.paper.several` and `edge.paper.whole` were chosen so, on `--split validation`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise, product
from pathlib import Path

import numpy as np

from edge.atomic import write_text
from edge.inference.bundle import sha256_file
from edge.nouns import UNREADABLE, Gray
from edge.paper import several, whole
from edge.paper.binarize import binarize, polarity_evidence
from edge.paper.cuts import best_path, over_segment
from edge.paper.decode import SURE, WIDE, decode_lines, glyph_of
from edge.paper.layout import find_lines
from edge.paper.reader import Reader
from edge.paper.segment import find_pieces, region_of
from edge.paper.several import Candidate, shares_of
from edge.paper.strip import side_by_side
from tests.scenes.arguments import parser_of
from tests.scenes.generator import KINDS, Hand, make_scene
from tests.scenes.measure import hands

SEED = 20261122

LEVELS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 1.01)
"""Probabilities from which on pieces are counted together."""

GRID = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.2)
"""Powers that are tried."""

BEST = 8
"""Pairs of powers that are printed."""

FLOOR = 1e-4
"""Probability that the truth is given at the least."""

ONE_NUMBER = tuple(kind for kind in KINDS if kind not in ("multi-line", "columns", "clutter"))

Powers = tuple[float, float]
"""Of the strip and of the other way, see `edge.paper.several.shares_of`."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """What stands on a piece or is a number, what each way reads, and all that it may be."""

    truth: str
    apart: str
    by_strip: str
    candidates: list[Candidate]


@dataclass(frozen=True)
class Row:
    """Pieces of some length, or of some probability: how many there are, and how many each way reads rightly."""

    name: str
    pieces: int
    apart: int
    strip: int
    both: int


def main() -> None:
    """Print a row for each length, one for each level of what both ways together say, and the grid."""
    parser = parser_of(__doc__)
    parser.add_argument("--split", choices=("validation", "test"), default="test")
    parser.add_argument("--count", type=int, default=300, help="scenes; with --whole of each kind")
    parser.add_argument("--whole", action="store_true", help="whole numbers instead of pieces that touch")
    parser.add_argument("--powers", action="store_true")
    arguments = parser.parse_args()
    reader, (hand, print_) = Reader.open(arguments.model), hands(arguments.split)
    if arguments.whole:
        powers = (whole.STRIP_POWER, whole.MARKS_POWER)
        pieces = collect_wholes(reader, hand, print_, arguments.count)
    else:
        powers = (several.STRIP_POWER, several.CHAIN_POWER)
        pieces = collect(reader, hand, arguments.count)
    rows = [*rows_by_length(pieces, powers), *rows_by_level(pieces, powers)]
    print("\n".join(map(format_row, rows)))
    if arguments.powers:
        told = sorted(((mean_log(pieces, powers), powers) for powers in product(GRID, repeat=2)), reverse=True)
        for mean, (strip, apart) in told[:BEST]:
            print(f"strip {strip:.1f}, apart {apart:.1f}: mean logarithm {mean:.4f}")
    if arguments.out:
        report = {
            "split": arguments.split,
            "seed": SEED,
            "scenes": arguments.count,
            "rows": [asdict(row) for row in rows],
        }
        report["model_sha256"] = sha256_file(arguments.model / "model.tflite")
        write_text(Path(arguments.out), json.dumps(report, indent=1) + "\n")


def collect(reader: Reader, hand: Hand, count: int) -> list[Piece]:
    """The wide pieces of `count` scenes."""
    found = []
    for index in range(count):
        scene = make_scene("touching", hand, np.random.default_rng([SEED, index]))
        found += list(_pieces_of(reader, scene.gray, scene.numbers[0], scene.middles[0]))
    return found


def _pieces_of(reader: Reader, gray: Gray, number: str, middles: Sequence[float]) -> Iterator[Piece]:
    assert reader.strips is not None, "the bundle has no network for strings"
    ink, pieces = find_pieces(binarize(gray))
    for line in find_lines(ink, pieces):
        for piece in line.pieces:
            x, _, width, height = piece.box
            truth = "".join(digit for digit, at in zip(number, middles, strict=True) if x <= at <= x + width)
            region = region_of(ink, [piece])
            cutting = over_segment(region)
            if not truth or width < WIDE * height or not cutting.parts:
                continue
            one, *parts = reader.classifier.predict([glyph_of(each) for each in (region, *cutting.parts)])
            if one.is_digit and one.confidence >= SURE:
                continue
            path, _, _ = best_path(cutting, parts)
            (frames,) = reader.strips.read([region.coverage])
            candidates = several.candidates_of(cutting, parts, one, width / height, frames)
            labels = [max((label for label in parts[k].scores if label), key=parts[k].scores.__getitem__) for k in path]
            by_strip = max(candidates, key=lambda each: each.by_strip).text
            yield Piece(truth, "".join(labels), by_strip, candidates)


def collect_wholes(reader: Reader, hand: Hand, print_: Hand, count: int) -> list[Piece]:
    """The numbers of `count` scenes of each kind that shows one."""
    assert reader.transcribe is not None, "the bundle has no network for strings"
    found = []
    for kind, index in product(ONE_NUMBER, range(count)):
        scene = make_scene(kind, print_ if kind == "printed" else hand, np.random.default_rng([SEED, index]))
        ink, pieces = find_pieces(binarize(scene.gray, polarity_evidence(scene.gray) > 0))
        rows = decode_lines(ink, find_lines(ink, pieces), reader.classifier.predict, reader.transcribe)
        runs = [row[first:end] for row in rows for first, end in whole.runs_of(row)]
        if len(runs) == 1 and len(scene.numbers) == 1:
            (frames,) = reader.transcribe([side_by_side([mark.region for mark in runs[0]])])
            candidates = whole.candidates_of(runs[0], frames)
            apart = "".join(mark.prediction.label or UNREADABLE for mark in runs[0])
            by_strip = max(candidates, key=lambda each: each.by_strip).text
            found.append(Piece("".join(filter(str.isdigit, scene.numbers[0])), apart, by_strip, candidates))
    return found


def read_together(piece: Piece, powers: Powers) -> tuple[str, float]:
    """What both ways together say, and its probability."""
    shares = shares_of(piece.candidates, powers)
    return piece.candidates[int(shares.argmax())].text, float(shares.max())


def rows_by_length(pieces: Sequence[Piece], powers: Powers) -> list[Row]:
    """All pieces, and those of each length."""
    lengths = sorted({len(piece.truth) for piece in pieces})
    groups = [
        ("all", list(pieces)),
        *((f"{n} digit{'s' * (n > 1)}", [p for p in pieces if len(p.truth) == n]) for n in lengths),
    ]
    return [_row(name, group, powers) for name, group in groups]


def rows_by_level(pieces: Sequence[Piece], powers: Powers) -> list[Row]:
    """Pieces by the probability that both ways together give."""
    told = [(piece, read_together(piece, powers)[1]) for piece in pieces]
    return [
        _row(f"from {low:.2f} on", [piece for piece, share in told if low <= share < high], powers)
        for low, high in pairwise(LEVELS)
    ]


def mean_log(pieces: Sequence[Piece], powers: Powers) -> float:
    """Mean logarithm of the probability that the truth gets."""
    logs = []
    for piece in pieces:
        shares = zip(piece.candidates, shares_of(piece.candidates, powers).tolist(), strict=True)
        logs.append(np.log(max(FLOOR, sum(share for each, share in shares if each.text == piece.truth))))
    return float(np.mean(logs))


def _row(name: str, group: Sequence[Piece], powers: Powers) -> Row:
    read = [(piece.apart, piece.by_strip, read_together(piece, powers)[0]) for piece in group]
    right = [
        sum(way == piece.truth for piece, way in zip(group, ways, strict=True)) for ways in zip(*read, strict=True)
    ]
    return Row(name, len(group), *(right or [0, 0, 0]))


def format_row(row: Row) -> str:
    """One line of the table."""
    shares = [f"{100 * right / max(1, row.pieces):5.1f} %" for right in (row.apart, row.strip, row.both)]
    return f"{row.name:12s} {row.pieces:5d} pieces: apart {shares[0]}, strip {shares[1]}, both {shares[2]}"


if __name__ == "__main__":
    main()
