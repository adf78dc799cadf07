"""A proposal for a configuration from recorded frames: shown as a difference of its text, and written when asked."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.atomic import write_text
from edge.config import parse_config
from edge.errors import ConfigError
from edge.fields import FieldReader
from edge.meters.setup import load_colour
from edge.nouns import Colour
from edge.pipeline import FrameReader
from edge.replay.learn import learn, observe
from edge.replay.play import open_film
from edge.schema import Config


@dataclass(frozen=True, slots=True)
class Proposal:
    """A configuration's text as it is and as it is proposed, and what that was learnt from."""

    before: str
    after: str
    reasons: tuple[str, ...]

    @property
    def lines(self) -> list[str]:
        """The difference of the two texts, as `diff -u` shows it; empty where there is none."""
        pair = self.before.splitlines(), self.after.splitlines()
        return list(difflib.unified_diff(*pair, "now", "proposed", lineterm=""))


def propose(uri: str, path: Path, config: Config, reader: FrameReader, every_s: float | None = None) -> Proposal:
    """What a recording tells of the configuration in `path`.

    Raises
    ------
    EdgeError
        There is nothing to learn from, or the file is not what it was.
    """
    if not isinstance(reader, FieldReader):
        raise ConfigError(f"{path}: has no field to tune; draw the boxes first: edge setup")
    with ExitStack() as stack:
        film = open_film(uri, config, stack, every_s, None)
        seen = observe(film.frames, reader)
    picture = _colours(config)
    text = after = path.read_text(encoding="utf-8")
    reasons = []
    for one in seen:
        learnt = learn(one, picture)
        number = [field.name for field in config.field].index(one.table.name)
        after = with_keys(after, number, learnt.keys)
        reasons += [f"{one.table.name}: {reason}" for reason in learnt.reasons]
    parse_config(after, str(path))
    return Proposal(text, after, tuple(reasons))


def take(proposal: Proposal, path: Path) -> None:
    """Write what was proposed, whole or not at all.

    Raises
    ------
    ConfigError
        Somebody changed the file since.
    """
    if path.read_text(encoding="utf-8") != proposal.before:
        raise ConfigError(f"{path}: was changed meanwhile; run edge tune again")
    write_text(path, proposal.after)


def with_keys(text: str, number: int, keys: Mapping[str, object]) -> str:
    """A configuration's text with some keys of its field of that number, from 0, set; all else stays as it is."""
    lines = text.splitlines()
    for key, value in keys.items():
        start, end = _block(lines, number)
        shown = f"{key} = {_toml(value)}"
        at = next((k for k in range(start, end) if re.match(rf"\s*{key}\s*=", lines[k])), None)
        if at is None:
            last = max((k for k in range(start, end) if lines[k].strip()), default=start)
            lines.insert(last + 1, shown)
        else:
            lines[at : _value_end(lines, at) + 1] = [shown + _remark(lines[at])]
    return "\n".join(lines) + "\n"


def _block(lines: Sequence[str], number: int) -> tuple[int, int]:
    """The lines of the field of a number: its header, and the line after its last."""
    headers = [k for k, line in enumerate(lines) if re.match(r"\s*\[", line)]
    fields = [k for k in headers if re.match(r"\s*\[\[\s*field\s*\]\]", lines[k])]
    start = fields[number]
    return start, next((k for k in headers if k > start and not _is_inside(lines, start, k)), len(lines))


def _is_inside(lines: Sequence[str], start: int, line: int) -> bool:
    """Whether a line that begins with a bracket is part of a list of the lines before it."""
    open_brackets = 0
    for each in lines[start + 1 : line]:
        plain = re.sub(r'"[^"]*"|#.*', "", each)
        if "=" in plain or open_brackets:
            open_brackets += plain.count("[") - plain.count("]")
    return open_brackets > 0


def _value_end(lines: Sequence[str], start: int) -> int:
    """The last line of a value that begins on a line: a list may go on for several."""
    depth = 0
    for number in range(start, len(lines)):
        plain = re.sub(r'"[^"]*"|#.*', "", lines[number])
        depth += plain.count("[") - plain.count("]")
        if depth <= 0:
            return number
    return len(lines) - 1


def _remark(line: str) -> str:
    """The comment at the end of a line, with what is before it."""
    plain = re.sub(r'"[^"]*"', lambda match: "x" * len(match[0]), line)
    found = re.search(r"\s+#.*$", plain)
    return line[found.start() :] if found else ""


def _toml(value: object) -> str:
    """A value as TOML has it; boxes as lists."""
    return json.dumps(value, default=list, ensure_ascii=False)


def _colours(config: Config) -> Colour | None:
    """The reference picture in colour; None where there is none, or it is gray."""
    if config.reference is None:
        return None
    colour = load_colour(Path(config.reference.image))
    is_gray = np.array_equal(colour[..., 0], colour[..., 1]) and np.array_equal(colour[..., 1], colour[..., 2])
    return None if is_gray else colour
