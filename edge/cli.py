"""The commands of the device; stdout carries readings only.

What needs OpenCV, NumPy or pydantic is imported by the commands, so that help is there at once and a
package that is missing or does not fit is one line.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, redirect_stderr, suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from edge import __version__
from edge.atomic import write_bytes
from edge.errors import BundleError, ConfigError, EdgeError, OutputError, PageError, PictureError, SourceError
from edge.faults import OTHER_NUMPY, why_no_import
from edge.service.notify import JOURNAL_LEVELS, is_journal

if TYPE_CHECKING:
    from edge.forms.stack import Stack
    from edge.nouns import Frame, Gray
    from edge.paper.crop import Classified
    from edge.paper.reader import Reader
    from edge.pipeline import FrameReader, Sink
    from edge.schema import Config, ReadTable
    from edge.service.loop import Setup, Signals
    from edge.service.notify import Log
    from edge.sources import Source

EXIT_FAILURE = 1
EXIT_INTERRUPTED = 130

LINES_AT_ONCE = 500
"""Lines that are written to stdout with one call."""

ANSWER_S = 10.0
"""Who asks for a reading over HTTP waits for the time that a camera has for a burst, and this long for its reading."""

HELP = {"help_option_names": ["-h", "--help"]}

model_option = click.option(
    "--model",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of a model bundle; the fields of a configuration find theirs beside it.  [default: the shipped one]",
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


class Command(click.Command):
    """A command. OpenCV is imported when it begins: beside a NumPy that it does not fit, NumPy prints a page itself."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; the error of the import says enough."""
        with redirect_stderr(io.StringIO()):
            import cv2  # noqa: F401
        return super().invoke(ctx)


class Commands(click.Group):
    """The commands, each a `Command`."""

    command_class = Command


@click.group(cls=Commands, context_settings=HELP, invoke_without_command=True)
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
    config = _load_config(config_path, model)
    if rotate is not None:
        config = config.model_copy(update={"read": config.read.model_copy(update={"rotate": rotate})})
    reader = _open_reader(model, config)
    with _opened_stack(table_path, review, config, model) as stack:
        sinks: list[Sink] = [JsonLines(sys.stdout)] if as_json else [] if stack else [TextLines(sys.stdout)]
        sinks += [AnnotatedPictures(annotate)] if annotate else []
        sinks += [Window()] if show else []
        sinks += [stack] if stack else []  # last: a form in the table is done
        failures = [error for source in sources for error in _read_source(source, config, reader, sinks, stack)]
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
    classify_gray = _open_classify(model or default_model())
    failures = 0
    for picture in pictures:
        try:
            _classify_picture(picture, classify_gray, as_json, plot)
        except PictureError as error:
            failures += 1
            _say(error)
    if failures:
        raise click.exceptions.Exit(EXIT_FAILURE)


@cli.command()
@click.argument("picture", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("form.toml"),
    show_default=True,
    metavar="FILE",
    help="Template to write; one that is there is left alone.",
)
@click.option(
    "--preview",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="PNG of the picture with the fields drawn on it.  [default: beside the template, as form-preview.png]",
)
def template(picture: Path, out: Path, preview: Path | None) -> None:
    """Propose the template of a form: find its rows of boxes, and draw them for you to name.

    PICTURE shows the form, best blank and scanned at 200 dpi or more, the right way up.
    """
    from edge.forms.template import write_template

    _say(write_template(picture, out, preview or out.with_name(f"{out.stem}-preview.png")))


@cli.command()
@config_option
@click.option("--source", "uri", help="Source to read; overrides the configuration's.")
@model_option
@json_option
@click.option("--frames", type=click.IntRange(min=1), help="End after this many frames.  [default: until stopped]")
@click.option(
    "--record",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Keep every frame that is read in DIR, for edge replay and edge tune; one that is there goes on.",
)
def run(
    config_path: Path | None,
    uri: str | None,
    model: Path | None,
    as_json: bool,
    frames: int | None,
    record: Path | None,
) -> None:
    """Read a source until it ends or Ctrl-C, and print a line for each new reading.

    [run] in the configuration sets a schedule. SIGUSR1, MQTT and HTTP ask for a reading now, SIGHUP loads the
    configuration again.
    """
    from edge.service.loop import Signals, Surroundings, serve
    from edge.service.notify import Log, Supervisor

    if config_path is None and uri is None:
        raise click.UsageError("name a source: --source camera, or --config FILE; without a camera try --source demo:")
    failures: list[EdgeError] = []
    with closing(Log.open()) as log, closing(Supervisor()) as supervisor, Signals() as signals:

        def on_error(error: EdgeError) -> None:
            failures.append(error)
            log.say("error", error)

        with _stopped_by_interrupt():
            load = partial(_load_setup, config_path, uri, model, as_json, log, signals, record)
            serve(load, Surroundings(signals, log, supervisor, on_error=on_error), frames=frames)
    if failures:
        raise click.exceptions.Exit(EXIT_FAILURE)


@cli.command()
@click.argument("recording", metavar="RECORDING")
@config_option
@model_option
@json_option
@click.option(
    "--truth",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What the meter showed: CSV with the columns frame,field,value.  [default: truth.csv beside the pictures]",
)
@click.option(
    "--every",
    "every_s",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Between two pictures of a folder or frames of a clip.  [default: what their times say]",
)
@click.option(
    "--last",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Compare with what the last replay kept there, and keep this one.  [default: replay.json beside the pictures]",
)
def replay(
    recording: str,
    config_path: Path | None,
    model: Path | None,
    as_json: bool,
    truth: Path | None,
    every_s: float | None,
    last: Path | None,
) -> None:
    """Read a recording again: values right, wrong and in doubt, and what has changed since the last replay.

    RECORDING is a folder that edge run --record made, a folder of pictures, a clip, or a simulated meter such as
    'demo:?meter=water-8&days=1', which knows the truth. Fails where a wrong value is given as ok.
    """
    from edge.replay.command import replay as play
    from edge.sinks import write_lines

    config, reader = _open_replayed(recording, config_path, model)
    found = play(recording, config, reader, truth=truth, every_s=every_s, last=last)
    write_lines(sys.stdout, [json.dumps(found.record)] if as_json else found.lines)
    if found.wrong:
        raise EdgeError(f"{recording}: {found.wrong} wrong value{'s' if found.wrong > 1 else ''} given as ok")


@cli.command()
@click.argument("recording", metavar="RECORDING")
@config_option
@model_option
@click.option(
    "--every",
    "every_s",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Between two pictures of a folder or frames of a clip.  [default: what their times say]",
)
@click.option("--write", is_flag=True, help="Change the configuration; without it the change is shown.")
def tune(recording: str, config_path: Path | None, model: Path | None, every_s: float | None, write: bool) -> None:
    """Learn a meter's order of drums, decimals, slack and direction from a recording, and propose the change.

    RECORDING is as for edge replay; the configuration is that of --config, else the recording's own.
    """
    from edge.replay.play import recorded_config
    from edge.replay.tune import propose, take
    from edge.sinks import write_lines

    path = config_path or recorded_config(recording)
    if path is None:
        raise click.UsageError("say which configuration to tune: --config FILE, or name a recording that has one")
    config, reader = _open_replayed(recording, path, model)
    proposal = propose(recording, path, config, reader, every_s)
    write_lines(sys.stdout, proposal.lines)
    for reason in proposal.reasons:
        _say(reason)
    if not proposal.lines:
        _say(f"{path}: nothing to change; a recording in which more drums turn may tell more")
    elif write:
        take(proposal, path)
        _say(f"{path}: changed")
    else:
        _say(f"{path}: not changed; add --write to take this")


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

    reader = _open_line_reader(model, threads=threads)
    found = measure(reader, size, frames, threads)
    write_lines(sys.stdout, [json.dumps(benchmark_record(found))] if as_json else benchmark_lines(found))


@cli.command()
@click.argument("picture", metavar="PICTURE")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the configuration there.  [default: stdout]"
)
@click.option(
    "--preview", type=click.Path(path_type=Path), metavar="FILE", help="Draw the boxes into FILE, a PNG, to look at."
)
def setup(picture: str, out: Path | None, preview: Path | None) -> None:
    """Propose a configuration for a meter from one photograph: rows of digit windows and dials, found by themselves.

    PICTURE may be a live source, such as camera: its picture is put beside the configuration first, as a PNG.
    """
    from edge.meters.propose import describe
    from edge.meters.setup import check_target, propose_fields, take_picture, text_for, write_preview, write_setup
    from edge.sources import is_live_uri

    if out:
        check_target(out)
    is_live = is_live_uri(picture)
    if is_live and out is None:
        raise click.UsageError(f"the picture of {picture} goes beside the configuration; name that: --out FILE")
    path = out.with_suffix(".png") if is_live and out else Path(picture)
    if is_live:
        take_picture(picture, path)
    try:
        proposal, colour = propose_fields(path)
    except PictureError:
        if is_live:
            path.unlink()  # so that the next try has the name
        raise
    if out:
        write_setup(proposal, path, out)
    else:
        click.echo(text_for(proposal, path, Path()), nl=False)
    if preview:
        write_preview(proposal, colour, preview)
    _say(f"{path}: found {describe(proposal)}; look at the boxes before you trust them")


@cli.command()
@config_option
@click.option("--store", type=click.Path(path_type=Path), metavar="FILE", help="Store; overrides the configuration's.")
@click.option("--field", "names", multiple=True, metavar="NAME", help="Only this field; may be given again.")
@click.option("--since", metavar="TIME", help="2026-11-21, 2026-11-21T07:00, or 7d for the last seven days.")
@click.option("--until", metavar="TIME", help="As --since; that moment itself does not count.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "csv", "json"]),
    default="text",
    show_default=True,
    help="Of the lines.",
)
@click.option("--events", "is_events", is_flag=True, help="What happened instead of what was read.")
@click.option(
    "--crops", type=click.Path(path_type=Path), metavar="DIR", help="Put the pictures of readings in doubt into DIR."
)
def history(
    config_path: Path | None,
    store: Path | None,
    names: tuple[str, ...],
    since: str | None,
    until: str | None,
    form: str,
    is_events: bool,
    crops: Path | None,
) -> None:
    """Print or export the readings in the store: a line each, CSV or JSON."""
    from edge.outputs import history as stored

    if is_events and (names or crops):
        raise click.UsageError("--events are of no field and have no pictures; leave --field and --crops out")
    path = store or _store_path(config_path)
    bounds = _moment_s(since), _moment_s(until)
    if crops:
        stored.export_crops(path, crops, names, *bounds)
    elif is_events:
        _print_all(stored.event_lines(stored.events(path, *bounds), form))
    else:
        lines = {"text": stored.text_lines, "csv": stored.csv_lines, "json": stored.json_lines}[form]
        _print_all(lines(stored.readings(path, names, *bounds)))


def default_model() -> Path:
    """The shipped bundle: of the folder one works in, of the repository, or of the installed package."""
    from edge.schema import SHIPPED

    package = Path(__file__).resolve().parent
    places = [Path("models", SHIPPED), package.parent / "models" / SHIPPED, package / "_models" / SHIPPED]
    return next((place for place in places if _is_folder(place)), places[0])


def _is_folder(path: Path) -> bool:
    """Whether it is one; what may not be looked into, such as another user's home, is none."""
    with suppress(PermissionError):
        return path.is_dir()
    return False


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
        _say(error if isinstance(error, EdgeError) else why_no_import(error))
        return EXIT_FAILURE
    except ValueError as error:
        if is_debug or OTHER_NUMPY not in str(error):
            raise
        _say(why_no_import(error))
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


def _opened_stack(
    path: Path | None, review: Path | None, config: Config, model: Path | None
) -> AbstractContextManager[Stack | None]:
    """The table that `--csv` names, or nothing."""
    if path is None:
        return nullcontext()
    from edge.forms.stack import Stack, setup_of

    folder = model or default_model()
    bundles = [folder.parent / field.bundle for field in config.field] or [folder]
    return Stack.open(path, [field.name for field in config.field], setup_of(config, bundles), review, _say)


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
        _say(error)
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
        _say(error)
        if stack and isinstance(error, PageError):
            stack.fail(error)

    settings = SourceSettings.of(config.source, with_colour=config.needs_colour, on_note=_say, on_error=on_error)
    settings = replace(settings, is_wanted=stack.is_wanted) if stack else settings
    with open_source(uri, settings) as source:
        run_pipeline(_first(source, frames), reader, sinks)


def _first(source: Source, frames: int | None) -> Iterator[Frame]:
    return iter(source) if frames is None else islice(source, frames)


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


def _store_path(config_path: Path | None) -> Path:
    """The store that a configuration has."""
    from edge.config import load_config

    if config_path is None:
        raise click.UsageError("name the store: --store FILE, or --config FILE")
    table = load_config(config_path).store
    if table is None:
        raise ConfigError(f"{config_path}: has no [store]; add one, or name the file with --store")
    return Path(table.path)


def _moment_s(text: str | None) -> float | None:
    from edge.outputs.history import moment_s

    try:
        return None if text is None else moment_s(text, time.time())
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _print_all(lines: Iterator[str]) -> None:
    """Lines on stdout, however many there are."""
    from edge.sinks import write_lines

    while chunk := list(islice(lines, LINES_AT_ONCE)):
        write_lines(sys.stdout, chunk)


def _load_config(path: Path | None, model: Path | None) -> Config:
    from edge.config import load_config, missing_bundles
    from edge.schema import Config

    if path is None:
        return Config()
    config = load_config(path)
    problems = missing_bundles(config, (model or default_model()).parent)
    if problems:
        raise ConfigError(f"{path}: {problems[0]}")
    return config


def _open_reader(model: Path | None, config: Config) -> FrameReader:
    """What reads the configuration's fields, or without any every line of digits."""
    from edge.fields import open_fields

    if config.field:
        return open_fields(config, (model or default_model()).parent)
    return _open_line_reader(model, config.read)


def _open_line_reader(model: Path | None, table: ReadTable | None = None, threads: int = 1) -> Reader:
    from edge.paper.reader import Reader
    from edge.schema import ReadTable

    table = table or ReadTable()
    return Reader.open(
        model or default_model(), cutoff=table.cutoff, threads=threads, any_way_up=table.rotate == "auto"
    )


def _load_setup(
    config_path: Path | None,
    uri: str | None,
    model: Path | None,
    as_json: bool,
    log: Log,
    signals: Signals,
    record: Path | None,
) -> Setup:
    """What `edge run` does with a configuration: loaded anew at each SIGHUP."""
    from edge.fields import FieldReader
    from edge.meters.tracker import Tracker
    from edge.outputs import open_outputs
    from edge.pipeline import read_frame
    from edge.service.loop import Setup
    from edge.sources import keeps_time

    config, reader = _open_configured(config_path, uri, model)
    warn = partial(log.say, "warning")

    @contextmanager
    def open_sinks() -> Iterator[list[Sink]]:
        with open_outputs(config, warn, signals.ask) as outputs, _opened_endpoint(config, signals) as answers:
            yield [_printer(as_json, config.run.is_scheduled, log), *outputs, *answers]

    setup = Setup(
        config, uri or config.source.uri, lambda frame: read_frame(frame, reader), open_sinks, must_open=uri is not None
    )
    is_meter = any(field.is_meter for field in config.field)
    if isinstance(reader, FieldReader) and is_meter and keeps_time(setup.uri):  # pictures of a folder have no time
        state = Path(config.state.path) if config.state else None
        tracker = Tracker(reader, state, warn, may_stand_still=config.source.frozen_after == 0)
        setup = replace(setup, read=tracker.read, combine=tracker.combine, memory=tracker, set_value=tracker.set_value)
    if record is None:
        return setup
    from edge.replay.command import recorded_setup

    return recorded_setup(setup, record, config_path, warn)


def _open_configured(config_path: Path | None, uri: str | None, model: Path | None) -> tuple[Config, FrameReader]:
    """The configuration and what reads by it; a simulated meter brings its own where none is given."""
    from edge.sources import simulated_setup

    own = simulated_setup(uri) if config_path is None and uri is not None else None
    if own is None:
        config = _load_config(config_path, model)
        return config, _open_reader(model, config)
    from edge.fields import open_fields

    return own.config, open_fields(own.config, (model or default_model()).parent, picture=own.reference)


def _open_replayed(uri: str, config_path: Path | None, model: Path | None) -> tuple[Config, FrameReader]:
    """The configuration that is given, else the recording's own, else a simulated meter's; with at least one field."""
    from edge.replay.play import recorded_config

    if not uri.startswith("demo:") and not Path(uri).exists():
        raise SourceError(f"{uri}: no such file or folder; name what edge run --record made, pictures, a clip or demo:")
    config, reader = _open_configured(config_path or recorded_config(uri), uri, model)
    if not config.field:
        raise ConfigError(f"{uri}: a replay needs the configuration that it was read with; add --config FILE")
    return config, reader


@contextmanager
def _opened_endpoint(config: Config, signals: Signals) -> Iterator[list[Sink]]:
    """The port that takes triggers, if there is one."""
    if config.http is None:
        yield []
        return
    from edge.service.command import Command
    from edge.service.endpoint import Endpoint
    from edge.service.loop import burst_limit_s

    limit_s = burst_limit_s(config) + ANSWER_S
    with closing(Endpoint(config.http, partial(signals.ask, Command("trigger")), limit_s)) as endpoint:
        yield [endpoint]


def _printer(as_json: bool, every_reading: bool, log: Log) -> Sink:
    """Lines on stdout: of every reading, or of those that differ from the one before."""
    from edge.service.loop import OverStatus
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
