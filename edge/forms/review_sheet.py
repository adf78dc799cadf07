"""The review sheet as HTML: forms, their doubtful fields, and what was read beside each picture of it.

One static file that needs no network and no script; the script in it sorts, where it may run.
"""

from __future__ import annotations

import html
from typing import Any

from edge.sinks import one_line

FAILED = "failed"
"""The status of a form whose picture could not be read."""

FOR_REVIEW = ("uncertain", "rejected", FAILED)

TABLE_HEAD = (
    '<table><col class="field"><col class="picture"><col class="text"><col class="status"><col>'
    '<col class="confidence">\n<thead><tr><th scope="col">field</th><th scope="col">on the form</th>'
    '<th scope="col">read as</th>'
    '<th scope="col">status</th><th scope="col">why</th><th scope="col">confidence</th></tr></thead>\n<tbody>\n'
)

STYLE = """
:root { color-scheme: light dark; --line: #8886; }
body { font: 1rem/1.45 system-ui, sans-serif; margin: 1rem auto; max-width: 75rem; padding: 0 1rem; }
h2 { font-size: 1rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
article { border-top: 1px solid var(--line); padding: .8rem 0; break-inside: avoid; }
table { border-collapse: collapse; table-layout: fixed; width: 100%; }
th, td { text-align: left; vertical-align: middle; padding: .3rem .8rem .3rem 0; overflow-wrap: anywhere; }
th { font-weight: 600; }
thead th { font-size: .8rem; white-space: nowrap; font-weight: 400; opacity: .75; }
col.field { width: 12%; } col.picture { width: 36%; } col.text { width: 14%; } col.status { width: 12%; }
col.confidence { width: 11%; }
img { background: #fff; border: 1px solid var(--line); max-width: 100%; height: auto; }
img.field { max-height: 5rem; width: auto; }
img.cell { height: 3rem; width: auto; }
img.page { max-height: 30rem; width: auto; }
figure { display: inline-block; margin: .3rem .6rem 0 0; font-size: .75rem; }
figcaption { opacity: .75; }
.t { font: 1.3rem/1.2 ui-monospace, monospace; white-space: pre-wrap; }
td .t { white-space: pre; }
.others, .others .t { font-size: .9rem; }
.badge { border: 2px solid; border-radius: .3rem; font-size: .85rem; font-weight: 600; padding: 0 .3rem;
  white-space: nowrap; }
.uncertain { color: #9a5b00; } .rejected, .failed { color: #c0232c; }
@media (prefers-color-scheme: dark) { .uncertain { color: #ffb74d; } .rejected, .failed { color: #ff8a80; } }
button { font: inherit; } button[aria-pressed=true] { font-weight: 700; }
@media (max-width: 45rem) {
  table, tbody, tr, td, th { display: block; width: auto; } thead { display: none; }
}
@media print { .tools { display: none; } body { max-width: none; font-size: 9pt; } a { color: inherit; } }
"""
"""Follows the user's light or dark setting; the status is a word, not only a colour (contrast at least 4.5 to 1)."""

SCRIPT = """
const main = document.querySelector("main"), buttons = document.querySelectorAll("button[data-by]");
document.querySelector(".tools").hidden = false;
for (const button of buttons) button.addEventListener("click", () => {
  const sign = button.dataset.by === "doubt" ? -1 : 1;
  const key = article => sign * article.dataset[button.dataset.by];
  main.append(...[...main.querySelectorAll("article")].sort((a, b) => key(a) - key(b)));
  for (const each of buttons) each.setAttribute("aria-pressed", each === button);
});
"""
"""Sorting; without scripts the forms stand as in the stack, and the buttons are not shown."""


def is_for_review(status: str) -> bool:
    """Whether a user needs to look at what has this status."""
    return status in FOR_REVIEW


def sheet_head(summary: str) -> str:
    """The sheet up to the first form."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Review: {_text(summary)}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>Review</h1>
<p>{_text(summary)}. Below are the forms with something to look at: what was read stands beside its picture,
<b class="t">?</b> for a digit that is in doubt.</p>
<p class="tools" hidden>Sort: <button type="button" data-by="number" aria-pressed="true">as in the stack</button>
<button type="button" data-by="doubt" aria-pressed="false">most doubtful first</button></p>
</header>
<main>
"""


def form_section(record: dict[str, Any]) -> str:
    """A form: where it is, and a table of its doubtful fields."""
    number, status = record["number"], record["status"]
    place = record["source"] + (f", page {record['page']}" if record["page"] else "")
    linked = f'<a href="{_text(record["link"])}">{_text(place)}</a>' if record["link"] else _text(place)
    parts = [
        f'<article data-number="{number}" data-doubt="{_doubt(status, record["confidence"]):.6f}" '
        f'aria-labelledby="form-{number}">\n'
        f'<h2 id="form-{number}">Form {number}: {linked} {_badge(status)}</h2>\n'
    ]
    placed = [field for field in record["fields"] if field["crop"]]
    placeless = [field for field in record["fields"] if not field["crop"]]
    parts += [f"<p>{_text(record['reason'])}</p>\n"] if not record["fields"] else _reasons(placeless)
    if record["picture"]:
        parts.append(f"<p>{_image(record['picture'], f'the page of form {number}', 'page')}</p>\n")
    if placed:
        parts.append(TABLE_HEAD + "".join(map(_field_row, placed)) + "</tbody></table>\n")
    if record["others"]:
        others = ", ".join(
            f'{_text(name)} <b class="t">{_text(text) or "blank"}</b>' for name, text in record["others"]
        )
        parts.append(f'<p class="others">Not in doubt: {others}</p>\n')
    return "".join(parts) + "</article>\n"


def sheet_foot(count: int) -> str:
    """The sheet after the last form."""
    nothing = "" if count else "<p>Nothing is in doubt.</p>\n"
    return f"{nothing}</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"


def _reasons(fields: list[dict[str, Any]]) -> list[str]:
    """A line for each reason why fields were not found on the page."""
    names: dict[str, list[str]] = {}
    for field in fields:
        names.setdefault(field["reason"] or field["status"], []).append(field["name"])
    return [f"<p><b>{_text(', '.join(each))}</b>: {_text(reason)}</p>\n" for reason, each in names.items()]


def _field_row(field: dict[str, Any]) -> str:
    name = field["name"]
    pictures = _image(field["crop"], f"{name} as written", "field") + "<br>"
    for cell in field["cells"]:
        image = _image(cell["crop"], f"{name}, cell {cell['place']}", "cell")
        pictures += f"<figure>{image}<figcaption>cell {cell['place']}: {cell['confidence']}</figcaption></figure>"
    return (
        f'<tr><th scope="row">{_text(name)}</th><td>{pictures}</td>'
        f'<td><b class="t">{_text(field["text"]) or "–"}</b></td><td>{_badge(field["status"])}</td>'
        f"<td>{_text(field['reason'] or '')}</td><td>{field['confidence']}</td></tr>\n"
    )


def _image(picture: dict[str, Any], alternative: str, kind: str) -> str:
    return (
        f'<img class="{kind}" src="{picture["address"]}" alt="{_text(alternative)}" '
        f'width="{picture["width"]}" height="{picture["height"]}" loading="lazy">'
    )


def _badge(status: str) -> str:
    return f'<span class="badge {_text(status)}">{_text(status)}</span>'


def _text(text: str) -> str:
    """Text for HTML, also between quotes, in which nothing is markup and every character can be seen."""
    return html.escape(one_line(text))


def _doubt(status: str, confidence: float) -> float:
    """The failed first, then the rejected, then the uncertain, each by its least confidence."""
    return FOR_REVIEW.index(status) + 1 - confidence
