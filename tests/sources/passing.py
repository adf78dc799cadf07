"""The service with a reader that reads nothing: `python -m tests.sources.passing CONFIG`; see tests.sources.memory.

All else is what `edge run` does: the capture thread, the loop, its clock and signals, the outputs.
"""

from __future__ import annotations

import sys
from pathlib import Path

from edge.config import load_config
from edge.nouns import Frame, Reading
from edge.outputs import open_outputs
from edge.service.loop import Setup, Signals, Surroundings, serve
from edge.service.notify import Log, Supervisor

SAME = [Reading("water", "1", 1.0, "ok", 0.99, (20, 45, 19, 32))]


def read_nothing(_: Frame) -> list[Reading]:
    """Always the same."""
    return SAME


def main() -> None:
    """Serve until SIGTERM."""
    config = load_config(Path(sys.argv[1]))
    log = Log.open()
    setup = Setup(
        config, config.source.uri, read_nothing, lambda: open_outputs(config, lambda line: log.say("warning", line))
    )
    with Signals() as signals:
        serve(lambda: setup, Surroundings(signals, log, Supervisor()))


if __name__ == "__main__":
    main()
