"""`edge classify`: one digit a picture."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.atomic import write_bytes
from edge.commands.opening import default_model
from edge.commands.options import EXIT_FAILURE, Command, json_option, model_option
from edge.commands.streams import say
from edge.errors import PictureError

if TYPE_CHECKING:
    from edge.nouns import Gray
    from edge.paper.crop import Classified


@click.command(cls=Command)
@click.argument("pictures", nargs=-1, required=True, metavar="PICTURE...")
@model_option
@json_option
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Draw input, glyph and scores into FILE, a PNG; one picture only.",
)
def classify(pictures: tuple[str, ...], model: Path | None, as_json: bool, plot: Path | None) -> None:
    """Print the label of each picture of one digit, with the score of every class."""
    if plot and len(pictures) > 1:
        raise click.UsageError("--plot draws one picture; give one PICTURE, or leave it out")
    classify_gray = _open_classify(model or default_model())
    failures = 0
    for picture in pictures:
        try:
            _classify_picture(picture, classify_gray, as_json, plot)
        except PictureError as error:
            failures += 1
            say(error)
    if failures:
        raise click.exceptions.Exit(EXIT_FAILURE)


def _open_classify(model: Path) -> Callable[[Gray], Classified]:
    """What classifies a picture with that bundle: a glyph that is found in it, or the whole as a meter's cell."""
    from edge.inference.classifier import CellClassifier, open_network
    from edge.paper.crop import Classified, classify_cell
    from edge.paper.reader import Reader
    from edge.pipeline import classify_crop

    network = open_network(model)
    if isinstance(network, CellClassifier):
        return lambda gray: classify_cell(gray, network)
    reader = Reader(network, network.card.confidence.cutoff)

    def classify_glyph(gray: Gray) -> Classified:
        prediction, glyph = classify_crop(gray, reader)
        return Classified(glyph.pixels if glyph else None, prediction)

    return classify_glyph


def _classify_picture(name: str, classify_gray: Callable[[Gray], Classified], as_json: bool, plot: Path | None) -> None:
    from edge.pictures import load_picture
    from edge.sinks import write_lines

    gray = load_picture(name)
    found = classify_gray(gray)
    write_lines(
        sys.stdout,
        [json.dumps(_classified_record(name, found), allow_nan=False)] if as_json else _classified_lines(name, found),
    )
    if plot:
        import cv2

        from edge.draw import plot_prediction

        write_bytes(plot, cv2.imencode(".png", plot_prediction(gray, found.seen, found.prediction))[1].tobytes())


def _classified_record(name: str, found: Classified) -> dict[str, Any]:
    """The JSON contract of classify; a crop with no digit has label null, and what lacks to 1 is "no digit"."""
    prediction = found.prediction
    return {
        "source": name,
        "label": prediction.label if prediction and prediction.is_digit else None,
        "confidence": round(prediction.confidence, 4) if prediction else 0.0,
        "scores": {label: round(score, 4) for label, score in prediction.scores.items() if label} if prediction else {},
        "position": found.position,
    }


def _classified_lines(name: str, found: Classified) -> list[str]:
    from edge.sinks import one_line, shown_confidence

    prediction = found.prediction
    if prediction is None:
        return [f"{one_line(name)}  no digit (no ink found)"]
    label = prediction.label if prediction.is_digit else "no digit"
    scores = [f"    {label or 'none':<5} {shown_confidence(score)}" for label, score in prediction.scores.items()]
    position = "" if found.position is None else f"  position {found.position:.1f}"
    return [f"{one_line(name)}  {label}  {shown_confidence(prediction.confidence)}{position}", *scores]
