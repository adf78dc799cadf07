"""Files as pages: a picture is one, a TIFF or PDF has as many as were scanned into it; one is in memory at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from edge.errors import PageError, PictureError, SourceError
from edge.headers import file_kind, read_tiff_pages
from edge.nouns import Colour, Gray
from edge.pictures import MAX_PIXELS, check_file, decode_planes, decode_tiff_page, read_bytes, unreadable

PDF_DPI = 300
"""What forms are scanned at; a digit 4 mm high is 47 pixels high, and a page of A4 has 8.7 megapixels."""

POINTS_PER_INCH = 72
"""Of a PDF's sizes (ISO 32000-1, 8.3.2.3)."""

WIDTH_SLACK = 1e-3
"""Pixels that a page is asked to be narrower, for its size in points is no exact float."""

PDF_END = b"%%EOF"
PDF_TAIL = 1024
"""The end mark is among a PDF's last bytes (ISO 32000-1, 7.5.5; readers look for it in so many)."""

PAGES_HELD = 16
"""With all 1,000 pages of 0.24 MB held, memory grew by those 240 MB; opening such a file takes 1 ms."""

PDFIUM_PASSWORD_ERROR = 4
"""FPDF_ERR_PASSWORD in PDFium's fpdfview.h."""


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """An open file: how many pages it has, and what gives the picture of each; a PictureError where it cannot.

    Parameters
    ----------
    count : int
    load : callable
        Takes a page's index, from 0; gives its gray levels, and the colour planes where they are asked for. Pages of a
        PDF or of a TIFF of several have none: forms have no dials.
    complaint : str, optional
        Why more pages may have been meant to be there.
    """

    count: int
    load: Callable[[int], tuple[Gray, Colour | None]]
    complaint: str | None = None


@contextmanager
def open_document(path: Path, with_colour: bool = False) -> Iterator[Document]:
    """The pages of a picture, TIFF or PDF file, open for the time of the block.

    Raises
    ------
    PictureError
        The file is missing, not readable, damaged, encrypted or without a page.
    SourceError
        It is a PDF and the package that renders those is missing.
    """
    if _first_bytes(path).startswith(b"%PDF"):
        with _open_pdf(path) as document:
            yield document
    else:
        yield _open_picture(path, with_colour)


def read_pages(
    path: Path,
    is_wanted: Callable[[str, int], bool],
    on_error: Callable[[PageError], None],
    with_colour: bool = False,
) -> Iterator[tuple[int, Gray, Colour | None]]:
    """(index, gray, colour) of each page of a file that is wanted; what cannot be read goes to `on_error`."""
    source = str(path)
    try:
        with open_document(path, with_colour) as document:
            for index in range(document.count):
                if not is_wanted(source, index):
                    continue
                try:
                    gray, colour = document.load(index)
                except PictureError as error:
                    on_error(PageError(str(error), source, index))
                else:
                    yield index, gray, colour
            if document.complaint:
                on_error(PageError(document.complaint, source, None))
    except PageError:
        raise
    except PictureError as error:
        on_error(PageError(str(error), source, None))


def numbered(path: Path, index: int) -> str:
    """What a page of several is called in messages: "scan.pdf, page 3" for index 2."""
    return f"{path}, page {index + 1}"


def import_pdfium() -> ModuleType:
    """The package that renders PDFs.

    Raises
    ------
    SourceError
        It is not installed.
    """
    try:
        import pypdfium2
    except ImportError as error:
        raise SourceError(
            f"PDF files need the package pypdfium2 ({error}); install it: pip install pypdfium2, "
            "or make pictures: pdftoppm -r 300 -gray -png scan.pdf page"
        ) from error
    return pypdfium2


def _first_bytes(path: Path) -> bytes:
    try:
        check_file(path, math.inf)
        with path.open("rb") as file:
            return file.read(64)
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from None


def _open_picture(path: Path, with_colour: bool) -> Document:
    data = read_bytes(path)
    found = read_tiff_pages(data) if file_kind(data) == "TIFF" else None
    if found is None or not found.pages or (len(found.pages) == 1 and found.is_complete):
        return Document(1, lambda _: decode_planes(data, str(path), with_colour))
    buffer = bytearray(data)

    def load(index: int) -> tuple[Gray, Colour | None]:
        offset, header = found.pages[index]
        return decode_tiff_page(buffer, offset, header, numbered(path, index)), None

    count = len(found.pages)
    complaint = f"{path}: a TIFF that is cut off or damaged after page {count}; copy or scan it again"
    return Document(count, load, None if found.is_complete else complaint)


@contextmanager
def _open_pdf(path: Path) -> Iterator[Document]:
    with closing(Pdf(path)) as pdf:
        complaint = f"{path}: a PDF that is cut off before its end, pages may be missing; copy or scan it again"
        yield Document(pdf.count, lambda index: (pdf.render(index), None), None if _has_end(path) else complaint)


class Pdf:
    """An open PDF. PDFium keeps what it has read of a document, so it is opened anew after `PAGES_HELD` pages.

    Raises
    ------
    PictureError
        The file is damaged, encrypted or without a page.
    SourceError
        PDFium is missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pdfium = import_pdfium()
        self._document = self._open()
        self._rendered = 0
        self.count = len(self._document)
        if self.count == 0:
            self.close()
            raise PictureError(f"{path}: a PDF without a page; export it again")

    def render(self, index: int) -> Gray:
        """A page at `PDF_DPI`, with what was typed into its fields and its annotations."""
        if self._rendered == PAGES_HELD:
            self.close()
            self._document, self._rendered = self._open(), 0
        self._rendered += 1
        name = numbered(self._path, index)
        try:
            return _rendered(self._document, index, name)
        except self._pdfium.PdfiumError as error:
            raise PictureError(f"{name}: damaged ({error}); copy or scan it again") from error

    def close(self) -> None:
        """Close the file; harmless when done twice."""
        self._document.close()

    def _open(self) -> Any:
        try:
            document = self._pdfium.PdfDocument(self._path)
        except self._pdfium.PdfiumError as error:
            raise PictureError(_why_no_pdf(self._path, error)) from error
        except OSError as error:
            raise unreadable(self._path, error) from error
        document.init_forms()
        return document


def _why_no_pdf(path: Path, error: Exception) -> str:
    if getattr(error, "err_code", None) == PDFIUM_PASSWORD_ERROR:
        return f"{path}: an encrypted PDF; take its password off, for example with: qpdf --decrypt --password=… {path}"
    return f"{path}: a PDF that is damaged or cut off ({error}); copy or scan it again"


def _has_end(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - PDF_TAIL))
        return PDF_END in file.read()


def _rendered(document: Any, index: int, name: str) -> Gray:
    page = document[index]
    try:
        width, height = (side * PDF_DPI / POINTS_PER_INCH for side in page.get_size())
        _check_size(width * height / 1e6, name)
        # Sizes in a PDF are rounded to a hundredth of a point, and PDFium's bitmap goes up to the next pixel: the
        # scale that gives the nearest whole width gives a scan of 300 dpi back pixel by pixel.
        whole = max(1, round(width)) - WIDTH_SLACK
        bitmap = page.render(scale=PDF_DPI / POINTS_PER_INCH * whole / width, grayscale=True)
        gray: Gray = bitmap.to_numpy().copy()
        bitmap.close()
        return gray
    finally:
        page.close()


def _check_size(megapixels: float, name: str) -> None:
    if megapixels > MAX_PIXELS / 1e6:
        raise PictureError(
            f"{name}: {megapixels:.0f} megapixels at {PDF_DPI} dpi, at most {MAX_PIXELS / 1e6:.0f} are read; "
            "print it to a smaller page"
        )
