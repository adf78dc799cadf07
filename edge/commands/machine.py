"""`edge check` and `edge bench`: what works on this machine, and how fast."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from edge.commands.opening import default_model, line_reader
from edge.commands.options import Command, config_option, json_option, model_option
from edge.errors import EdgeError


@click.command(cls=Command)
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


@click.command(cls=Command)
@model_option
@click.option("--frames", type=click.IntRange(min=1), default=100, show_default=True, help="Frames to measure.")
@click.option("--size", type=Size(), default=(640, 480), show_default="640x480", help="Size of the rendered frames.")
@click.option("--threads", type=click.IntRange(1, 64), default=1, show_default=True, help="Threads of the runtime.")
@json_option
def bench(model: Path | None, frames: int, size: tuple[int, int], threads: int, as_json: bool) -> None:
    """Measure latency by stage, frames a second and memory on this device."""
    from edge.bench import benchmark_lines, benchmark_record, measure
    from edge.sinks import write_lines

    reader = line_reader(model, threads=threads)
    found = measure(reader, size, frames, threads)
    write_lines(sys.stdout, [json.dumps(benchmark_record(found))] if as_json else benchmark_lines(found))
