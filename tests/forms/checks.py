"""Check digits, worked out from their definitions: the truth that a reader's own rules are measured against.

References
----------
ISO/IEC 7064:2003, Check character systems; ISO 2108, ISBN (mod 11); H. P. Luhn, US patent 2950048
"""

from __future__ import annotations

from collections.abc import Callable

from edge.schema import FieldTable

LUHN_DOUBLES = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def is_luhn(text: str) -> bool:
    """Every second digit from the last but one is doubled, its digits added; the sum is a multiple of 10."""
    digits = [int(character) for character in reversed(text)]
    return sum(LUHN_DOUBLES[d] if place % 2 else d for place, d in enumerate(digits)) % 10 == 0


def is_mod11(text: str) -> bool:
    """Weights 1, 2, 3, … from the last digit on give a multiple of 11."""
    return sum(place * int(digit) for place, digit in enumerate(reversed(text), 1)) % 11 == 0


def is_mod11_10(text: str) -> bool:
    """ISO 7064's hybrid system MOD 11,10."""
    product = 10
    for digit in text[:-1]:
        total = (product + int(digit)) % 10 or 10
        product = total * 2 % 11
    return (product + int(text[-1])) % 10 == 1


def is_weighted(text: str, weights: list[int], modulus: int) -> bool:
    """The digits times their weights, check digit included, give a multiple of the modulus."""
    return sum(weight * int(digit) for weight, digit in zip(weights, text, strict=True)) % modulus == 0


def is_valid(text: str, field: FieldTable) -> bool:
    """Whether a number satisfies a field's check digit; one without has nothing to break."""
    tests: dict[str | None, Callable[[str], bool]] = {
        None: lambda _: True,
        "luhn": is_luhn,
        "mod11": is_mod11,
        "iso7064-mod11-10": is_mod11_10,
        "weights": lambda number: is_weighted(number, field.weights, field.modulus),
    }
    return tests[field.check](text)
