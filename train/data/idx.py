"""Reads IDX, the format of MNIST and EMNIST, from plain or gzip files.

References
----------
http://yann.lecun.com/exdb/mnist/ (the section "File formats")
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import DataError
from edge.nouns import GLYPH_SIDE

GZIP_MAGIC = b"\x1f\x8b"
UNSIGNED_BYTE = 0x08


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes.

    Raises
    ------
    DataError
        The file is missing, truncated, too long, or no IDX file of unsigned bytes.
    """
    content = _read_bytes(path)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != UNSIGNED_BYTE or content[3] == 0:
        raise DataError(f"{path}: is no IDX file of bytes; it starts with {content[:4].hex(' ') or 'nothing'}")
    header = 4 + 4 * content[3]
    if len(content) < header:
        raise DataError(f"{path}: is truncated in its header ({len(content)} of {header} bytes)")
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", count=content[3], offset=4))
    expected = header + math.prod(shape)
    if len(content) != expected:
        fault = "is truncated" if len(content) < expected else "is too long"
        raise DataError(f"{path}: {fault}: {len(content)} bytes, shape {shape} needs {expected}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def read_images(path: Path) -> NDArray[np.uint8]:
    """(n, 28, 28) uint8 from an IDX file of pictures.

    Raises
    ------
    DataError
        As `read_idx`, or the pictures are not 28 x 28.
    """
    images = read_idx(path)
    if images.ndim != 3 or images.shape[1:] != (GLYPH_SIDE, GLYPH_SIDE):
        raise DataError(f"{path}: must hold {GLYPH_SIDE}x{GLYPH_SIDE} pictures, got shape {images.shape}")
    return images


def read_labels(path: Path, count: int) -> NDArray[np.int64]:
    """(count,) int64 from an IDX file of labels.

    Raises
    ------
    DataError
        As `read_idx`, or there are not `count` labels.
    """
    labels = read_idx(path)
    if labels.shape != (count,):
        raise DataError(f"{path}: must hold {count} labels, one a picture, got shape {labels.shape}")
    return labels.astype(np.int64)


def _read_bytes(path: Path) -> bytes:
    """Content of a file, unpacked where it is a gzip file."""
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if raw[:2] == GZIP_MAGIC else raw
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: is a damaged gzip file ({error}); delete it and get it again") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
