import logging

import numpy as np
import pytest

from train.data import choose
from train.data.builtin import TEST_FAMILIES, fit_into_glyph, load_builtin
from train.data.choose import open_dataset
from train.data.dataset import DataNotFoundError, Dataset, glyphs_of
from train.data.fonts import HELD_OUT, digit_faces, family, hershey_faces, render_text


def test_the_same_seed_gives_the_same_digits(builtin: Dataset):
    again = load_builtin(copies=2)
    np.testing.assert_array_equal(builtin.train.images, again.train.images)
    np.testing.assert_array_equal(builtin.test.labels, again.test.labels)
    assert not np.array_equal(builtin.train.images, load_builtin(seed=1, copies=2).train.images)


def test_training_and_test_share_no_font_and_no_block(builtin: Dataset):
    faces = [*digit_faces(), *hershey_faces()]
    in_test = sum(family(face) in TEST_FAMILIES for face in faces)
    rendered_in_test = len(builtin.test) - round(1797 * 3 / 13)
    assert abs(rendered_in_test - in_test * 20) <= 2
    assert in_test >= 10


def test_what_the_digits_recipe_tests_with_trains_nothing():
    assert HELD_OUT["test"] <= TEST_FAMILIES


def test_every_digit_is_there_as_often_as_any_other(builtin: Dataset):
    counts = np.bincount(builtin.train.labels, minlength=10)
    assert counts.min() > 0.9 * counts.max()
    assert counts.sum() > 2000


def test_no_digit_is_empty_or_solid(builtin: Dataset):
    ink = (glyphs_of(builtin.train.images) > 128).mean(axis=(1, 2))
    assert ink.min() > 0.015
    assert ink.max() < 0.5


def test_it_says_that_it_is_not_mnist(builtin: Dataset):
    assert builtin.is_builtin
    assert "not on MNIST" in builtin.limits[0]
    assert builtin.sha256 == {}


def test_no_face_is_a_symbol_face():
    names = [path.stem for path in digit_faces()]
    assert len(names) >= 60
    assert len(set(names)) == len(names)
    assert not [
        name for name in names if name.startswith(("cmsy", "cmex", "STIXSiz", "LastResort", "NotoMusic", "NotoSansSym"))
    ]


@pytest.mark.parametrize("size_px", [8, 40])
def test_every_face_renders_ten_different_digits(size_px: int):
    rng = np.random.default_rng(0)
    for face in [*digit_faces(), *hershey_faces()]:
        pictures = [render_text(digit, face, size_px, rng) for digit in "0123456789"]
        assert all(picture.dtype == np.uint8 and picture.max() > 0 for picture in pictures), face
        if size_px == 40:
            assert len({fit_into_glyph(picture).tobytes() for picture in pictures}) == 10, face


@pytest.mark.parametrize("size_px", [20, 47])
def test_a_hairline_loses_no_row_wherever_it_lies_within_a_pixel(size_px: int):
    (face,) = (face for face in digit_faces() if face.stem == "SourceSansPro-ExtraLight")
    rng = np.random.default_rng(0)
    ink = [int(render_text("7", face, size_px, rng).sum()) for _ in range(40)]
    bars = [int(render_text("7", face, size_px, rng).sum(axis=1)[:4].sum()) for _ in range(40)]
    assert max(ink) < 1.02 * min(ink)
    assert min(bars) > 0.2 * min(ink)


def test_rendered_text_touches_no_border():
    rng = np.random.default_rng(0)
    for face in [*digit_faces(), *hershey_faces()]:
        picture = render_text("8fg Q", face, 32, rng)
        border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
        assert border.max() < 128, face


@pytest.mark.parametrize("text", ["", " ", "☃"])
def test_text_without_ink_gives_a_picture(text: str):
    for face in (digit_faces()[0], hershey_faces()[0]):
        assert render_text(text, face, 20, np.random.default_rng(0)).size > 0


def test_auto_falls_back_to_the_embedded_set(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, builtin: Dataset
):
    def not_found() -> Dataset:
        raise DataNotFoundError("MNIST: nowhere")

    monkeypatch.setattr(choose, "load_mnist", not_found)
    monkeypatch.setattr(choose, "load_builtin", {0: builtin}.__getitem__)
    with caplog.at_level(logging.WARNING):
        assert open_dataset("auto", "mnist") is builtin
    assert "MNIST: nowhere" in caplog.text
    with pytest.raises(DataNotFoundError):
        open_dataset("mnist")


def test_auto_does_not_put_digits_in_the_place_of_letters(monkeypatch: pytest.MonkeyPatch):
    def not_found(split: str) -> Dataset:
        raise DataNotFoundError(f"EMNIST: {split} nowhere")

    monkeypatch.setattr(choose, "load_emnist", not_found)
    with pytest.raises(DataNotFoundError, match="balanced nowhere"):
        open_dataset("auto", "emnist-balanced")
