"""Several frames of one moment as one reading: what most of them agree on, or doubt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from edge.nouns import UNREADABLE, Reading


def agree(burst: Sequence[Sequence[Reading]]) -> list[Reading]:
    """The readings that more than half of the frames agree on; in doubt, one that says so.

    Parameters
    ----------
    burst : sequence of the readings of a frame each
        They belong together by their names; a name that most frames do not have is left out.
    """
    names = list(dict.fromkeys(reading.name for readings in burst for reading in readings))
    by_name = [[reading for readings in burst for reading in readings if reading.name == name] for name in names]
    return [_agree_on(readings, len(burst)) for readings in by_name if 2 * len(readings) > len(burst)]


def _agree_on(readings: Sequence[Reading], frames: int) -> Reading:
    """One reading of several of the same number."""
    counts = Counter((reading.text, reading.status) for reading in readings)
    (most, count) = counts.most_common(1)[0]
    agreed = max((r for r in readings if (r.text, r.status) == most), key=lambda reading: reading.confidence)
    if 2 * count > frames:
        return agreed
    texts = Counter(reading.text or "nothing" for reading in readings)
    found = ", ".join(f"{text} in {number}" for text, number in texts.most_common(3))
    reason = f"{frames} frames disagree: {found}"
    common = _common([reading.text for reading in readings])
    return Reading(agreed.name, common, None, "uncertain", agreed.confidence * count / frames, agreed.box, reason)


def _common(texts: Sequence[str]) -> str:
    """The characters that texts of one length share, "?" for the others; "?" alone for texts of several lengths."""
    if len({len(text) for text in texts}) != 1:
        return UNREADABLE
    return "".join(each[0] if len(set(each)) == 1 else UNREADABLE for each in zip(*texts, strict=True))
