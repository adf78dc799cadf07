"""MQTT against a real Mosquitto: nothing is lost when it is killed, states are retained, logins and TLS work."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from edge.config import parse_config
from edge.errors import MissingPackageError
from edge.nouns import Digit, Frame, Reading
from edge.outputs import open_outputs
from edge.outputs.mqtt import command_of, import_paho
from edge.schema import Config
from edge.service.command import Command
from tests.edge.mosquitto import Listener, Mosquitto, free_port, wait_for

NOON = 1795262400.0  # 2026-11-21T12:00:00Z
GRAY = np.full((240, 320), 200, np.uint8)
STATE = "readout/readout/water/state"
STATUS = "readout/readout/status"

CONFIG = """
[[field]]
name = "water"
kind = "drum"
digits = [[10, 10, 20, 30], [40, 10, 20, 30]]
unit = "m³"
publish = "each"
[store]
path = "{folder}/readout.db"
[mqtt]
host = "127.0.0.1"
port = {port}
{more}
"""


@pytest.fixture
def broker(tmp_path):
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def listener(broker):
    listener = Listener(broker.port)
    yield listener
    listener.close()


@pytest.fixture
def said():
    return []


def config_of(folder: Path, port: int, more: str = "") -> Config:
    return parse_config(CONFIG.format(folder=folder, port=port, more=more))


def frame(number: int) -> Frame:
    return Frame(GRAY, "demo:", number, NOON + number, 1000.0 + number)


def ok(value: float) -> Reading:
    digit = Digit("5", 0.99, (10, 10, 20, 30))
    return Reading("water", f"{value:g}", value, "ok", 0.99, (10, 10, 50, 30), None, (digit, digit))


def states(listener: Listener) -> list[dict[str, object]]:
    return [json.loads(payload) for payload in listener.of(STATE)]


@contextmanager
def writing(config: Config, said: list[str], **settings: object) -> Iterator:
    """A call that writes a reading with a number for its value."""
    with open_outputs(config, said.append, **settings) as sinks:

        def write(number: int, reading: Reading | None = None) -> None:
            for sink in sinks:
                sink.write(frame(number), [reading or ok(float(number))], 1.0)

        yield write


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_each_reading_arrives_once_and_in_order(broker, listener, tmp_path, said, version):
    with writing(config_of(tmp_path, broker.port, f'version = "{version}"'), said) as write:
        for number in range(100):
            write(number)
        wait_for(lambda: len(states(listener)) == 100)
    assert [each["value"] for each in states(listener)] == list(range(100))
    assert len({each["id"] for each in states(listener)}) == 100
    first = states(listener)[0]
    assert {key: first[key] for key in ("time", "name", "unit", "text", "raw", "status", "rate")} == {
        "time": "2026-11-21T12:00:00.000Z",
        "name": "water",
        "unit": "m³",
        "text": "0",
        "raw": "55",
        "status": "ok",
        "rate": None,
    }
    assert states(listener)[99]["rate"] == 3600.0
    assert said == []


def test_a_broker_that_is_killed_loses_nothing_and_the_order_stays(broker, listener, tmp_path, said):
    with writing(config_of(tmp_path, broker.port), said) as write:
        for number in range(300):
            write(number)
            if number == 100:
                broker.kill()
            if number == 200:
                broker.start()
        wait_for(lambda: states(listener) and states(listener)[-1]["value"] == 299)
    found = {each["id"]: each["value"] for each in states(listener)}  # what arrived again has the id it had
    assert list(found.values()) == list(range(300))
    # a batch that was not confirmed, the last state on the new connection, and what the broker retains; what the broker
    # sends to the listener once more, when its session goes on, is none of ours
    sent = [each for each in listener.heard if each.topic == STATE and not each.is_repeat]
    assert len(sent) - 300 <= 22
    assert any("the connection broke" in line or "cannot be reached" in line for line in said)
    assert said[-1] == "mqtt: delivers again"


def test_a_broker_that_is_away_at_first_gets_it_all_after_a_restart_of_the_program(tmp_path, said):
    broker = Mosquitto(tmp_path)
    with writing(config_of(tmp_path, broker.port), said) as write:
        for number in range(30):
            write(number)
        time.sleep(0.2)
    assert len(said) == 1
    assert said[0].startswith(f"mqtt: 127.0.0.1:{broker.port} cannot be reached (Connection refused); check the broker")
    broker.start()
    listener = Listener(broker.port)
    with writing(config_of(tmp_path, broker.port), said) as write:
        write(30)
        wait_for(lambda: len(states(listener)) == 31)
    assert [each["value"] for each in states(listener)] == list(range(31))
    listener.close()
    broker.kill()


def test_the_last_state_and_whether_the_device_is_there_are_retained(broker, listener, tmp_path, said):
    with writing(config_of(tmp_path, broker.port, 'image = "never"'), said) as write:
        write(1)
        write(2)
        wait_for(lambda: len(states(listener)) == 2)
        late = Listener(broker.port, name="late")
        wait_for(lambda: len(late.heard) == 3)
        assert [(each["value"]) for each in states(late)] == [2.0]
        assert late.of(STATUS) == [b"online"]
        assert all(each.retain for each in late.heard)
    wait_for(lambda: late.of(STATUS)[-1] == b"offline")
    late.close()


DIES = """
import os, sys, time
from tests.edge.outputs.test_mqtt import config_of, writing
from tests.edge.outputs.conftest import NOON
from pathlib import Path
time.time = lambda: NOON
with writing(config_of(Path(sys.argv[1]), int(sys.argv[2])), []) as write:
    write(1)
    time.sleep(1.5)
    os.kill(os.getpid(), 9)
"""


def test_a_device_that_dies_is_offline_by_its_will(broker, listener, tmp_path):
    subprocess.run([sys.executable, "-c", DIES, tmp_path, str(broker.port)], check=False)
    wait_for(lambda: listener.of(STATUS)[-1:] == [b"offline"])
    assert listener.of(STATUS) == [b"online", b"offline"]
    assert [each["value"] for each in states(listener)] == [1.0]


def test_a_broker_that_forgot_is_told_the_last_state_again(tmp_path, said):
    broker = Mosquitto(tmp_path, "allow_anonymous true", keeps=False)
    broker.start()
    listener = Listener(broker.port)
    with writing(config_of(tmp_path, broker.port), said) as write:
        write(7)
        wait_for(lambda: states(listener))
        listener.close()
        broker.kill()
        broker.start()
        late = Listener(broker.port, name="late")
        wait_for(lambda: states(late))
    assert [each["value"] for each in states(late)] == [7.0]
    assert states(late)[0]["id"] == states(listener)[0]["id"]
    late.close()
    broker.kill()


def test_a_topic_that_may_not_be_published_is_told_by_a_broker_of_version_5(tmp_path, said):
    (tmp_path / "acl").write_text("topic read #\ntopic write readout/readout/status\ntopic write homeassistant/#\n")
    broker = Mosquitto(tmp_path, f"allow_anonymous true\nacl_file {tmp_path}/acl")
    broker.start()
    with writing(config_of(tmp_path, broker.port, 'version = "5"\nimage = "never"'), said) as write:
        write(1)
        wait_for(lambda: said)
    broker.kill()
    assert f"127.0.0.1:{broker.port} refuses {STATE} (Not authorized); allow [mqtt] user to publish it" in said[0]
    assert len(said) == 1


def test_doubt_is_published_with_its_reason_and_without_a_value(broker, listener, tmp_path, said):
    doubt = Reading("water", "4?", None, "uncertain", 0.41, (10, 10, 50, 30), "digit 2 is below the cutoff")
    with writing(config_of(tmp_path, broker.port), said) as write:
        write(1, doubt)
        wait_for(lambda: states(listener))
    (state,) = states(listener)
    assert (state["value"], state["text"], state["status"]) == (None, "4?", "uncertain")
    assert state["reason"] == "digit 2 is below the cutoff"


def test_the_picture_is_a_jpeg_and_not_sent_too_often(broker, listener, tmp_path, said):
    with writing(config_of(tmp_path, broker.port, 'image = "1m"'), said) as write:
        for number in range(0, 70, 10):
            write(number)
            wait_for(lambda number=number: len(states(listener)) == number // 10 + 1)
        wait_for(lambda: len(listener.of("readout/readout/image")) == 2)
    assert all(picture[:2] == b"\xff\xd8" for picture in listener.of("readout/readout/image"))


def test_commands_are_handed_on_and_old_ones_are_not(broker, listener, tmp_path, said):
    commands: list[Command] = []
    listener.client.publish("readout/readout/trigger", "old", qos=1, retain=True).wait_for_publish(5)
    with writing(config_of(tmp_path, broker.port), said, on_command=commands.append) as write:
        write(1)
        wait_for(lambda: states(listener))
        time.sleep(0.2)
        for topic, payload in (("trigger", "PRESS"), ("water/set", "453.012"), ("water/set", "many")):
            listener.client.publish(f"readout/readout/{topic}", payload, qos=1).wait_for_publish(5)
        wait_for(lambda: said)
    assert commands == [Command("trigger"), Command("set", "water", 453.012)]
    assert said == ["mqtt: readout/readout/water/set: not understood; send any payload to trigger, a number to set"]


@pytest.mark.parametrize(
    ("topic", "payload", "command"),
    [
        ("trigger", b"", Command("trigger")),
        ("warm_water/set", b" 12.5 ", Command("set", "warm water", 12.5)),
        ("warm_water/set", b"nan", None),
        ("warm_water/set", b"\xff", None),
        ("other/set", b"1", None),
        ("warm_water/state", b"1", None),
    ],
)
def test_a_command_is_understood_or_refused(topic, payload, command):
    assert command_of(topic, payload, {"warm water": "warm_water"}) == command


def test_no_command_is_subscribed_to_without_one_who_takes_it(broker, listener, tmp_path, said):
    with writing(config_of(tmp_path, broker.port), said) as write:
        write(1)
        wait_for(lambda: states(listener))
    (payload,) = listener.of("homeassistant/device/readout_readout/config")
    platforms = {each["platform"] for each in json.loads(payload)["components"].values()}
    assert platforms == {"sensor", "binary_sensor", "image"}


# logins


def test_a_user_logs_in_and_a_wrong_password_is_one_line(tmp_path, said):
    password_file = tmp_path / "users"
    password_file.touch(mode=0o600)
    Mosquitto(tmp_path)
    subprocess.run(["mosquitto_passwd", "-b", password_file, "meter", "secret"], check=True, capture_output=True)
    broker = Mosquitto(tmp_path, f"allow_anonymous false\npassword_file {password_file}")
    broker.start()
    with writing(config_of(tmp_path, broker.port, 'user = "meter"\npassword = "wrong"'), said) as write:
        write(1)
        wait_for(lambda: said)
    assert said == [
        f"mqtt: 127.0.0.1:{broker.port} refuses (Not authorized); check [mqtt] user and password; "
        "tried again, and nothing is lost meanwhile"
    ]
    (tmp_path / "pw").write_text("secret\n")
    more = f'user = "meter"\npassword = "file:{tmp_path}/pw"'
    with writing(config_of(tmp_path, broker.port, more), said) as write:
        write(2)
        listener = Listener(broker.port, lambda client: client.username_pw_set("meter", "secret"))
        wait_for(lambda: len(states(listener)) >= 1 and states(listener)[-1]["value"] == 2.0)
        listener.close()
    broker.kill()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, a server's and a device's certificate."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    new = ("req", "-newkey", "rsa:2048", "-nodes")
    openssl(*new, "-x509", "-days", "2", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")
    (folder / "san").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    for name in ("server", "device"):
        openssl(*new, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        signed = ("x509", "-req", "-days", "2", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial")
        openssl(*signed, "-extfile", "san", "-in", f"{name}.csr", "-out", f"{name}.pem")
    return folder


def test_a_certificate_logs_in_over_tls(certificates, tmp_path, said):
    broker = Mosquitto(
        tmp_path,
        f"cafile {certificates}/ca.pem\ncertfile {certificates}/server.pem\nkeyfile {certificates}/server.key\n"
        "require_certificate true\nuse_identity_as_username true",
    )
    broker.start()

    def with_certificate(client):
        client.tls_set(f"{certificates}/ca.pem", f"{certificates}/device.pem", f"{certificates}/device.key")

    listener = Listener(broker.port, with_certificate)
    more = f'tls = true\nca = "{certificates}/ca.pem"'
    login = f'\ncert = "{certificates}/device.pem"\nkey = "{certificates}/device.key"'
    with writing(config_of(tmp_path, broker.port, more + login), said) as write:
        write(1)
        wait_for(lambda: states(listener))
    assert [each["value"] for each in states(listener)] == [1.0]
    assert said == []
    with writing(config_of(tmp_path, broker.port, more), said) as write:
        write(2)
        wait_for(lambda: said)
    listener.close()
    broker.kill()
    assert said[0].startswith(f"mqtt: 127.0.0.1:{broker.port} ")
    assert "check the broker and [mqtt] host, port, tls and certificates" in said[0]


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # paho leaves the socket to the collector
def test_a_server_that_the_authority_did_not_sign_is_not_trusted(certificates, tmp_path, said):
    broker = Mosquitto(
        tmp_path, f"certfile {certificates}/server.pem\nkeyfile {certificates}/server.key\nallow_anonymous true"
    )
    broker.start()
    with writing(config_of(tmp_path, broker.port, "tls = true"), said) as write:
        write(1)
        wait_for(lambda: said)
    broker.kill()
    assert "certificate verify failed" in said[0]
    assert "check the broker and [mqtt] host, port, tls and certificates" in said[0]


def test_certificates_that_are_not_there_are_one_line(tmp_path, said):
    more = f'tls = true\nca = "{tmp_path}/no.pem"'
    with writing(config_of(tmp_path, free_port(), more), said) as write:
        write(1)
        wait_for(lambda: said)
    assert said[0].startswith("mqtt: the certificates cannot be used (No such file or directory); check")


# closing


def test_closing_takes_no_longer_than_two_seconds_whatever_hangs(tmp_path, said):
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # takes connections and never answers
        port = deaf.getsockname()[1]
        metrics = f'[prometheus]\nport = {free_port()}\n[webhook]\nurl = "http://127.0.0.1:{port}/"'
        with writing(config_of(tmp_path, port, metrics), said) as write:
            write(1)
            time.sleep(0.3)
            start = time.monotonic()
        assert time.monotonic() - start < 2.0


def test_what_was_written_last_is_delivered_before_the_end(broker, listener, tmp_path, said):
    with writing(config_of(tmp_path, broker.port), said) as write:
        wait_for(lambda: listener.of(STATUS))
        for number in range(50):
            write(number)
    wait_for(lambda: listener.of(STATUS)[-1] == b"offline")
    assert [each["value"] for each in states(listener)] == list(range(50))


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    with pytest.raises(MissingPackageError, match=r"\[mqtt\] needs paho-mqtt; pip install 'paho-mqtt>=2'"):
        import_paho()
