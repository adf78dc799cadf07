"""Gets a published file from the first mirror that has it: resumed, checked, whole or not at all."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import requests
from tqdm import tqdm

from edge.atomic import output_error
from edge.errors import DataError
from train.data.dataset import DataNotFoundError, hash_file

TIMEOUTS_S = (5.0, 20.0)
"""For the connection, and between two packets."""

SEARCH_S = 8.0
"""After that, mirrors that have not answered are given up: name servers and routers can be silent for minutes."""

PIECE = 1 << 16

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Remote:
    """A published file: its mirrors' addresses in order of preference, and its hash."""

    urls: tuple[str, ...]
    algorithm: str
    digest: str


def download(remote: Remote, target: Path, search_s: float = SEARCH_S) -> Path:
    """Put the published file at `target`, continuing a `.part` file that an earlier stop has left.

    Raises
    ------
    DataNotFoundError
        No mirror answered within `search_s`, or none gave the published file.
    OutputError
        The disk is full or the folder is not writable.
    DataError
        Another process is downloading the same file.
    """
    reasons = []
    for url in answering(remote.urls, search_s):
        try:
            return _from_mirror(url, remote, target)
        except requests.RequestException as error:
            reasons.append(f"{url}: {_brief(error)}")
        except _WrongContentError as error:
            reasons.append(f"{url}: {error}")
        log.info("%s", reasons[-1])
    detail = "; ".join(reasons) or f"no answer within {search_s:g} s from {', '.join(remote.urls)}"
    raise DataNotFoundError(f"{target.name} could not be downloaded ({detail})")


def answering(urls: Sequence[str], limit_s: float) -> list[str]:
    """Those of `urls` that give an answer within `limit_s`, all asked at once, in their own order.

    requests' limits count neither the name server nor the further addresses of a host, so each is
    asked in a thread that is left behind when the time is over.
    """
    answered: dict[str, bool] = {}
    threads = [threading.Thread(target=_ask, args=(url, answered), daemon=True) for url in urls]
    for thread in threads:
        thread.start()
    waited = threading.Event()
    for thread in threads:
        thread.join(0 if waited.is_set() else limit_s)
        if thread.is_alive():
            waited.set()
    return [url for url in urls if answered.get(url)]


def _ask(url: str, answered: dict[str, bool]) -> None:
    with suppress(requests.RequestException), requests.get(url, stream=True, timeout=TIMEOUTS_S) as response:
        answered[url] = response.ok


class _WrongContentError(Exception):
    """A mirror gave something other than the published file."""


def _from_mirror(url: str, remote: Remote, target: Path) -> Path:
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab") as file:
            _lock(file, part)
            _fetch(url, file)
            file.flush()
            os.fsync(file.fileno())
            _check(part, remote)
            part.replace(target)
    except requests.RequestException:
        raise
    except OSError as error:
        raise output_error(part, error) from error
    return target


def _lock(file: BinaryIO, part: Path) -> None:
    """Two processes that append to the same file would ruin it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DataError(f"{part}: another process is downloading this file; wait until it is done") from error


def _fetch(url: str, file: BinaryIO) -> None:
    """Append what is missing, or start anew where the mirror cannot continue."""
    have = file.tell()
    headers = {"Range": f"bytes={have}-"} if have else {}
    headers["Accept-Encoding"] = "identity"
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUTS_S) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            return  # all is there already; the hash decides
        response.raise_for_status()
        have = _start(response, have)
        file.truncate(have)
        expected = have + int(response.headers.get("Content-Length", 0))
        log.info("%s: %s %.1f MB", url, "continuing at" if have else "getting", (have or expected) / 1e6)
        with tqdm(
            total=expected or None, initial=have, unit="B", unit_scale=True, disable=None, desc=url.rsplit("/", 1)[-1]
        ) as bar:
            for piece in response.iter_content(PIECE):
                file.write(piece)
                bar.update(len(piece))


def _start(response: requests.Response, have: int) -> int:
    """The byte at which the answer starts: `have` where the mirror honours ranges, else 0."""
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    is_continued = response.status_code == requests.codes.partial_content and match and int(match[1]) == have
    return have if is_continued else 0


def _check(part: Path, remote: Remote) -> None:
    """Remove a part that is complete and wrong: it could never become the file."""
    found = hash_file(part, remote.algorithm)
    if found != remote.digest:
        part.unlink()
        raise _WrongContentError(f"its {remote.algorithm} is {found[:12]}…, published is {remote.digest[:12]}…")


def _brief(error: requests.RequestException) -> str:
    """One line of an error that tends to quote the whole chain of its causes."""
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP {error.response.status_code}"
    is_broken = isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError)
    return "the connection broke" if is_broken else type(error).__name__
