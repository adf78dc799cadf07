"""Where data sets are looked for: the folder that DIGITS_DATA names, then the user's cache."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from edge.errors import DataError

DATA_VARIABLE = "DIGITS_DATA"


def cache_folder(name: str) -> Path:
    """Where a downloaded data set is kept."""
    return Path(platformdirs.user_cache_dir("readout", appauthor=False)) / name


def data_places(name: str) -> tuple[Path, ...]:
    """Folders in which the data set `name` may lie, in the order of search; the last is the cache.

    Raises
    ------
    DataError
        DIGITS_DATA names something that is no folder.
    """
    named = os.environ.get(DATA_VARIABLE)
    if not named:
        return (cache_folder(name),)
    if not Path(named).is_dir():
        raise DataError(f"{DATA_VARIABLE}={named}: no such folder; name the one that has mnist/ in it, or unset it")
    return (Path(named) / name, cache_folder(name))


def find_files(names: Sequence[str], places: Sequence[Path]) -> list[Path]:
    """The files `names`, packed (.gz) or unpacked, from the first of `places` that has any; empty if none has.

    Raises
    ------
    DataError
        A place has some of the files and not the others.
    """
    for place in places:
        found = [find_file(place, name) for name in names]
        paths = [path for path in found if path]
        if paths and place is not places[-1]:
            missing = [name for name, path in zip(names, found, strict=True) if path is None]
            if missing:
                raise DataError(f"{place}: {', '.join(missing)} is missing beside {paths[0].name}; put it there too")
        if len(paths) == len(names):
            return paths
    return []


def find_file(place: Path, name: str) -> Path | None:
    """The file in that folder, packed or unpacked, or None."""
    return next((path for path in (place / name, place / name.removesuffix(".gz")) if path.is_file()), None)
