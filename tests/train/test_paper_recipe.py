import keras
import numpy as np
import pytest

from edge.nouns import NOT_A_DIGIT
from edge.paper.normalize import normalize_glyph
from train.data.dataset import Dataset, Digits
from train.recipes import CROPS, PAGE, RECIPES, build_paper

PAPER = RECIPES["paper"]
JUNK = PAPER.labels.index(NOT_A_DIGIT)


@pytest.fixture(scope="module")
def few(builtin: Dataset) -> Digits:
    """Six of each digit."""
    places = [np.flatnonzero(builtin.train.labels == digit) for digit in range(10)]
    return builtin.train.take(np.concatenate([of_one[:: len(of_one) // 6][:6] for of_one in places]))


def sets_of(name: str, few: Digits, number: int = 0, seed: int = 3):
    recipe = RECIPES[name]
    return [make(few, number, seed) for make in (recipe.training_set, recipe.validation_set)]


def count_of(mix, few: Digits, junk: float, copies: int = 1) -> int:
    handwritten = copies * len(few)
    return handwritten + round(mix.printed * handwritten) + round(junk * handwritten)


def test_there_are_sixty_digits_of_ten_kinds(few: Digits):
    assert np.bincount(few.labels).tolist() == [6] * 10


@pytest.mark.parametrize("name", ["paper", "digits"])
def test_the_same_seed_makes_the_same_sets(name: str, few: Digits):
    for (glyphs, labels), (again, labels_again) in zip(sets_of(name, few), sets_of(name, few), strict=True):
        np.testing.assert_array_equal(glyphs, again)
        np.testing.assert_array_equal(labels, labels_again)


def test_another_seed_or_number_makes_another_training_set(few: Digits):
    (first, _), (validation, _) = sets_of("paper", few)
    assert not np.array_equal(first, sets_of("paper", few, seed=4)[0][0])
    second, second_validation = sets_of("paper", few, number=1)
    assert not np.array_equal(first, second[0])
    np.testing.assert_array_equal(validation, second_validation[0])


def test_every_label_is_there_and_what_is_no_digit(few: Digits):
    assert PAPER.labels[JUNK] == NOT_A_DIGIT
    for glyphs, labels in sets_of("paper", few):
        assert (glyphs.shape, glyphs.dtype) == ((len(labels), 28, 28), np.uint8)
        assert labels.dtype == np.int64
        assert set(labels) == set(range(11))
        assert (glyphs.max(axis=(1, 2)) > 0).mean() > 0.97


@pytest.mark.parametrize(("name", "mix"), [("paper", PAGE), ("digits", CROPS)])
def test_the_shares_of_print_and_of_what_is_no_digit_are_those_of_the_mix(name: str, mix, few: Digits):
    (_, training), (_, validation) = sets_of(name, few)
    assert len(training) == count_of(mix, few, mix.junk)
    assert np.count_nonzero(training == JUNK) == round(mix.junk * len(few))
    assert len(validation) == count_of(mix, few, mix.validation_junk, copies=2)
    assert np.count_nonzero(validation == JUNK) == round(mix.validation_junk * 2 * len(few))


def test_the_digits_recipe_is_as_it_was_and_the_page_is_harder(few: Digits):
    assert (CROPS.photographed, CROPS.bent, CROPS.settled) == (0.35, 0.45, (0.15, 0.35))
    assert (CROPS.printed, CROPS.junk, CROPS.validation_junk) == (0.12, 0.06, 0.15)
    assert CROPS.residue(few) is None
    assert PAGE.residue(few) is not None
    assert PAGE.photographed > CROPS.photographed
    assert PAGE.hand.rotation_deg > CROPS.hand.rotation_deg


@pytest.mark.parametrize(("name", "number", "share"), [("digits", 0, 0.2), ("digits", CROPS.sets - 1, 0.5)])
def test_the_rest_of_the_handwritten_digits_are_left_as_they_are(name: str, number: int, share: float, few: Digits):
    (glyphs, _), _ = sets_of(name, few, number)
    plain = {normalize_glyph(image).tobytes() for image in few.images}
    as_they_are = sum(glyph.tobytes() in plain for glyph in glyphs)
    assert abs(as_they_are - share * len(few)) <= 12


def test_validation_digits_are_there_as_they_are(few: Digits):
    _, (glyphs, _) = sets_of("paper", few)
    made = {glyph.tobytes() for glyph in glyphs}
    assert all(normalize_glyph(image).tobytes() in made for image in few.images)


def test_its_network_is_small_and_ends_in_a_logit_a_label():
    model = build_paper(len(PAPER.labels))
    assert model.output_shape == (None, 11)
    assert 250_000 < model.count_params() < 300_000
    assert not any(isinstance(layer, keras.layers.Softmax) for layer in model.layers)
    assert model(np.zeros((1, 28, 28, 1), np.uint8)).shape == (1, 11)
