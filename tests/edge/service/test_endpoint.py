"""A trigger over HTTP: answered with the reading it led to, refused in one line, and never in the way of the end."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import numpy as np
import pytest

from edge.errors import OutputError
from edge.nouns import Frame, Reading
from edge.schema import HttpTable
from edge.service.endpoint import MAX_BODY, MAX_WAITING, Endpoint
from tests.sources.cameras import wait_until

GRAY = np.full((48, 64), 200, np.uint8)


def write(endpoint: Endpoint, text: str, age_s: float = 0.0) -> None:
    now_s = time.monotonic()
    frame = Frame(GRAY, "demo:", 7, 1795262400.0, now_s - age_s)
    endpoint.write(frame, [Reading("water", text, float(text), "ok", 0.99, None)], 1.0)


@contextmanager
def opened(trigger=lambda: None, limit_s: float = 10.0, **table: object) -> Iterator[Endpoint]:
    # port 0 is any free one: the schema does not offer it, since nobody could find it
    with closing(Endpoint(HttpTable.model_construct(port=0, **table), trigger, limit_s)) as endpoint:
        yield endpoint


def ask(endpoint: Endpoint, path: str = "/trigger", method: str = "POST", body: bytes = b"", **headers: str):
    """Status, headers and content of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=20)
    with closing(connection):
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), json.loads(answer.read())


def test_the_answer_is_the_reading_of_a_frame_taken_after_the_question():
    with opened(trigger=lambda: threading.Timer(0.1, lambda: write(found[0], "2")).start()) as endpoint:
        found = [endpoint]
        write(endpoint, "1")
        status, headers, body = ask(endpoint)
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert body["readings"][0]["text"] == "2"
    assert body["source"] == "demo:"


def test_a_frame_from_before_the_question_is_no_answer():
    with opened(trigger=lambda: write(found[0], "1", age_s=0.5), limit_s=0.3) as endpoint:
        found = [endpoint]
        status, _, body = ask(endpoint)
    assert (status, body) == (503, {"error": "no reading within 0.3 s; see its log"})


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/trigger", 405), ("POST", "/", 404), ("GET", "/favicon.ico", 404), ("PUT", "/trigger", 501)],
)
def test_what_is_no_trigger_triggers_nothing(method, path, status):
    with opened(trigger=lambda: pytest.fail("triggered")) as endpoint:
        connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=20)
        with closing(connection):
            connection.request(method, path)
            assert connection.getresponse().status == status


@pytest.mark.parametrize(("given", "status"), [({}, 401), ({"Authorization": "Bearer é"}, 401)])
def test_without_the_token_nothing_is_triggered(given, status):
    with opened(trigger=lambda: pytest.fail("triggered"), token="s3cret") as endpoint:
        found, headers, body = ask(endpoint, **given)
    assert (found, headers["WWW-Authenticate"]) == (status, "Bearer")
    assert "s3cret" not in str(body)


def test_with_the_token_there_is_a_reading():
    with opened(trigger=lambda: write(found[0], "3"), token="s3cret") as endpoint:
        found = [endpoint]
        assert ask(endpoint, Authorization="Bearer s3cret")[0] == 200


def test_a_body_does_not_cost_the_answer():
    with opened(trigger=lambda: write(found[0], "3")) as endpoint:
        found = [endpoint]
        assert ask(endpoint, body=b"x" * MAX_BODY)[0] == 200


def test_more_clients_than_can_wait_are_sent_away():
    statuses = []
    with opened(limit_s=20.0) as endpoint:
        threads = [threading.Thread(target=lambda: statuses.append(ask(endpoint)[0])) for _ in range(MAX_WAITING)]
        for thread in threads:
            thread.start()
        wait_until(lambda: endpoint._waiting == MAX_WAITING)
        assert ask(endpoint)[0] == 429
        write(endpoint, "4")
        for thread in threads:
            thread.join(10)
    assert statuses == [200] * MAX_WAITING


def test_clients_that_wait_or_say_nothing_do_not_hold_up_the_end():
    answers = []
    with opened(limit_s=60.0) as endpoint, socket.create_connection(("127.0.0.1", endpoint.port)):
        thread = threading.Thread(target=lambda: answers.append(ask(endpoint)))
        thread.start()
        wait_until(lambda: endpoint._waiting == 1)
        start_s = time.monotonic()
        endpoint.close()
        assert time.monotonic() - start_s < 1
        thread.join(10)
    assert answers[0][0] == 503
    assert answers[0][2] == {"error": "the service ends"}


def test_a_client_that_hangs_up_is_forgotten(capfd):
    with opened(limit_s=0.1) as endpoint:
        for said in (b"", b"POST /trigger HTTP/1.0\r\n\r\n", b"nonsense\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", endpoint.port)) as client:
                client.sendall(said)
        wait_until(lambda: endpoint._waiting == 0)
        assert ask(endpoint)[0] == 503
    assert capfd.readouterr() == ("", "")


def test_a_port_that_is_taken_is_one_line():
    with opened() as endpoint:
        table = HttpTable(port=endpoint.port)
        with pytest.raises(OutputError, match=rf"\[http\] 127.0.0.1:{endpoint.port}: cannot be listened on \(Address"):
            Endpoint(table, lambda: None, 1.0)


def test_it_listens_on_this_device_alone_unless_it_is_told_otherwise():
    assert HttpTable().address == "127.0.0.1"
