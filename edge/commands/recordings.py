"""`edge replay` and `edge tune`: what recorded frames give, and what can be learnt from them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.commands.opening import open_configured
from edge.commands.options import Command, config_option, json_option, model_option
from edge.commands.streams import say
from edge.errors import ConfigError, EdgeError, SourceError

if TYPE_CHECKING:
    from edge.pipeline import FrameReader
    from edge.schema import Config


every_option = click.option(
    "--every",
    "every_s",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Between two pictures of a folder or frames of a clip.  [default: what their times say]",
)


@click.command(cls=Command)
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
@every_option
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


@click.command(cls=Command)
@click.argument("recording", metavar="RECORDING")
@config_option
@model_option
@every_option
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
        say(reason)
    if not proposal.lines:
        say(f"{path}: nothing to change; a recording in which more drums turn may tell more")
    elif write:
        take(proposal, path)
        say(f"{path}: changed")
    else:
        say(f"{path}: not changed; add --write to take this")


def _open_replayed(uri: str, config_path: Path | None, model: Path | None) -> tuple[Config, FrameReader]:
    """The configuration that is given, else the recording's own, else a simulated meter's; with at least one field."""
    from edge.replay.play import recorded_config

    if not uri.startswith("demo:") and not Path(uri).exists():
        raise SourceError(f"{uri}: no such file or folder; name what edge run --record made, pictures, a clip or demo:")
    config, reader = open_configured(config_path or recorded_config(uri), uri, model)
    if not config.field:
        raise ConfigError(f"{uri}: a replay needs the configuration that it was read with; add --config FILE")
    return config, reader
