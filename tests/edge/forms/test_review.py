"""The review folder: what is doubtful, its crops, and a sheet that a browser takes without a fault."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import cv2
import numpy as np
import pytest

from edge.errors import OutputError, PageError
from edge.forms.review import Review, crop_of, quarter_turns
from edge.forms.stack import Stack
from edge.nouns import Digit, Frame, Reading

VOID = {"meta", "img", "br", "col"}


def page() -> np.ndarray:
    """A light page with a dark square of 20 x 20 at (40, 30), and a darker one at (70, 30)."""
    gray = np.full((200, 300), 230, np.uint8)
    gray[30:50, 40:60] = 90
    gray[30:50, 70:90] = 20
    return gray


DIGITS = (Digit("4", 0.99, (40, 30, 20, 20)), Digit("?", 0.3129, (70, 30, 20, 20)))
DOUBT = Reading("amount", "4?", None, "uncertain", 0.31, (40, 30, 50, 20), "1 of 2 digits below the cutoff", DIGITS)
OK = Reading("date", "211126", 211126.0, "ok", 0.99, (40, 60, 50, 20))
LOST = Reading("amount", "", None, "rejected", 0.0, None, "page not found")


class Sheet(HTMLParser):
    """What a browser sees: elements that are closed, attributes, and text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for each, attributes in self.elements if each == tag]


def review_of(folder: Path, *forms: tuple[Path | str, list[Reading]]) -> Sheet:
    """The sheet of forms, each with the picture `page()`."""
    fields = [reading.name for reading in forms[0][1]] if forms else ["amount"]
    with Stack.open(folder / "o.csv", fields, "setup", folder / "review") as stack:
        for source, readings in forms:
            if stack.is_wanted(str(source), 0):
                stack.write(Frame(page(), str(source)), readings, 1.0)
    return Sheet(folder / "review" / "index.html")


def picture(folder: Path, name: str) -> np.ndarray:
    return cv2.imread(str(folder / "review" / name), cv2.IMREAD_UNCHANGED)


def test_a_doubtful_field_stands_beside_its_crops(tmp_path):
    sheet = review_of(tmp_path, ("a.png", [DOUBT, OK]))
    images = sheet.all("img")
    assert [(image["src"], image["alt"]) for image in images] == [
        ("crops/000001-01.png", "amount as written"),
        ("crops/000001-01-02.png", "amount, cell 2"),
    ]
    field, cell = (picture(tmp_path, image["src"]) for image in images)
    assert np.array_equal(field, page()[24:56, 34:96])
    assert np.array_equal(cell, page()[25:55, 65:95])
    assert [(int(image["width"]), int(image["height"])) for image in images] == [(62, 32), (30, 30)]
    for shown in ("Form 1: a.png, page 1", "4?", "uncertain", "1 of 2 digits below the cutoff", "0.310", "0.312"):
        assert shown in sheet.text
    assert "Not in doubt: date 211126" in sheet.text


def test_what_is_sure_is_not_in_the_sheet(tmp_path):
    sheet = review_of(tmp_path, ("a.png", [OK]), ("b.png", [Reading("date", "", None, "empty", 1.0, None)]))
    assert sheet.all("article") == sheet.all("img") == []
    assert "Nothing is in doubt." in sheet.text
    assert "2 forms (1 empty, 1 ok)" in sheet.text
    assert list((tmp_path / "review" / "crops").iterdir()) == []


def test_a_page_that_was_not_found_is_shown_whole_with_the_reason_once(tmp_path):
    sheet = review_of(tmp_path, ("a.png", [LOST, Reading("date", "", None, "rejected", 0.0, None, "page not found")]))
    (image,) = sheet.all("img")
    assert picture(tmp_path, image["src"]).shape == (200, 300)
    assert sheet.text.count("page not found") == 1
    assert "amount, date: page not found" in sheet.text


def test_a_page_that_failed_is_in_the_sheet(tmp_path):
    (tmp_path / "b.pdf").write_bytes(b"%PDF")
    with Stack.open(tmp_path / "o.csv", ["amount"], "setup", tmp_path / "review") as stack:
        stack.fail(PageError("b.pdf, page 3: damaged", str(tmp_path / "b.pdf"), 2))
    sheet = Sheet(tmp_path / "review" / "index.html")
    assert "b.pdf, page 3: damaged" in sheet.text
    assert [link["href"] for link in sheet.all("a")] == ["../b.pdf#page=3"]


def test_a_page_that_failed_and_was_read_later_is_not_in_the_sheet(tmp_path):
    for _ in range(2):
        with Stack.open(tmp_path / "o.csv", ["date"], "setup", tmp_path / "review") as stack:
            stack.fail(PageError("a.pdf: encrypted", "a.pdf", None))
    assert Sheet(tmp_path / "review" / "index.html").text.count("a.pdf: encrypted") == 1
    for _ in range(2):
        with Stack.open(tmp_path / "o.csv", ["date"], "setup", tmp_path / "review") as stack:
            if stack.is_wanted("a.pdf", 0):
                stack.write(Frame(page(), "a.pdf"), [OK], 1.0)
        sheet = Sheet(tmp_path / "review" / "index.html")
        assert "1 form (1 ok)" in sheet.text
        assert "encrypted" not in sheet.text


def test_a_folder_whose_making_was_stopped_is_taken(tmp_path):
    (tmp_path / "review").mkdir()
    (tmp_path / "review" / ".stack-0a1b2c3d.json").touch()
    review_of(tmp_path, ("a.png", [DOUBT]))
    assert sorted(path.name for path in (tmp_path / "review").iterdir()) == [
        *("crops", "forms", "index.html", "stack.json")
    ]


def test_nothing_on_a_form_becomes_markup(tmp_path):
    nasty = '<script>alert("1")</script>&amp;\u202e'
    reading = Reading(nasty, nasty, None, "rejected", 0.5, (40, 30, 20, 20), nasty, DIGITS)
    other = Reading(nasty + "2", nasty, 1.0, "ok", 0.5, None)
    sheet = review_of(tmp_path, (nasty, [reading, other]))
    assert len(sheet.all("script")) == 1
    assert sheet.text.count('<script>alert("1")</script>&amp;\\u202e') == 6
    assert sheet.all("img")[0]["alt"] == '<script>alert("1")</script>&amp;\\u202e as written'


def test_links_lead_to_the_files_from_the_sheet(tmp_path):
    folder = tmp_path / "a b #1?"
    folder.mkdir()
    (folder / "ü%20.png").write_bytes(b"1")
    sheet = review_of(tmp_path, (folder / "ü%20.png", [DOUBT]), ("gone.png", [DOUBT]))
    (link,) = sheet.all("a")
    assert (tmp_path / "review" / unquote(link["href"])).samefile(folder / "ü%20.png")
    assert not {"?", "#"} & set(link["href"])


def test_the_sheet_needs_no_network_and_every_image_is_there(tmp_path):
    sheet = review_of(tmp_path, ("a.png", [DOUBT]), ("b.png", [LOST]))
    text = (tmp_path / "review" / "index.html").read_text()
    assert "//" not in text.replace("<!--", "")
    addresses = [image["src"] for image in sheet.all("img")]
    assert len(addresses) == 3
    assert all((tmp_path / "review" / address).is_file() for address in addresses)
    assert sheet.elements[0] == ("html", {"lang": "en"})
    ids = [heading["id"] for heading in sheet.all("h2")]
    assert ids == [article["aria-labelledby"] for article in sheet.all("article")] == ["form-1", "form-2"]


def test_the_most_doubtful_can_be_sorted_first(tmp_path):
    surer = Reading("amount", "4?", None, "uncertain", 0.6, (40, 30, 50, 20))
    wrong = Reading("amount", "44", None, "rejected", 0.9, (40, 30, 50, 20))
    sheet = review_of(tmp_path, ("a.png", [surer]), ("b.png", [DOUBT]), ("c.png", [LOST]), ("d.png", [wrong]))
    doubts = {article["data-number"]: float(article["data-doubt"]) for article in sheet.all("article")}
    assert sorted(doubts, key=doubts.__getitem__, reverse=True) == ["3", "4", "2", "1"]


@pytest.mark.parametrize(("turns", "name"), [(0, "upright"), (2, "upside down"), (1, "left"), (3, "right")])
def test_a_crop_of_a_turned_page_is_upright(turns, name):
    turned = np.ascontiguousarray(np.rot90(page(), -turns))
    rows, columns = page().shape
    boxes = []
    for x, y, width, height in ((40, 30, 20, 20), (70, 30, 20, 20)):
        boxes.append(
            {
                0: (x, y, width, height),
                1: (rows - y - height, x, height, width),
                2: (columns - x - width, rows - y - height, width, height),
                3: (y, columns - x - width, height, width),
            }[turns]
        )
    found = quarter_turns([Digit("1", 0.9, box) for box in boxes])
    assert found == turns
    x, y, width, height = boxes[0]
    assert np.array_equal(crop_of(turned, boxes[0], 0.25, found, 500), page()[25:55, 35:65]), name


def test_crops_stay_inside_the_picture_and_are_reduced():
    assert crop_of(page(), (290, 190, 50, 50), 0.2, 0, 500).shape == (20, 20)
    assert crop_of(page(), (-30, -30, 20, 20), 0.2, 0, 500).size > 0
    assert crop_of(page(), (900, 900, 20, 20), 0.2, 0, 500).size > 0
    assert crop_of(page(), (0, 0, 300, 200), 0.2, 0, 150).shape == (100, 150)


def test_going_on_keeps_what_is_there_and_forgets_what_is_not_in_the_table(tmp_path):
    review_of(tmp_path, ("a.png", [DOUBT]), ("b.png", [DOUBT]), ("c.png", [DOUBT]))
    (tmp_path / "review" / "crops" / "000004-01.png").touch()  # and then the power failed
    table = (tmp_path / "o.csv").read_bytes()
    (tmp_path / "o.csv").write_bytes(b"\r\n".join(table.split(b"\r\n")[:3]) + b"\r\n")
    sheet = review_of(tmp_path, ("a.png", [DOUBT]))
    assert [article["data-number"] for article in sheet.all("article")] == ["1", "2"]
    assert sorted(path.name for path in (tmp_path / "review" / "crops").iterdir()) == [
        *("000001-01-02.png", "000001-01.png", "000002-01-02.png", "000002-01.png")
    ]


def test_forms_read_without_a_review_folder_are_told(tmp_path):
    with Stack.open(tmp_path / "o.csv", ["amount"], "setup") as stack:
        stack.write(Frame(page(), "a.png"), [DOUBT], 1.0)
        stack.write(Frame(page(), "b.png"), [Reading("amount", "1", 1.0, "ok", 0.9, None)], 1.0)
    notes: list[str] = []
    with Stack.open(tmp_path / "o.csv", ["amount"], "setup", tmp_path / "review", notes.append):
        pass
    assert f"{tmp_path}/review/index.html: lacks 1 doubtful forms" in notes[1]


def test_another_folder_is_refused_and_stays(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "me.jpg").write_bytes(b"1")
    for folder, message in ((tmp_path / "photos", "is not empty and holds no review"), (tmp_path / "o.csv", "cannot")):
        with pytest.raises(OutputError, match=message):
            Stack.open(tmp_path / "o.csv", ["amount"], "setup", folder)
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["me.jpg"]


def test_the_review_of_another_table_is_refused(tmp_path):
    review_of(tmp_path, ("a.png", [DOUBT]))
    with pytest.raises(OutputError, match=f"holds the review of {tmp_path}/o.csv; name another folder"):
        Stack.open(tmp_path / "p.csv", ["amount"], "setup", tmp_path / "review")
    (tmp_path / "review" / "stack.json").write_text("[]")
    with pytest.raises(OutputError, match=r"its stack\.json is damaged"):
        Stack.open(tmp_path / "o.csv", ["amount"], "setup", tmp_path / "review")


def test_a_damaged_record_is_one_line(tmp_path):
    review_of(tmp_path, ("a.png", [DOUBT]))
    (tmp_path / "review" / "forms" / "000001.json").write_text("{")
    with pytest.raises(OutputError, match=r"000001\.json: damaged"):
        review_of(tmp_path, ("b.png", [DOUBT]))


def test_records_are_in_the_order_of_their_forms(tmp_path):
    review_of(tmp_path, ("a.png", [DOUBT]))
    forms = tmp_path / "review" / "forms"
    record = json.loads((forms / "000001.json").read_text())
    for number in (1_000_000, 999_999, 3_000_000):
        (forms / f"{number:06d}.json").write_text(json.dumps({**record, "number": number}))
    Review.open(tmp_path / "review", tmp_path / "o.csv").build(2_000_000, "many")
    numbers = [each["data-number"] for each in Sheet(tmp_path / "review" / "index.html").all("article")]
    assert numbers == ["1", "999999", "1000000"]
