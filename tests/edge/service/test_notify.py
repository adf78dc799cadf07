"""What the service says: levels for the journal, a status line for a terminal, and the protocol of systemd."""

import io
import os
import socket

import pytest

from edge.service.notify import Log, Supervisor, is_journal


def test_a_line_for_people_and_one_for_the_journal():
    people, journal = io.StringIO(), io.StringIO()
    Log(people).say("warning", "camera lost\nagain")
    Log(journal, is_journal=True).say("warning", "camera lost")
    Log(journal, is_journal=True).say("error", "x")
    assert people.getvalue() == "readout: camera lost again\n"
    assert journal.getvalue() == "<4>camera lost\n<3>x\n"


def test_the_journal_is_known_by_its_inode():
    status = os.fstat(2)
    assert is_journal(2, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
    assert not is_journal(2, {"JOURNAL_STREAM": "1:1"})
    assert not is_journal(2, {})


def test_a_status_line_is_taken_away_before_a_line():
    stream = io.StringIO()
    log = Log(stream, is_terminal=True)
    log.show_status("12 readings")
    log.show_status("13 readings")  # too soon to change
    log.say("info", "lost")
    log.clear_status()
    assert stream.getvalue() == "\r\x1b[K12 readings\r\x1b[Kreadout: lost\n"


def test_there_is_no_status_line_in_a_file():
    stream = io.StringIO()
    Log(stream).show_status("12 readings")
    assert stream.getvalue() == ""


@pytest.fixture
def systemd(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "notify"))
        server.settimeout(5)
        yield server


def test_systemd_is_told(systemd):
    supervisor = Supervisor({"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "30000000"})
    supervisor.tell(READY="1")
    supervisor.status("reading")
    supervisor.status("reading")
    supervisor.alive()
    supervisor.alive()
    supervisor.tell(STOPPING="1")
    assert [systemd.recv(99) for _ in range(4)] == [b"READY=1", b"STATUS=reading", b"WATCHDOG=1", b"STOPPING=1"]
    assert supervisor.interval_s == 10
    supervisor.close()


def test_an_abstract_address_is_understood():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind("\0readout-test")
        supervisor = Supervisor({"NOTIFY_SOCKET": "@readout-test"})
        supervisor.tell(READY="1")
        assert server.recv(99) == b"READY=1"
        supervisor.close()


def test_another_processs_watchdog_is_not_fed(systemd):
    supervisor = Supervisor({"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"})
    assert supervisor.interval_s == float("inf")
    supervisor.close()


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/nowhere/notify"}])
def test_without_systemd_nothing_happens(environment):
    supervisor = Supervisor(environment)
    supervisor.tell(READY="1")
    supervisor.alive()
    supervisor.close()
