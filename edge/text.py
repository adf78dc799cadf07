"""The text of a number that is put together from its characters."""

from __future__ import annotations

BLANK = " "
"""Stands in a reading's digits for a blank cell."""


def with_point(digits: str, decimals: int) -> str:
    """The digits with a decimal point before the last `decimals` of them: 7 with two decimals is 0.07."""
    if decimals == 0:
        return digits
    digits = digits.rjust(decimals + 1, "0")
    return f"{digits[:-decimals]}.{digits[-decimals:]}"
