"""Pictures, documents of several pages, folders of both, and video files: every frame once, in order."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2

from edge.errors import SourceError
from edge.nouns import Frame
from edge.pictures import PDF_SUFFIX, PICTURE_SUFFIXES
from edge.sources.base import Source, SourceSettings, as_colour, as_gray
from edge.sources.documents import import_pdfium, read_pages
from edge.stderr import caught_stderr

VIDEO_SUFFIXES = frozenset(
    {
        ".mp4",
        ".avi",
        ".mkv",
        ".mov",
        ".webm",
        ".m4v",
        ".mpg",
        ".mpeg",
        ".mjpg",
        ".mjpeg",
        ".h264",
        ".ts",
        ".wmv",
        ".3gp",
    }
)


class PictureSource(Source):
    """A picture file as one frame, or a TIFF or PDF of several pages as a frame a page, dated by the file's change.

    A page that cannot be read goes to the settings' `on_error`, and the next is read.
    """

    def __init__(self, path: Path, settings: SourceSettings) -> None:
        super().__init__(settings)
        self.path = path

    def __iter__(self) -> Iterator[Frame]:
        return _frames(self, self.path)


class FolderSource(Source):
    """The pages of the pictures, TIFFs and PDFs of a folder in natural order, each with its index in its file.

    Sub-folders are not entered, other files are named on stderr. A page that cannot be read goes to the settings'
    `on_error`, and the next is read.
    """

    def __init__(self, path: Path, settings: SourceSettings) -> None:
        super().__init__(settings)
        entries = _entries(path)
        self.pictures = sorted(
            (entry for entry in entries if _is_picture(entry)), key=lambda entry: natural_key(entry.name)
        )
        skipped = describe_kinds([entry for entry in entries if not _is_picture(entry)])
        if not self.pictures:
            found = f"found {skipped}" if skipped else "it is empty"
            raise SourceError(
                f"{path}: no picture in this folder ({found}); name a folder with PNG, JPEG, TIFF or PDF files"
            )
        if any(entry.suffix.lower() == PDF_SUFFIX for entry in self.pictures):
            import_pdfium()
        if skipped:
            settings.on_note(f"{path}: skipped {skipped}")

    def __iter__(self) -> Iterator[Frame]:
        for path in self.pictures:
            yield from _frames(self, path)


class VideoSource(Source):
    """A video file, no frame lost, each dated by its place in the video; the file's change dates its end."""

    def __init__(self, path: Path, settings: SourceSettings) -> None:
        super().__init__(settings)
        self.path = path
        self._capture = _open_video(path)
        self._promised = self._property(cv2.CAP_PROP_FRAME_COUNT)
        fps = self._property(cv2.CAP_PROP_FPS)
        self._start_s = path.stat().st_mtime - (self._promised / fps if fps else 0.0)

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        while True:
            is_read, picture = self._capture.read()
            if not is_read:
                break
            position_s = self._property(cv2.CAP_PROP_POS_MSEC) / 1000
            if self.settings.is_wanted(str(self.path), index):
                colour = as_colour(picture) if self.settings.with_colour else None
                yield self.frame(as_gray(picture), str(self.path), index, self._start_s + position_s, colour=colour)
            index += 1
        self._judge_end(index)

    def close(self) -> None:
        """Close the video file."""
        self._capture.release()

    def _property(self, name: int) -> float:
        """A property of the video, 0 where the file does not tell or tells nonsense."""
        value = self._capture.get(name)
        return value if math.isfinite(value) and 0 < value < 1e12 else 0.0

    def _judge_end(self, count: int) -> None:
        if count == 0:
            raise SourceError(
                f"{self.path}: a video without a frame that can be decoded; convert it: ffmpeg -i {self.path} out.mp4"
            )
        if count < self._promised:
            self.settings.on_note(
                f"{self.path}: ended after {count} of the {self._promised:.0f} frames it announces; it may be cut off"
            )


def natural_key(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sorts `page-2` before `page-10`, whatever the case."""
    parts = re.findall(r"(\d+)|(\D+)", name.lower())
    return [(0, int(digits), "") if digits else (1, 0, text) for digits, text in parts], name


def describe_kinds(entries: list[Path]) -> str:
    """How many files of each suffix, and how many folders: "2 .txt files, 1 folder"; empty for none."""
    kinds = Counter(_kind(entry) for entry in entries)
    return ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in sorted(kinds.items()))


def _kind(entry: Path) -> str:
    if entry.is_dir():
        return "folder"
    if entry.name.startswith("."):
        return "hidden file"
    return f"{entry.suffix.lower()} file" if entry.suffix else "file without a suffix"


def _entries(path: Path) -> list[Path]:
    try:
        return sorted(path.iterdir())
    except OSError as error:
        raise SourceError(f"{path}: the folder cannot be read ({error.strerror}); check its permissions") from error


def _is_picture(entry: Path) -> bool:
    suffixes = {*PICTURE_SUFFIXES, PDF_SUFFIX}
    return entry.suffix.lower() in suffixes and not entry.name.startswith(".") and not entry.is_dir()


def _frames(source: Source, path: Path) -> Iterator[Frame]:
    """The wanted pages of a file as frames."""
    settings = source.settings
    for index, gray, colour in read_pages(path, settings.is_wanted, settings.on_error, settings.with_colour):
        yield source.frame(gray, str(path), index, path.stat().st_mtime, colour=colour)


def _open_video(path: Path) -> cv2.VideoCapture:
    _check_readable(path)
    with caught_stderr():
        capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        capture.release()
        raise SourceError(
            f"{path}: a video that is damaged, cut off or of an unknown codec; convert it: ffmpeg -i {path} out.mp4"
        )
    return capture


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb") as file:
            is_empty = not file.read(1)
    except OSError as error:
        raise SourceError(f"{path}: the video cannot be read ({error.strerror}); check its permissions") from error
    if is_empty:
        raise SourceError(f"{path}: the video file is empty; record or copy it again")
