"""A burst of frames is the reading that most agree on, or doubt: never an invented one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.nouns import Reading
from edge.service.burst import agree


def reading(text: str, confidence: float = 0.9, name: str = "water", status: str = "ok") -> Reading:
    return Reading(name, text, float(text) if status == "ok" else None, status, confidence, (0, 0, 9, 9))


def burst(*texts: str) -> list[list[Reading]]:
    return [[reading(text)] for text in texts]


def test_most_frames_win_with_their_surest_reading():
    (agreed,) = agree([[reading("123", 0.9)], [reading("128", 0.99)], [reading("123", 0.95)]])
    assert (agreed.text, agreed.value, agreed.status, agreed.confidence) == ("123", 123.0, "ok", 0.95)


def test_half_is_no_majority():
    (doubt,) = agree(burst("123", "123", "128", "128"))
    assert (doubt.text, doubt.value, doubt.status) == ("12?", None, "uncertain")
    assert doubt.reason == "4 frames disagree: 123 in 2, 128 in 2"


def test_texts_of_several_lengths_have_nothing_in_common():
    (doubt,) = agree(burst("123", "1234", "12"))
    assert (doubt.text, doubt.value) == ("?", None)


def test_a_number_that_few_frames_show_is_left_out():
    found = agree([[reading("1"), reading("9", name="gas")], [reading("1")], [reading("1")]])
    assert [each.name for each in found] == ["water"]


def test_agreement_on_doubt_stays_doubt():
    (doubt,) = agree([[reading("12?", status="uncertain")]] * 3)
    assert (doubt.text, doubt.status) == ("12?", "uncertain")


@given(st.lists(st.sampled_from(["1", "2", "12", "13"]), min_size=1, max_size=9))
def test_a_value_is_only_ever_one_that_more_than_half_of_the_frames_read(texts):
    (found,) = agree(burst(*texts))
    if found.status == "ok":
        assert 2 * texts.count(found.text) > len(texts)
    else:
        assert found.value is None
        assert max(texts.count(text) for text in texts) * 2 <= len(texts)


def test_a_burst_of_nothing_is_nothing():
    assert agree([]) == []
    assert agree([[], []]) == []


@pytest.mark.parametrize("count", [1, 5])
def test_frames_that_agree_lose_nothing(count):
    assert agree(burst(*["007"] * count)) == [reading("007")]
