"""What is left out together, what a stopped report lacks, and that the report is of the shipped bundle."""

import json
from pathlib import Path

from edge.inference.bundle import load_card
from tests.meters.leave_one_out import BUNDLE, column, deal, missing, summary

REPORT = Path(__file__).with_name("leave_one_out.json")


def figures(within: float, settled: float | None = None) -> dict:
    return {"within 0.1": {"share": within}, "settled digit": None if settled is None else {"share": settled}}


def test_the_largest_is_left_out_alone_and_each_other_once():
    assert deal([9, 1, 2, 3, 4, 5], 2) == [(9,), (1, 4), (2, 5), (3,)]
    assert deal([9, 1, 2, 3], 1) == [(9,), (1,), (2,), (3,)]


def test_a_second_start_trains_what_a_report_lacks():
    done = {"9": {column(True): {}, column(False): {}}, "1": {column(True): {}}}
    assert list(missing(done, [(9,), (1, 2)])) == [((1, 2), True), ((1, 2), False)]
    done |= {"1": {column(True): {}, column(False): {}}, "2": {column(True): {}, column(False): {}}}
    assert list(missing(done, [(9,), (1, 2)])) == []


def test_each_group_counts_once_and_columns_are_compared_on_the_same_groups():
    both = {column(True): figures(0.9, 1.0), column(False): figures(0.8), BUNDLE: figures(1.0, 1.0)}
    half = {column(True): figures(0.1, 0.1)}
    found = summary({"1": both, "2": half})
    assert found[column(True)] == {"groups": 1, "within 0.1": 0.9, "settled digit": 1.0}
    assert found[column(False)] == {"groups": 1, "within 0.1": 0.8}
    assert found[BUNDLE]["groups"] == 1


def test_the_report_has_twenty_groups_with_both_trainings_and_the_shipped_bundle(repository: Path):
    report = json.loads(REPORT.read_text(encoding="utf-8"))
    assert report["means"][column(True)]["groups"] == report["means"][column(False)]["groups"] == 20
    assert report["model_sha256"] == load_card(repository / "models" / "meter").model_sha256, (
        "python -m tests.meters.leave_one_out --at-once 19 --bundle-only --out tests/meters/leave_one_out.json"
    )
