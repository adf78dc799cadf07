"""The embedded data set, DATA=builtin: digits rendered from fonts, and scikit-learn's real handwriting.

It needs neither files nor network. Test and training share no family of fonts and no block of
handwriting. Families and blocks stand as the writers, so that a validation split keeps them apart too.

References
----------
E. Alpaydin, C. Kaynak: Optical recognition of handwritten digits, UCI, 1998 (the test part, 13 writers in turn)
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from sklearn.datasets import load_digits

from edge.nouns import GLYPH_SIDE, Gray
from edge.paper.normalize import cut_to_ink
from train.data.dataset import Dataset, Digits
from train.data.fonts import Face, digit_faces, family, hershey_faces, render_text

COPIES = 20
"""Renderings of each digit in each face; about 17,000 in all."""

TYPE_SIZES = (24, 28, 34, 42, 52)
"""In pixels."""

HANDWRITTEN_BLOCKS = 13
"""scikit-learn's digits come writer by writer, and 13 wrote them."""

TEST_BLOCKS = (10, 11, 12)

TEST_FAMILIES = frozenset({"HankenGrotesk", "DejaVuSerif", "cmtt", "Hershey timesi"})
"""Families of faces that only the test part has; those of the digits recipe are among them."""

LIMITS = ("Trained on rendered digits and 1,797 handwritten ones, not on MNIST: good for print, poor for handwriting.",)


def load_builtin(seed: int = 0, copies: int = COPIES) -> Dataset:
    """Rendered and handwritten digits, the same for the same seed, fonts and library versions.

    Parameters
    ----------
    seed : int
    copies : int
        Renderings of each digit in each face.
    """
    parts = (_rendered(copies, np.random.default_rng(seed)), _handwritten())
    return Dataset(
        name="builtin",
        licence="fonts: OFL 1.1, Apache-2.0, Bitstream Vera, STIX and Hershey terms; handwriting: CC BY 4.0",
        source="rendered from installed fonts; scikit-learn load_digits (E. Alpaydin, C. Kaynak, UCI 1998)",
        sha256={},
        train=_join([train for train, _ in parts]),
        test=_join([test for _, test in parts]),
        labels=tuple("0123456789"),
        limits=LIMITS,
        is_builtin=True,
    )


def _rendered(copies: int, rng: np.random.Generator) -> tuple[Digits, Digits]:
    """Training and test part; the writer is the family of the face."""
    faces: list[Face] = [*digit_faces(), *hershey_faces()]
    families = sorted({family(face) for face in faces})
    images = [image for face in faces for digit in range(10) for image in _render_digit(digit, face, copies, rng)]
    writers = np.repeat([families.index(family(face)) for face in faces], 10 * copies)
    digits = Digits(np.stack(images), np.tile(np.repeat(np.arange(10), copies), len(faces)), writers)
    return _parted(digits, [families.index(name) for name in families if name in TEST_FAMILIES])


def _render_digit(digit: int, face: Face, copies: int, rng: np.random.Generator) -> list[Gray]:
    """Copies of a digit, each a little turned, slanted, stretched and blurred, in (28, 28)."""
    sizes = [render_text(str(digit), face, size, rng) for size in TYPE_SIZES]
    return [fit_into_glyph(_blur(_distort(sizes[k], rng), rng)) for k in rng.integers(len(sizes), size=copies)]


def _distort(coverage: Gray, rng: np.random.Generator) -> Gray:
    angle, shear = np.deg2rad(rng.normal(0, 4)), rng.normal(0, 0.1)
    stretch = np.exp(rng.normal(0, 0.1))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[stretch, shear], [0, 1 / stretch]])
    rows, columns = coverage.shape
    side = int(1.5 * max(rows, columns))
    offset = np.array([side / 2, side / 2]) - matrix @ [columns / 2, rows / 2]
    return cv2.warpAffine(coverage, np.column_stack([matrix, offset]), (side, side))


def _blur(coverage: Gray, rng: np.random.Generator) -> Gray:
    """Blurred by a lens, with full ink again at its darkest: hair strokes would fade below what is cut out."""
    soft = cv2.GaussianBlur(coverage, (0, 0), rng.uniform(0.3, 1.2))
    return cv2.convertScaleAbs(soft, alpha=255 / max(1, int(soft.max())))


def fit_into_glyph(coverage: Gray) -> Gray:
    """Ink cut out and scaled into the middle of (28, 28), with a margin of three pixels on its longer side."""
    cut = cut_to_ink(coverage)
    picture = np.zeros((GLYPH_SIDE, GLYPH_SIDE), np.uint8)
    if cut is None:
        return picture
    scale = (GLYPH_SIDE - 6) / max(cut.shape)
    rows, columns = (max(1, round(side * scale)) for side in cut.shape)
    top, left = (GLYPH_SIDE - rows) // 2, (GLYPH_SIDE - columns) // 2
    picture[top : top + rows, left : left + columns] = cv2.resize(cut, (columns, rows), interpolation=cv2.INTER_AREA)
    return picture


def _handwritten() -> tuple[Digits, Digits]:
    """Training and test part of scikit-learn's 8 x 8 digits of 17 levels, enlarged; the writer is the block."""
    bunch = load_digits()
    images = np.stack([fit_into_glyph(_enlarge(small)) for small in bunch.images])
    blocks = np.arange(len(images)) * HANDWRITTEN_BLOCKS // len(images)
    return _parted(Digits(images, bunch.target.astype(np.int64), blocks), TEST_BLOCKS)


def _enlarge(small: np.ndarray) -> Gray:
    """Eight times as large, sharpened again: each level is the ink in a square of 4 x 4 pixels."""
    smooth = cv2.resize(small.astype(np.float32), None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    return np.clip(128 + (smooth - 10) * 64, 0, 255).astype(np.uint8)


def _parted(digits: Digits, test_writers: Sequence[int]) -> tuple[Digits, Digits]:
    is_test = np.isin(digits.writers, test_writers)
    return digits.take(np.flatnonzero(~is_test)), digits.take(np.flatnonzero(is_test))


def _join(parts: list[Digits]) -> Digits:
    """One after the other, with the writers of each part counted on."""
    first = np.cumsum([0] + [int(part.writers.max()) + 1 for part in parts])
    return Digits(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.writers + start for part, start in zip(parts, first, strict=False)]),
    )
