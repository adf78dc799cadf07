"""The rules of a field: published numbers are taken, altered ones are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.forms.checks import CHECKS, broken_rule, is_weighted, misplaced
from edge.schema import FieldTable

PUBLISHED = {
    "luhn": "79927398713",  # ISO/IEC 7812-1's example
    "mod11": "0306406152",  # an ISBN-10
    "iso7064-mod11-2": "0000000218250097",  # ORCID's example
    "iso7064-mod11-10": "07945",  # ISO 7064's own
    "iso7064-mod97-10": "79444",
}


def digits_of(text: str) -> list[int]:
    return [int(character) for character in text]


@pytest.mark.parametrize(("check", "number"), PUBLISHED.items())
def test_published_numbers_are_taken(check, number):
    assert CHECKS[check](digits_of(number))


@pytest.mark.parametrize(("check", "number"), PUBLISHED.items())
def test_one_wrong_digit_is_always_found(check, number):
    for place, digit in enumerate(number):
        for other in range(10):
            if other != int(digit):
                altered = digits_of(number)
                altered[place] = other
                assert not CHECKS[check](altered), altered


@pytest.mark.parametrize("check", ["iso7064-mod11-2", "iso7064-mod11-10", "iso7064-mod97-10", "mod11"])
def test_two_neighbours_that_change_places_are_found(check):
    number = digits_of(PUBLISHED[check])
    swaps = [k for k in range(len(number) - 1) if number[k] != number[k + 1]]
    assert swaps
    for k in swaps:
        swapped = [*number[:k], number[k + 1], number[k], *number[k + 2 :]]
        assert not CHECKS[check](swapped), swapped


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("digits", [[], [0], [1]])
def test_nothing_and_a_lone_digit_prove_nothing(check, digits):
    assert not CHECKS[check](digits)


def test_weights_are_those_of_the_configuration():
    ean = FieldTable(
        name="a", kind="print", digits=[(0, 0, 1, 1)] * 8, check="weights", weights=[3, 1] * 4, modulus=10
    )  # fmt: skip
    assert broken_rule(ean, "73513537", 73513537.0) is None
    assert broken_rule(ean, "73513538", 73513538.0) == "the check digit is wrong (weights)"
    assert broken_rule(ean, "7351353", 7351353.0) == "the check digit is wrong (weights)"


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.data())
def test_a_weighted_sum_is_the_sum_of_its_parts(digits, data):
    weights = data.draw(st.lists(st.integers(-9, 9), min_size=len(digits), max_size=len(digits)))
    total = sum(a * b for a, b in zip(digits, weights, strict=True))
    assert is_weighted(digits, weights, 7) == (total % 7 == 0)


@pytest.mark.parametrize(
    ("keys", "text", "reason"),
    [
        ({"length": 3}, "12", "2 digits, 3 are wanted"),
        ({"length": 3}, "1.23", None),
        ({"minimum": 5}, "4.9", "4.9 is below the minimum, 5"),
        ({"maximum": 5}, "5.1", "5.1 is above the maximum, 5"),
        ({"minimum": 5, "maximum": 5}, "5", None),
        ({"pattern": "0[0-9]+"}, "07", None),
        ({"pattern": "0[0-9]+"}, "17", "does not match the pattern 0[0-9]+"),
        ({"pattern": "0"}, "07", "does not match the pattern 0"),
        ({"check": "luhn"}, "18", None),
        ({"check": "luhn"}, "17", "the check digit is wrong (luhn)"),
        ({}, "17", None),
    ],
)
def test_what_breaks_a_rule_is_refused_with_the_reason(keys, text, reason):
    field = FieldTable(name="a", kind="print", digits=[(0, 0, 1, 1)], **keys)
    assert broken_rule(field, text, float(text)) == reason


@pytest.mark.parametrize(
    ("align", "is_blank", "is_wrong"),
    [
        ("left", [False, True], False),
        ("left", [True, False], True),
        ("right", [True, False], False),
        ("right", [False, True], True),
        (None, [True, False], False),
    ],
)
def test_blanks_stand_on_the_side_where_the_number_does_not(align, is_blank, is_wrong):
    field = FieldTable(name="a", kind="print", digits=[(0, 0, 1, 1)] * 2, align=align)
    assert (misplaced(field, is_blank) is not None) == is_wrong
