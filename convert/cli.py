"""`python -m convert`: `build` makes a bundle of a run, `verify` gates one again. The table goes to stdout."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click

from edge.errors import BundleError, EdgeError, MissingRuntimeError
from edge.stderr import caught_stderr

if TYPE_CHECKING:
    from convert.build import Report

FOLDER = click.Path(path_type=Path)


def reports_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `--debug`; without it a user's mistake is one line on stderr and exit status 1."""

    @click.option("--debug", is_flag=True, help="Show where an error came from.")
    @functools.wraps(command)
    def wrapped(*args: Any, debug: bool, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except EdgeError as error:
            if debug:
                raise
            click.echo(f"readout: {error}", err=True)
            raise SystemExit(1) from error

    return wrapped


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Quantize a Keras run folder to an int8 TFLite bundle, and gate the result."""


@main.command()
@click.argument("run", type=FOLDER)
@click.option(
    "--out", type=FOLDER, help="The bundle's folder; models/RECIPE by default, models/builtin for built-in data."
)
@click.option(
    "--calibration-count", type=click.IntRange(min=1), help="Use only so many of the run's calibration glyphs."
)
@reports_errors
def build(run: Path, out: Path | None, calibration_count: int | None) -> None:
    """Make an int8 bundle of the run folder RUN; an existing one stays if a gate fails."""
    report = _steps().build_bundle(run, out, calibration_count, _say)
    _show(report, f"no bundle was put at {report.bundle}, what was there is as before")
    click.echo(f"bundle {report.bundle}")


@main.command()
@click.argument("bundle", type=FOLDER)
@click.option("--run", type=FOLDER, required=True, help="The run folder that the bundle was made from.")
@reports_errors
def verify(bundle: Path, run: Path) -> None:
    """Put the bundle folder BUNDLE through all gates again."""
    _show(_steps().verify_bundle(bundle, run, _say), f"{bundle} must not be used")


def _steps() -> ModuleType:
    """`convert.build`, imported only when it is needed: TensorFlow takes seconds, and writes to stderr meanwhile."""
    try:
        with caught_stderr():
            return importlib.import_module("convert.build")
    except ImportError as error:
        raise MissingRuntimeError(f"{error}; converting needs the workstation's packages: make setup") from error


def _say(line: str) -> None:
    click.echo(line, err=True)


def _show(report: Report, consequence: str) -> None:
    from convert.gates import format_table

    click.echo(format_table(report.gates))
    if report.failed:
        names = "; ".join(gate.name for gate in report.failed)
        raise BundleError(f"{len(report.failed)} of {len(report.gates)} gates failed ({names}); {consequence}")
