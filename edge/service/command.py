"""What someone asks of a running service: to read now, or to take a value for a meter's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal


def tell_nobody(_: str) -> None:
    """Nobody wants to know what became of a command."""


@dataclass(frozen=True, slots=True)
class Command:
    """A reading now, or a value that a field's meter shows.

    Parameters
    ----------
    kind : "trigger" or "set"
    name : str
        Of the field whose value is set.
    value : float, optional
        What its meter shows, a finite number.
    report : callable
        Takes a line about what became of it.
    """

    kind: Literal["trigger", "set"]
    name: str = ""
    value: float | None = None
    report: Callable[[str], None] = field(default=tell_nobody, compare=False, repr=False)
