"""The commands of the device; stdout carries readings only.

What needs OpenCV, NumPy or pydantic is imported by the commands, so that help is there at once and a
package that is missing or does not fit is one line.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from edge import __version__
from edge.commands.classify import classify
from edge.commands.history import history
from edge.commands.machine import bench, check
from edge.commands.options import EXIT_FAILURE
from edge.commands.proposals import setup, template
from edge.commands.read import read
from edge.commands.recordings import replay, tune
from edge.commands.run import run
from edge.commands.streams import drop_stdout, drop_unwritten, say, silence_libraries
from edge.errors import EdgeError
from edge.faults import OTHER_NUMPY, why_no_import

EXIT_INTERRUPTED = 130
HELP = {"help_option_names": ["-h", "--help"]}


@click.group(context_settings=HELP, invoke_without_command=True)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(__version__, "-V", "--version", prog_name="readout")
@click.pass_context
def cli(context: click.Context, debug: bool) -> None:  # noqa: ARG001  # --debug is seen to by main
    """Read numbers from pictures, videos and cameras."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in (classify, template, setup, read, run, replay, tune, check, bench, history):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 success, 1 failure with one line on stderr, 2 wrong usage."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    is_debug = "--debug" in words
    if not is_debug:
        silence_libraries()
    try:
        return _invoke([word for word in words if word != "--debug"])
    except (EdgeError, ImportError) as error:
        if is_debug:
            raise
        say(error if isinstance(error, EdgeError) else why_no_import(error))
        drop_unwritten()
        return EXIT_FAILURE
    except ValueError as error:
        if is_debug or OTHER_NUMPY not in str(error):
            raise
        say(why_no_import(error))
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
        drop_stdout()
    return 0
