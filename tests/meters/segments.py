"""How often the segments of real digits make a digit, and a wrong one, on groups that chose nothing.

`python -m tests.meters.segments [--count N]` reads the digits of displays of `DIGITS_DATA/meter/meter.npz`, and settled
ones of drums, in which no segments are. The thresholds of `edge.meters.segments` were chosen on the displays of the
even-numbered training groups; the others are the report. "best" is the share whose best fit is
right; "caught" the share of wrong digits, all nine of each cell, that the segments would put in doubt, and "false
alarms" are right ones.
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np

from edge.meters.segments import read_segments
from tests.meters.measure import DISPLAYS
from train.data.meter import decode, find_meter

SETTLED = 0.05
"""A drum's label is a whole step: its digit is not on its way."""


def main() -> None:
    """Print a line for each part of the groups."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="crops of each part at the most")
    count = parser.parse_args().count
    with np.load(find_meter(), allow_pickle=False) as archive:
        data = {name: archive[name] for name in ("jpeg", "off", "label", "group", "split")}
    is_train, is_even = data["split"] == "train", data["group"] % 2 == 0
    is_display = np.isin(data["group"], DISPLAYS)
    is_settled = np.abs(data["label"] - np.round(data["label"])) < SETTLED
    parts = {
        "displays, train, even groups (chose)": is_display & is_train & is_even,
        "displays, train, odd groups": is_display & is_train & ~is_even,
        "displays, val groups": is_display & ~is_train,
        "drums, train": ~is_display & is_train & is_settled,
        "drums, val groups": ~is_display & ~is_train & is_settled,
    }
    generator = np.random.default_rng(0)
    for name, part in parts.items():
        chosen = generator.permutation(np.flatnonzero(part))[:count]
        found = [read_segments(cv2.cvtColor(decode(data, k), cv2.COLOR_BGR2GRAY)) for k in chosen]
        truth = [round(float(data["label"][k])) % 10 for k in chosen]
        wrong = [digit for true in truth for digit in range(10) if digit != true]
        each = [one for one in found for _ in range(9)]
        caught = np.mean([one.excludes(digit) for one, digit in zip(each, wrong, strict=True)])
        alarms = sum(one.excludes(true) for one, true in zip(found, truth, strict=True))
        best = np.mean([one.best == true for one, true in zip(found, truth, strict=True)])
        print(
            f"{name:37s} {len(chosen):4d} digits, best {best:5.1%}, caught {caught:5.1%}, false alarms {alarms}",
            flush=True,
        )


if __name__ == "__main__":
    main()
