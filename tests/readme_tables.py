"""README's tables, made from the model cards and the reports: `python -m tests.readme_tables --write`.

Without `--write` it says whether README is up to date; a test calls it so.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from edge.atomic import write_text
from edge.bundle import Card, load_card
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
        text = _with_table(text, f"<!-- {name}: make report -->", f"<!-- end {name} -->", make().strip())
    return text


def _with_table(text: str, start: str, end: str, table: str) -> str:
    if start not in text or end not in text:
        raise ValueError(f"README.md lacks the marks {start} … {end}")
    before, _, rest = text.partition(start)
    return f"{before}{start}\n{table}\n{end}{rest.partition(end)[2]}"


def cards() -> str:
    """A row a shipped bundle, from its card."""
    return _table(
        ["bundle", "measured on", "float", "int8", "agreement", "size", "parameters", "multiply-adds"],
        [_card_row(load_card(path.parent)) for path in sorted((ROOT / "models").glob("*/card.json"))],
    )


def _card_row(card: Card) -> list[str]:
    accuracy = card.accuracy
    low, high = accuracy.int8.interval
    return [
        f"`{card.name}`",
        f"{accuracy.split}, {accuracy.int8.n:,}",
        percent(accuracy.keras.accuracy),
        f"{percent(accuracy.int8.accuracy)} ({accuracy.int8.errors} wrong; 95 %: {percent(low)} to {percent(high)})",
        percent(accuracy.agreement),
        f"{card.size_bytes / 1000:.0f} kB",
        f"{card.parameters:,}",
        f"{card.multiply_adds / 1e6:.1f} M",
    ]


def scenes() -> str:
    """A row a kind of generated scene."""
    return _table(
        ["scene", "numbers", "exact", "character errors", "wrong and `ok`", "median"],
        [
            [
                row["kind"],
                str(row["numbers"]),
                percent(row["exact"] / row["numbers"]),
                percent(row["errors"] / row["characters"]),
                str(row["wrong_ok"]),
                f"{row['median_ms']:.1f} ms",
            ]
            for row in json.loads(SCENES.read_text())["rows"]
        ],
    )


def photographs() -> str:
    """A row a photograph: what stands on it, what was read, and how that was called."""
    return _table(
        ["photograph", "stands there", "read as `ok`", "in doubt"],
        [
            [row["file"], " · ".join(row["truth"]), _read(row, "ok"), _read(row, "uncertain")]
            for row in json.loads(PHOTOGRAPHS.read_text())
        ],
    )


def _read(row: dict, status: str) -> str:
    texts = [text for text, found in zip(row["read"], row["status"], strict=True) if found == status]
    return " · ".join(f"`{text}`" for text in texts) or "–"


def bench() -> str:
    """The stages' latencies and the machine they were measured on."""
    found = json.loads(BENCH.read_text())
    machine = f"{found['board']}, {found['runtime']} {found['runtime_version']}, OpenCV {found['opencv']}"
    width, height = found["size"]
    rows = [
        [name, f"{stage['median_ms']:.2f} ms", f"{stage['p95_ms']:.2f} ms"] for name, stage in found["stages"].items()
    ]
    title = f"A rendered meter of {width}x{height} on {machine}, {found['threads']} thread:\n\n"
    return title + _table(["stage", "median", "95th percentile"], rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def percent(share: float) -> str:
    """A share as a percentage with two decimals."""
    return f"{100 * share:.2f} %"


if __name__ == "__main__":
    sys.exit(main())
