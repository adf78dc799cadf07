"""Sources that run by themselves: a thread of their own, a slot for the newest frame, and recovery without end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np

from edge.errors import SourceError, UnusableSourceError
from edge.nouns import Frame
from edge.sources.base import Source, SourceSettings

CLOSE_TIMEOUT_S = 1.0
"""How long a capture thread that hangs in its driver is waited for; a service has 2 s to end."""

GRACE_S = 1.0
"""What a driver that keeps the time limit itself is given more, so that it can say what is wrong and let go."""

MAX_HUNG = 3
"""Threads left behind in a driver before no more are started: only the end of the process frees them."""

STEADY_S = 10.0
"""A source that is lost again sooner than this after it came back is waited for as long as before."""

ROW_STEP = 16
"""Of two frames every so many rows are compared first: the noise of a sensor tells them apart at once."""


class NewestFrames:
    """One opening of a device: a thread opens it, reads it into a slot for the newest frame, and closes it.

    No driver is called by the reader, so a driver that hangs holds up only the thread.

    Parameters
    ----------
    open_device : callable
        Opens the source to be read.
    """

    def __init__(self, open_device: Callable[[], Source]) -> None:
        self._open_device = open_device
        self._news = threading.Condition()
        self._frame: Frame | None = None
        self._error: Exception | None = None
        self._device: Source | None = None
        self._is_wanted = self._is_closed = False
        self._ends_s = float("inf")
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether the thread has not ended."""
        return self._thread.is_alive()

    def wait_open(self, timeout_s: float) -> bool:
        """Whether the device is open within the time.

        Raises
        ------
        SourceError
            It cannot be opened.
        """
        with self._news:
            self._news.wait_for(lambda: self._device or self._error, timeout_s)
            if self._device is None:
                self._raise_error()
            return self._device is not None

    def take(self, timeout_s: float) -> Frame | None:
        """The newest frame that was not taken yet; None when there is none in time.

        Raises
        ------
        SourceError
            The capture failed or was closed.
        """
        with self._news:
            self._is_wanted = True
            self._news.notify_all()
            self._news.wait_for(lambda: self._frame or self._error or self._is_closed, timeout_s)
            if self._frame is None:
                self._raise_error()
                return None
            frame, self._frame, self._is_wanted = self._frame, None, False
            return frame

    def stop(self) -> None:
        """Ask the thread to end, and do not wait for it."""
        with self._news:
            self._is_closed = True
            self._ends_s = min(self._ends_s, time.monotonic() + CLOSE_TIMEOUT_S)
            self._news.notify_all()
            if self._device is not None:
                self._device.interrupt()

    def close(self) -> None:
        """Stop the thread; one that hangs in its driver is left behind."""
        self.stop()
        self._thread.join(max(0.0, self._ends_s - time.monotonic()))

    def _raise_error(self) -> None:
        if self._error:
            raise self._error
        if self._is_closed:
            raise SourceError("the source is closed")

    def _run(self) -> None:
        try:
            with self._open_device() as device:
                self._tell_open(device)
                frames = iter(device)
                while self._may_capture(device.runs_ahead):
                    self._put(next(frames))
        except StopIteration:
            self._fail(SourceError("the source ended; start it again"))
        except Exception as error:  # handed to the reader, who raises it
            self._fail(error)

    def _may_capture(self, runs_ahead: bool) -> bool:
        """Wait until somebody wants a frame, where none pile up meanwhile; False once closed."""
        with self._news:
            self._news.wait_for(lambda: runs_ahead or self._is_closed or (self._is_wanted and self._frame is None))
            return not self._is_closed

    def _tell_open(self, device: Source) -> None:
        with self._news:
            self._device = device
            self._news.notify_all()

    def _put(self, frame: Frame) -> None:
        with self._news:
            self._frame = frame
            self._news.notify_all()

    def _fail(self, error: Exception) -> None:
        with self._news:
            self._error = error
            self._news.notify_all()


class LiveSource(Source):
    """The newest frame of a device, and what happens when there is none.

    A device that is lost, hangs, repeats one picture to the last bit or gives only half or old frames is closed. With
    `settings.recovery` it is opened again until it works, which is said once when it is lost and once when it is
    back; else that is an error.

    Parameters
    ----------
    name : str
        Stands in remarks.
    open_device : callable
        Opens the device; called in a thread, and again after each loss.
    settings : SourceSettings
    keeps_all : bool
        Whether every frame counts, however old, and their absence is no fault: pictures put into a folder.

    Raises
    ------
    SourceError
        Without `settings.recovery`: the device cannot be opened.
    """

    is_live = True

    def __init__(
        self, name: str, open_device: Callable[[], Source], settings: SourceSettings, *, keeps_all: bool = False
    ) -> None:
        super().__init__(settings)
        self.name = name
        self._open_device = open_device
        self.keeps_all = keeps_all
        self._freeze = Freeze(0.0 if keeps_all else settings.frozen_after_s)
        self._delays = settings.recovery.delays() if settings.recovery else iter(())
        self._lost_s: float | None = None
        self._back_s = self._due_s = float("-inf")
        self._waited_s, self._what = 0.0, "frame"
        self._hung: list[NewestFrames] = []
        self._attempts = 0
        self._frames: NewestFrames | None = None
        self._start()
        if settings.recovery is None:
            self.wait_open()

    @property
    def is_lost(self) -> bool:
        """Whether no good frame came since the device was lost."""
        return self._lost_s is not None

    @property
    def is_stuck(self) -> bool:
        """Whether so many threads hang in the driver that no further one is started."""
        self._hung = [frames for frames in self._hung if frames.is_running]
        return len(self._hung) >= MAX_HUNG

    def __iter__(self) -> Iterator[Frame]:
        while True:
            frame = self.poll(self.settings.timeout_s)
            if frame is not None:
                yield frame

    def wait_open(self) -> None:
        """Wait for the first opening, for someone who wants to know at once.

        Raises
        ------
        SourceError
            The device cannot be opened, or not within the settings' time.
        """
        timeout_s = self.settings.timeout_s
        try:
            is_open = self._frames is None or self._frames.wait_open(timeout_s + GRACE_S)
        except Exception:
            self.close()
            raise
        if not is_open:
            self.close()
            raise SourceError(f"{self.name}: not open after {timeout_s:g} s; check its cable or the network")

    def poll(self, timeout_s: float) -> Frame | None:
        """The newest good frame that was not taken yet; None when there is none in time.

        Raises
        ------
        SourceError
            The device is lost and the settings do not recover it, or no opening mends what is wrong.
        """
        deadline_s = time.monotonic() + timeout_s
        while True:
            left_s = max(0.0, deadline_s - time.monotonic())
            if self._frames is None and not self._reopen(left_s):
                return None
            try:
                frame = self._take(left_s)
            except UnusableSourceError:
                self.close()
                raise
            except SourceError as error:
                self._lose(error)
                continue
            if frame is not None:
                self._find()
                return frame
            if time.monotonic() >= deadline_s:
                return None

    def rest(self) -> None:
        """Let the device go until the next frame is asked for."""
        if self._frames is not None:
            self._let_go(self._frames)
            self._frames = None

    def interrupt(self) -> None:
        """Let the device begin to end, while something else is closed."""
        super().interrupt()
        if self._frames is not None:
            self._frames.stop()

    def close(self) -> None:
        """Let the device go for good."""
        self.rest()

    def _take(self, timeout_s: float) -> Frame | None:
        """A frame that is fresh and differs from the one before; None when none came in time."""
        assert self._frames is not None
        is_patient = self.keeps_all and self.settings.recovery is not None
        left_s = float("inf") if is_patient else self.settings.timeout_s + GRACE_S - self._waited_s
        if left_s <= 0:
            raise SourceError(
                f"{self.name}: no {self._what} for {self._waited_s:.1f} s; check its cable or the network"
            )
        start_s = time.monotonic()
        frame = self._frames.take(min(timeout_s, left_s))
        self._waited_s += time.monotonic() - start_s  # a reader that is busy elsewhere is not the camera's fault
        if frame is None:
            return None
        age_s = time.monotonic() - frame.monotonic_s
        if age_s > self.settings.max_age_s and not self.keeps_all:
            self._what = f"frame younger than {self.settings.max_age_s:g} s"
            return None
        self._waited_s, self._what = 0.0, "frame"
        self._freeze.check(frame, self.name)
        return frame

    def _start(self) -> None:
        self._frames = NewestFrames(self._open_device)
        self._waited_s, self._what = 0.0, "frame"
        self._attempts += 1

    def _reopen(self, timeout_s: float) -> bool:
        """Open the device again when its time has come, and wait for that at most so long."""
        wait_s = max(0.0, self._due_s - time.monotonic())
        if wait_s > timeout_s or self.is_stuck:
            time.sleep(timeout_s)
            return False
        time.sleep(wait_s)
        self._start()
        return True

    def _lose(self, error: SourceError) -> None:
        self.rest()
        if self.settings.recovery is None:
            raise error
        now_s = time.monotonic()
        if self._lost_s is None:
            self._lost_s, self._attempts = now_s, 0
            self.settings.on_note(f"{error}; it is opened again until it works")
            if now_s - self._back_s > STEADY_S:
                self._delays = self.settings.recovery.delays()
        self._due_s = now_s + next(self._delays)

    def _find(self) -> None:
        if self._lost_s is None:
            return
        self._back_s = time.monotonic()
        times = "attempt" if self._attempts == 1 else "attempts"
        self.settings.on_note(
            f"{self.name}: frames again after {self._back_s - self._lost_s:.1f} s and {self._attempts} {times}"
        )
        self._lost_s = None

    def _let_go(self, frames: NewestFrames) -> None:
        frames.close()
        if frames.is_running:
            self._hung.append(frames)


class Freeze:
    """Notices a picture that stays the same to the last bit, which no sensor's noise allows.

    A picture of one flat level, a closed lens or the dark, is not counted.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._frame: Frame | None = None

    def check(self, frame: Frame, name: str) -> None:
        """Compare with the last frame that differed.

        Raises
        ------
        SourceError
            Nothing has changed for longer than the limit.
        """
        if not self._limit_s:
            return
        if self._frame is None or not _is_same(self._frame, frame):
            self._frame = frame
            return
        same_s = frame.monotonic_s - self._frame.monotonic_s
        if same_s > self._limit_s:
            raise SourceError(
                f"{name}: frozen, the same picture to the last bit for {same_s:.0f} s; "
                "for a source that may stand still set frozen_after = 0"
            )


def _is_same(one: Frame, other: Frame) -> bool:
    if one.gray.shape != other.gray.shape or not np.array_equal(one.gray[::ROW_STEP], other.gray[::ROW_STEP]):
        return False
    return int(one.gray.min()) != int(one.gray.max()) and np.array_equal(one.gray, other.gray)
