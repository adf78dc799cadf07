"""README's tables, made from the model cards and the reports: `python -m tests.readme_tables --write`.

Without `--write` it says whether README is up to date; a test calls it so.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median

from edge.atomic import write_text
from edge.inference.bundle import Card, load_card
from edge.schema import describe_schema

ROOT = Path(__file__).parents[1]
SCENES = ROOT / "tests" / "scenes" / "report.json"
PHOTOGRAPHS = ROOT / "tests" / "scenes" / "photographs.json"
ELSEWHERE = ROOT / "tests" / "scenes" / "elsewhere.json"
TOUCHING = ROOT / "tests" / "scenes" / "touching.json"
SPEED = ROOT / "tests" / "scenes" / "speed.json"
COMPARE = ROOT / "tests" / "compare" / "report.json"
BENCH = ROOT / "tests" / "bench.json"
FORMS = ROOT / "tests" / "forms" / "report.json"
METERS = ROOT / "tests" / "meters" / "report.json"
SERVICE = ROOT / "tests" / "sources" / "report.json"
MEMORY = ROOT / "tests" / "sources" / "memory.json"
MEMORY_UNREAD = ROOT / "tests" / "sources" / "memory_unread.json"
INSTRUCTIONS = ROOT / "tests" / "pi" / "instructions.json"
LEFT_OUT = ROOT / "tests" / "meters" / "leave_one_out.json"
PUMPS = ROOT / "tests" / "meters" / "pump.json"
DAYS = ROOT / "tests" / "meters" / "months.json"


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
    makers = {
        "forms": forms,
        "meters": meters,
        "days": days,
        "cards": cards,
        "scenes": scenes,
        "reliability": reliability,
        "touching": touching,
        "elsewhere": elsewhere,
        "photographs": photographs,
        "compare": compare,
        "bench": bench,
        "speed": speed,
        "service": service,
        "config": describe_schema,
    }
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
        [_card_row(load_card(path.parent)) for path in sorted((ROOT / "models").rglob("card.json"))],
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


def touching() -> str:
    """A row a length of what touches, and a row a level of what both ways say: how many each way reads rightly."""
    return _table(
        ["pieces", "of them", "cut apart", "as a whole", "both"],
        [
            [
                row["name"],
                str(row["pieces"]),
                *(percent(row[way] / max(1, row["pieces"])) for way in ("apart", "strip", "both")),
            ]
            for row in json.loads(TOUCHING.read_text())["rows"]
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


def forms() -> str:
    """A row a kind of form, then a row a way in which the pages came, from the counts of all pages."""
    found = json.loads(FORMS.read_text())
    rows = []
    for key in ("kind", "look"):
        for name in dict.fromkeys(row[key] for row in found["rows"]):
            rows.append(_form_row(name, [row["counts"] for row in found["rows"] if row[key] == name]))
    rows.append(_form_row("all", [row["counts"] for row in found["rows"]]))
    head = ["forms", "pages", "found", "boxes", "cells right", "blanks right", "fields right", "wrong and `ok`"]
    return _table([*head, "with a check digit"], rows)


def _form_row(name: str, counts: list[dict]) -> list[str]:
    total = {key: sum(count[key] for count in counts) for key in counts[0]}

    def share(right: str, of: str) -> str:
        return percent(total[right] / total[of]) if total[of] else "–"

    return [
        name,
        str(total["pages"]),
        share("registered", "pages"),
        share("boxes_found", "boxes"),
        share("digits_right", "digits"),
        share("blanks_right", "blanks"),
        share("fields_right", "fields"),
        f"{total['unchecked_wrong']} of {total['unchecked']:,}",
        f"{total['checked_wrong']} of {total['checked']:,}",
    ]


def meters() -> str:
    """What the bundle for meters reads of cells of meters that it has not seen, as they are and disturbed."""
    found = json.loads(METERS.read_text())
    rows = [
        [
            name,
            percent(row["settled drum digit"]["share"]),
            percent(row["display digit"]["share"]),
            percent(row["within 0.1"]["share"]),
            percent(row["accepted"]["share"]),
            percent(row["right of those accepted"]["share"]),
        ]
        for name, row in found["robustness"].items()
    ]
    head = ["cell", "settled drums", "displays", "within 0.1", "believed", "right of those"]
    nothing = ", ".join(f"{row['accepted']} of {row['n']:,} {name}" for name, row in found["nothing"].items())
    lines = [
        _table(head, rows),
        f"Cells without a digit that are believed to show one: {nothing}.",
        left_out(),
        pumps(),
    ]
    return "\n\n".join(lines)


def left_out() -> str:
    """How well meters are read that a network never saw, each group counting once."""
    found = json.loads(LEFT_OUT.read_text())
    rows = [
        [name, str(means["groups"]), percent(means["within 0.1"]), percent(means["settled digit"])]
        for name, means in found["means"].items()
    ]
    count, epochs = found["settings"]["groups"], found["settings"]["epochs"]
    note = (
        f"The {count} largest groups of crops, the largest left out alone and the others together, by networks of "
        f"{epochs} short epochs, and those of them that the bundle never saw by the bundle; means over groups:"
    )
    return f"{note}\n\n{_table(['read by', 'groups', 'within 0.1', 'settled digit'], rows)}"


def pumps() -> str:
    """What is read on photographs of pumps with nothing given."""
    found = json.loads(PUMPS.read_text())
    lines, rows = (f"{found[way]['right']} right and {found[way]['wrong']} wrong" for way in ("lines", "rows"))
    return (
        f"The litres on {found['photographs']} photographs of fuel pumps with nothing given: {lines} as lines of text, "
        f"{rows} as rows that `edge setup` proposes; the others give no number."
    )


def days() -> str:
    """A row a kind of simulated meter: what was published of it."""
    rows = json.loads(DAYS.read_text())["rows"]
    head = ["meter", "minutes in view", "with a value", "wrong", "power cuts", "bumps", "frames to a value after one"]
    cells = [
        [
            f"`{row['kind']}`",
            f"{row['minutes']:,}",
            percent(row["with_value"]),
            str(row["wrong"]),
            str(row["power_cuts"]),
            str(row["bumps"]),
            str(row["slowest_bump"]) if row["bumps"] else "–",
        ]
        for row in rows
    ]
    return f"Days of each: {rows[0]['days']:g}; seed {rows[0]['seed']}:\n\n{_table(head, cells)}"


def reliability() -> str:
    """A row a level of confidence: how many readings were given as `ok` with it, and how many are right."""
    levels = json.loads(SCENES.read_text())["reliability"]
    tops = [f"{level['least']:.2f}" for level in levels[1:]] + ["1"]
    return _table(
        ["confidence of the reading", "given as `ok`", "right"],
        [
            [
                f"{level['least']:.2f} to {top}",
                str(level["given"]),
                percent(level["right"] / level["given"]) if level["given"] else "–",
            ]
            for level, top in zip(levels, tops, strict=True)
        ],
    )


def elsewhere() -> str:
    """Other people's digits, cheques, letters, words and amounts: shares of what was believed, rightly or not."""
    found = json.loads(ELSEWHERE.read_text())
    names = {"optdigits32": "digits, Turkey (optdigits)", "semeion": "digits, Italy (semeion)"}
    rows = [
        [
            names[row["name"]],
            f"{row['digits']:,}",
            percent(row["right"] / row["digits"]),
            percent(row["accepted"] / row["digits"]),
            percent(row["wrong_accepted"] / row["digits"]),
        ]
        for row in found["crops"]
    ]
    cheques = found["cheques"]
    believed = cheques["ok_right"] + cheques["ok_wrong"]
    rows.append(
        [
            "amounts on cheques (ORAND-CAR-A)",
            f"{cheques['strings']:,}",
            percent(cheques["exact"] / cheques["strings"]),
            percent(believed / cheques["strings"]),
            percent(cheques["ok_wrong"] / cheques["strings"]),
        ]
    )
    signs = {"characters": "letters and signs", "lookalikes": "doubles of digits (O, l, S, /, …)", "words": "words"}
    for row in found["open_set"]:
        share = percent(row["ok"] / row["pictures"])
        rows.append([signs[row["name"]], f"{row['pictures']:,}", "–", share, share])
    amounts = found["amounts"]
    shares = [percent(amounts[key] / amounts["pictures"]) for key in ("shown", "believed", "wrong")]
    rows.append(["printed amounts (26,9, -0.5, 1.234,56, 12:45, …)", f"{amounts['pictures']:,}", *shares])
    return _table(["what", "pictures", "right", "given as `ok`", "wrong and `ok`"], rows)


def compare() -> str:
    """A row a kind of scene: exact and wrong shares of each engine, and its median time."""
    found = json.loads(COMPARE.read_text())
    engines = {"readout": "readout", "tesseract 0": "Tesseract", "rapidocr": "RapidOCR"}
    kinds = list(dict.fromkeys(row["kind"] for row in found["rows"]))
    rows = []
    for kind in kinds:
        cells = [next(r for r in found["rows"] if r["kind"] == kind and r["engine"] == name) for name in engines]
        numbers = cells[0]["numbers"]
        rows.append(
            [kind, str(numbers), *(f"{cell['exact']} / {cell['wrong']} / {cell['median_ms']:.0f} ms" for cell in cells)]
        )
    return _table(["scene", "numbers", *(f"{name}: exact / wrong / median" for name in engines.values())], rows)


def speed() -> str:
    """A row a kind of picture: `read_frame` beside the floor."""
    return _table(
        ["picture", "floor", "`read_frame`", "ratio", "slowest"],
        [
            [
                row["name"],
                f"{row['floor_ms']:.2f} ms",
                f"{row['read_ms']:.2f} ms",
                f"{row['ratio']:.2f}",
                f"{row['worst_ms']:.0f} ms",
            ]
            for row in json.loads(SPEED.read_text())
        ],
    )


def service() -> str:
    """Sources and service: what they cost, how old a frame is, how soon a fault is over, memory and starts."""
    found, memory = json.loads(SERVICE.read_text()), json.loads(MEMORY.read_text())
    sizes = list(dict.fromkeys(row["size"] for row in found["rates"]))
    rows = [
        *_by_size(
            [{**row, "cpu_ms": 10 * row["cpu_percent"] / row["frames_per_s"]} for row in found["rates"]],
            sizes,
            "{frames_per_s:.0f} /s, {cpu_percent:.0f} % of a core, {cpu_ms:.1f} ms a frame; {age_ms:.0f} ms old",
        ),
        *_by_size(
            [{**row, "source": f"age when its reading is printed: {row['source']}"} for row in found["printed"]],
            sizes,
            "median {median_ms:.0f} ms, 95 %: {p95_ms:.0f} ms",
        ),
        *[
            [each["fault"], f"noticed after {each['noticed_s']:.1f} s", f"frames {each['back_s']:.1f} s after its end"]
            for each in found["recoveries"]
        ],
        _memory_row("read in full", memory),
        _memory_row("captured and passed on, unread", json.loads(MEMORY_UNREAD.read_text())),
        ["between scheduled readings", f"{found['idle']['cpu_percent']:.2f} % of a core", ""],
        ["SIGTERM to the end", f"median {median(found['ends_s']):.1f} s, slowest {max(found['ends_s']):.1f} s", ""],
        ["start to first reading", f"median {median(found['starts_s']):.1f} s of {len(found['starts_s'])}", ""],
        *_instruction_rows(),
    ]
    head = ["", *(size.replace("x", "×") for size in sizes)]
    machine = found["machines"]["rates"].partition(", load")[0]
    loads = ", ".join(f"{name.removesuffix('_s')} {_load(text)}" for name, text in found["machines"].items())
    machines = f"{machine}; load of the last minute when each began: {loads}, memory {_load(memory['machine'])}."
    return f"{_table(head, rows)}\n\n{machines}"


def _load(machine: str) -> str:
    """Of the last minute, in the line of `tests.sources.playing.machine`."""
    return machine.rpartition("minutes ")[2].partition(",")[0]


def _by_size(found: list[dict], sizes: list[str], form: str) -> list[list[str]]:
    """A row a source, a cell a size."""
    names = dict.fromkeys(row["source"] for row in found)
    cells = {(row["source"], row["size"]): form.format(**row) for row in found}
    return [[name, *(cells.get((name, size), "–") for size in sizes)] for name in names]


def _memory_row(name: str, memory: dict) -> list[str]:
    """After the first look, and after the last."""
    width, height = memory["size"]
    first, last = memory["looks"][0], memory["looks"][-1]
    cells = [f"after {look['frames']:,}: {look['rss_mb']:.1f} MB" for look in (first, last)]
    return [f"memory, frames of {width}×{height} {name}", *cells]


def _instruction_rows() -> list[list[str]]:
    found = json.loads(INSTRUCTIONS.read_text())
    cells = [f"{count / 1e6:.0f} million" for count in found["instructions"].values()]
    return [[f"instructions that `read_frame` takes on aarch64 ({found['cpu']}, emulated, {found['runtime']})", *cells]]


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def percent(share: float) -> str:
    """A share as a percentage with two decimals."""
    return f"{100 * share:.2f} %"


if __name__ == "__main__":
    sys.exit(main())
