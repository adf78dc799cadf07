"""What a file is and how large its picture is, from its first bytes and without decoding it.

Sizes are (width, height) as stored, before an EXIF rotation.

References
----------
ISO/IEC 10918-1 annex B (JPEG), PNG third edition (W3C), TIFF 6.0, WebP container specification
(RFC 9649), GIF89a, BMP as in the Windows GDI documentation, netpbm's pnm(5).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

READABLE = ("PNG", "JPEG", "BMP", "TIFF", "WebP", "GIF", "PNM")
"""Kinds whose size `read_header` finds; no other is decoded."""

VIDEO_KINDS = ("MP4 video", "AVI video", "Matroska video", "MPEG video")

SIGNATURES = (
    (0, PNG_SIGNATURE, "PNG"),
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"BM", "BMP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "BigTIFF picture"),
    (0, b"MM\0+", "BigTIFF picture"),
    (0, b"GIF8", "GIF"),
    (8, b"WEBP", "WebP"),
    (8, b"AVI ", "AVI video"),
    (8, b"WAVE", "WAV sound"),
    (4, b"ftypheic", "HEIC picture"),
    (4, b"ftypheix", "HEIC picture"),
    (4, b"ftypmif1", "HEIC picture"),
    (4, b"ftypavif", "AVIF picture"),
    (4, b"ftyp", "MP4 video"),
    (0, b"\x1aE\xdf\xa3", "Matroska video"),
    (0, b"\0\0\x01\xba", "MPEG video"),
    (0, b"\0\0\x0cjP  ", "JPEG 2000 picture"),
    (0, b"%PDF", "PDF document"),
    (0, b"%!PS", "PostScript document"),
    (0, b"8BPS", "Photoshop picture"),
    (0, b"PK\x03\x04", "ZIP archive or office document"),
    (0, b"\x1f\x8b", "gzip archive"),
    (0, b"7z\xbc\xaf", "7-Zip archive"),
    (0, b"\x7fELF", "program"),
    (0, b"\x93NUMPY", "NumPy array"),
    (4, b"TFL3", "TFLite model"),
)

JPEG_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
JPEG_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
TIFF_STRIPS = {273, 279, 324, 325}
"""Offsets and byte counts of strips and of tiles."""
TIFF_FORMATS = {1: "B", 3: "H", 4: "I"}


@dataclass(frozen=True, slots=True)
class Header:
    """A picture file as far as its headers tell.

    Parameters
    ----------
    kind : str
        One of `READABLE`.
    width, height : int
    frames : int
        Pictures in the file: more than 1 in an animation or a TIFF of several pages.
    is_complete : bool
        False where the file ends before its own structure does.
    orientation : int
        EXIF orientation, 1 (upright) to 8.
    """

    kind: str
    width: int
    height: int
    frames: int = 1
    is_complete: bool = True
    orientation: int = 1


@dataclass(frozen=True, slots=True)
class TiffPages:
    """The pages of a TIFF: offset of the directory and header of each.

    `is_complete` is False where the file ends, or makes no sense, before its chain of directories does.
    """

    pages: tuple[tuple[int, Header], ...]
    is_complete: bool


def file_kind(data: bytes) -> str:
    """What the first bytes say that a file is: one of `READABLE` or a description in words."""
    for offset, signature, kind in SIGNATURES:
        if data[offset : offset + len(signature)] == signature:
            return kind
    if re.match(rb"P[1-6]\s", data):
        return "PNM"
    return _text_kind(data[:512])


def read_header(data: bytes) -> Header | None:
    """The header of a picture of a `READABLE` kind; None where it is cut off or makes no sense.

    Parameters
    ----------
    data : bytes
        The whole file; its beginning is enough for the size, except in a TIFF.
    """
    readers = {"PNG": _png, "JPEG": _jpeg, "BMP": _bmp, "TIFF": _tiff, "WebP": _webp, "GIF": _gif, "PNM": _pnm}
    reader = readers.get(file_kind(data))
    try:
        return reader(data) if reader else None
    except (struct.error, IndexError):
        return None


def read_tiff_pages(data: bytes | bytearray) -> TiffPages:
    """Where the pages of a TIFF stand, without its thumbnails; none where the first directory makes no sense."""
    order = "<" if data[:2] == b"II" else ">"
    pages, is_complete = [], True
    try:
        for offset, tags in _tiff_directories(data, order):
            if not tags.get(254, 0) & 1:  # bit 0: a thumbnail of another
                whole = _tiff_strips_end(data, order, offset) <= len(data)
                header = Header("TIFF", tags[256], tags[257], is_complete=whole, orientation=tags.get(274, 1))
                pages.append((offset, header))
    except (struct.error, KeyError):
        is_complete = False
    return TiffPages(tuple(pages), is_complete)


def only_tiff_page(data: bytearray, offset: int) -> None:
    """Make the directory at `offset` the first one of a TIFF, in place: what a decoder reads then is that page."""
    struct.pack_into("<I" if data[:2] == b"II" else ">I", data, 4, offset)


def _text_kind(head: bytes) -> str:
    try:
        text = head.decode("utf-8", errors="strict" if len(head) < 512 else "ignore").lstrip("\ufeff \t\r\n")
    except UnicodeDecodeError:
        return "file of an unknown kind"
    if any(ord(character) < 9 for character in text):
        return "file of an unknown kind"
    lowered = text.lower()
    if "<svg" in lowered:
        return "SVG drawing"
    return "web page" if lowered.startswith(("<!doctype html", "<html")) else "text file"


def _png(data: bytes) -> Header:
    width, height = struct.unpack_from(">II", data, 16)
    frames, orientation, is_complete = 1, 1, False
    for kind, start, length in _png_chunks(data):
        if kind == b"acTL" and length >= 4:
            frames = struct.unpack_from(">I", data, start)[0]
        elif kind == b"eXIf":
            orientation = _tiff_orientation(data[start : start + length])
        is_complete = kind == b"IEND"
    return Header("PNG", width, height, max(1, frames), is_complete, orientation)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(type, start of the content, length) of each chunk that lies wholly in `data`."""
    position = len(PNG_SIGNATURE)
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if position + 12 + length > len(data):
            return
        yield kind, position + 8, length
        position += 12 + length


def _jpeg(data: bytes) -> Header | None:
    size, orientation, scan = None, 1, None
    for marker, start, length in _jpeg_segments(data):
        if marker in JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, start + 1)
            size = (width, height)
        elif marker == 0xE1 and data[start : start + 6] == b"Exif\0\0":
            orientation = _tiff_orientation(data[start + 6 : start + length])
        elif marker == 0xDA:
            scan = start
    if size is None:
        return None
    # Coded data stuffs a 0 after each 0xFF, so an end marker after the scan's start is a real one.
    is_complete = scan is not None and data.find(b"\xff\xd9", scan) >= 0
    return Header("JPEG", *size, is_complete=is_complete, orientation=orientation)


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, start of the content, its length) of each segment up to the first scan."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF or marker in JPEG_WITHOUT_LENGTH:
            position += 1 if marker == 0xFF else 2
            continue
        length = struct.unpack_from(">H", data, position + 2)[0]
        yield marker, position + 4, length - 2
        if marker == 0xDA:
            return
        position += 2 + length


def _bmp(data: bytes) -> Header:
    header_length = struct.unpack_from("<I", data, 14)[0]
    width, height = struct.unpack_from("<HH" if header_length == 12 else "<ii", data, 18)
    return Header("BMP", abs(width), abs(height))


def _gif(data: bytes) -> Header:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    position = 13 + _gif_palette(flags)
    frames, is_complete = 0, False
    while position < len(data) and not is_complete:
        block = data[position]
        is_complete = block == 0x3B
        if block == 0x2C:
            frames += 1
            position += 11 + _gif_palette(data[position + 9])
        else:
            position += 2
        position = len(data) if is_complete else _after_gif_blocks(data, position)
    return Header("GIF", width, height, max(1, frames), is_complete)


def _gif_palette(flags: int) -> int:
    """Bytes of the colour table that a flags byte announces."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_gif_blocks(data: bytes, position: int) -> int:
    """Where a chain of data blocks, each with its length before it, ends."""
    while data[position]:
        position += 1 + data[position]
    return position + 1


def _webp(data: bytes) -> Header | None:
    is_complete = struct.unpack_from("<I", data, 4)[0] + 8 <= len(data)
    size, frames, orientation = None, 0, 1
    for kind, start, length in _riff_chunks(data):
        size = size or _webp_size(data, kind, start)
        frames += kind == b"ANMF"
        if kind == b"EXIF":
            exif = data[start : start + length].removeprefix(b"Exif\0\0")
            orientation = _tiff_orientation(exif)
    return Header("WebP", *size, max(1, frames), is_complete, orientation) if size else None


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(type, start of the content, length) of each chunk that begins in `data`."""
    position = 12
    while position + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, position)
        yield kind, position + 8, length
        position += 8 + length + length % 2


def _webp_size(data: bytes, kind: bytes, start: int) -> tuple[int, int] | None:
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[start + at : start + at + 3], "little") + 1 for at in (4, 7))
        return width, height
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", data, start + 1)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, start + 6)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _pnm(data: bytes) -> Header | None:
    bare = re.sub(rb"#[^\n]*\n", b" ", data[:4096])
    found = re.match(rb"P[1-6]\s+(\d{1,9})\s+(\d{1,9})\s", bare)
    return Header("PNM", int(found[1]), int(found[2])) if found else None


def _tiff(data: bytes) -> Header | None:
    pages = read_tiff_pages(data).pages
    return replace(pages[0][1], frames=len(pages)) if pages else None


def _tiff_directories(data: bytes | bytearray, order: str) -> Iterator[tuple[int, dict[int, int]]]:
    """Offset, and first value of each integer tag, directory by directory.

    Raises
    ------
    struct.error
        A directory lies beyond the end of the file.
    """
    seen: set[int] = set()
    offset = struct.unpack_from(order + "I", data, 4)[0]
    while offset and offset not in seen:
        seen.add(offset)
        count = struct.unpack_from(order + "H", data, offset)[0]
        yield offset, dict(_tiff_tags(data, order, offset + 2, count))
        offset = struct.unpack_from(order + "I", data, offset + 2 + 12 * count)[0]


def _tiff_strips_end(data: bytes | bytearray, order: str, directory: int) -> int:
    """Where the last strip or tile of a directory ends; 0 where it does not tell."""
    values: dict[int, tuple[int, ...]] = {}
    for at in range(directory + 2, directory + 2 + 12 * struct.unpack_from(order + "H", data, directory)[0], 12):
        tag, kind, count = struct.unpack_from(order + "HHI", data, at)
        if tag in TIFF_STRIPS and kind in TIFF_FORMATS:
            form = f"{order}{count}{TIFF_FORMATS[kind]}"
            start = at + 8 if struct.calcsize(form) <= 4 else struct.unpack_from(order + "I", data, at + 8)[0]
            values[tag] = struct.unpack_from(form, data, start)
    starts, lengths = (values.get(strips) or values.get(tiles, ()) for strips, tiles in ((273, 324), (279, 325)))
    return max((start + length for start, length in zip(starts, lengths, strict=False)), default=0)


def _tiff_tags(data: bytes | bytearray, order: str, start: int, count: int) -> Iterator[tuple[int, int]]:
    for at in range(start, start + 12 * count, 12):
        tag, kind = struct.unpack_from(order + "HH", data, at)
        if kind in TIFF_FORMATS:
            yield tag, struct.unpack_from(order + TIFF_FORMATS[kind], data, at + 8)[0]


def _tiff_orientation(exif: bytes) -> int:
    """Orientation from an EXIF block, which is a small TIFF; 1 where it says nothing or nonsense."""
    if exif[:4] not in (b"II*\0", b"MM\0*"):
        return 1
    try:
        _, tags = next(_tiff_directories(exif, "<" if exif[:2] == b"II" else ">"), (0, {}))
    except struct.error:
        return 1
    orientation = tags.get(274, 1)
    return orientation if 1 <= orientation <= 8 else 1
