"""The engines that are compared, each in a process of its own: `python -m tests.compare.engines NAME [ARGUMENT]`.

The process answers lines of JSON on stdout: its settings and versions first, then for each path that
comes in on stdin the texts in that picture and how long the reading took. Every engine has one thread
and reads a gray picture that is in memory already. This file imports no engine but the one it runs, so
that it works in either environment.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]

NAMES = ("readout", "tesseract", "rapidocr")


@dataclass(frozen=True, slots=True, eq=False)
class Engine:
    """`read(gray)` gives the texts of a picture, one a line of writing."""

    read: Callable[[Gray], list[str]]
    settings: str
    versions: dict[str, str]


def main() -> None:
    """Serve one engine until stdin ends; what the engine itself prints goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    cv2.setNumThreads(1)
    engine = open_engine(*sys.argv[1:])
    print(json.dumps({"settings": engine.settings, "versions": engine.versions}), file=answers, flush=True)
    for line in sys.stdin:
        gray = cv2.imread(line.strip(), cv2.IMREAD_GRAYSCALE)
        start = time.perf_counter()
        texts = engine.read(gray)
        latency_ms = (time.perf_counter() - start) * 1e3
        print(json.dumps({"texts": texts, "latency_ms": latency_ms}), file=answers, flush=True)


def open_engine(name: str, *arguments: str) -> Engine:
    """The engine of that name.

    `readout` takes its bundle's folder, `tesseract` the page segmentation mode and the least confidence
    of a word, 0..100, `rapidocr` nothing.
    """
    if name == "readout":
        return _open_readout(Path(*arguments))
    if name == "tesseract":
        return _open_tesseract(*arguments)
    if name == "rapidocr":
        return _open_rapidocr()
    raise ValueError(f"engine must be one of {', '.join(NAMES)}, got {name}")


def _open_readout(folder: Path) -> Engine:
    """Only readings that are "ok" are its answer; the others say that they are in doubt."""
    from edge.inference.runtime import runtime_versions
    from edge.nouns import Frame
    from edge.paper.reader import Reader
    from edge.pipeline import read_frame

    reader = Reader.open(folder, threads=1)

    def read(gray: Gray) -> list[str]:
        return [reading.text for reading in read_frame(Frame(gray, "scene"), reader) if reading.status == "ok"]

    runtime = reader.classifier.runtime
    versions = {
        "model_sha256": reader.classifier.card.model_sha256,
        runtime: runtime_versions()[runtime],
        "opencv": cv2.__version__,
    }
    return Engine(read, f"{folder.name}, cutoff of its card, readings with status ok", versions)


def _open_tesseract(mode: str, least_confidence: str) -> Engine:
    """The LSTM with digits alone in its whitelist; a call starts a process, which its latency includes."""
    import pytesseract
    from PIL import Image

    config = f"--oem 1 --psm {mode} -c tessedit_char_whitelist=0123456789"

    def read(gray: Gray) -> list[str]:
        data = pytesseract.image_to_data(
            Image.fromarray(gray), lang="eng", config=config, output_type=pytesseract.Output.DICT
        )
        return sure_lines(data, float(least_confidence))

    versions = {"tesseract": str(pytesseract.get_tesseract_version()), "pytesseract": version("pytesseract")}
    return Engine(read, f"{config}, words from confidence {least_confidence} on", versions)


def sure_lines(data: dict[str, list], least_confidence: float) -> list[str]:
    """The lines of Tesseract's table of words that have no word below the least confidence."""
    lines: dict[tuple[int, int, int], list[tuple[str, float]]] = {}
    columns = (data[name] for name in ("block_num", "par_num", "line_num", "text", "conf"))
    for block, paragraph, line, text, confidence in zip(*columns, strict=True):
        if text.strip():
            lines.setdefault((block, paragraph, line), []).append((text, float(confidence)))
    return [
        " ".join(text for text, _ in words)
        for words in lines.values()
        if min(confidence for _, confidence in words) >= least_confidence
    ]


def _open_rapidocr() -> Engine:
    """As it comes, on one thread; boxes that stand side by side are one line."""
    from rapidocr import RapidOCR

    one_thread = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
    engine = RapidOCR(params={**one_thread, "Global.log_level": "error"})

    def read(gray: Gray) -> list[str]:
        found = engine(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR))
        if found.txts is None or found.boxes is None:
            return []
        return join_lines([np.asarray(box) for box in found.boxes], list(found.txts))

    versions = {name: version(name) for name in ("rapidocr", "onnxruntime", "numpy")}
    return Engine(read, "PP-OCRv6 small as the wheel carries it, its defaults; boxes of a line are joined", versions)


def join_lines(boxes: list[NDArray[np.float32]], texts: list[str]) -> list[str]:
    """Texts whose boxes, (4, 2) corners as (x, y), share most of their height, joined from left to right."""
    lines: list[list[tuple[float, float, float, str]]] = []
    for box, text in sorted(zip(boxes, texts, strict=True), key=lambda pair: float(pair[0][:, 0].min())):
        top, bottom = float(box[:, 1].min()), float(box[:, 1].max())
        entry = (top, bottom, float(box[:, 0].min()), text)
        same = next((line for line in lines if _share_height(line[-1], entry)), None)
        if same is None:
            lines.append([entry])
        else:
            same.append(entry)
    lines.sort(key=lambda line: line[0][0])
    return [" ".join(entry[3] for entry in line) for line in lines]


def _share_height(first: tuple[float, float, float, str], second: tuple[float, float, float, str]) -> bool:
    overlap = min(first[1], second[1]) - max(first[0], second[0])
    return overlap > 0.5 * min(first[1] - first[0], second[1] - second[0])


if __name__ == "__main__":
    main()
