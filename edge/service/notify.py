"""What a service says: lines with levels on stderr, a status line on a terminal, and its state to systemd."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Mapping
from typing import Literal, Self, TextIO

Level = Literal["error", "warning", "notice", "info"]

JOURNAL_LEVELS: dict[Level, int] = {"error": 3, "warning": 4, "notice": 5, "info": 6}
"""Levels of syslog, as the journal takes them from the start of a line (sd-daemon(3))."""

STATUS_INTERVAL_S = 0.25
"""A terminal's status line changes no more often."""

SYSTEMD_STATUS_S = 5.0
"""The status that systemd is told changes no more often."""

CLEAR_LINE = "\r\x1b[K"


class Log:
    """Lines on stderr: with a level in front where the journal reads them, and over a status line on a terminal.

    It writes to a copy of file descriptor 2, which stays right while another thread catches what a C library says.
    """

    def __init__(self, stream: TextIO, *, is_journal: bool = False, is_terminal: bool = False) -> None:
        self._stream = stream
        self._is_journal = is_journal
        self._is_terminal = is_terminal
        self._status = ""
        self._shown_s = float("-inf")

    @classmethod
    def open(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """The log of this process."""
        sys.stderr.flush()
        stream = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace", buffering=1)
        return cls(stream, is_journal=is_journal(2, environment), is_terminal=stream.isatty())

    def say(self, level: Level, remark: object) -> None:
        """One line."""
        self.clear_status()
        text = str(remark).replace("\n", " ")
        prefix = f"<{JOURNAL_LEVELS[level]}>" if self._is_journal else "readout: "
        print(f"{prefix}{text}", file=self._stream, flush=True)

    def show_status(self, text: str) -> None:
        """Show what is going on in the last line of a terminal; elsewhere nothing."""
        now_s = time.monotonic()
        if self._is_terminal and text != self._status and now_s - self._shown_s >= STATUS_INTERVAL_S:
            self._stream.write(CLEAR_LINE + text)
            self._stream.flush()
            self._status, self._shown_s = text, now_s

    def clear_status(self) -> None:
        """Take the status line away, before something else is written."""
        if self._status:
            self._stream.write(CLEAR_LINE)
            self._stream.flush()
            self._status = ""

    def close(self) -> None:
        """Take the status line away and let the copy of stderr go."""
        self.clear_status()
        self._stream.close()


def is_journal(descriptor: int, environment: Mapping[str, str]) -> bool:
    """Whether a file descriptor leads to the journal.

    References
    ----------
    systemd.exec(5), $JOURNAL_STREAM: device and inode of the stream, compared because a child may redirect it.
    """
    if "JOURNAL_STREAM" not in environment:
        return False
    status = os.fstat(descriptor)
    return environment["JOURNAL_STREAM"] == f"{status.st_dev}:{status.st_ino}"


class Supervisor:
    """Tells systemd that the service is ready, alive or about to end; without systemd it tells nobody.

    Parameters
    ----------
    environment : mapping
        `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`, as systemd sets them.

    References
    ----------
    sd_notify(3), sd_watchdog_enabled(3): the protocol is one datagram of NAME=value lines.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) if address else None
        self._address = "\0" + address[1:] if address.startswith("@") else address
        is_ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        limit_s = int(environment.get("WATCHDOG_USEC", 0)) / 1e6 if is_ours and address else 0.0
        self.interval_s = limit_s / 3 if limit_s else float("inf")
        """Seconds after which `alive` must be called again at the latest."""
        self._alive_s = self._status_s = float("-inf")

    def tell(self, **states: str) -> None:
        """Send states such as READY="1"; a systemd that does not listen any more is no failure of ours."""
        if self._socket is None:
            return
        message = "\n".join(f"{name}={value}" for name, value in states.items())
        try:
            self._socket.sendto(message.encode(), self._address)
        except BlockingIOError:
            pass  # systemd is behind with reading; the service does not wait for it
        except OSError:
            self.close()

    def alive(self) -> None:
        """Feed the watchdog, as often as it needs."""
        now_s = time.monotonic()
        if now_s - self._alive_s >= self.interval_s:
            self.tell(WATCHDOG="1")
            self._alive_s = now_s

    def status(self, text: str) -> None:
        """What `systemctl status` shows; sent now and then."""
        now_s = time.monotonic()
        if now_s - self._status_s >= SYSTEMD_STATUS_S:
            self.tell(STATUS=text)
            self._status_s = now_s

    def close(self) -> None:
        """Let the socket go."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
