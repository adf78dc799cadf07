"""What is remembered across a power cut: a file that is the one before or the one after, and says when it is neither.

The file is JSON: the version of its schema, a checksum, and the state itself. It is written beside its place, brought
to the disk and renamed over it (`edge.atomic`). A file that cannot be believed is set aside, not deleted, and the start
is from nothing: then the first readings count as those of a new meter.
"""

from __future__ import annotations

import glob
import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from edge.atomic import write_text
from edge.errors import OutputError
from edge.faults import require_space
from edge.meters.overtime import History

SCHEMA_VERSION = 1

SET_ASIDE = ".unreadable"
"""Ends the name of a file that could not be believed; the one before it, if any, gives way."""


@dataclass(frozen=True, slots=True)
class State:
    """What is known of each field, by its name."""

    histories: Mapping[str, History] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Restored:
    """A state that was read back, and what there is to say of it.

    Parameters
    ----------
    state : State
        An empty one where there was none to believe.
    remark : str or None
        Why the file was not believed, and where it is now.
    """

    state: State
    remark: str | None = None


class _UnbelievableError(ValueError):
    """A state file is damaged or of another version."""


def write_state(path: Path | str, state: State) -> None:
    """Put a state into its file, whole or not at all.

    Raises
    ------
    OutputError
        The disk is full, or the folder is missing or not writable; the state before is still there.
    """
    write_text(path, _text_of(state))


def read_state(path: Path | str) -> Restored:
    """The state in a file; an empty one where there is no file, and with a remark where it cannot be believed."""
    path = Path(path)
    _sweep(path)
    try:
        return Restored(_state_of(path.read_bytes()))
    except FileNotFoundError:
        return Restored(State())
    except OSError as error:
        return Restored(State(), f"{path}: cannot be read ({error.strerror}); starts from nothing")
    except _UnbelievableError as error:
        return Restored(State(), f"{path}: {error}; {_set_aside(path)}; starts from nothing")


def check_state(path: Path | str) -> str:
    """What a state file holds and how much room there is for the next; all stays as it is.

    Raises
    ------
    OutputError
        It cannot be believed or read, or the folder is missing, not writable or full.
    """
    path = Path(path)
    room = require_space(path.parent)
    try:
        count = len(_state_of(path.read_bytes()).histories)
    except FileNotFoundError:
        return f"{path}: will be made; {room}"
    except OSError as error:
        raise OutputError(f"{path}: cannot be read ({error.strerror}); change its permissions or its name") from None
    except _UnbelievableError as error:
        raise OutputError(f"{path}: {error}; `edge run` sets it aside and starts from nothing") from None
    return f"{path}: remembers {count} field{'' if count == 1 else 's'}; {room}"


def _text_of(state: State) -> str:
    record = {name: asdict(history) for name, history in state.histories.items()}
    whole = {"schema_version": SCHEMA_VERSION, "sha256": _checksum(record), "histories": record}
    return json.dumps(whole, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _state_of(data: bytes) -> State:
    try:
        whole = json.loads(data)
    except (ValueError, RecursionError):
        raise _UnbelievableError("is damaged, not JSON") from None
    if not isinstance(whole, dict) or not isinstance(whole.get("histories"), dict):
        raise _UnbelievableError("is no state file")
    if whole.get("schema_version") != SCHEMA_VERSION:
        found = f"is of version {whole.get('schema_version')!r}, this program writes {SCHEMA_VERSION}"
        raise _UnbelievableError(found)
    if whole.get("sha256") != _checksum(whole["histories"]):
        raise _UnbelievableError("is damaged, its checksum is another")
    return _checked(whole["histories"])


def _checked(record: dict[str, Any]) -> State:
    """The state in a record whose checksum is right: by hand or by another program it may still be wrong."""
    adapter = TypeAdapter(dict[str, History], config=ConfigDict(allow_inf_nan=False))
    try:
        return State(adapter.validate_json(json.dumps(record), strict=True))
    except (ValidationError, ValueError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
        where = ".".join(str(part) for part in first["loc"])
        raise _UnbelievableError(f"holds what makes no sense ({where}: {first['msg']})") from None


def _checksum(record: dict[str, Any]) -> str:
    """Of a record's canonical text; a float's shortest form is the same on every machine."""
    text = json.dumps(record, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _set_aside(path: Path) -> str:
    """Move a file out of the way, and say where it is."""
    aside = path.with_name(path.name + SET_ASIDE)
    try:
        path.replace(aside)
    except OSError as error:
        return f"cannot be set aside ({error.strerror})"
    return f"set aside as {aside.name}"


def _sweep(path: Path) -> None:
    """Remove what writers that were cut off left beside the file (`edge.atomic.replacing` names them)."""
    with suppress(OSError):
        for left in path.parent.glob(f".{glob.escape(path.stem[:80])}-????????{glob.escape(path.suffix)}"):
            left.unlink()
