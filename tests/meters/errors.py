"""Where the tenths of drums go wrong, group by group: how far, which way, and how true the labels are.

    nice -n 10 python -m tests.meters.errors [--split val] [--model models/meter]

"labels agree" is told by pairs of crops of one group that differ by less than the noise of a camera: how many of them
carry labels within a tenth of each other. No reading can be within a tenth of both where they do not. "beside" is the
median of reading less label in tenths: a meter or a hand that is always off by the same. "without it" is the share that
would be within a tenth if that much were taken off, a diagnosis and no accuracy: the truth is in it.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from edge.inference.classifier import CellClassifier
from edge.meters.cell import normalize_cell
from tests.meters.measure import Sample, answer, load_sample

ALIKE = 8.0
"""Root of the mean square difference of two cells, in gray levels after their contrast is stretched, below which they
are pictures of the same. JPEG and noise alone make 4 to 6.
"""

LEAST = 14
"""Crops of a group that gets a line of its own."""


def offsets(sample: Sample, tenths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Reading less label in tenths, the shorter way round, -50 to 49."""
    return (tenths - sample.tenths + 50) % 100 - 50


def label_agreement(cells: NDArray[np.float32], labels: NDArray[np.int64]) -> tuple[int, int]:
    """Pairs (n, pixels) of cells that show the same, and those of them with labels within a tenth."""
    squares = np.square(cells).sum(axis=1)
    distances = (squares[:, None] + squares[None, :] - 2 * cells @ cells.T) / cells.shape[1]
    first, second = np.nonzero(np.triu(distances < ALIKE**2, k=1))
    apart = np.abs((labels[first] - labels[second] + 50) % 100 - 50)
    return len(first), int((apart <= 1).sum())


def line(name: str, sample: Sample, off: NDArray[np.int64], chosen: NDArray[np.bool_]) -> str:
    """What is to be said of some crops."""
    cells = np.stack([normalize_cell(sample.grays[k]) for k in np.flatnonzero(chosen)]).astype(np.float32)
    pairs, agreeing = label_agreement(cells.reshape(len(cells), -1), sample.tenths[chosen])
    part, settled = off[chosen], sample.is_settled[chosen]
    beside = float(np.median(part))
    shares = [(np.abs(part) <= most).mean() for most in (0, 1, 2, 5)]
    without = (np.abs((part - round(beside) + 50) % 100 - 50) <= 1).mean()
    rolling = (np.abs(part[~settled]) <= 1).mean() if (~settled).any() else float("nan")
    return (
        f"{name:>6} {len(part):5d}  within 0, .1, .2, .5: {' '.join(f'{share:6.1%}' for share in shares)}  "
        f"rolling .1: {rolling:6.1%}  beside {beside:+.0f}, without it {without:6.1%}  "
        f"labels agree {agreeing} of {pairs} pairs"
    )


@click.command()
@click.option("--model", type=click.Path(path_type=Path), default=Path("models/meter"), show_default=True)
@click.option("--split", type=click.Choice(["val", "train"]), default="val", show_default=True)
def main(model: Path, split: str) -> None:
    """Print a line a group, and one for all."""
    sample = load_sample(split)
    off = offsets(sample, answer(sample.grays, CellClassifier.open(model)).tenths)
    groups, counts = np.unique(sample.groups, return_counts=True)
    for group in groups[np.argsort(-counts, kind="stable")]:
        chosen = sample.groups == group
        if LEAST <= chosen.sum() <= 3000:
            click.echo(line(str(group), sample, off, chosen))
    small = np.isin(sample.groups, groups[counts < LEAST])
    if small.any():
        click.echo(line("others", sample, off, small))


if __name__ == "__main__":
    main()
