"""README's tables, made from the model cards and the reports: `python -m tests.readme_tables --write`.

Without `--write` it says whether README is up to date; a test calls it so.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from edge.atomic import write_text
from edge.bundle import load_card
from edge.config import describe_schema

ROOT = Path(__file__).parents[1]
SCENES = ROOT / "tests" / "scenes" / "report.json"
PHOTOGRAPHS = ROOT / "tests" / "scenes" / "photographs.json"
BENCH = ROOT / "tests" / "bench.json"


def main() -> int:
    """Write the tables, or say that they are stale."""
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    fresh = with_tables(text)
    if "--write" in sys.argv:
        write_text(readme, fresh)
        return 0
    if text != fresh:
        print("README.md: its tables are stale; run: make report", file=sys.stderr)
        return 1
    return 0


def with_tables(text: str) -> str:
    """README with every table between its marks made anew."""
    makers = {"cards": cards, "scenes": scenes, "photographs": photographs, "bench": bench, "config": describe_schema}
    for name, make in makers.items():
        start, end = f"<!-- {name}: make report -->", f"<!-- end {name} -->"
        if start not in text or end not in text:
            raise ValueError(f"README.md lacks the marks {start} … {end}")
        text = re.sub(
            f"{re.escape(start)}.*?{re.escape(end)}",
            lambda _, m=make: f"{start}\n{m().strip()}\n{end}",
            text,
            flags=re.S,
        )
    return text


def cards() -> str:
    """A row a shipped bundle, from its card."""
    rows = [
        "| bundle | reads | float | int8 | agreement | size | parameters | multiply-adds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for folder in sorted(path.parent for path in (ROOT / "models").glob("*/card.json")):
        card = load_card(folder)
        accuracy = card.accuracy
        low, high = accuracy.int8.interval
        rows.append(
            f"| `{card.name}` | {accuracy.split}, {accuracy.int8.n:,} | {percent(accuracy.keras.accuracy)} "
            f"| {percent(accuracy.int8.accuracy)} ({accuracy.int8.errors} wrong; 95 % interval {percent(low)} to {percent(high)}) "
            f"| {percent(accuracy.agreement)} | {card.size_bytes / 1000:.0f} kB | {card.parameters:,} | {card.multiply_adds / 1e6:.1f} M |"
        )
    return "\n".join(rows)


def scenes() -> str:
    """A row a kind of generated scene."""
    report = json.loads(SCENES.read_text())
    rows = ["| scene | numbers | exact | character errors | wrong and `ok` | median |", "|---|---|---|---|---|---|"]
    rows += [
        f"| {row['kind']} | {row['numbers']} | {row['exact'] / row['numbers']:.1%} | {row['errors'] / row['characters']:.2%} "
        f"| {row['wrong_ok']} | {row['median_ms']:.1f} ms |"
        for row in report["rows"]
    ]
    return "\n".join(rows)


def photographs() -> str:
    """A row a photograph: what stands on it, what was read, and whether that was called ok."""
    rows = ["| photograph | stands there | read | status |", "|---|---|---|---|"]
    for row in json.loads(PHOTOGRAPHS.read_text()):
        rows.append(
            f"| {row['file']} | {' · '.join(row['truth'])} | {' · '.join(row['read']) or '–'} | {', '.join(row['status'])} |"
        )
    return "\n".join(rows)


def bench() -> str:
    """The stages' latencies and the machine they were measured on."""
    found = json.loads(BENCH.read_text())
    rows = [
        f"On {found['board']}, {found['runtime']} {found['runtime_version']}, OpenCV {found['opencv']}, {found['threads']} thread:",
        "",
    ]
    rows += ["| stage | median | 95th percentile |", "|---|---|---|"]
    rows += [
        f"| {name} | {stage['median_ms']:.2f} ms | {stage['p95_ms']:.2f} ms |"
        for name, stage in found["stages"].items()
    ]
    return "\n".join(rows)


def percent(share: float) -> str:
    """A share as a percentage with two decimals."""
    return f"{100 * share:.2f} %"


if __name__ == "__main__":
    sys.exit(main())
