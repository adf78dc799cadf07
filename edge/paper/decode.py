"""From lines of pieces to characters: one inference for what stands alone, a second one only for what is in doubt."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from edge.nouns import NOT_A_DIGIT, Glyph, Gray, Prediction, Region
from edge.paper.binarize import Ink
from edge.paper.cuts import Cutting, best_path, over_segment
from edge.paper.layout import Line
from edge.paper.normalize import normalize_glyph
from edge.paper.pieces import Piece
from edge.paper.points import POINT_HEIGHT, may_be_point_or_comma
from edge.paper.segment import region_of
from edge.paper.several import Explanation, explain
from edge.paper.strings import Frames
from edge.paper.views import MAPS, agreed, views_of

Predict = Callable[[Sequence[Glyph]], list[Prediction]]
Transcribe = Callable[[Sequence[Gray]], list[Frames]]
"""Coverage of pieces of ink to what the network for strings says of each."""

SURE = 0.98
"""A piece that is a digit with this probability is not looked at again."""

MAX_UNSURE = 24
"""With more doubtful pieces in a frame than this, it is writing or texture for the greater part."""

WIDE = 0.75
"""A doubtful piece may be several digits from this width over its line's height on."""

EVEN_WIDTH, WIDTH_SLOPE = 1.1, 6.0
"""At this width over its height a doubtful piece is as likely two digits as one, and how fast, in nats, that tips."""

SIGN_AMONG_DIGITS = 0.03
"""How much likelier a piece that looks like no digit is a sign than several digits, beside sure digits."""

LEGS = frozenset("17")
"""What the legs of an m, an n or a w are taken for."""

LIKELY = 0.5
"""Two pieces are likely digits from this probability of each on, and one piece several that are not all digits."""

BESIDE_GAP, BESIDE_HEIGHT = 0.12, POINT_HEIGHT
"""A small piece this close to a piece's side, and this high, over the line's height, may be its other stroke, as that
of an open 4, unless it is a point or a comma; a minus sign is lower.
"""

BELOW_GAP, BELOW_WIDTH = 0.15, 0.35
"""A small piece this close below one, and this wide, over the line's height, may be its foot, as that of a broken 3."""

JOIN_GAP = 0.25
"""Two pieces may be one broken digit when the gap between them is less than this share of the height."""


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """One character's ink with what the network says of it; `odds` is the probability of its segmentation."""

    region: Region
    prediction: Prediction
    odds: float = 1.0

    @property
    def confidence(self) -> float:
        """Probability that it is a digit, this one, and cut rightly."""
        return self.prediction.confidence * self.odds if self.prediction.is_digit else 0.0


@dataclass(slots=True, eq=False)
class _Doubt:
    """A question for the second inference: other ways to see the pieces `first` to `last` of a line.

    A piece that is seen with small ones beside it has these `fragments` with it; a piece to cut its width over its
    height, whether no sure digit stands beside it, and what it was `told` to be where there is a network for strips.
    """

    line: int
    first: int
    last: int
    regions: Sequence[Region]
    fragments: Sequence[Piece] = ()
    cutting: Cutting | None = None
    wide: float = 0.0
    is_alone: bool = False
    predictions: list[Prediction] = field(default_factory=list)
    told: Explanation | None = None


def decode_lines(
    ink: Ink, lines: Sequence[Line], predict: Predict, transcribe: Transcribe | None = None
) -> list[list[Mark]]:
    """The marks of each line, left to right.

    Parameters
    ----------
    ink : Ink
    lines : sequence of Line
    predict : callable
        Glyphs to predictions; called at most twice.
    transcribe : callable, optional
        Pieces to the frames of their strips; called at most once.
    """
    regions = [[region_of(ink, [piece]) for piece in line.pieces] for line in lines]
    marks = _split(regions, predict([glyph_of(region) for row in regions for region in row]))
    looked_at = _worth_a_second_look(marks)
    unsure = [(index, k) for index in looked_at for k, mark in enumerate(marks[index]) if mark.confidence < SURE]
    doubts = [doubt for index in looked_at for doubt in _doubts(index, ink, lines[index], marks[index])]
    if unsure or doubts:
        _look_again(marks, unsure, doubts, predict)
        if transcribe is not None:
            _read_strips(marks, doubts, transcribe)
        for index in range(len(lines)):
            marks[index] = _settle(marks[index], [doubt for doubt in doubts if doubt.line == index])
    return marks


def _worth_a_second_look(marks: Sequence[Sequence[Mark]]) -> list[int]:
    """Lines whose doubtful marks are looked at again: all, or on a page of writing those with a sure digit."""
    unsure = sum(mark.confidence < SURE for row in marks for mark in row)
    if unsure <= MAX_UNSURE:
        return list(range(len(marks)))
    return [index for index, row in enumerate(marks) if any(mark.confidence >= SURE for mark in row)]


def glyph_of(region: Region) -> Glyph:
    """The region as the network sees it."""
    return Glyph(normalize_glyph(region.coverage))


def _split(regions: Sequence[Sequence[Region]], predictions: Sequence[Prediction]) -> list[list[Mark]]:
    answers = iter(predictions)
    return [[Mark(region, next(answers)) for region in row] for row in regions]


def _doubts(index: int, ink: Ink, line: Line, marks: Sequence[Mark]) -> list[_Doubt]:
    """Ways to see a line's doubtful pieces: cut, joined with a neighbour, or joined with small pieces beside them."""
    doubts = []
    height = line.height
    for k, (piece, mark) in enumerate(zip(line.pieces, marks, strict=True)):
        fragments = [small for small in line.small if _belongs(small, piece, height)]
        if fragments:
            doubts.append(_Doubt(index, k, k, [region_of(ink, [piece, *fragments])], fragments))
        if mark.confidence >= SURE:
            continue
        if piece.box[2] >= WIDE * min(height, piece.height):
            cutting = over_segment(mark.region)
            if cutting.parts:
                wide = piece.box[2] / min(height, piece.height)
                is_alone = all(other.confidence < SURE for other in marks)
                doubts.append(_Doubt(index, k, k, cutting.parts, (), cutting, wide, is_alone))
    for k in range(len(marks) - 1):
        left, right = line.pieces[k], line.pieces[k + 1]
        if _may_be_one(marks[k : k + 2]) and _are_close(left, right, height):
            doubts.append(_Doubt(index, k, k + 1, [region_of(ink, [left, right])]))
    return doubts


def _may_be_one(pair: Sequence[Mark]) -> bool:
    """Whether two pieces may be one broken digit: one of them is in doubt, or both are strokes."""
    return min(mark.confidence for mark in pair) < SURE or all(mark.prediction.label == "1" for mark in pair)


def _are_close(left: Piece, right: Piece, height: float) -> bool:
    if may_be_point_or_comma(left, right.bottom, height) or may_be_point_or_comma(right, left.bottom, height):
        return False
    return right.box[0] - left.right < JOIN_GAP * height and right.right - left.box[0] < 1.2 * height


def _belongs(small: Piece, piece: Piece, height: float) -> bool:
    """Whether a small piece lies so near to a digit that it may be a part of it; no digit has a dot below it, and what
    may be a point or a comma on its right is no part of it.
    """
    across = min(small.right, piece.right) - max(small.box[0], piece.box[0])
    down = min(small.bottom, piece.bottom) - max(small.box[1], piece.box[1])
    is_over = across > 0.3 * small.box[2] and small.box[2] * small.height > (0.06 * height) ** 2
    is_beside = across > -BESIDE_GAP * height and 2 * down > small.height > BESIDE_HEIGHT * height
    sticks_out = across < small.box[2] and small.right > piece.right
    if (sticks_out or not is_over) and may_be_point_or_comma(small, piece.bottom, height):
        return False
    is_below = 0 >= down > -BELOW_GAP * height and small.box[1] >= piece.bottom
    if is_below:
        return across > 0.5 * small.box[2] > 0.5 * BELOW_WIDTH * height
    return (is_over or is_beside) and small.box[1] < piece.bottom


def _look_again(
    marks: Sequence[list[Mark]], unsure: Sequence[tuple[int, int]], doubts: Sequence[_Doubt], predict: Predict
) -> None:
    """The second inference: unsure marks (line, place) are seen in other ways as well, and the doubts are answered."""
    own = [marks[index][k] for index, k in unsure]
    views = [view for mark in own for view in views_of(glyph_of(mark.region))]
    answers = iter(predict([*views, *(glyph_of(region) for doubt in doubts for region in doubt.regions)]))
    for (index, k), mark in zip(unsure, own, strict=True):
        seen = agreed(mark.prediction, [next(answers) for _ in MAPS])
        marks[index][k] = replace(mark, prediction=seen)
    for doubt in doubts:
        doubt.predictions = [next(answers) for _ in doubt.regions]


def _read_strips(marks: Sequence[Sequence[Mark]], doubts: Sequence[_Doubt], transcribe: Transcribe) -> None:
    """What pieces that may be several digits say without being cut."""
    wide = [doubt for doubt in doubts if doubt.cutting is not None]
    regions = [marks[doubt.line][doubt.first].region for doubt in wide]
    for doubt, frames in zip(wide, transcribe([region.coverage for region in regions]), strict=True):
        assert doubt.cutting is not None
        whole = marks[doubt.line][doubt.first].prediction
        doubt.told = explain(doubt.cutting, doubt.predictions, whole, doubt.wide, frames)


def _likelihood_of_one(whole: Prediction, is_alone: bool) -> float:
    """How well a piece is explained as one thing: a digit, or a letter or sign.

    Digits that touch look like a sign to the network, so beside sure digits that counts for little.
    """
    return _digit_score(whole) + whole.scores.get(NOT_A_DIGIT, 0.0) * (1.0 if is_alone else SIGN_AMONG_DIGITS)


def _odds_of_several(wide: float, several: float, single: float) -> float:
    """Probability that a piece is several digits, not one: by its width over its height, and by what each reads as.

    Parameters
    ----------
    wide : float
    several, single : float
        Likelihood of the parts, and of the whole, as digits.
    """
    prior = math.exp(min(WIDTH_SLOPE * (wide - EVEN_WIDTH), 20.0))
    return several * prior / max(several * prior + single, 1e-12)


def _settle(marks: list[Mark], doubts: Sequence[_Doubt]) -> list[Mark]:
    """Replace pieces by what explains them better, the surest replacement first; none is replaced twice, and no
    fragment is part of two. Fragments that make a sure digit with a piece belong to it, sure as that may be alone.
    """
    proposals = sorted((_proposal(doubt, marks) for doubt in doubts), key=lambda pair: -_worth(pair[1]))
    replaced: dict[int, tuple[_Doubt, list[Mark]]] = {}
    taken: set[int] = set()
    for doubt, proposal in proposals:
        covered = range(doubt.first, doubt.last + 1)
        if not proposal or any(k in replaced for k in covered) or any(id(part) in taken for part in doubt.fragments):
            continue
        if _worth(proposal) > _worth([marks[k] for k in covered]) or (doubt.fragments and _worth(proposal) > SURE):
            taken |= {id(part) for part in doubt.fragments}
            for k in covered:
                replaced[k] = (doubt, proposal if k == doubt.first else [])
    for doubt, _ in proposals:
        if doubt.last > doubt.first and not any(k in replaced for k in range(doubt.first, doubt.last + 1)):
            _doubt_apart(doubt, marks)
    return [mark for k, old in enumerate(marks) for mark in (replaced[k][1] if k in replaced else [old])]


def _doubt_apart(doubt: _Doubt, marks: list[Mark]) -> None:
    """Give two pieces that stay apart the probability that they are two: an open 4 and a 0 without top and foot are two
    sure 1s as well."""
    (joined,) = doubt.predictions
    if not joined.is_digit:
        return
    apart = _worth(marks[doubt.first : doubt.last + 1])
    share = (apart / max(apart + joined.confidence, 1e-12)) ** 0.5
    for k in (doubt.first, doubt.last):
        marks[k] = replace(marks[k], odds=marks[k].odds * share)


def _proposal(doubt: _Doubt, marks: Sequence[Mark]) -> tuple[_Doubt, list[Mark]]:
    """The marks that may take the place of a doubt's pieces; two pieces that are likely digits by themselves are less
    likely to be one.
    """
    if doubt.cutting is None:
        seen = zip(doubt.regions, doubt.predictions, strict=True)
        apart = _worth(marks[doubt.first : doubt.last + 1]) if doubt.last > doubt.first else 0.0
        if apart < LIKELY:
            return doubt, [Mark(region, told) for region, told in seen]
        return doubt, [Mark(region, told, told.confidence / (told.confidence + apart)) for region, told in seen]
    whole = marks[doubt.first].prediction
    if doubt.told is not None:
        return doubt, _as_told(doubt.told, doubt, whole)
    path, several, odds = best_path(doubt.cutting, doubt.predictions)
    if not path:
        return doubt, []
    odds *= _odds_of_several(doubt.wide, several, _likelihood_of_one(whole, doubt.is_alone))
    if odds < LIKELY and not all(doubt.predictions[k].is_digit for k in path):
        return doubt, []
    share = odds ** (1.0 / len(path))
    return doubt, [Mark(doubt.regions[k], doubt.predictions[k], share) for k in path]


def _as_told(told: Explanation, doubt: _Doubt, whole: Prediction) -> list[Mark]:
    """The characters of a piece that is several, each with its part; none where it is one.

    An N or an M may be 11 to the network for strings. So a piece whose characters are strokes as letters have them is
    weighed against one sign as well.
    """
    if not told.path:
        return []
    odds = told.odds
    if set(told.text) <= LEGS:
        odds *= _odds_of_several(doubt.wide, told.likelihood, _likelihood_of_one(whole, is_alone=True))
    share = odds ** (1.0 / len(told.path))
    return [Mark(doubt.regions[k], each, share) for k, each in zip(told.path, told.predictions, strict=True)]


def _worth(marks: Sequence[Mark]) -> float:
    """The least probability of some marks' likeliest digits: a chain is as good as its weakest link."""
    return min((mark.odds * _digit_score(mark.prediction) for mark in marks), default=0.0)


def _digit_score(prediction: Prediction) -> float:
    return max(score for label, score in prediction.scores.items() if label != NOT_A_DIGIT)
