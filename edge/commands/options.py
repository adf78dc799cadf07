"""What the commands share: their class, their options and exit codes."""

from __future__ import annotations

import io
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import click

EXIT_FAILURE = 1

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


class Command(click.Command):
    """A command. OpenCV is imported when it begins: beside a NumPy that it does not fit, NumPy prints a page itself."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; the error of the import says enough."""
        with redirect_stderr(io.StringIO()):
            import cv2  # noqa: F401
        return super().invoke(ctx)
