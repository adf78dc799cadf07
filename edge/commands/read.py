"""`edge read`: pictures, folders, clips, or one frame of a camera."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from edge.commands.opening import config_of, default_model, reader_of
from edge.commands.options import EXIT_FAILURE, Command, config_option, json_option, model_option
from edge.commands.streams import say
from edge.errors import BundleError, ConfigError, EdgeError, OutputError, PageError

if TYPE_CHECKING:
    from edge.forms.stack import Stack
    from edge.nouns import Frame
    from edge.pipeline import FrameReader, Sink
    from edge.schema import Config
    from edge.sources import Source


@click.command(cls=Command)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@config_option
@model_option
@json_option
@click.option(
    "--annotate",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Put pictures with what was read drawn on them into DIR.",
)
@click.option("--show", is_flag=True, help="Show what is read in a window.")
@click.option(
    "--csv",
    "table_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Put a row a form into FILE instead of lines on stdout; the same command goes on after a stop.",
)
@click.option(
    "--review",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="With --csv: put crops of what is doubtful into DIR, and a sheet to look through them, index.html.",
)
@click.option("--rotate", type=click.Choice(["none", "auto"]), help="auto: pages may lie on their side or upside down.")
def read(
    sources: tuple[str, ...],
    config_path: Path | None,
    model: Path | None,
    as_json: bool,
    annotate: Path | None,
    show: bool,
    table_path: Path | None,
    review: Path | None,
    rotate: Literal["none", "auto"] | None,
) -> None:
    """Print a line for each number in pictures, folders, videos, or one frame of a camera.

    SOURCE is a picture, a PDF or TIFF of any number of pages, a folder, a video file, camera,
    picamera2:0, v4l2:/dev/video0, rtsp://..., http(s)://..., watch:FOLDER (the next picture put into it)
    or demo: (a rendered meter).
    """
    from edge.sinks import AnnotatedPictures, JsonLines, TextLines, Window

    if review and not table_path:
        raise click.UsageError("--review goes with --csv FILE, which knows how far the stack has come; add it")
    if table_path == Path("-"):
        raise click.UsageError("--csv goes on with its FILE after a stop, so that needs a name; for a pipe take --json")
    config = config_of(config_path, model)
    if rotate is not None:
        config = config.model_copy(update={"read": config.read.model_copy(update={"rotate": rotate})})
    reader = reader_of(model, config)
    with _opened_stack(table_path, review, config, model) as stack:
        sinks: list[Sink] = [JsonLines(sys.stdout)] if as_json else [] if stack else [TextLines(sys.stdout)]
        sinks += [AnnotatedPictures(annotate)] if annotate else []
        sinks += [Window()] if show else []
        sinks += [stack] if stack else []  # last: a form in the table is done
        failures = [error for source in sources for error in _read_source(source, config, reader, sinks, stack)]
    if failures:
        raise click.exceptions.Exit(EXIT_FAILURE)


def _opened_stack(
    path: Path | None, review: Path | None, config: Config, model: Path | None
) -> AbstractContextManager[Stack | None]:
    """The table that `--csv` names, or nothing."""
    if path is None:
        return nullcontext()
    from edge.forms.stack import Stack, setup_of

    folder = model or default_model()
    bundles = [folder.parent / field.bundle for field in config.field] or [folder]
    return Stack.open(path, [field.name for field in config.field], setup_of(config, bundles), review, say)


def _read_source(
    uri: str, config: Config, reader: FrameReader, sinks: Sequence[Sink], stack: Stack | None
) -> list[EdgeError]:
    """Read a source to its end, a live one for one frame; what it could not give is said and returned."""
    from edge.sources import is_live_uri

    failures: list[EdgeError] = []
    try:
        _run_source(uri, config, reader, sinks, 1 if is_live_uri(uri) else None, failures, stack)
    except (OutputError, BundleError, ConfigError):
        raise
    except EdgeError as error:
        say(error)
        failures.append(error)
    return failures


def _run_source(
    uri: str,
    config: Config,
    reader: FrameReader,
    sinks: Sequence[Sink],
    frames: int | None,
    failures: list[EdgeError],
    stack: Stack | None = None,
) -> None:
    from edge.pipeline import run as run_pipeline
    from edge.sources import SourceSettings, open_source

    def on_error(error: EdgeError) -> None:
        failures.append(error)
        say(error)
        if stack and isinstance(error, PageError):
            stack.fail(error)

    settings = SourceSettings.of(config.source, with_colour=config.needs_colour, on_note=say, on_error=on_error)
    settings = replace(settings, is_wanted=stack.is_wanted) if stack else settings
    with open_source(uri, settings) as source:
        run_pipeline(_first(source, frames), reader, sinks)


def _first(source: Source, frames: int | None) -> Iterator[Frame]:
    return iter(source) if frames is None else islice(source, frames)
