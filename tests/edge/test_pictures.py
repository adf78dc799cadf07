"""Every kind, depth and fault of picture files; the pictures are made here, byte by byte where OpenCV cannot."""

import base64
import os
import struct
import zlib

import cv2
import numpy as np
import pytest

from edge.errors import PictureError
from edge.headers import Header, file_kind, read_header
from edge.nouns import Frame
from edge.pictures import MAX_PIXELS, decode_colour, decode_picture, flatten_alpha, load_picture, orient, to_eight_bits

RAMP = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (16, 1))
"""16 rows, 32 columns, dark to light."""

# 16 x 16, left half black (K = 255), right half white; Adobe's inverted CMYK, from Pillow 13: made for this test.
CMYK_JPEG = base64.b64decode(
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAGBAUGBQQGBgUGBwcGCAoQCgoJCQoUDg8MEBcUGBgXFBYWGh0lHxobIxwWFiAsICMmJykq"
    "KRkfLTAtKDAlKCko/8AAFAgAEAAQBEMRAE0RAFkRAEsRAP/EABYAAQEBAAAAAAAAAAAAAAAAAAAICf/EABQQAQAAAAAAAAAAAAAA"
    "AAAAAAD/2gAOBEMATQBZAEsAAD8AqlVKqUqANVAGVYDVR//Z"
)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width=16, height=16, depth=8, colour=0, rows: bytes | None = None, before_data: bytes = b"") -> bytes:
    """A PNG of given rows (each with its filter byte), or of black ones."""
    if rows is None:
        rows = bytes(height * (1 + (width * depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour] + 7) // 8))
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n" + header + before_data + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    )


def gif(frames: int, side: int = 16) -> bytes:
    """A GIF whose frames are white, in uncompressed LZW: a clear code before every other pixel."""
    codes = [code for _ in range(side * side) for code in (4, 1)] + [5]  # 3 bits each: clear 4, end 5
    bits = sum(code << 3 * place for place, code in enumerate(codes))
    data = bits.to_bytes((3 * len(codes) + 7) // 8, "little")
    blocks = b"".join(bytes([len(part)]) + part for part in (data[at : at + 255] for at in range(0, len(data), 255)))
    image = b"\x2c" + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02" + blocks + b"\0"
    palette = bytes((0, 0, 0, 255, 255, 255, 0, 0, 0, 0, 0, 0))
    return b"GIF89a" + struct.pack("<HHBBB", side, side, 0x81, 0, 0) + palette + image * frames + b"\x3b"


def webp_animation(frames: int) -> bytes:
    still = cv2.imencode(".webp", cv2.cvtColor(RAMP, cv2.COLOR_GRAY2BGR))[1].tobytes()[12:]
    sizes = (31).to_bytes(3, "little") + (15).to_bytes(3, "little")
    frame = bytes(6) + sizes + bytes(4) + still
    chunks = riff(b"VP8X", b"\x02\0\0\0" + sizes) + riff(b"ANIM", bytes(6)) + riff(b"ANMF", frame) * frames
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


def riff(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def exif(orientation: int) -> bytes:
    return b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0)


def tiff(pages: int = 1, width: int = 16, height: int = 16, orientation: int = 1, pixels: bytes = b"") -> bytes:
    """An uncompressed gray TIFF, little-endian, its pages sharing one strip."""
    pixels = pixels or bytes(256)
    tags = [
        (256, width),
        (257, height),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 8),
        (274, orientation),
        (277, 1),
        (278, height),
        (279, len(pixels)),
    ]
    data = b"II*\0" + struct.pack("<I", 8 + len(pixels)) + pixels
    for page in range(pages):
        entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
        end = len(data) + 2 + len(entries) + 4
        data += struct.pack("<H", len(tags)) + entries + struct.pack("<I", end if page < pages - 1 else 0)
    return data


def encoded(suffix: str, picture=RAMP, *options: int) -> bytes:
    return cv2.imencode(suffix, picture, list(options))[1].tobytes()


@pytest.mark.parametrize(
    ("suffix", "tolerance"), [(".png", 0), (".jpg", 3), (".bmp", 0), (".tiff", 0), (".webp", 6), (".pgm", 0)]
)
def test_gray_pictures_come_back_from_a_file(tmp_path, suffix, tolerance):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(encoded(suffix))
    gray = load_picture(path)
    assert gray.dtype == np.uint8
    assert gray.shape == RAMP.shape
    assert np.abs(gray.astype(int) - RAMP).max() <= tolerance


def test_a_gif_of_one_frame_is_read():
    assert (decode_picture(gif(1), "a.gif") == 255).all()


def test_colour_becomes_gray_by_its_weights():
    green = np.zeros((16, 16, 3), np.uint8)
    green[..., 1] = 200
    assert (decode_picture(encoded(".png", green), "a") == 117).all()  # 0.587 * 200


def test_sixteen_bits_are_divided_by_257():
    assert np.array_equal(decode_picture(encoded(".png", RAMP.astype(np.uint16) * 257), "a")[:, :-1], RAMP[:, :-1])
    assert decode_picture(encoded(".tiff", np.full((16, 16), 65535, np.uint16)), "a").min() == 255


def test_twelve_bits_in_sixteen_are_brought_to_full_range():
    assert to_eight_bits(np.array([[0, 2048, 4095]], np.uint16)).tolist() == [[0, 128, 255]]
    assert to_eight_bits(np.array([[0, 65535]], np.uint16)).tolist() == [[0, 255]]
    assert to_eight_bits(np.array([[0, 255]], np.uint16)).tolist() == [[0, 255]]


@pytest.mark.parametrize(("ink", "ground"), [(0, 255), (255, 0)])
def test_ink_on_nothing_is_laid_on_its_opposite(ink, ground):
    picture = np.full((16, 16, 4), ink, np.uint8)
    picture[..., 3] = 0
    picture[4:8, 4:8, 3] = 255
    gray = decode_picture(encoded(".png", picture), "a")
    assert (gray[4:8, 4:8] == ink).all()
    assert (gray[:4] == ground).all()


def test_transparent_corners_take_the_ground_that_is_there():
    gray, alpha = np.full((8, 8), 30, np.uint8), np.full((8, 8), 255, np.uint8)
    alpha[0, 0] = 0
    gray[3:5, 3:5] = 200
    assert flatten_alpha(gray, alpha)[0, 0] == 30


def test_what_is_wholly_transparent_is_white():
    assert (flatten_alpha(np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8)) == 255).all()


def test_half_transparent_ink_is_half_covered():
    alpha = np.zeros((4, 4), np.uint8)
    alpha[0, 0] = 128
    assert flatten_alpha(np.zeros((4, 4), np.uint8), alpha)[0, 0] == 127


def test_gray_with_alpha_and_a_transparent_palette_colour_are_read():
    gray_alpha = png(colour=4, rows=(b"\0" + b"\0\xff" * 4 + b"\0\0" * 12) * 16)
    assert decode_picture(gray_alpha, "a")[0].tolist() == [0] * 4 + [255] * 12
    palette = png_chunk(b"PLTE", bytes((0, 0, 0, 9, 9, 9))) + png_chunk(b"tRNS", b"\xff\0")
    paletted = png(colour=3, rows=(b"\0" + b"\0" * 4 + b"\1" * 12) * 16, before_data=palette)
    assert decode_picture(paletted, "a")[0].tolist() == [0] * 4 + [255] * 12


def test_bilevel_pictures_are_black_and_white():
    assert decode_picture(png(depth=1, rows=b"\0\xf0\x0f" * 16), "a")[0].tolist() == [255] * 4 + [0] * 8 + [255] * 4


def test_cmyk_jpeg_is_not_inverted():
    gray = decode_picture(CMYK_JPEG, "a.jpg")
    assert gray.shape == (16, 16)
    assert gray[:, :6].max() < 20
    assert gray[:, 10:].min() > 235


UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.T,
    6: lambda a: a.T[:, ::-1],
    7: lambda a: a.T[::-1, ::-1],
    8: lambda a: a.T[::-1],
}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_respected(orientation):
    stored = np.arange(0, 240, dtype=np.uint8).reshape(12, 20)
    expected = UPRIGHT[orientation](stored)
    assert np.array_equal(orient(stored, orientation), expected)
    as_png, as_jpeg = (with_orientation(suffix, stored, orientation) for suffix in (".png", ".jpg"))
    as_tiff = tiff(width=20, height=12, orientation=orientation, pixels=stored.tobytes())
    for data, tolerance in ((as_png, 0), (as_jpeg, 4), (as_tiff, 0)):
        gray = decode_picture(data, "a")
        assert gray.shape == expected.shape
        assert np.abs(gray.astype(int) - expected).max() <= tolerance


def with_orientation(suffix: str, picture: np.ndarray, orientation: int) -> bytes:
    """A JPEG or PNG file that says how it is to be turned."""
    data = encoded(suffix, picture, *([cv2.IMWRITE_JPEG_QUALITY, 100] if suffix == ".jpg" else []))
    if suffix == ".png":
        return data[:33] + png_chunk(b"eXIf", exif(orientation)) + data[33:]
    app1 = b"Exif\0\0" + exif(orientation)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(app1) + 2) + app1 + data[2:]


def slopes(rows: int, columns: int) -> np.ndarray:
    """Blue rises to the right and red downwards, (rows, columns, 3) uint8."""
    picture = np.full((rows, columns, 3), 60, np.uint8)
    picture[..., 0] += np.arange(columns, dtype=np.uint8)[None, :] * 2
    picture[..., 2] += np.arange(rows, dtype=np.uint8)[:, None] * 3
    return picture


@pytest.mark.parametrize("size", [(40, 60), (41, 61), (40, 61)])
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_colour_has_half_the_size_of_the_gray_levels_and_lies_as_they_do(orientation, suffix, size):
    picture = slopes(*size)
    data = with_orientation(suffix, picture, orientation)
    gray, colour = decode_picture(data, "a"), decode_colour(data)
    Frame(gray, "a", colour=colour)
    upright = np.dstack([UPRIGHT[orientation](plane) for plane in cv2.split(picture)])
    whole = cv2.resize(colour, gray.shape[::-1], interpolation=cv2.INTER_LINEAR)
    assert np.abs(whole.astype(int) - upright)[2:-2, 2:-2].max() <= 6  # red rises by 3 a pixel


def test_pictures_without_colour_of_their_own_have_no_planes():
    see_through = np.full((16, 16, 4), 100, np.uint8)
    assert decode_colour(encoded(".png")) is None
    assert decode_colour(encoded(".jpg")) is None
    assert decode_colour(encoded(".png", cv2.cvtColor(RAMP, cv2.COLOR_GRAY2BGR))) is None
    assert decode_colour(encoded(".png", see_through)) is None
    assert decode_colour(b"no picture") is None


def test_opaque_and_sixteen_bit_pictures_have_their_colour():
    red = np.full((16, 16, 3), (20, 40, 220), np.uint8)
    opaque = np.dstack([red, np.full((16, 16), 255, np.uint8)])
    for data in (encoded(".png", opaque), encoded(".png", red.astype(np.uint16) * 257), encoded(".tiff", red)):
        assert (decode_colour(data) == red[:8, :8]).all()


FULL_JPEG = encoded(".jpg", cv2.resize(RAMP, (320, 160)))

BAD = {
    "empty": (b"", "is empty"),
    "text": (b"hello, no picture here\n", "found: text file"),
    "pdf": (b"%PDF-1.7\n", "found: PDF document; convert it: pdftoppm"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC picture; convert it: heif-convert"),
    "svg": (b'<?xml version="1.0"?><svg xmlns="x"></svg>', "SVG drawing"),
    "html": (b"<!DOCTYPE html><html>", "web page"),
    "zip": (b"PK\x03\x04" + bytes(20), "ZIP archive"),
    "noise": (bytes([1, 200, 3, 250] * 20), "file of an unknown kind"),
    "video": (b"RIFF\0\0\0\0AVI LIST", "a video .AVI video., not a picture"),
    "truncated jpeg": (FULL_JPEG[: len(FULL_JPEG) // 2], "cut off before its end"),
    "jpeg without its end marker": (FULL_JPEG[:-2], "cut off before its end"),
    "jpeg header only": (FULL_JPEG[:20], "header is damaged or cut off"),
    "damaged jpeg": (FULL_JPEG[:700] + FULL_JPEG[-2:], "damaged or cut off"),
    "truncated png": (encoded(".png")[:-12], "cut off before its end"),
    "png with damaged data": (png(rows=bytes(40)), "damaged or cut off"),
    "truncated bmp": (encoded(".bmp")[:-100], "damaged or cut off"),
    "truncated tiff": (encoded(".tiff")[:60], "damaged or cut off"),
    "truncated webp": (encoded(".webp", cv2.cvtColor(RAMP, cv2.COLOR_GRAY2BGR))[:-4], "cut off before its end"),
    "truncated gif": (gif(1)[:40], "damaged or cut off"),
    "truncated pnm": (encoded(".pgm")[:-20], "damaged or cut off"),
    "one pixel": (png(1, 1), "1 x 1 pixels, too small"),
    "seven pixels": (png(7, 7), "7 x 7 pixels, too small"),
    "a line": (png(400, 2), "400 x 2 pixels, too small"),
    "100 megapixels png": (png(10_000, 10_000, rows=b"\0"), "10000 x 10000 pixels are 100 megapixels, at most 64"),
    "100 megapixels tiff": (tiff(width=10_000, height=10_000), "100 megapixels"),
    "100 megapixels bmp": (b"BM" + bytes(12) + struct.pack("<Iii", 40, 10_000, -10_000) + bytes(60), "100 megapixels"),
    "100 megapixels jpeg": (
        FULL_JPEG.replace(struct.pack(">HH", 160, 320), struct.pack(">HH", 10_000, 10_000)),
        "100 megapixels",
    ),
    "100 megapixels gif": (gif(1, 16)[:6] + struct.pack("<HH", 10_000, 10_000) + gif(1)[10:], "100 megapixels"),
    "100 megapixels pnm": (b"P5 # made\n10000 10000\n255\n", "100 megapixels"),
    "animated gif": (gif(3), "an animated GIF of 3 frames"),
    "animated png": (png(before_data=png_chunk(b"acTL", struct.pack(">II", 4, 0))), "an animated PNG of 4 frames"),
    "animated webp": (webp_animation(2), "an animated WebP of 2 frames"),
    "tiff of pages": (tiff(pages=3), "a TIFF of 3 pages, not a single picture; readout read"),
    "float tiff": (
        cv2.imencode(".tiff", np.ones((16, 16), np.float32))[1].tobytes(),
        "pixels are float32, 8 or 16 bits",
    ),
    "big tiff": (b"II+\0\x08\0\0\0" + bytes(16), "BigTIFF picture; convert it"),
}


@pytest.mark.parametrize(("data", "message"), BAD.values(), ids=BAD.keys())
def test_a_bad_picture_is_one_clear_line(tmp_path, capfd, data, message):
    path = tmp_path / "bad.png"
    path.write_bytes(data)
    with pytest.raises(PictureError, match=message) as caught:
        load_picture(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_missing_file_a_folder_and_a_device_are_told_apart(tmp_path):
    with pytest.raises(PictureError, match="no such file"):
        load_picture(tmp_path / "none.png")
    with pytest.raises(PictureError, match="a folder, not a picture"):
        load_picture(tmp_path)
    with pytest.raises(PictureError, match="device or pipe"):
        load_picture("/dev/null")
    with pytest.raises(PictureError, match="cannot be read"):
        load_picture(tmp_path / "a\0b.png")


def test_a_file_without_read_permission_says_how_to_give_it(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(png())

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(PictureError, match="no permission to read it; try: chmod"):
        load_picture(path)


def test_a_file_too_large_for_memory_is_refused_unread(tmp_path):
    path = tmp_path / "huge.bmp"
    path.touch()
    os.truncate(path, 5 * MAX_PIXELS)
    with pytest.raises(PictureError, match="320 MB, at most 256 MB"):
        load_picture(path)


def test_a_crop_of_a_narrow_digit_is_large_enough():
    assert decode_picture(png(4, 20), "a").shape == (20, 4)


def test_stray_bytes_that_cameras_leave_in_jpegs_are_harmless():
    assert decode_picture(FULL_JPEG + b"\0" * 100, "a").shape == (160, 320)
    assert decode_picture(FULL_JPEG[:-2] + b"\x12\x34\xff\xd9", "a").shape == (160, 320)


def test_headers_tell_size_frames_and_completeness():
    assert read_header(png(30, 20)) == Header("PNG", 30, 20)
    assert read_header(gif(2, 24)) == Header("GIF", 24, 24, frames=2)
    assert read_header(tiff(pages=2)) == Header("TIFF", 16, 16, frames=2)
    assert read_header(webp_animation(3)) == Header("WebP", 32, 16, frames=3)
    assert read_header(
        encoded(".webp", cv2.cvtColor(RAMP, cv2.COLOR_GRAY2BGR), cv2.IMWRITE_WEBP_QUALITY, 101)
    ) == Header("WebP", 32, 16)
    assert read_header(FULL_JPEG[:-2]) == Header("JPEG", 320, 160, is_complete=False)
    assert read_header(b"%PDF") is None


def test_headers_survive_any_cut_and_any_altered_byte():
    rng = np.random.default_rng(0)
    for data in (png(), gif(2), tiff(2), webp_animation(2), FULL_JPEG, encoded(".bmp"), encoded(".pgm")):
        for length in range(min(len(data), 200)):
            read_header(data[:length])
        for _ in range(200):
            altered = bytearray(data)
            altered[int(rng.integers(min(len(data), 200)))] = int(rng.integers(256))
            assert isinstance(file_kind(bytes(altered)), str)
            read_header(bytes(altered))
