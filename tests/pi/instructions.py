"""Instructions that a Raspberry Pi's processor runs for a frame: `python -m tests.pi.instructions --out …`, minutes.

Counted by a plugin of qemu-user under the emulated processor, in the Trixie userland with LiteRT, as the difference of
runs that read more frames and runs that read fewer. Needs root and qemu-user (the one that is not static), gcc.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from edge.atomic import write_text
from tests.pi.root import HERE, PROJECT, build_root, lack, mounted_processor

CPU = "cortex-a72"
FRAMES = 5
SIZES = ((640, 480), (1280, 720))
LIMIT_S = 600.0

READ = """
import sys
sys.path[:0] = sys.argv[4:6]
import cv2
from pathlib import Path
from edge.nouns import Frame
from edge.pipeline import Reader, read_frame
from edge.sources.demo import render_meter
cv2.setNumThreads(1)
count, width, height = map(int, sys.argv[1:4])
reader = Reader.open(Path(sys.argv[6]))
gray = render_meter(12345, (width, height))
for _ in range(1 + count):
    (reading,) = read_frame(Frame(gray, "demo:"), reader)
    assert reading.text == "12345", reading
"""


def main() -> int:
    """Print the instructions of a frame of each size, and write them where `--out` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    reason = lack("arm64") or _lack_of_tools()
    if reason:
        print(reason, file=sys.stderr)
        return 1
    root = build_root("trixie", "arm64")
    found = {"cpu": CPU, "runtime": "LiteRT", "frames": FRAMES, "instructions": {}}
    with tempfile.TemporaryDirectory() as name:
        plugin = Path(name) / "count_instructions.so"
        source = HERE / "count_instructions.c"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", plugin, source], check=True)
        for size in SIZES:
            few, many = (count(root, plugin, frames, size) for frames in (0, FRAMES))
            found["instructions"][f"{size[0]}x{size[1]}"] = (many - few) // FRAMES
            print(f"{size[0]}×{size[1]}: {(many - few) / FRAMES / 1e6:.1f} million instructions a frame on {CPU}")
    if arguments.out:
        write_text(arguments.out, json.dumps(found, indent=1) + "\n")
    return 0


def count(root: Path, plugin: Path, frames: int, size: tuple[int, int]) -> int:
    """Instructions of a process that reads one frame, and `frames` more."""
    numbers = [str(number) for number in (frames, *size)]
    places = [str(PROJECT), f"{root}/opt/site", str(PROJECT / "models/paper")]
    emulator = ["qemu-aarch64", "-cpu", CPU, "-plugin", str(plugin), "-L", str(root)]
    script = f'{mounted_processor(CPU)}exec /usr/bin/env -i PYTHONDONTWRITEBYTECODE=1 PYTHONHOME=/usr LANG=C.UTF-8 "$@"'
    words = ["unshare", "--mount", "--propagation", "private", "/bin/bash", "-ec", script, str(root)]
    words += [*emulator, f"{root}/usr/bin/python3.13", "-c", READ, *numbers, *places]
    done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT_S, check=True)
    return int(re.search(r"^instructions (\d+)$", done.stderr, re.MULTILINE)[1])


def _lack_of_tools() -> str | None:
    missing = [tool for tool in ("qemu-aarch64", "gcc") if shutil.which(tool) is None]
    return f"{', '.join(missing)} missing; apt-get install qemu-user gcc libc6-dev" if missing else None


if __name__ == "__main__":
    sys.exit(main())
