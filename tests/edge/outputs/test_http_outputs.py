"""Webhook and InfluxDB against real servers that fail, hang, break off, ask for patience and refuse."""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
import time
from contextlib import closing, contextmanager
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from edge.config import parse_config
from edge.nouns import Frame, Reading
from edge.outputs import courier, open_outputs, post
from edge.outputs.courier import pause_s
from edge.outputs.influx import line_of
from edge.outputs.post import retry_after_s
from edge.outputs.webhook import signature
from tests.edge.influxd import InfluxDB
from tests.edge.mosquitto import free_port, wait_for
from tests.edge.web import Answer, Web

NOON = 1795262400.0  # 2026-11-21T12:00:00Z
GRAY = np.full((240, 320), 200, np.uint8)

CONFIG = """
[[field]]
name = "water"
kind = "drum"
digits = [[10, 10, 20, 30]]
unit = "m³"
publish = "each"
[store]
path = "{folder}/readout.db"
{more}
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Pauses and time limits that a test can wait for."""
    monkeypatch.setattr(courier, "BACKOFF_S", 0.05)
    monkeypatch.setattr(courier, "BACKOFF_MAX_S", 0.2)
    monkeypatch.setattr(post, "TIMEOUT_S", 0.5)


@pytest.fixture
def web():
    web = Web()
    yield web
    web.close()


@pytest.fixture
def said():
    return []


@contextmanager
def writing(folder, more, said):
    config = parse_config(CONFIG.format(folder=folder, more=more))
    with open_outputs(config, said.append) as sinks:

        def write(number: int, reading: Reading | None = None) -> None:
            frame = Frame(GRAY, "demo:", number, NOON + number, 1000.0 + number)
            ok = Reading("water", f"{number}", float(number), "ok", 0.99, None)
            for sink in sinks:
                sink.write(frame, [reading or ok], 1.0)

        yield write


def hook(web: Web, more: str = "") -> str:
    return f'[webhook]\nurl = "{web.url}/hook?key=1"\n{more}'


def values(web: Web) -> list[float]:
    return [json.loads(request.body)["value"] for request in web.requests]


def events(folder) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(folder / "readout.db")) as db:
        return [
            row for row in db.execute("SELECT kind, detail FROM events ORDER BY id") if row[0] not in ("start", "stop")
        ]


# webhook


def test_each_reading_is_posted_once_in_order_and_signed(web, tmp_path, said):
    with writing(tmp_path, hook(web, 'secret = "key"'), said) as write:
        for number in range(20):
            write(number)
        wait_for(lambda: len(web.requests) == 20)
    assert values(web) == list(range(20))
    for request in web.requests:
        assert request.path == "/hook?key=1"
        assert request.headers["Content-Type"] == "application/json"
        assert request.headers["X-Readout-Id"] == json.loads(request.body)["id"]
        second, found = (part.split("=")[1] for part in request.headers["X-Readout-Signature"].split(","))
        assert abs(int(second) - time.time()) < 60
        expected = hmac.new(b"key", second.encode() + b"." + request.body, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(found, expected)
    assert len({request.headers["X-Readout-Id"] for request in web.requests}) == 20
    assert said == []


def test_a_signature_is_that_of_openssl():
    # printf '1795262400.{"value": 1}' | openssl dgst -sha256 -hmac secret
    assert signature(b"secret", 1795262400, b'{"value": 1}') == (
        "t=1795262400,v1=19a92d430e8536631fe57a7fee500f3450aa9e4bd8b620ef51581b1caf2c28da"
    )


def test_an_unsigned_webhook_has_no_signature(web, tmp_path, said):
    with writing(tmp_path, hook(web), said) as write:
        write(1)
        wait_for(lambda: web.requests)
    assert "X-Readout-Signature" not in web.requests[0].headers


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(500, body=b"out\nof order"), "answers 500 Internal Server Error (out of order); check the server"),
        (Answer(503), "answers 503 Service Unavailable; check the server"),
        (Answer(401), "answers 401 Unauthorized; check its token, user or password"),
        (Answer(404), "answers 404 Not Found; check url"),
        (Answer(301, (("Location", "/other"),)), "answers 301 Moved Permanently; check url"),
        (Answer(does="drop"), "the connection broke (Remote end closed connection without response)"),
        (Answer(does="hang"), "does not answer in 0.5 s; check the server and url"),
    ],
)
def test_what_failed_is_sent_again_with_its_id_and_in_order(web, tmp_path, said, answer, words):
    web.script(answer, answer)
    with writing(tmp_path, hook(web), said) as write:
        for number in range(3):
            write(number)
        wait_for(lambda: len(web.requests) == 5)
        wait_for(lambda: said[-1:] == ["webhook: delivers again"])
    assert values(web) == [0, 0, 0, 1, 2]
    assert len({request.headers["X-Readout-Id"] for request in web.requests}) == 3
    assert len(said) == 2
    assert said[0].startswith(f"webhook: {web.url}/hook")
    assert words in said[0]
    assert said[0].endswith("; tried again, and nothing is lost meanwhile")
    assert [detail for _, detail in events(tmp_path)] == said


def test_a_server_that_asks_for_patience_gets_it(web, tmp_path, said):
    web.script(Answer(429, (("Retry-After", "1"),)))
    with writing(tmp_path, hook(web), said) as write:
        write(1)
        wait_for(lambda: len(web.requests) == 2)
    assert web.requests[1].second - web.requests[0].second >= 1.0
    assert "answers 429 Too Many Requests" in said[0]


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_is_refused_for_good_is_dropped_said_and_does_not_block_the_next(web, tmp_path, said, status):
    web.script(Answer(204), Answer(status, body=b"no such thing"))
    with writing(tmp_path, hook(web), said) as write:
        for number in range(3):
            write(number)
        wait_for(lambda: len(web.requests) == 3)
    assert values(web) == [0, 1, 2]
    (line,) = said
    assert f"answers {status}" in line
    assert line.endswith("(no such thing); the reading of water at 2026-11-21T12:00:01.000Z is dropped")
    assert events(tmp_path) == [("output", line)]


def test_a_server_that_is_away_gets_all_of_it_after_a_restart_of_the_program(tmp_path, said):
    port = free_port()
    more = f'[webhook]\nurl = "http://127.0.0.1:{port}/"'
    with writing(tmp_path, more, said) as write:
        for number in range(10):
            write(number)
    assert (
        f"webhook: http://127.0.0.1:{port}/ cannot be reached (Connection refused); check the server and url" in said[0]
    )
    web = Web(port)
    with writing(tmp_path, more, said) as write:
        write(10)
        wait_for(lambda: len(web.requests) == 11)
    assert values(web) == list(range(11))
    web.close()


def test_closing_takes_no_longer_than_two_seconds_though_the_server_hangs(web, tmp_path, said, monkeypatch):
    monkeypatch.setattr(post, "TIMEOUT_S", 10.0)
    web.script(*[Answer(does="hang")] * 9)
    with writing(tmp_path, hook(web), said) as write:
        write(1)
        wait_for(lambda: web.requests)
        start = time.monotonic()
    assert time.monotonic() - start < 2.0
    again = Web()
    with writing(tmp_path, hook(again), said):
        wait_for(lambda: again.requests)
    assert values(again) == [1]
    again.close()


# InfluxDB

BODY = {
    **{"time": "2026-11-21T12:00:00.123Z", "name": "water", "value": 453.012, "unit": "m³", "text": "453.012"},
    **{
        "raw": "453012",
        "status": "ok",
        "confidence": 0.998,
        "reason": None,
        "rate": 0.25,
        "source": "demo:",
        "frame": 0,
    },
}


def test_a_record_is_a_line_of_line_protocol():
    assert line_of("readout", BODY) == (
        "readout,name=water,status=ok,unit=m³ "
        'value=453.012,rate=0.25,confidence=0.998,text="453.012",raw="453012" 1795262400123'
    )
    doubt = {**BODY, "value": None, "rate": None, "unit": "", "status": "uncertain", "reason": 'a "b" \\ c\nd'}
    assert line_of("re, ad", {**doubt, "name": "warm water, k=1\\"}) == (
        "re\\,\\ ad,name=warm\\ water\\,\\ k\\=1,status=uncertain "
        'confidence=0.998,text="453.012",raw="453012",reason="a \\"b\\" \\\\ c d" 1795262400123'
    )


def test_version_2_gets_points_with_its_token(web, tmp_path, said):
    (tmp_path / "token").write_text("abc\n")
    more = f'[influx]\nurl = "{web.url}/"\nbucket = "my meters"\norg = "home"\ntoken = "file:{tmp_path}/token"'
    with writing(tmp_path, more, said) as write:
        for number in range(50):
            write(number)
        wait_for(lambda: sum(len(request.body.splitlines()) for request in web.requests) == 50)
    request = web.requests[0]
    assert urlsplit(request.path).path == "/api/v2/write"
    assert parse_qs(urlsplit(request.path).query) == {"bucket": ["my meters"], "org": ["home"], "precision": ["ms"]}
    assert request.headers["Authorization"] == "Token abc"
    times = [int(line.rsplit(b" ")[-1]) for request in web.requests for line in request.body.splitlines()]
    assert times == [1795262400000 + 1000 * number for number in range(50)]
    assert said == []


def test_version_1_gets_points_with_user_and_password(web, tmp_path, said):
    more = f'[influx]\nurl = "{web.url}"\ndatabase = "home"\nuser = "me"\npassword = "pw"'
    with writing(tmp_path, more, said) as write:
        write(1)
        wait_for(lambda: web.requests)
    assert web.requests[0].path == "/write?db=home&precision=ms"
    assert web.requests[0].headers["Authorization"] == "Basic bWU6cHc="


def test_one_bad_point_takes_no_other_with_it(web, tmp_path, said):
    def answer(request):
        return Answer(400, body=b"partial") if b"name=bad" in request.body else Answer()

    web.answer = lambda _: Answer(503)
    bad = Reading("bad", "1", 1.0, "ok", 0.9, None)
    with writing(tmp_path, f'[influx]\nurl = "{web.url}"\nbucket = "b"', said) as write:
        for number in range(10):
            write(number, bad if number == 5 else None)
        wait_for(lambda: said)
        web.answer = answer
        wait_for(lambda: "is dropped" in said[-1] or len(said) > 2)
        wait_for(lambda: web.requests[-1].body.endswith(b"1795262409000"))
    taken = [line for request in web.requests if answer(request).status == 204 for line in request.body.splitlines()]
    kept = {int(line.rsplit(b" ")[-1]) for line in taken}
    assert {1795262400000 + 1000 * number for number in range(10) if number != 5} <= kept
    assert sum("is dropped" in line for line in said) == 1


def test_a_missing_database_is_kept_for_until_it_is_made(web, tmp_path, said):
    web.script(Answer(404, body=b'{"error":"database not found"}'))
    with writing(tmp_path, f'[influx]\nurl = "{web.url}"\ndatabase = "a"', said) as write:
        write(1)
        wait_for(lambda: len(web.requests) == 2)
    assert '({"error":"database not found"}); check url' in said[0]


@pytest.fixture
def influx(tmp_path):
    influx = InfluxDB(tmp_path)
    yield influx
    influx.kill()


def test_a_real_server_that_is_killed_has_each_point_once(influx, tmp_path, said):
    login = f'url = "http://127.0.0.1:{influx.port}"\ndatabase = "home"\nuser = "meter"\npassword = "secret"'
    doubt = Reading("water", "4?", None, "uncertain", 0.4, None, 'a "b" \\ c, d=e')
    with writing(tmp_path, f"[influx]\n{login}", said) as write:
        for number in range(60):
            write(number, doubt if number == 7 else None)
            if number in (20, 40):
                influx.kill() if number == 20 else influx.start()
        wait_for(lambda: len(influx.ask("SELECT text FROM readout")) == 60)
    found = influx.ask("SELECT value FROM readout")
    assert [value for _, value in found] == [number for number in range(60) if number != 7]
    assert influx.ask("SELECT reason, status FROM readout WHERE status = 'uncertain'") == [
        [round((NOON + 7) * 1000), 'a "b" \\ c, d=e', "uncertain"]
    ]


def test_a_real_servers_no_is_one_line_and_the_point_comes_with_the_right_password(influx, tmp_path, said):
    login = f'url = "http://127.0.0.1:{influx.port}"\ndatabase = "home"\nuser = "meter"\npassword = '
    with writing(tmp_path, f'[influx]\n{login}"wrong"', said) as write:
        write(1)
        wait_for(lambda: said)
    assert len(said) == 1
    assert '/write answers 401 Unauthorized ({"error":"authorization failed"}); check its token, user or' in said[0]
    with writing(tmp_path, f'[influx]\n{login}"secret"', said) as write:
        write(2)
        wait_for(lambda: len(influx.ask("SELECT value FROM readout")) == 2)


# pauses


def test_pauses_double_up_to_the_most_and_differ():
    for failures, longest in ((1, 0.05), (2, 0.1), (3, 0.2), (50, 0.2), (5000, 0.2)):
        found = [pause_s(failures, 0.0) for _ in range(50)]
        assert all(longest / 2 <= each <= longest for each in found)
        assert len(set(found)) > 10
    assert pause_s(1, 30.0) == 30.0
    assert pause_s(1, 1e9) == 3600.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(None, 0), ("120", 120), ("Sat, 21 Nov 2026 12:01:00 GMT", 60), ("Sat, 21 Nov 2026 11:00:00 GMT", 0), ("soon", 0)],
)
def test_retry_after_is_seconds_or_a_date(text, seconds):
    assert retry_after_s(text, NOON) == seconds
