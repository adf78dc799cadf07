"""How far int8 is from float on the validation cells of a run for meters, and what each step before it is worth.

    nice -n 10 python -m tests.meters.agreement runs/meter

The distance of a cell is half the sum of the differences between its probabilities in float and in int8 (LiteRT).
Cells that differ are those that the gate of `convert` would count. Validation cells, not those of the gate.
"""

from __future__ import annotations

from pathlib import Path

import click
import keras
import numpy as np

from convert.flatbuffer import parse_network
from convert.inference import from_int8, run_apart
from convert.prepare import with_rounded_weights, without_lowest_logits
from convert.quantize import float_logits, load_keras, quantize_model
from convert.run_folder import RunFolder, load_run
from edge.inference.classifier import softmax
from edge.meters.cell import answers, is_same


def line(name: str, model: keras.Model, run: RunFolder, expected: np.ndarray) -> str:
    """What int8 of a model differs by from the probabilities (n, 103) expected."""
    cells, names = run.validation.glyphs, run.card.labels
    converted = quantize_model(model, run.calibration.samples.glyphs)
    output = parse_network(converted).outputs[0]
    logits = from_int8(run_apart(converted, cells, "litert"), output.scales[0], output.zero_points[0])
    found = softmax(logits / run.card.confidence.temperature)
    distance = np.abs(found - expected).sum(axis=1).mean() / 2
    differing = int(np.count_nonzero(~is_same(answers(expected, names), answers(found, names), names)))
    return f"{name:24s} distance {distance:.5f}, {differing} of {len(cells):,} differ, a step is {output.scales[0]:.4f}"


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
def main(run: Path) -> None:
    """Quantize the network of RUN as it is, with its weights rounded, and without its lowest logits."""
    folder = load_run(run)
    model, glyphs = load_keras(run / "model.keras"), folder.calibration.samples.glyphs
    logits = float_logits(model, folder.validation.glyphs).astype(np.float64)
    expected = softmax(logits / folder.card.confidence.temperature)
    click.echo(line("as it is", model, folder, expected))
    rounded = with_rounded_weights(model, glyphs)
    click.echo(line("rounded", rounded, folder, expected))
    click.echo(line("without lowest logits", without_lowest_logits(model, glyphs), folder, expected))
    click.echo(line("both", without_lowest_logits(rounded, glyphs), folder, expected))


if __name__ == "__main__":
    main()
