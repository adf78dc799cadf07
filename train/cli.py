"""`python -m train`: fit a recipe, evaluate a run, predict a picture. Results on stdout, all else on stderr."""

from __future__ import annotations

import logging
import shlex
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.errors import EdgeError
from train.quiet import import_keras_quietly

if TYPE_CHECKING:
    from train.data.dataset import Dataset
    from train.recipes import Recipe

DATA_CHOICES = ("auto", "mnist", "builtin", "meter", "emnist-letters", "emnist-balanced", "emnist-digits")
"""What `train.data.choose.open_dataset` takes."""

log = logging.getLogger("train")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Train the Keras networks that `convert` quantizes and `edge` runs."""


@cli.command()
@click.argument("recipe")
@click.option("--data", type=click.Choice(DATA_CHOICES), default="auto", show_default=True,
              help="Data set; auto is the recipe's own, or builtin where MNIST cannot be had.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), help="Run folder.  [default: runs/RECIPE]")
@click.option("--from", "start", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="BUNDLE",
              help="Train on from this bundle's weights, on new sets, at a third of the learning rate.")  # fmt: skip
@click.option("--epochs", type=click.IntRange(1), help="Instead of the recipe's number.")
@click.option("--seed", type=click.IntRange(0, 2**20), default=0, show_default=True, help="Of every random draw.")
@click.option("--limit", type=click.IntRange(100), help="At most this many pictures of each part, for a quick trial.")
@click.option(
    "--resume/--fresh",
    "is_resumed",
    default=True,
    show_default=True,
    help="Go on with a stopped training, or start anew.",
)
def fit(
    recipe: str,
    data: str,
    out: Path | None,
    start: Path | None,
    epochs: int | None,
    seed: int,
    limit: int | None,
    is_resumed: bool,
) -> None:
    """Train RECIPE (dense, digits, paper, strings, meter, characters) and leave a run folder.

    A stopped training goes on after its last finished epoch when the same command is given again.
    """
    import_keras_quietly()
    from train.card import Settings
    from train.data.choose import open_dataset
    from train.fit import fit as fit_recipe

    chosen = _recipe(recipe)
    dataset = open_dataset(data, chosen.data, seed)
    note = _builtin_note(dataset, data)
    if note:
        log.warning("%s", note)
    out = out or Path("runs", recipe)
    command = shlex.join(["python", "-m", "train", *sys.argv[1:]])
    settings = Settings(seed, epochs, limit, not is_resumed, command, start)
    try:
        card = fit_recipe(chosen, dataset, out, settings).card()
    except KeyboardInterrupt:
        click.echo("readout: stopped; the same command goes on after the last finished epoch", err=True)
        sys.exit(130)
    _print_result(out, card)
    if note:
        log.warning("%s", note)


@cli.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--choose-again", is_flag=True,
              help="Make the validation pictures anew, and choose temperature and cutoff by them.")  # fmt: skip
def evaluate(run: Path, choose_again: bool) -> None:
    """Judge the model of a run folder again, and make its figures and reports anew."""
    import_keras_quietly()
    from train.card import Settings
    from train.data.choose import open_dataset
    from train.fit import choose_again as choose
    from train.fit import judged
    from train.recipes import RECIPES
    from train.run_folder import RunFolder

    folder = RunFolder(run)
    card = folder.card()
    if choose_again:
        recipe = RECIPES[card["recipe"]]
        dataset = open_dataset("builtin" if card["builtin"] else "auto", recipe.data, card["seed"])
        _print_result(run, choose(recipe, dataset, folder, Settings(card["seed"])))
        return
    splits = card["evaluation_split"], card["confidence"]["split"]
    tolerance = RECIPES[card["recipe"]].tolerance
    found = judged(folder, folder.model(), tuple(card["labels"]), *splits, tolerance)
    click.echo(f"{run}: {found.accuracy}")


@cli.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--with", "bundle", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False),
              metavar="BUNDLE", help="The bundle that RUN's training went on from.")  # fmt: skip
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Run folder of the mean.")
@click.option("--share", type=click.FloatRange(0.0, 1.0), default=0.5, show_default=True, help="Of RUN's weights.")
def mean(run: Path, bundle: Path, out: Path, share: float) -> None:
    """Weigh the network of RUN with the one that it went on from: often surer of what neither was trained for."""
    import_keras_quietly()
    from train.mean import mean_with
    from train.run_folder import RunFolder

    command = shlex.join(["python", "-m", "train", *sys.argv[1:]])
    _print_result(out, mean_with(RunFolder(run), bundle, share, out, command))


@cli.command()
@click.argument("pictures", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--run", type=click.Path(path_type=Path), default=Path("runs", "digits"), show_default=True, help="Run folder."
)
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), help="Write input, glyph and scores as a picture."
)
def predict(pictures: Sequence[Path], run: Path, plot: Path | None) -> None:
    """Say which digit each of PICTURES shows, with the score of every class."""
    import_keras_quietly()
    from edge.atomic import replacing
    from train import figures
    from train.predict import Network, predict_picture
    from train.run_folder import RunFolder

    network = Network.open(RunFolder(run))
    shown, failed = [], 0
    for path in pictures:
        try:
            gray, seen, prediction = predict_picture(path, network)
        except EdgeError as error:
            click.echo(f"readout: {error}", err=True)
            failed += 1
            continue
        shown.append((path.name, gray, seen, prediction))
        if prediction is None:
            click.echo(f"{path}: no digit")
        else:
            scores = "  ".join(f"{figures.name_of(label)} {score:.4f}" for label, score in prediction.scores.items())
            click.echo(f"{path}: {figures.name_of(prediction.label)} ({prediction.confidence:.4f})\n  {scores}")
    if plot and shown:
        with replacing(plot) as beside:
            figures.predictions(shown).savefig(beside, dpi=110)
    if failed:
        sys.exit(1)


def main() -> None:
    """The command with one line for each error that a user can mend."""
    _log_to_stderr()
    try:
        cli(prog_name="python -m train")
    except EdgeError as error:
        if "--debug" in sys.argv:
            traceback.print_exc()
        click.echo(f"readout: {error}", err=True)
        sys.exit(1)


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)


def _recipe(name: str) -> Recipe:
    from train.recipes import RECIPES

    if name not in RECIPES:
        raise click.BadParameter(f"{name!r} is none; there are {', '.join(RECIPES)}", param_hint="RECIPE")
    return RECIPES[name]


def _builtin_note(dataset: Dataset, asked: str) -> str | None:
    """What a user must know whose model is not trained on MNIST though nothing else was asked for."""
    from train.data.dataset import Digits
    from train.data.mnist import where_to_put

    if not dataset.is_builtin:
        return None
    reason = "MNIST was not found" if asked == "auto" else "--data builtin was asked for"
    if not isinstance(dataset.train, Digits):
        return f"NOTE: {reason.replace('MNIST was', 'the crops of meters were')}; training on rendered cells only."
    return f"NOTE: {reason}; training on rendered digits instead. For a model that reads handwriting, {where_to_put()}."


def _print_result(out: Path, card: dict[str, Any]) -> None:
    from train.evaluate import Accuracy

    confidence = card["confidence"]
    click.echo(
        f"{out}: {Accuracy(**card['accuracy'])}; {card['epochs']} epochs, {card['seconds']:.0f} s; "
        f"at cutoff {confidence['cutoff']:.3f} it accepts {confidence['coverage']:.2%}, "
        f"of which {confidence['risk']:.3%} wrong ({confidence['split']})"
    )
