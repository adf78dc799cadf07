"""The commands of the device: read, classify, run, check, bench. Readings on stdout, all else on stderr.

What needs OpenCV, NumPy or pydantic is imported by the commands, so that help is there at once and a
package that is missing or does not fit is one line.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from edge import __version__
from edge.atomic import write_bytes
from edge.errors import BundleError, ConfigError, EdgeError, OutputError, PictureError
from edge.notify import JOURNAL_LEVELS, is_journal

if TYPE_CHECKING:
    from edge.config import Config, ReadTable
    from edge.notify import Log
    from edge.nouns import Frame, Prediction
    from edge.pipeline import Reader, Sink
    from edge.service import Setup
    from edge.sources import Source

EXIT_FAILURE = 1
EXIT_INTERRUPTED = 130

HELP = {"help_option_names": ["-h", "--help"]}

model_option = click.option(
    "--model",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of a model bundle.  [default: the digits bundle that is shipped]",
)
config_option = click.option(
    "--config", "config_path", type=click.Path(path_type=Path), metavar="FILE", help="Configuration, a TOML file."
)
json_option = click.option("--json", "as_json", is_flag=True, help="One line of JSON a frame instead of text.")


class Size(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic from click 8.2 on
    """WIDTHxHEIGHT in pixels."""

    name = "WxH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """(width, height) from 640x480."""
        if isinstance(value, tuple):
            return value
        width, _, height = str(value).lower().partition("x")
        if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
            self.fail(f"{value!r} is not a size; write it like 640x480", param, ctx)
        return int(width), int(height)


@click.group(context_settings=HELP, invoke_without_command=True)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(__version__, "-V", "--version", prog_name="readout")
@click.pass_context
def cli(context: click.Context, debug: bool) -> None:  # noqa: ARG001  # --debug is seen to by main
    """Read numbers from pictures, videos and cameras."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@cli.command()
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
@click.option("--rotate", type=click.Choice(["none", "auto"]), help="auto: pages may lie on their side or upside down.")
def read(
    sources: tuple[str, ...],
    config_path: Path | None,
    model: Path | None,
    as_json: bool,
    annotate: Path | None,
    show: bool,
    rotate: Literal["none", "auto"] | None,
) -> None:
    """Print a line for each number in pictures, folders, videos, or one frame of a camera.

    SOURCE is a picture, a folder, a video file, camera, picamera2:0, v4l2:/dev/video0, rtsp://...,
    http(s)://..., watch:FOLDER (the next picture put into it) or demo: (a rendered meter).
    """
    from edge.sinks import AnnotatedPictures, JsonLines, TextLines, Window

    config = _load_config(config_path, model)
    table = config.read if rotate is None else config.read.model_copy(update={"rotate": rotate})
    reader = _open_reader(model, table)
    sinks: list[Sink] = [JsonLines(sys.stdout) if as_json else TextLines(sys.stdout)]
    sinks += [AnnotatedPictures(annotate)] if annotate else []
    sinks += [Window()] if show else []
    failures = [error for source in sources for error in _read_source(source, config, reader, sinks)]
    if failures:
        raise click.exceptions.Exit(EXIT_FAILURE)


@cli.command()
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
    reader = _open_reader(model)
    failures = 0
    for picture in pictures:
        try:
            _classify_picture(picture, reader, as_json, plot)
        except PictureError as error:
            failures += 1
            _say(error)
    if failures:
        raise click.exceptions.Exit(EXIT_FAILURE)


@cli.command()
@config_option
@click.option("--source", "uri", help="Source to read; overrides the configuration's.")
@model_option
@json_option
@click.option("--frames", type=click.IntRange(min=1), help="End after this many frames.  [default: until stopped]")
def run(config_path: Path | None, uri: str | None, model: Path | None, as_json: bool, frames: int | None) -> None:
    """Read a source until it ends or Ctrl-C, and print a line for each new reading.

    [run] in the configuration sets a schedule. SIGUSR1 asks for a reading now, SIGHUP loads the configuration again.
    """
    from edge.notify import Log, Supervisor
    from edge.service import Signals, Surroundings, serve

    if config_path is None and uri is None:
        raise click.UsageError("name a source: --source camera, or --config FILE; without a camera try --source demo:")
    failures: list[EdgeError] = []
    with closing(Log.open()) as log, closing(Supervisor()) as supervisor, Signals() as signals:

        def on_error(error: EdgeError) -> None:
            failures.append(error)
            log.say("error", error)

        with _stopped_by_interrupt():
            load = partial(_load_setup, config_path, uri, model, as_json, log)
            serve(load, Surroundings(signals, log, supervisor, on_error=on_error), frames=frames)
    if failures:
        raise click.exceptions.Exit(EXIT_FAILURE)


@cli.command()
@config_option
@model_option
def check(config_path: Path | None, model: Path | None) -> None:
    """Check bundle, runtime, golden replay, camera and configuration: each ok, or the reason and what to do."""
    from edge.check import check_device
    from edge.sinks import write_lines

    checks = check_device(model or default_model(), config_path)
    write_lines(sys.stdout, [str(each) for each in checks])
    failed = sum(each.outcome == "FAILED" for each in checks)
    if failed:
        raise EdgeError(f"{failed} check{'s' if failed > 1 else ''} failed; the lines above say what to do")


@cli.command()
@model_option
@click.option("--frames", type=click.IntRange(min=1), default=100, show_default=True, help="Frames to measure.")
@click.option("--size", type=Size(), default=(640, 480), show_default="640x480", help="Size of the rendered frames.")
@click.option("--threads", type=click.IntRange(1, 64), default=1, show_default=True, help="Threads of the runtime.")
@json_option
def bench(model: Path | None, frames: int, size: tuple[int, int], threads: int, as_json: bool) -> None:
    """Measure latency by stage, frames a second and memory on this device."""
    from edge.bench import benchmark_lines, benchmark_record, measure
    from edge.sinks import write_lines

    reader = _open_reader(model, threads=threads)
    found = measure(reader, size, frames, threads)
    write_lines(sys.stdout, [json.dumps(benchmark_record(found))] if as_json else benchmark_lines(found))


def default_model() -> Path:
    """The shipped bundle: of the folder one works in, of the repository, or of the installed package."""
    from edge.config import SHIPPED

    package = Path(__file__).resolve().parent
    places = [Path("models", SHIPPED), package.parent / "models" / SHIPPED, package / "_models" / SHIPPED]
    return next((place for place in places if place.is_dir()), places[0])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 success, 1 failure with one line on stderr, 2 wrong usage."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    is_debug = "--debug" in words
    if not is_debug:
        _silence_libraries()
    try:
        return _invoke([word for word in words if word != "--debug"])
    except (EdgeError, ImportError) as error:
        if is_debug:
            raise
        _say(error if isinstance(error, EdgeError) else _misfit(error))
        return EXIT_FAILURE


def _invoke(words: list[str]) -> int:
    """The exit code of a command. Not `cli.main`, which makes a reader that went away a failure."""
    try:
        with cli.make_context("readout", words) as context:
            cli.invoke(context)
    except click.exceptions.Exit as ending:
        return ending.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _drop_stdout()
    return 0


def _misfit(error: ImportError) -> str:
    remedy = "make setup, or in the repository: pip install -e '.[edge]'"
    return f"a package is missing or does not fit the others ({error}); {remedy}"


def _read_source(uri: str, config: Config, reader: Reader, sinks: Sequence[Sink]) -> list[EdgeError]:
    """Read a source to its end, a live one for one frame; what it could not give is said and returned."""
    from edge.sources import is_live_uri

    failures: list[EdgeError] = []
    try:
        _run_source(uri, config, reader, sinks, 1 if is_live_uri(uri) else None, failures)
    except (OutputError, BundleError, ConfigError):
        raise
    except EdgeError as error:
        _say(error)
        failures.append(error)
    return failures


def _run_source(
    uri: str, config: Config, reader: Reader, sinks: Sequence[Sink], frames: int | None, failures: list[EdgeError]
) -> None:
    from edge.pipeline import run as run_pipeline
    from edge.sources import SourceSettings, open_source

    def on_error(error: EdgeError) -> None:
        failures.append(error)
        _say(error)

    settings = SourceSettings.of(config.source, on_note=_say, on_error=on_error)
    with open_source(uri, settings) as source:
        run_pipeline(_first(source, frames), reader, sinks)


def _first(source: Source, frames: int | None) -> Iterator[Frame]:
    return iter(source) if frames is None else islice(source, frames)


def _classify_picture(name: str, reader: Reader, as_json: bool, plot: Path | None) -> None:
    from edge.pictures import load_picture
    from edge.pipeline import classify_crop
    from edge.sinks import write_lines

    gray = load_picture(name)
    prediction, glyph = classify_crop(gray, reader)
    write_lines(
        sys.stdout,
        [json.dumps(_classified_record(name, prediction), allow_nan=False)]
        if as_json
        else _classified_lines(name, prediction),
    )
    if plot:
        import cv2

        from edge.draw import plot_prediction

        write_bytes(plot, cv2.imencode(".png", plot_prediction(gray, glyph, prediction))[1].tobytes())


def _classified_record(name: str, prediction: Prediction | None) -> dict[str, Any]:
    """The JSON contract of classify; a crop with no digit has label null, and what lacks to 1 is "no digit"."""
    return {
        "source": name,
        "label": prediction.label if prediction and prediction.is_digit else None,
        "confidence": round(prediction.confidence, 4) if prediction else 0.0,
        "scores": {label: round(score, 4) for label, score in prediction.scores.items() if label} if prediction else {},
        "position": None,
    }


def _classified_lines(name: str, prediction: Prediction | None) -> list[str]:
    from edge.sinks import one_line, shown_confidence

    if prediction is None:
        return [f"{one_line(name)}  no digit (no ink found)"]
    label = prediction.label if prediction.is_digit else "no digit"
    scores = [f"    {label or 'none':<5} {shown_confidence(score)}" for label, score in prediction.scores.items()]
    return [f"{one_line(name)}  {label}  {shown_confidence(prediction.confidence)}", *scores]


def _load_config(path: Path | None, model: Path | None) -> Config:
    from edge.config import Config, load_config, not_yet_readable

    if path is None:
        return Config()
    config = load_config(path)
    problems = not_yet_readable(config, (model or default_model()).parent)
    if problems:
        raise ConfigError(f"{path}: {problems[0]}")
    return config


def _open_reader(model: Path | None, table: ReadTable | None = None, threads: int = 1) -> Reader:
    from edge.config import ReadTable
    from edge.pipeline import Reader

    table = table or ReadTable()
    return Reader.open(
        model or default_model(), cutoff=table.cutoff, threads=threads, any_way_up=table.rotate == "auto"
    )


def _load_setup(config_path: Path | None, uri: str | None, model: Path | None, as_json: bool, log: Log) -> Setup:
    """What `edge run` does with a configuration: loaded anew at each SIGHUP."""
    from edge.pipeline import read_frame
    from edge.service import Setup

    config = _load_config(config_path, model)
    reader = _open_reader(model, config.read)

    @contextmanager
    def open_sinks() -> Iterator[list[Sink]]:
        yield [_printer(as_json, config.run.is_scheduled, log)]

    return Setup(
        config, uri or config.source.uri, lambda frame: read_frame(frame, reader), open_sinks, must_open=uri is not None
    )


def _printer(as_json: bool, every_reading: bool, log: Log) -> Sink:
    """Lines on stdout: of every reading, or of those that differ from the one before."""
    from edge.service import OverStatus
    from edge.sinks import JsonLines, OnChange, TextLines

    lines = OverStatus(JsonLines(sys.stdout) if as_json else TextLines(sys.stdout, with_time=True), log)
    return lines if every_reading else OnChange(lines, whole_frames=as_json)


@contextmanager
def _stopped_by_interrupt() -> Iterator[None]:
    """Ctrl-C ends the block like the source's end; before the service heeds signals itself, or when it hangs."""
    with suppress(KeyboardInterrupt):
        yield


def _silence_libraries() -> None:
    """Keep OpenCV's and FFmpeg's own remarks off stderr; they are read before OpenCV is first used."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


def _say(remark: object) -> None:
    """One line on stderr, whatever bytes a file's name has; for the journal with the level of an error."""
    text = str(remark).replace("\n", " ").encode("utf-8", "backslashreplace").decode()
    prefix = f"<{JOURNAL_LEVELS['error']}>" if is_journal(2, os.environ) else "readout: "
    click.echo(f"{prefix}{text}", err=True)


def _drop_stdout() -> None:
    """Point stdout at nothing, for Python flushes it once more at the exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
