"""Crops of real meters' digits, drums and displays, cut by meter.

References
----------
https://huggingface.co/datasets/haverland/Tenth-of-step-of-a-meter-digit, Apache-2.0
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import cv2
import numpy as np

from edge.errors import DataError
from edge.meters.cell import CELL_LABELS
from edge.nouns import POSITIONS
from train.data.dataset import CROP_SHAPE, Crops, DataNotFoundError, Dataset, Images, hash_file
from train.data.places import data_places, find_file

FILE = "meter.npz"

HELD_OUT = (1, 7, 8, 25, 86, 29, 45, 12, 14, 16, 19, 21, 22, 30, 31, 46, 49, 50, 60, 114)
"""Training groups that no network learns from; they choose temperature and cutoff. The first seven are displays, and
1, 7, 8, 25 and 86 look like one and the same; the others are drums of every colour that training has too.
"""

SOURCE = "https://huggingface.co/datasets/haverland/Tenth-of-step-of-a-meter-digit"

LIMITS = (
    "Meters of about ninety contributors, most of them in Germany; two thirds of the crops are of some ten meters.",
    "Labels of rolling drums are true to a tenth of a step, no better. Looked for and not found among the crops: "
    "pictures that are there twice, and blank cells of displays that are labelled 0.",
)


def load_meter() -> Dataset:
    """The crops, from DIGITS_DATA/meter or the cache; the published val split is the test set.

    Raises
    ------
    DataNotFoundError
        They lie in neither place.
    DataError
        The file is damaged or another one.
    """
    path = find_meter()
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in ("jpeg", "off", "label", "group", "source", "split")}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: cannot be read ({error}); copy it again") from error
    crops = _crops(arrays, path)
    is_train = arrays["split"] == "train"
    train, test = crops.take(np.flatnonzero(is_train)), crops.take(np.flatnonzero(~is_train))
    return Dataset(
        name="meter crops",
        licence="Apache-2.0",
        source=f"haverland/Tenth-of-step-of-a-meter-digit, {SOURCE}",
        sha256={FILE: hash_file(path)},
        train=train,
        test=test,
        labels=CELL_LABELS,
        limits=LIMITS,
        held_out=np.flatnonzero(np.isin(train.groups, HELD_OUT)),
    )


def find_meter() -> Path:
    """Where the file of the crops lies.

    Raises
    ------
    DataNotFoundError
        In none of the places.
    """
    places = data_places("meter")
    found = [path for path in (find_file(place, FILE) for place in places) if path]
    if not found:
        where = " nor in ".join(str(place) for place in places)
        raise DataNotFoundError(f"{FILE} is not in {where}; set DIGITS_DATA to the folder with meter/{FILE} in it")
    return found[0]


def decode(arrays: dict[str, np.ndarray], k: int) -> Images:
    """The k-th crop as it was cut, (rows, columns, 3) uint8, blue, green, red."""
    start, end = arrays["off"][k : k + 2]
    picture = cv2.imdecode(arrays["jpeg"][start:end], cv2.IMREAD_COLOR)
    if picture is None:
        raise DataError(f"{FILE}: picture {k} is no JPEG; copy the file again")
    return picture


def _crops(arrays: dict[str, np.ndarray], path: Path) -> Crops:
    labels = np.round(arrays["label"].astype(np.float64) * 10).astype(np.int64)
    if len(labels) == 0 or not 0 <= labels.min() <= labels.max() < POSITIONS:
        raise DataError(f"{path}: its labels must be 0.0 to 9.9; the file is another one")
    images = np.stack([_sized(decode(arrays, k)) for k in range(len(labels))])
    sources = np.unique(arrays["source"], return_inverse=True)[1].astype(np.int64)
    return Crops(images, labels, arrays["group"].astype(np.int64), sources)


def _sized(picture: Images) -> Images:
    rows, columns = CROP_SHAPE[:2]
    is_large = picture.shape[0] > rows or picture.shape[1] > columns
    interpolation = cv2.INTER_AREA if is_large else cv2.INTER_CUBIC
    return cv2.resize(picture, (columns, rows), interpolation=interpolation)
