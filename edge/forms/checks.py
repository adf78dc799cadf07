"""The rules of a field: length, side, range, pattern, check digit. What breaks one is refused, never altered.

References
----------
ISO/IEC 7064:2003, Check character systems, for mod 11-2, mod 11-10 and mod 97-10; ISO/IEC 7812-1, annex B, for Luhn's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from edge.schema import FieldTable

Digits = Sequence[int]


def broken_rule(field: FieldTable, text: str, value: float) -> str | None:
    """Why a number is refused by its field's rules; None where it breaks none.

    Parameters
    ----------
    field : FieldTable
    text : str
        As it was read, without blanks.
    value : float
    """
    digits = [int(character) for character in text if character.isdigit()]
    if field.length is not None and len(digits) != field.length:
        return f"{len(digits)} digits, {field.length} are wanted"
    if field.minimum is not None and value < field.minimum:
        return f"{value:g} is below the minimum, {field.minimum:g}"
    if field.maximum is not None and value > field.maximum:
        return f"{value:g} is above the maximum, {field.maximum:g}"
    if field.pattern is not None and not re.fullmatch(field.pattern, text):
        return f"does not match the pattern {field.pattern}"
    if field.check is not None and not _is_checked(field, digits):
        return f"the check digit is wrong ({field.check})"
    return None


def misplaced(field: FieldTable, is_blank: Sequence[bool]) -> str | None:
    """Why the blank cells of a field are not where they may be; None where they are."""
    if field.align == "left" and is_blank[0]:
        return "starts with a blank, but is written from the left"
    if field.align == "right" and is_blank[-1]:
        return "ends with a blank, but is written up to the right"
    return None


def _is_checked(field: FieldTable, digits: Digits) -> bool:
    if field.check == "weights":
        return len(digits) == len(field.weights) and is_weighted(digits, field.weights, field.modulus)
    assert field.check is not None
    return CHECKS[field.check](digits)


def is_weighted(digits: Digits, weights: Sequence[int], modulus: int) -> bool:
    """Whether the weighted sum of all digits, the check digit included, is a multiple of `modulus`."""
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=True)) % modulus == 0


def is_luhn(digits: Digits) -> bool:
    """Luhn's formula: each second digit from the right doubled, its digits added; the sum is a multiple of 10."""
    doubled = [sum(divmod(2 * digit, 10)) if k % 2 else digit for k, digit in enumerate(reversed(digits))]
    return len(digits) > 1 and sum(doubled) % 10 == 0


def is_mod11(digits: Digits) -> bool:
    """Weights 1, 2, 3, … from the right, the check digit's first: the sum is a multiple of 11, as in ISBN-10."""
    return len(digits) > 1 and sum(k * digit for k, digit in enumerate(reversed(digits), 1)) % 11 == 0


def is_iso7064_pure(digits: Digits, modulus: int, radix: int) -> bool:
    """ISO 7064's pure systems: the number in this radix is 1 modulo `modulus`."""
    rest = 0
    for digit in digits:
        rest = (rest * radix + digit) % modulus
    return len(digits) > 1 and rest == 1


def is_iso7064_hybrid(digits: Digits) -> bool:
    """ISO 7064's mod 11-10: digits are added modulo 10, 0 as 10, and doubled modulo 11; the last one makes it 1."""
    if len(digits) < 2:
        return False
    rest = 10
    for digit in digits[:-1]:
        rest = ((rest + digit) % 10 or 10) * 2 % 11
    return (rest + digits[-1]) % 10 == 1


CHECKS: dict[str, Callable[[Digits], bool]] = {
    "luhn": is_luhn,
    "mod11": is_mod11,
    "iso7064-mod11-2": lambda digits: is_iso7064_pure(digits, 11, 2),
    "iso7064-mod11-10": is_iso7064_hybrid,
    "iso7064-mod97-10": lambda digits: is_iso7064_pure(digits, 97, 10),
}
"""By the schema's words; whether all digits, the check digits included, agree."""
