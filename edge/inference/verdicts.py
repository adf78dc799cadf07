"""What a network's probabilities say of each picture, whatever its labels mean: one label, a drum's digit, a string."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.meters.cell import read_scores
from edge.paper.strings import has_strings, read_strings


def verdicts_of(
    probabilities: NDArray[np.float64], labels: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The answer to each picture as it is read, (n) int64, and its probability, (n).

    An answer is a place in `edge.meters.cell.read_labels`, or the code of a string, see `edge.paper.strings`.

    Parameters
    ----------
    probabilities : (n, classes), or (n, frames, classes) float64
    labels : sequence of str
        The network's.
    """
    if has_strings(labels):
        return read_strings(probabilities)
    read = read_scores(probabilities, labels)
    return read.argmax(axis=1).astype(np.int64), read.max(axis=1)
