"""How often the segments of real digits make a digit, and a wrong one, on groups that chose nothing.

`python -m tests.meters.segments [--count N]` reads settled digits of `DIGITS_DATA/meter/meter.npz`. The thresholds of
`edge.meters.segments` were chosen on the even-numbered training groups; the others are the report. Most of these crops
are of drums: what is told of them is right or it would be a false alarm.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import cv2
import numpy as np

from edge.meters.segments import read_segments


def main() -> None:
    """Print a line for each part of the groups."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="crops of each part at the most")
    count = parser.parse_args().count
    data = np.load(Path(os.environ["DIGITS_DATA"]) / "meter" / "meter.npz")
    is_train, is_even = data["split"] == "train", data["group"] % 2 == 0
    parts = {
        "train, even groups (chose)": is_train & is_even,
        "train, odd groups": is_train & ~is_even,
        "val groups": ~is_train,
    }
    jpeg, off, label = data["jpeg"], data["off"], data["label"]
    generator = np.random.default_rng(0)
    for name, part in parts.items():
        chosen = generator.permutation(np.flatnonzero(part & (data["kind"] == "int")))[:count]
        found = [read_segments(cv2.imdecode(jpeg[off[k] : off[k + 1]], cv2.IMREAD_GRAYSCALE)).digit for k in chosen]
        truth = [round(float(label[k])) % 10 for k in chosen]
        told = [digit == true for digit, true in zip(found, truth, strict=True) if digit is not None]
        print(f"{name:28s} {len(chosen):4d} digits, told {len(told):4d}, of them wrong {told.count(False)}", flush=True)


if __name__ == "__main__":
    main()
