"""When a field's reading goes out: the one line that `publish` holds."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge.outputs.record import Record
from edge.units import DURATION, duration_s


@dataclass(frozen=True, slots=True)
class Rule:
    """What goes out: only what is ok, only what is new, and at most once in `least_s` seconds."""

    is_off: bool = False
    only_ok: bool = False
    only_new: bool = False
    least_s: float = 0.0


_Said = tuple[float, str, float | None, str]
"""When a record went out, and its text, value and status."""


class Due:
    """Which records go out, by the rule of their field and by what went out last.

    Parameters
    ----------
    rules : dict of str to Rule
        By the field's name.
    default : Rule
        Of names that no field has.
    """

    def __init__(self, rules: dict[str, Rule], default: Rule) -> None:
        self._rules = rules
        self._default = default
        self._last: dict[str, _Said] = {}

    def is_due(self, record: Record, monotonic_s: float) -> bool:
        """Whether the record goes out now; it then counts as gone out."""
        rule = self._rules.get(record.name, self._default)
        now = (monotonic_s, record.text, record.value, record.status)
        is_due = _passes(rule, record.status, now, self._last.get(record.name))
        if is_due:
            self._last[record.name] = now
        return is_due

    def ask(self) -> None:
        """Let the next record of each field out as if it were the first."""
        self._last.clear()


def parse_rule(text: str) -> Rule:
    """The rule of `each`, `change`, `5m`, `change 5m`, `ok change` or `never`."""
    words = text.split()
    spans = [duration_s(word) for word in words if re.fullmatch(DURATION, word)]
    return Rule("never" in words, "ok" in words, "change" in words, spans[0] if spans else 0.0)


def _passes(rule: Rule, status: str, now: _Said, last: _Said | None) -> bool:
    if rule.is_off or (rule.only_ok and status != "ok"):
        return False
    if last is None:
        return True
    return not (rule.only_new and now[1:] == last[1:]) and now[0] - last[0] >= rule.least_s
