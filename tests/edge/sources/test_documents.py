"""Pages of PDFs and TIFFs: each once, in order, and each fault by its own line."""

from __future__ import annotations

import base64
import importlib.util
import struct
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import PageError, PictureError, SourceError
from edge.headers import read_tiff_pages
from edge.sources import SourceSettings, open_source
from edge.sources.documents import PAGES_HELD, open_document

needs_pdfium = pytest.mark.skipif(
    importlib.util.find_spec("pypdfium2") is None, reason="pypdfium2 is not installed; it renders PDFs"
)

G4_TIFF = base64.b64decode(
    "SUkqABIAAADzYv///j4AIAIACQAAAQMAAQAAABgAAAABAQMAAQAAABAAAAACAQMAAQAAAAEAAAADAQMAAQAAAAQAAAAGAQMAAQAAAAAAAAARAQQA"
    "AQAAAAgAAAAWAQMAAQAAABAAAAAXAQQAAQAAAAkAAAAcAQMAAQAAAAEAAACmAAAAAAAAAAAAAAAAAAAASUkqABYAAAAmoF/5c/////x/gAgAgAkA"
    "AAEDAAEAAAAYAAAAAQEDAAEAAAAQAAAAAgEDAAEAAAABAAAAAwEDAAEAAAAEAAAABgEDAAEAAAAAAAAAEQEEAAEAAACYAAAAFgEDAAEAAAAQAAAA"
    "FwEEAAEAAAAOAAAAHAEDAAEAAAABAAAAAAAAAAAAAAAAAAAA"
)
"""Two pages of 24 x 16 bits in fax group 4, white is zero: a black square of 8 x 8 at (4, 4), and its negative.

Made with Pillow: `save(compression="group4", save_all=True, append_images=[…], tiffinfo={262: 0})`.
"""


def page(level: int) -> np.ndarray:
    """A page of one gray level with its upper left quarter black."""
    gray = np.full((48, 64), level, np.uint8)
    gray[:24, :32] = 0
    return gray


def write_tiff(path: Path, levels: list[int]) -> Path:
    cv2.imwritemulti(str(path), [page(level) for level in levels])
    return path


def pdf_of(pages: list[np.ndarray], dpi: int = 300) -> bytes:
    """A PDF with a gray picture a page, as a scanner makes it."""
    kids = " ".join(f"{3 + 3 * k} 0 R" for k in range(len(pages)))
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]>>".encode()]
    for k, gray in enumerate(pages):
        rows, columns = gray.shape
        width, height = columns * 72 / dpi, rows * 72 / dpi
        content = f"q {width} 0 0 {height} 0 0 cm /I Do Q".encode()
        objects += [
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {width} {height}]/Contents {4 + 3 * k} 0 R"
            f"/Resources<</XObject<</I {5 + 3 * k} 0 R>>>>>>".encode(),
            b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
            b"<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8/Length %d>>"
            b"stream\n%s\nendstream" % (columns, rows, gray.size, gray.tobytes()),
        ]
    return _assembled(objects)


def _assembled(objects: list[bytes], trailer: bytes = b"") -> bytes:
    data, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return data + b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (
        size,
        table,
        size,
        trailer,
        len(data),
    )


def read(path: Path, **settings: object) -> tuple[list[tuple[str, int, int]], list[PageError]]:
    """(file, index, gray level of the lower right corner) of each page, and the errors."""
    errors: list[PageError] = []
    asked = {"on_note": lambda _: None, "on_error": errors.append, **settings}
    with open_source(str(path), SourceSettings(**asked)) as source:
        return [(Path(each.source).name, each.index, int(each.gray[-1, -1])) for each in source], errors


def test_a_tiff_gives_every_page_in_order(tmp_path):
    pages, errors = read(write_tiff(tmp_path / "scan.tif", [40, 80, 120]))
    assert (pages, errors) == ([("scan.tif", 0, 40), ("scan.tif", 1, 80), ("scan.tif", 2, 120)], [])


def test_pages_are_whole_and_the_right_way_round(tmp_path):
    with open_source(str(write_tiff(tmp_path / "scan.tif", [40, 80]))) as source:
        assert [np.array_equal(frame.gray, page(level)) for frame, level in zip(source, [40, 80], strict=True)] == [
            True,
            True,
        ]


def test_fax_pages_of_one_bit_are_black_on_white(tmp_path):
    (tmp_path / "fax.tif").write_bytes(G4_TIFF)
    with open_source(str(tmp_path / "fax.tif")) as source:
        first, second = (frame.gray for frame in source)
    expected = np.full((16, 24), 255, np.uint8)
    expected[4:12, 4:12] = 0
    assert np.array_equal(first, expected)
    assert np.array_equal(second, 255 - expected)


def test_a_folder_of_all_kinds_is_in_natural_order_with_pages_together(tmp_path):
    write_tiff(tmp_path / "scan-10.tif", [10, 20])
    cv2.imwrite(str(tmp_path / "scan-9.png"), page(90))
    write_tiff(tmp_path / "scan-11.tif", [110])
    pages, errors = read(tmp_path)
    assert errors == []
    assert pages == [("scan-9.png", 0, 90), ("scan-10.tif", 0, 10), ("scan-10.tif", 1, 20), ("scan-11.tif", 0, 110)]


def test_only_wanted_pages_are_given(tmp_path):
    write_tiff(tmp_path / "scan.tif", [40, 80, 120])
    pages, _ = read(tmp_path / "scan.tif", is_wanted=lambda _, index: index != 1)
    assert [index for _, index, _ in pages] == [0, 2]


def test_a_tiff_that_is_cut_off_gives_the_pages_before_and_says_so(tmp_path):
    whole = write_tiff(tmp_path / "scan.tif", [40, 80, 120]).read_bytes()
    last = read_tiff_pages(whole).pages[2][0]
    (tmp_path / "scan.tif").write_bytes(whole[: last + 1])
    pages, errors = read(tmp_path / "scan.tif")
    assert [index for _, index, _ in pages] == [0, 1]
    assert [(each.index, "cut off or damaged after page 2" in str(each)) for each in errors] == [(None, True)]


def test_a_page_whose_pixels_are_cut_off_is_named_and_the_others_are_read(tmp_path):
    data = bytearray(G4_TIFF)
    length_of_second = data.rindex(struct.pack("<HHI", 279, 4, 1)) + 8
    struct.pack_into("<I", data, length_of_second, 5000)
    (tmp_path / "fax.tif").write_bytes(data)
    pages, errors = read(tmp_path / "fax.tif")
    assert [index for _, index, _ in pages] == [0]
    assert [(each.source, each.index) for each in errors] == [(str(tmp_path / "fax.tif"), 1)]
    assert "fax.tif, page 2: a TIFF picture that is cut off" in str(errors[0])


def test_directories_that_go_in_a_circle_end(tmp_path):
    data = bytearray(write_tiff(tmp_path / "scan.tif", [40, 80]).read_bytes())
    first, second = (offset for offset, _ in read_tiff_pages(data).pages)
    count = struct.unpack_from("<H", data, second)[0]
    struct.pack_into("<I", data, second + 2 + 12 * count, first)
    assert len(read_tiff_pages(data).pages) == 2


def test_a_thumbnail_is_no_page():
    data = bytearray(G4_TIFF)
    _, second = (offset for offset, _ in read_tiff_pages(data).pages)
    struct.pack_into("<HHII", data, second + 2, 254, 4, 1, 1)  # in place of the width: a reduced picture
    assert [header.width for _, header in read_tiff_pages(data).pages] == [24]


def test_a_single_picture_is_one_page_and_its_fault_is_told_with_its_place(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    pages, errors = read(tmp_path / "bad.png")
    assert pages == []
    assert [(each.source, each.index) for each in errors] == [(str(tmp_path / "bad.png"), 0)]


@needs_pdfium
def test_a_pdf_gives_every_page_at_300_dpi(tmp_path):
    (tmp_path / "scan.pdf").write_bytes(pdf_of([page(40), page(80), page(120)], dpi=150))
    with open_source(str(tmp_path / "scan.pdf")) as source:
        frames = list(source)
    assert [(frame.index, frame.gray.shape, int(frame.gray[-3, -3])) for frame in frames] == [
        (0, (96, 128), 40),
        (1, (96, 128), 80),
        (2, (96, 128), 120),
    ]
    assert all(frame.gray[:44, :60].max() == 0 and frame.gray.flags["C_CONTIGUOUS"] for frame in frames)


@needs_pdfium
def test_a_pdf_at_its_scanned_resolution_keeps_its_pixels(tmp_path):
    (tmp_path / "scan.pdf").write_bytes(pdf_of([page(200)]))
    with open_source(str(tmp_path / "scan.pdf")) as source:
        assert np.array_equal(next(iter(source)).gray, page(200))


@needs_pdfium
def test_a_pdf_in_a_folder_stands_in_its_place(tmp_path):
    (tmp_path / "2.PDF").write_bytes(pdf_of([page(20), page(21)]))
    cv2.imwrite(str(tmp_path / "1.png"), page(10))
    cv2.imwrite(str(tmp_path / "3.png"), page(30))
    pages, errors = read(tmp_path)
    assert errors == []
    assert [(name, index) for name, index, _ in pages] == [("1.png", 0), ("2.PDF", 0), ("2.PDF", 1), ("3.png", 0)]


ENCRYPT = (
    b"/Encrypt<</Filter/Standard/V 1/R 2/Length 40/P -4/O<"
    + b"ab" * 32
    + b">/U<"
    + b"cd" * 32
    + b">>>/ID[<00112233><00112233>]"
)


@needs_pdfium
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"%PDF-1.4\n", "a PDF that is damaged or cut off"),
        (pdf_of([page(9)] * 3)[:2000], "a PDF that is damaged or cut off"),
        (_assembled([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 0/Kids[]>>"]), "a PDF"),
        (_assembled([b"<</Type/Catalog/Pages 2 0 R>>"], ENCRYPT), "an encrypted PDF; take its password off"),
    ],
    ids=["only its first line", "half of it", "no pages", "encrypted"],
)
def test_a_bad_pdf_is_one_line_and_the_next_file_is_read(tmp_path, data, message):
    (tmp_path / "1.pdf").write_bytes(data)
    cv2.imwrite(str(tmp_path / "2.png"), page(20))
    pages, errors = read(tmp_path)
    assert [name for name, _, _ in pages if name != "1.pdf"] == ["2.png"]
    assert [(each.source, each.index) for each in errors] == [(str(tmp_path / "1.pdf"), None)]
    assert message in str(errors[0])
    assert "\n" not in str(errors[0])


@needs_pdfium
def test_a_pdf_whose_end_is_missing_is_never_silent(tmp_path):
    whole = pdf_of([page(40), page(80)])
    (tmp_path / "scan.pdf").write_bytes(whole[: whole.rindex(b"startxref")])
    pages, errors = read(tmp_path / "scan.pdf")
    assert [index for _, index, _ in pages] == [0, 1]
    assert ["cut off before its end, pages may be missing" in str(each) for each in errors] == [True]


@needs_pdfium
def test_a_page_of_a_square_metre_is_refused_and_the_next_is_read(tmp_path):
    data = pdf_of([page(40), page(80)]).replace(b"/MediaBox[0 0 15.36 11.52]", b"/MediaBox[0 0 2880 2880  ]", 1)
    (tmp_path / "scan.pdf").write_bytes(data)
    pages, errors = read(tmp_path / "scan.pdf")
    assert [index for _, index, _ in pages] == [1]
    assert [each.index for each in errors] == [0]
    assert "scan.pdf, page 1: 144 megapixels at 300 dpi, at most 64" in str(errors[0])


def test_without_the_package_a_pdf_says_what_to_install_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    (tmp_path / "2.pdf").write_bytes(b"%PDF-1.4")
    cv2.imwrite(str(tmp_path / "1.png"), page(10))
    with pytest.raises(SourceError, match="install it: pip install pypdfium2"):
        open_source(str(tmp_path))
    with (
        pytest.raises(SourceError, match="install it: pip install pypdfium2"),
        open_source(str(tmp_path / "2.pdf")) as s,
    ):
        list(s)


@needs_pdfium
def test_a_long_pdf_is_opened_anew_without_losing_its_place(tmp_path):
    levels = list(range(40, 40 + 2 * PAGES_HELD + 3))
    (tmp_path / "scan.pdf").write_bytes(pdf_of([page(level) for level in levels]))
    pages, errors = read(tmp_path / "scan.pdf")
    assert errors == []
    assert [level for _, _, level in pages] == levels


@needs_pdfium
def test_a_pdf_that_goes_while_it_is_read_is_one_line_a_page(tmp_path):
    path = tmp_path / "scan.pdf"
    path.write_bytes(pdf_of([page(40)] * (PAGES_HELD + 2)))
    with open_document(path) as document:
        for index in range(PAGES_HELD):
            document.load(index)
        path.unlink()
        for index in (PAGES_HELD, PAGES_HELD + 1):
            with pytest.raises(PictureError, match=r"scan\.pdf: no such file"):
                document.load(index)
