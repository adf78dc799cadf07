"""A folder that pictures are put into, by a camera's upload or another program: each is read once, when it is whole."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.errors import PictureError, SourceError
from edge.nouns import Frame
from edge.pictures import PICTURE_SUFFIXES, decode_planes, read_bytes
from edge.sources.base import Source, SourceSettings
from edge.sources.files import natural_key

POLL_S = 0.2
"""Between two looks at the folder. Polling also sees network shares, which tell no changes."""

POLL_SHARE = 0.05
"""Part of the time that looking may take; a folder of many files is looked at less often."""

PATIENCE_S = 5.0
"""A file that has not grown for so long and still cannot be decoded is damaged, not half-written."""

MAX_GONE = 10_000
"""Names of removed files that are remembered."""


@dataclass(frozen=True, slots=True)
class Version:
    """A file's contents, as far as its folder tells: a change of either is a new picture."""

    changed_ns: int
    size: int


Seen = dict[str, Version]
"""The version of each file that was read or was there before, by name."""


class WatchSource(Source):
    """The pictures that appear or change in a folder after it was opened, oldest first; none is lost.

    A file is read once it has not changed between two looks and can be decoded, so a half-written one is waited for.

    Parameters
    ----------
    folder : Path
    settings : SourceSettings
    seen : dict, optional
        What an earlier opening has seen, so that nothing is lost or read twice; it is added to.

    Raises
    ------
    SourceError
        The folder is missing or cannot be listed.
    """

    is_live = True

    def __init__(self, folder: Path, settings: SourceSettings, seen: Seen | None = None) -> None:
        super().__init__(settings)
        self.folder = folder
        self._new: dict[str, tuple[Version, float]] = {}
        self._seen: Seen = {} if seen is None else seen
        if not self._seen:
            self._seen.update({"": Version(0, 0)} | _versions(folder))  # so that an empty folder counts as seen

    def __iter__(self) -> Iterator[Frame]:
        while True:
            start_s = time.monotonic()
            for name, age_s in self._settled(_versions(self.folder)):
                frame = self._load(name, age_s)
                if frame is not None:
                    yield frame
            if self.pause(max(POLL_S, (time.monotonic() - start_s) / POLL_SHARE)):
                return

    def _settled(self, found: Seen) -> list[tuple[str, float]]:
        """New files that did not change between two looks, oldest first, with the seconds since they last did."""
        now_s = time.monotonic()
        new = {name: version for name, version in found.items() if self._seen.get(name) != version}
        self._new = {
            name: self._new[name] if name in self._new and self._new[name][0] == version else (version, now_s)
            for name, version in new.items()
        }
        self._forget(found)
        names = sorted(new, key=lambda name: (new[name].changed_ns, natural_key(name)))
        return [(name, now_s - self._new[name][1]) for name in names if self._new[name][1] < now_s]

    def _load(self, name: str, age_s: float) -> Frame | None:
        """The picture as a frame; None while it may still be written, or when it is damaged, which is said."""
        path, version = self.folder / name, self._new[name][0]
        frame = None
        try:
            gray, colour = decode_planes(read_bytes(path), str(path), self.settings.with_colour)
            frame = self.frame(gray, str(path), 0, version.changed_ns / 1e9, colour=colour)
        except PictureError as error:
            if age_s < PATIENCE_S:
                return None
            self.settings.on_note(str(error))
        self._seen[name] = version
        return frame

    def _forget(self, found: Seen) -> None:
        """Drop files that are gone, once there are many: a share that is away for a moment looks empty too."""
        if len(self._seen) > MAX_GONE + 2 * len(found):
            for name in self._seen.keys() - found.keys() - {""}:
                del self._seen[name]


def _versions(folder: Path) -> Seen:
    """The picture files of a folder."""
    try:
        with os.scandir(folder) as entries:
            found = {entry.name: _version(entry) for entry in entries if _is_picture(entry)}
    except OSError as error:
        raise SourceError(
            f"watch:{folder}: the folder cannot be read ({error.strerror}); make it, or check its permissions"
        ) from error
    return {name: version for name, version in found.items() if version}


def _is_picture(entry: os.DirEntry[str]) -> bool:
    is_named = Path(entry.name).suffix.lower() in PICTURE_SUFFIXES and not entry.name.startswith(".")
    return is_named and entry.is_file()


def _version(entry: os.DirEntry[str]) -> Version | None:
    """None for a file that was removed meanwhile."""
    try:
        status = entry.stat()
    except FileNotFoundError:
        return None
    return Version(status.st_mtime_ns, status.st_size)
