"""Data sets in their published formats, made small, and a mirror to download them from."""

import gzip
import hashlib
import re
import struct
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from train.card import Settings
from train.data.builtin import load_builtin
from train.data.dataset import Dataset
from train.fit import fit
from train.recipes import RECIPES
from train.run_folder import RunFolder

MNIST_NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def idx_bytes(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def digest(data: bytes, algorithm: str) -> str:
    return hashlib.new(algorithm, data).hexdigest()


@pytest.fixture
def make_idx() -> Callable[[np.ndarray], bytes]:
    return idx_bytes


@pytest.fixture
def mnist_files() -> dict[str, bytes]:
    """Four small files in MNIST's format: 40 pictures to train, 20 to test, each filled with its label."""
    files = {}
    for part, count in (("train", 40), ("t10k", 20)):
        labels = (np.arange(count) % 10).astype(np.uint8)
        images = np.zeros((count, 28, 28), np.uint8)
        images[:, 4:24, 10:18] = 100 + labels[:, None, None]
        files[f"{part}-images-idx3-ubyte.gz"] = gzip.compress(idx_bytes(images))
        files[f"{part}-labels-idx1-ubyte.gz"] = gzip.compress(idx_bytes(labels))
    return {name: files[name] for name in MNIST_NAMES}


@pytest.fixture
def mnist_md5(mnist_files: dict[str, bytes]) -> dict[str, str]:
    return {name: digest(data, "md5") for name, data in mnist_files.items()}


@pytest.fixture(scope="session")
def builtin() -> Dataset:
    """The embedded data set, with two renderings of a digit in each face in place of twenty."""
    return load_builtin(copies=2)


@pytest.fixture(scope="session")
def dense_settings() -> Settings:
    return Settings(seed=2, epochs=8, limit=700, command="a test")


@pytest.fixture(scope="session")
def dense_run(tmp_path_factory: pytest.TempPathFactory, builtin: Dataset, dense_settings: Settings) -> RunFolder:
    """The dense network after a short training; tests only read it."""
    return fit(RECIPES["dense"], builtin, tmp_path_factory.mktemp("runs") / "dense", dense_settings)


class Mirror:
    """A web server on this machine with files, ranges, and the faults that real ones have."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.ranges: list[str | None] = []
        self.breaks_after: int | None = None
        self.knows_ranges = True
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def url(self, name: str = "") -> str:
        return f"http://127.0.0.1:{self._server.server_port}/{name}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.answer(self)

            def log_message(self, *arguments: object) -> None:
                pass

        return Handler

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        data = self.files.get(request.path.lstrip("/"))
        if data is None:
            request.send_error(404)
            return
        asked = request.headers.get("Range")
        self.ranges.append(asked)
        start = int(re.findall(r"\d+", asked)[0]) if asked and self.knows_ranges else 0
        if start >= len(data):
            request.send_error(416)
            return
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        request.send_header("Content-Length", str(len(data) - start))
        request.end_headers()
        end = None if self.breaks_after is None else start + self.breaks_after
        try:
            request.wfile.write(data[start:end])
        except (BrokenPipeError, ConnectionResetError):
            return  # who asked only whether there is an answer has gone


@pytest.fixture
def make_mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, bytes]], Mirror]]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    mirrors: list[Mirror] = []

    def make(files: dict[str, bytes]) -> Mirror:
        mirrors.append(Mirror(files))
        return mirrors[-1]

    yield make
    for mirror in mirrors:
        mirror.close()


@pytest.fixture
def dead_url() -> str:
    """An address on this machine where nothing listens."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return f"http://127.0.0.1:{server.server_port}/"


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's cache with nothing in it, and no DIGITS_DATA."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("DIGITS_DATA", raising=False)
    return tmp_path / "cache"
