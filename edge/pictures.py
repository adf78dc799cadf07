"""Pictures from files, gray and in colour: every format, depth and fault that users have, each with its own line."""

from __future__ import annotations

import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import PictureError
from edge.headers import READABLE, VIDEO_KINDS, Header, file_kind, only_tiff_page, read_header
from edge.nouns import Colour, Gray
from edge.stderr import caught_stderr

Pixels = NDArray[Any]
"""What OpenCV decodes, of any depth and number of planes."""

PICTURE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".pgm", ".ppm", ".pbm", ".pnm"}
)
"""What counts as a picture in a folder."""

PDF_SUFFIX = ".pdf"

MAX_PIXELS = 64_000_000
"""Largest picture that is decoded: a 64-megapixel camera's, 64 MB as gray and 192 MB while it is colour."""

MAX_BYTES = 4 * MAX_PIXELS
"""Largest file that is read into memory."""

MIN_SIDE = 8
"""A digit needs this many pixels along its longer side; MNIST-like ones have 20."""

MIN_NARROW_SIDE = 3
"""Least shorter side: a crop of a "1" is narrow."""

CONVERSIONS = {
    "HEIC picture": "heif-convert {name} picture.jpg",
    "AVIF picture": "avifdec {name} picture.png",
    "BigTIFF picture": "tiffcp -c zip {name} picture.tif",
    "PDF document": "pdftoppm -r 300 -gray -png {name} page",
    "SVG drawing": "rsvg-convert {name} -o picture.png",
}
"""Commands that make a picture of what is none, or none that OpenCV decodes."""

SAMPLE_BITS = (8, 10, 12, 14, 16)
"""Depths that cameras deliver in 16-bit files."""

TURNS: dict[int, Callable[[Gray], Gray]] = {
    1: lambda gray: gray,
    2: lambda gray: cv2.flip(gray, 1),
    3: lambda gray: cv2.rotate(gray, cv2.ROTATE_180),
    4: lambda gray: cv2.flip(gray, 0),
    5: lambda gray: cv2.transpose(gray),
    6: lambda gray: cv2.rotate(gray, cv2.ROTATE_90_CLOCKWISE),
    7: lambda gray: cv2.rotate(cv2.transpose(gray), cv2.ROTATE_180),
    8: lambda gray: cv2.rotate(gray, cv2.ROTATE_90_COUNTERCLOCKWISE),
}
"""What brings a picture upright, by its EXIF orientation."""


def load_picture(path: Path | str) -> Gray:
    """The picture in a file as gray levels, (rows, columns) uint8, upright.

    16-bit pictures are brought to 8 bits by their real range, transparent ones laid on a ground that
    their ink stands out from, colour weighted as OpenCV does (ITU-R BT.601).

    Raises
    ------
    PictureError
        The file is missing, a folder, not readable, empty, cut off, damaged, no picture, smaller
        than 8 pixels, larger than 64 megapixels, animated or of several pages.
    """
    return decode_picture(read_bytes(Path(path)), str(path))


def read_bytes(path: Path) -> bytes:
    """The bytes of a picture file.

    Raises
    ------
    PictureError
        The file is missing, a folder or device, not readable or larger than 256 MB.
    """
    try:
        check_file(path, MAX_BYTES)
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from None


def check_file(path: Path, most_bytes: float) -> None:
    """Raise PictureError unless `path` is a regular file of at most so many bytes."""
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise PictureError(f"{path}: a folder, not a picture; readout read {path} reads all pictures in it")
    if not stat.S_ISREG(status.st_mode):
        raise PictureError(f"{path}: a device or pipe, not a picture; a camera is named v4l2:/dev/video0")
    if status.st_size > most_bytes:
        raise PictureError(
            f"{path}: a file of {status.st_size / 1e6:.0f} MB, at most {most_bytes / 1e6:.0f} MB are read; "
            "scale the picture down, or split its pages"
        )


def unreadable(path: Path, error: Exception) -> PictureError:
    """The one line that says why a file cannot be opened or read."""
    if isinstance(error, PictureError):
        return error
    if isinstance(error, FileNotFoundError):
        return PictureError(f"{path}: no such file; check the path")
    if isinstance(error, PermissionError):
        return PictureError(f"{path}: no permission to read it; try: chmod u+r {path}")
    return PictureError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})")


def decode_picture(data: bytes, name: str) -> Gray:
    """`load_picture` for bytes that are in memory already; `name` stands in the errors."""
    if not data:
        raise PictureError(f"{name}: the file is empty; copy or take the picture again")
    kind = file_kind(data)
    if kind not in READABLE:
        raise PictureError(_not_a_picture(name, kind))
    header = read_header(data)
    if header is None:
        raise PictureError(f"{name}: a {kind} picture whose header is damaged or cut off; copy or take it again")
    _check_header(header, name)
    return _to_gray(data, header, name)


def decode_planes(data: bytes, name: str, with_colour: bool) -> tuple[Gray, Colour | None]:
    """`decode_picture`, and the colour planes of the picture where they are asked for and it has any."""
    return decode_picture(data, name), decode_colour(data) if with_colour else None


def decode_colour(data: bytes) -> Colour | None:
    """The colour planes of a picture that `decode_picture` takes, BGR at half size and upright.

    None where there is no colour to be had: a gray picture, one that is partly transparent (a drawing, with no ground
    to see its colours on), or a GIF that this OpenCV does not decode.
    """
    header = read_header(data)
    if header is None:
        return None
    if header.kind == "JPEG":  # libjpeg makes it at half size in half the time, and OpenCV turns it upright
        picture = _decode(data, cv2.IMREAD_REDUCED_COLOR_2)[0]
        return picture if picture is None or _has_colour(picture) else None
    picture = _decode(data, cv2.IMREAD_UNCHANGED)[0]
    if picture is None or picture.ndim != 3 or picture.dtype not in (np.uint8, np.uint16):
        return None
    planes = _three_planes(to_eight_bits(picture) if picture.dtype == np.uint16 else picture)
    if planes is None or not _has_colour(planes):
        return None
    return halve(orient(planes, header.orientation) if header.kind in ("PNG", "WebP") else planes)


def halve(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture of one or three planes at half size, an odd row or column being shared out among the others."""
    size = max(1, picture.shape[1] // 2), max(1, picture.shape[0] // 2)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def decode_tiff_page(data: bytearray, offset: int, header: Header, name: str) -> Gray:
    """`load_picture` for the page of a TIFF whose directory is at `offset`; `data` is changed to begin with it.

    A decoder then reads that page alone: it need not walk over the pages before it, and none of them can fail it.
    """
    _check_header(header, name)
    only_tiff_page(data, offset)
    return _to_gray(data, header, name)


def orient(picture: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The picture turned upright from its EXIF orientation, 1 to 8."""
    return np.ascontiguousarray(TURNS[orientation](picture))


def flatten_alpha(gray: Gray, alpha: Gray) -> Gray:
    """A transparent picture laid on a ground that its ink stands out from.

    Where most of it is opaque, the ground is in the picture: its median fills the rest. Else what is
    opaque is the ink, which is laid on white where it is dark and on black where it is light.
    """
    weights = alpha.astype(np.uint32)
    total = int(weights.sum())
    if total == 0:
        return np.full_like(gray, 255)
    if np.count_nonzero(alpha >= 128) * 2 > alpha.size:
        ground = int(np.median(gray[alpha >= 128]))
    else:
        ground = 255 if int((gray * weights).sum(dtype=np.uint64)) < 128 * total else 0
    return ((gray * weights + ground * (255 - weights) + 127) // 255).astype(np.uint8)


def to_eight_bits(picture: Pixels) -> Gray:
    """A uint16 picture as uint8, full scale being that of the smallest camera depth that holds it.

    References
    ----------
    A 16-bit PNG is full at 65535, which is 257 times 255; a 12-bit camera's file at 4095.
    """
    largest = int(picture.max())
    full = next((1 << bits) - 1 for bits in SAMPLE_BITS if largest < 1 << bits)
    return ((picture.astype(np.uint32) * 255 + full // 2) // full).astype(np.uint8)


def _not_a_picture(name: str, kind: str) -> str:
    if kind in VIDEO_KINDS:
        return f"{name}: a video ({kind}), not a picture; readout read {name} reads its frames"
    remedy = (
        f"convert it: {CONVERSIONS[kind].format(name=name)}"
        if kind in CONVERSIONS
        else "PNG, JPEG, TIFF, BMP, WebP, GIF and PNM are read"
    )
    return f"{name}: not a picture that can be read, found: {kind}; {remedy}"


def _check_header(header: Header, name: str) -> None:
    size = f"{header.width} x {header.height} pixels"
    narrow, longer = sorted((header.width, header.height))
    if header.width * header.height > MAX_PIXELS:
        found = header.width * header.height / 1e6
        raise PictureError(
            f"{name}: {size} are {found:.0f} megapixels, at most {MAX_PIXELS / 1e6:.0f} are read; scale it down"
        )
    if longer < MIN_SIDE or narrow < MIN_NARROW_SIDE:
        raise PictureError(f"{name}: {size}, too small for a digit; at least {MIN_SIDE} x {MIN_SIDE} are needed")
    if header.frames > 1:
        raise PictureError(f"{name}: {_several(header)}")
    if not header.is_complete:
        raise PictureError(f"{name}: a {header.kind} picture that is cut off before its end; copy or take it again")


def _several(header: Header) -> str:
    if header.kind == "TIFF":
        return f"a TIFF of {header.frames} pages, not a single picture; readout read reads its pages"
    return (
        f"an animated {header.kind} of {header.frames} frames; save the one to read as a PNG, or convert it to a video"
    )


def _to_gray(data: bytes | bytearray, header: Header, name: str) -> Gray:
    # libjpeg turns CMYK and YCbCr to gray and OpenCV turns the JPEG upright; the other formats come as
    # they are, for OpenCV's own conversion drops alpha and the low byte of 16 bits.
    is_jpeg = header.kind == "JPEG"
    picture, complaint = _decode(data, cv2.IMREAD_GRAYSCALE if is_jpeg else cv2.IMREAD_UNCHANGED)
    if picture is None and header.kind == "GIF":
        picture = _decode_gif(data)
    if picture is None or _is_damage(complaint):
        raise PictureError(
            f"{name}: a {header.kind} picture that is damaged or cut off and cannot be decoded; copy or take it again"
        )
    gray = _one_plane(picture, name)
    # OpenCV turns a TIFF upright with any flag, a PNG or WebP with none.
    return orient(gray, header.orientation) if header.kind in ("PNG", "WebP") else gray


def _one_plane(picture: Pixels, name: str) -> Gray:
    if picture.dtype == np.uint16:
        picture = to_eight_bits(picture)
    if picture.dtype != np.uint8:
        raise PictureError(f"{name}: its pixels are {picture.dtype}, 8 or 16 bits are read; save it as a PNG")
    if picture.ndim == 2:
        return picture
    if picture.shape[2] == 4:
        return flatten_alpha(cv2.cvtColor(picture, cv2.COLOR_BGRA2GRAY), np.ascontiguousarray(picture[..., 3]))
    if picture.shape[2] == 2:
        return flatten_alpha(np.ascontiguousarray(picture[..., 0]), np.ascontiguousarray(picture[..., 1]))
    return cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) if picture.shape[2] == 3 else picture[..., 0].copy()


def _three_planes(picture: Pixels) -> Colour | None:
    """The planes of an opaque colour picture; None of any other."""
    if picture.shape[2] == 4 and bool((picture[..., 3] == 255).all()):
        return cv2.cvtColor(picture, cv2.COLOR_BGRA2BGR)
    return picture if picture.shape[2] == 3 else None


def _has_colour(picture: Colour) -> bool:
    """Whether the three planes differ at all; those of a gray picture tell less than its gray levels at full size."""
    blue, green, red = cv2.split(picture)
    return not (np.array_equal(blue, green) and np.array_equal(green, red))


def _decode(data: bytes | bytearray, flags: int) -> tuple[Pixels | None, str]:
    """What OpenCV decodes, and what its libraries said to file descriptor 2 meanwhile."""
    with caught_stderr() as said:
        try:
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        except cv2.error as error:
            return None, str(error)
    return picture, said[0]


def _decode_gif(data: bytes | bytearray) -> Pixels | None:
    """The picture of a GIF through FFmpeg: OpenCV's own decoder came with 4.11 and is often left out."""
    with tempfile.NamedTemporaryFile(suffix=".gif") as file, caught_stderr():
        file.write(data)
        file.flush()
        capture = cv2.VideoCapture(file.name)
        try:
            return capture.read()[1]
        finally:
            capture.release()


def _is_damage(complaint: str) -> bool:
    """Whether a decoder filled what it could not read; stray bytes that it stepped over are harmless."""
    return "premature end" in complaint.lower() or (
        "Corrupt JPEG data" in complaint and "extraneous bytes" not in complaint
    )
