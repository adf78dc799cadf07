"""`edge history`: what the store holds."""

from __future__ import annotations

import time
from pathlib import Path

import click

from edge.commands.options import Command, config_option
from edge.commands.streams import print_all
from edge.errors import ConfigError


@click.command(cls=Command)
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
        print_all(stored.event_lines(stored.events(path, *bounds), form))
    else:
        lines = {"text": stored.text_lines, "csv": stored.csv_lines, "json": stored.json_lines}[form]
        print_all(lines(stored.readings(path, names, *bounds)))


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
