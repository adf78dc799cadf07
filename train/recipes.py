"""The networks and what each is trained on: `dense`, `digits`, `paper`, `strings`, `meter` and `characters`.

A recipe says everything that a run depends on beside its seed. Pixels go in as 0..255 and are scaled
by the first layer; logits come out, so that int8 keeps the small differences between unlikely classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from edge.inference.preprocessing import Preprocessing
from edge.inference.preprocessing import cells as cell_way
from edge.inference.preprocessing import glyphs as glyph_way
from edge.inference.preprocessing import strips as strip_way
from edge.meters.cell import CELL_COLUMNS, CELL_LABELS, CELL_ROWS
from edge.nouns import GLYPH_SIDE, NOT_A_DIGIT, Gray
from edge.paper.normalize import normalize_glyph
from edge.paper.strings import STRING_LABELS
from edge.paper.strip import STRIP_ROWS
from train.augment import Distortion, jitter, photograph, redraw
from train.cells import invert_some, meter_set, meter_validation_set
from train.confidence import Tolerance
from train.data.dataset import Crops, Digits, cells_of, glyphs_of
from train.data.emnist import CHARACTERS
from train.data.fonts import Face, faces_of, family
from train.junk import VARIANTS, draw_junk, printed
from train.lettering import draw_lettered, lettering
from train.residue import Residue, residue_of
from train.spoiled import adorned
from train.strips import Source, strip_set

Glyphs = NDArray[np.uint8]
Labels = NDArray[np.int64]
SetMaker = Callable[[Any, int, int], tuple[Glyphs, Labels]]
"""(Digits or Crops, number of the set, seed) to glyphs (n, 28, 28) or cells (n, 32, 20), and labels (n); or to strips
(n, 32, 160) and strings (n, 7)."""

DIGITS = tuple("0123456789")

HAIRLINE = "Thin"
"""Weight of a face whose strokes are lost in part at the validation digits' height: what is left is nobody's digit."""

PRINTED_OFTEN = (1, 2, 1, 1, 1, 1, 1, 1.5, 1, 1)
"""How often each printed digit is drawn, beside the others: a printed 1 with its flag is a 7 in many a hand, and what a
network doubted in faces that it was trained on was a 1 in seven of nine numbers."""

BN_MOMENTUM = 0.95
"""Of batch norm's averages: with Keras's 0.99 a run of a few hundred steps is not what it trained."""

METER_STAGES = ((24, 3, 1), (32, 3, 2), (48, 3, 1), (64, 3, 2), (72, 3, 1), (80, 3, 1), (56, 1, 1))
"""(filters, kernel, stride) of the convolutions of `build_meter`."""

STRING_STAGES = (
    (24, (5, 5), (2, 2)), (40, (3, 3), (2, 2)), (56, (3, 3), (1, 1)), (72, (3, 3), (2, 1)), (80, (3, 3), (1, 1)),
)  # fmt: skip
"""(filters, kernel, stride) of the convolutions of `build_strings` down to four rows."""

STRING_CONTEXT = (5, 3)
"""Frames that the convolutions along the strip see, one after the other."""

FRAMES_A_COLUMN = 2
"""Two digits that are the same need a frame each and one for the gap between: a column of features is two frames."""


@dataclass(frozen=True)
class Mix:
    """What `sets` sets of glyphs are made of; the last has less bent digits, for the weights to settle on.

    `photographed` and `bent` are the shares of the handwritten digits that go through the camera or are
    bent only, `settled` the same two in the last set; the rest stay as they are. `printed` and `junk`
    are given as shares of the handwritten digits: with more junk, odd digits are taken for junk.
    `validation_junk` is higher, for that is where the cutoff is chosen, and a page has more letters than
    the training. `beside` and `ruled` are the shares of photographed digits with a neighbour's sliver or a
    rule's trace on them, `cut` of those that the device's own cuts part from a neighbour; `drawn` is the share of
    printed training digits in faces of `train.lettering`, and `adorned` the share of handwritten 7s with a bar and
    of 0s with a slash; `hand` and `print_` say how far each is bent, and `usual` how far the validation
    digits are: confidence is calibrated on what is usual, not on the worst that the training shows.
    """

    photographed: float
    bent: float
    settled: tuple[float, float]
    printed: float
    junk: float
    validation_junk: float
    beside: float = 0.0
    ruled: float = 0.0
    cut: float = 0.0
    drawn: float = 0.0
    adorned: float = 0.0
    sets: int = 8
    hand: Distortion = field(default_factory=Distortion)
    print_: Distortion = field(default_factory=Distortion)
    usual: Distortion = field(default_factory=Distortion)

    def residue(self, digits: Digits) -> Residue | None:
        """What the page leaves on photographed digits."""
        if not self.beside + self.ruled + self.cut:
            return None
        return residue_of(digits.images, self.beside, self.ruled, self.cut)


CROPS = Mix(photographed=0.35, bent=0.45, settled=(0.15, 0.35), printed=0.12, junk=0.06, validation_junk=0.15)
"""Of single digits, with enough of the camera that they are read on a page as well."""

PAGE = Mix(
    photographed=0.55,
    bent=0.35,
    settled=(0.45, 0.3),
    printed=0.42,
    junk=0.18,
    validation_junk=0.15,
    beside=0.08,
    ruled=0.11,
    cut=0.16,
    drawn=0.35,
    adorned=0.04,
    sets=9,
    hand=Distortion(rotation_deg=14.0, shear=0.18, stretch=0.15, min_height_px=12),
    print_=Distortion(rotation_deg=12.0, shear=0.28, stretch=0.3, min_height_px=12),
    usual=Distortion(rotation_deg=10.0, shear=0.15, stretch=0.12, min_height_px=16, max_height_px=80),
)
"""Of digits cut out of a page: turned, small, touched by others, in print that no font file has."""

CUT_PAGE = replace(
    PAGE, photographed=0.65, bent=0.25, settled=(0.55, 0.25), junk=0.25, beside=0.1, cut=0.24, drawn=0.45, sets=7
)
"""As `PAGE`, with more of what a page does to digits, more that is none, and more print: for a member unlike the
others."""


@dataclass(frozen=True)
class Recipe:
    """A network, its data and its training.

    `training_set` makes one of the `sets` that the epochs take in turn, the last `settling` of them always the last
    set; the networks of `joined_with`, each trained after this one, are joined to one with it; `validation_set` makes
    those that choose the epoch, the temperature and the cutoff within `tolerance`. `preprocessing` is the device's way
    to the network's input, and `plain` takes the data set's own pictures that way, to calibrate int8 and, unless there
    is an `evaluation_set`, to evaluate; `vary` changes a set a little in each
    epoch that takes it. With `schedule` "cosine" the learning rate falls to nothing over `epochs`, and the last epoch's
    weights are kept; with "early-stopping" training ends when the validation loss has not fallen for `patience` epochs,
    and the best epoch's are. Targets are bells of `bell_tenths` where labels are positions of a drum.
    """

    name: str
    data: Literal["mnist", "emnist-balanced", "meter"]
    labels: tuple[str, ...]
    build: Callable[[int], keras.Model]
    epochs: int
    batch_size: int
    learning_rate: float
    schedule: Literal["cosine", "early-stopping"]
    training_set: SetMaker
    validation_set: SetMaker
    preprocessing: Callable[[], Preprocessing] = glyph_way
    plain: SetMaker = field(default_factory=lambda: as_they_are)
    evaluation_set: SetMaker | None = None
    patience: int = 5
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    bell_tenths: float = 0.0
    vary: Callable[[Glyphs, np.random.Generator], Glyphs] | None = None
    sets: int = 1
    settling: int = 3
    joined_with: tuple[Recipe, ...] = ()
    tolerance: Tolerance = field(default_factory=Tolerance)


def build_dense(classes: int) -> keras.Model:
    """The classic first network: flatten, 50, 50, one logit a class."""
    return keras.Sequential(
        [
            keras.Input((GLYPH_SIDE, GLYPH_SIDE, 1)),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(50, activation="relu"),
            layers.Dense(50, activation="relu"),
            layers.Dense(classes),
        ],
        name="dense",
    )


def build_digits(classes: int) -> keras.Model:
    """A small all-convolutional network with batch norm, 5 layers and a global average, about 100,000 parameters."""
    return _convolutional("digits", classes, ((24, 5, 2), (40, 3, 1), (56, 3, 2), (64, 3, 1), (64, 3, 1)))


def build_paper(classes: int) -> keras.Model:
    """As `build_digits`, wider: about 290,000 parameters and 20 million multiply-adds, for each member."""
    return _convolutional("paper", classes, ((32, 5, 2), (48, 3, 1), (64, 3, 1), (96, 3, 2), (96, 3, 1), (128, 3, 1)))


def build_paper_fine(classes: int) -> keras.Model:
    """Another member of `paper`, that looks finer first and deeper last: networks unlike each other err less alike."""
    return _convolutional("paper", classes, ((24, 3, 1), (48, 3, 2), (64, 3, 1), (96, 3, 2), (96, 3, 1), (96, 3, 1)))


def build_characters(classes: int) -> keras.Model:
    """As `build_digits`, wider for the 47 classes of EMNIST balanced."""
    return _convolutional("characters", classes, ((24, 5, 2), (48, 3, 1), (64, 3, 2), (80, 3, 1), (96, 3, 1)))


def build_meter(classes: int) -> keras.Model:
    """Convolutions down to eight rows, whose place is kept, for it says how far a drum has rolled; the mean is taken
    along the columns only, and features are few before the logits, for each row has its own weights there.
    """
    pixels = keras.Input((CELL_ROWS, CELL_COLUMNS, 1))
    features = layers.Rescaling(1 / 255)(pixels)
    for filters, kernel, stride in METER_STAGES:
        features = layers.Conv2D(filters, kernel, strides=stride, padding="same", use_bias=False)(features)
        features = layers.ReLU()(layers.BatchNormalization(momentum=BN_MOMENTUM)(features))
    features = layers.Dropout(0.3)(layers.Flatten()(_mean_of_columns(features)))
    return keras.Model(pixels, layers.Dense(classes)(features), name="meter")


def _mean_of_columns(features: keras.KerasTensor) -> keras.KerasTensor:
    """The mean along the columns, as a convolution that does not learn: int8 gives it a scale of its own, where a
    pooling layer keeps its input's, which is several times too wide for means.
    """
    columns = features.shape[2]
    same = keras.initializers.Constant(1 / columns)
    return layers.DepthwiseConv2D((1, columns), use_bias=False, depthwise_initializer=same, trainable=False)(features)


def _convolutional(name: str, classes: int, stages: Sequence[tuple[int, int, int]]) -> keras.Model:
    """Convolutions given as (filters, kernel, stride), each with batch norm and ReLU; mean, dropout, logits."""
    pixels = keras.Input((GLYPH_SIDE, GLYPH_SIDE, 1))
    features = layers.Rescaling(1 / 255)(pixels)
    for filters, kernel, stride in stages:
        features = layers.Conv2D(filters, kernel, strides=stride, padding="same", use_bias=False)(features)
        features = layers.ReLU()(layers.BatchNormalization(momentum=BN_MOMENTUM)(features))
    features = layers.Dropout(0.25)(layers.GlobalAveragePooling2D()(features))
    return keras.Model(pixels, layers.Dense(classes)(features), name=name)


def build_strings(classes: int, columns: int | None = None) -> keras.Model:
    """Convolutions whose features stay in their places along the strip; no step looks farther than about two digits.

    Frames (n, frames, classes), one for two columns of pixels. With `columns` the strip's width is fixed, as int8 has
    it; it may be any multiple of 4.
    """
    pixels = keras.Input((STRIP_ROWS, columns, 1))
    features = layers.Rescaling(1 / 255)(pixels)
    rows = [(112, (STRIP_ROWS // 8, 1), (1, 1), "valid")]
    along = [(112, (1, reach), (1, 1), "same") for reach in STRING_CONTEXT]
    for filters, kernel, stride, padding in (*((*stage, "same") for stage in STRING_STAGES), *rows, *along):
        features = layers.Conv2D(filters, kernel, strides=stride, padding=padding, use_bias=False)(features)
        features = layers.ReLU()(layers.BatchNormalization(momentum=BN_MOMENTUM)(features))
    features = layers.Conv2D(FRAMES_A_COLUMN * classes, 1)(layers.Dropout(0.2)(features))
    return keras.Model(pixels, layers.Reshape((-1, classes))(features), name="strings")


def as_they_are(digits: Digits, _number: int, _seed: int) -> tuple[Glyphs, Labels]:
    """The digits as they are, normalized, in their order."""
    return glyphs_of(digits.images), digits.labels


def crops_as_they_are(crops: Crops, _number: int, _seed: int) -> tuple[Glyphs, Labels]:
    """A meter's cells as they are, normalized, in their order."""
    return cells_of(crops.images), crops.labels


def touching_set(split: str, digits: Digits, number: int, seed: int) -> tuple[Glyphs, Labels]:
    """As many strips of touching digits as there are digits, in the faces of a split for those in print."""
    source = Source(digits, faces_of(split), seed)
    return strip_set(source, len(digits), np.random.default_rng([seed, number]))


def bent_set(digits: Digits, number: int, seed: int) -> tuple[Glyphs, Labels]:
    """Every character once, bent in another way in each set."""
    rng = np.random.default_rng([seed, number])
    return np.stack([redraw(image, rng) for image in digits.images]), digits.labels


def camera_set(mix: Mix, digits: Digits, number: int, seed: int) -> tuple[Glyphs, Labels]:
    """Every handwritten digit once, bent or photographed, with printed digits and junk."""
    rng = np.random.default_rng([seed, number])
    shares = mix.settled if number >= mix.sets - 1 else (mix.photographed, mix.bent)
    residue = mix.residue(digits)
    handwritten = [
        _varied(adorned(image, label, rng) if rng.random() < mix.adorned else image, shares, mix, residue, rng)
        for image, label in zip(digits.images, digits.labels, strict=True)
    ]
    return _with_print_and_junk(handwritten, digits, faces_of("train"), mix, mix.junk, rng)


def _varied(
    image: Gray, shares: tuple[float, float], mix: Mix, residue: Residue | None, rng: np.random.Generator
) -> Gray:
    """One digit photographed, bent, or as it is."""
    draw = rng.random()
    if draw < shares[0]:
        return photograph(image, rng, mix.hand, residue)
    return redraw(image, rng) if draw < sum(shares) else normalize_glyph(image)


def camera_validation_set(mix: Mix, digits: Digits, _number: int, seed: int) -> tuple[Glyphs, Labels]:
    """Every validation digit as it is and once photographed, with printed digits of other faces, and junk."""
    faces = [face for face in faces_of("validation") if HAIRLINE not in str(face)]
    rng = np.random.default_rng([seed, 1 << 20])
    plain = list(glyphs_of(digits.images))
    photographed = [photograph(image, rng, mix.usual) for image in digits.images]
    twice = Digits(np.concatenate([digits.images] * 2), np.concatenate([digits.labels] * 2))
    mix = replace(mix, print_=mix.usual, drawn=0.0)
    return _with_print_and_junk(plain + photographed, twice, faces, mix, mix.validation_junk, rng)


def _with_print_and_junk(
    handwritten: list[Gray],
    digits: Digits,
    faces: Sequence[Face],
    mix: Mix,
    junk_share: float,
    rng: np.random.Generator,
) -> tuple[Glyphs, Labels]:
    in_print, printed_labels = _printed(round(mix.printed * len(handwritten)), faces, mix, rng)
    junk = [
        photograph(ink, rng)
        for ink in draw_junk(round(junk_share * len(handwritten)), digits.images, digits.labels, faces, rng)
    ]
    glyphs = np.stack([*handwritten, *in_print, *junk])
    labels = np.concatenate([digits.labels, printed_labels, np.full(len(junk), len(DIGITS), np.int64)])
    order = rng.permutation(len(labels))
    return glyphs[order], labels[order]


def _printed(count: int, faces: Sequence[Face], mix: Mix, rng: np.random.Generator) -> tuple[list[Gray], Labels]:
    """Photographed printed digits, some in drawn faces; every family as often as any other."""
    families = sorted({family(face) for face in faces})
    members = {name: [face for face in faces if family(face) == name] for name in families}
    labels = rng.choice(len(DIGITS), count, p=np.array(PRINTED_OFTEN) / sum(PRINTED_OFTEN))
    chosen = [members[families[k]] for k in rng.integers(0, len(families), count)]
    inks = [
        draw_lettered(label, lettering(rng), rng)
        if rng.random() < mix.drawn
        else printed(DIGITS[label], group[rng.integers(len(group))], int(rng.integers(VARIANTS)))
        for label, group in zip(labels, chosen, strict=True)
    ]
    return [photograph(ink, rng, mix.print_) for ink in inks], labels.astype(np.int64)


PAPER = Recipe(
    "paper",
    "mnist",
    (*DIGITS, NOT_A_DIGIT),
    build_paper,
    28,
    128,
    3e-3,
    "cosine",
    partial(camera_set, PAGE),
    partial(camera_validation_set, PAGE),
    weight_decay=1e-2,
    vary=jitter,
    sets=PAGE.sets,
    tolerance=Tolerance(risk=0.0019, lost=0.001),
)

PAPER_FINE = replace(
    PAPER, build=build_paper_fine, epochs=24, training_set=partial(camera_set, CUT_PAGE), sets=CUT_PAGE.sets
)

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "dense",
            "mnist",
            DIGITS,
            build_dense,
            15,
            128,
            3e-3,
            "cosine",
            bent_set,
            as_they_are,
            sets=8,
        ),
        Recipe(
            "digits",
            "mnist",
            (*DIGITS, NOT_A_DIGIT),
            build_digits,
            14,
            128,
            3e-3,
            "cosine",
            partial(camera_set, CROPS),
            partial(camera_validation_set, CROPS),
            weight_decay=1e-4,
            sets=CROPS.sets,
        ),
        replace(PAPER, joined_with=(PAPER_FINE,)),
        Recipe(
            "strings",
            "mnist",
            STRING_LABELS,
            build_strings,
            18,
            64,
            2e-3,
            "cosine",
            partial(touching_set, "train"),
            partial(touching_set, "validation"),
            preprocessing=strip_way,
            plain=partial(touching_set, "train"),
            evaluation_set=partial(touching_set, "test"),
            weight_decay=1e-3,
            sets=6,
            tolerance=Tolerance(risk=0.005),
        ),
        Recipe(
            "meter",
            "meter",
            CELL_LABELS,
            build_meter,
            30,
            128,
            3e-3,
            "cosine",
            meter_set,
            meter_validation_set,
            preprocessing=cell_way,
            plain=crops_as_they_are,
            weight_decay=1e-2,
            bell_tenths=0.7,
            sets=6,
            settling=4,
            vary=invert_some,
            tolerance=Tolerance(risk=0.002, junk=0.005),
        ),
        Recipe(
            "characters",
            "emnist-balanced",
            CHARACTERS["balanced"],
            build_characters,
            16,
            128,
            3e-3,
            "cosine",
            bent_set,
            as_they_are,
            weight_decay=1e-4,
            sets=8,
        ),
    )
}
"""The recipes by name; "" is what is not a digit."""
