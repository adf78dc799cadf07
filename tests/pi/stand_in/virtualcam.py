"""Lets a real picamera2 drive libcamera's virtual camera, on a machine without a camera and without dma-heap.

Import this before Picamera2 is used. Touched are, each for one reason:

- memory: picamera2 asks /dev/dma_heap for its buffers; here they are memfd files, of two planes each because the
  virtual pipeline maps the second by itself;
- modes: picamera2 asks for the raw role, which the virtual pipeline refuses; here it asks for the viewfinder's;
- pace: the virtual pipeline fills a buffer the moment it is queued, about 1000 frames/s; here requests are handed over
  one a tick, and a tick with none waiting is a dropped frame, as on a sensor. `stalled` stops the ticks.

All else is picamera2's own code: configuration, event loop, requests, arrays, controls, errors, time-outs.
"""

from __future__ import annotations

import mmap
import os
import threading
import time
from collections import deque
from typing import Any

import libcamera
import picamera2.picamera2 as module
from picamera2.allocators.allocator import Allocator

FPS = float(os.environ.get("VIRTUALCAM_FPS", "30"))

stalled = threading.Event()
"""While it is set the sensor gives nothing, as with a loose cable."""


class _Mapped:
    """What picamera2 enters to look at a buffer."""

    def __init__(self, allocator: MemfdAllocator, buffer: Any, write: bool) -> None:
        self._map = allocator.maps[buffer]

    def __enter__(self) -> mmap.mmap:
        return self._map

    def __exit__(self, *_: object) -> None:
        pass


class MemfdAllocator(Allocator):
    """Buffers in memory files."""

    def __init__(self) -> None:
        super().__init__()
        self.sync = _Mapped
        self.maps: dict[Any, mmap.mmap] = {}
        self._buffers: dict[Any, list[Any]] = {}
        self._files: list[int] = []

    def allocate(self, configuration: Any, _use_case: Any) -> None:
        """Buffers for every stream."""
        self.close()
        for stream in configuration:
            self._buffers[stream.stream] = [self._buffer(stream, number) for number in range(stream.buffer_count)]

    def buffers(self, stream: Any) -> list[Any]:
        """Those of a stream."""
        return self._buffers[stream]

    def close(self) -> None:
        """Let the files go."""
        for file in self._files:
            os.close(file)
        self.maps, self._buffers, self._files = {}, {}, []

    def _buffer(self, stream: Any, number: int) -> Any:
        file = os.memfd_create(f"buffer-{number}")
        os.ftruncate(file, stream.frame_size)
        self._files.append(file)
        luma = stream.stride * stream.size.height
        buffer = libcamera.FrameBuffer([_plane(file, 0, luma), _plane(file, luma, stream.frame_size - luma)])
        self.maps[buffer] = mmap.mmap(file, stream.frame_size)
        return buffer


def _plane(file: int, offset: int, length: int) -> Any:
    plane = libcamera.FrameBuffer.Plane()
    plane.fd, plane.offset, plane.length = file, offset, length
    return plane


def _modes(camera: Any) -> list[dict[str, Any]]:
    formats = camera.camera.generate_configuration([libcamera.StreamRole.Viewfinder]).at(0).formats
    return [
        {"format": str(each), "size": (s.width, s.height)}
        for each in formats.pixel_formats
        for s in formats.sizes(each)
    ]


class _Pacer(threading.Thread):
    """Hands queued requests to the camera, one a tick."""

    def __init__(self, camera: Any) -> None:
        super().__init__(daemon=True)
        self._camera = camera
        self.waiting: deque[Any] = deque()
        self.done = threading.Event()

    def run(self) -> None:
        tick_s = time.monotonic()
        while not self.done.is_set():
            tick_s += 1 / FPS
            self.done.wait(max(0.0, tick_s - time.monotonic()))
            if self.waiting and not stalled.is_set() and not self.done.is_set():
                queue_now(self._camera, self.waiting.popleft())


pacers: dict[str, _Pacer] = {}
queue_now, start_now, stop_now = libcamera.Camera.queue_request, libcamera.Camera.start, libcamera.Camera.stop


def _start(camera: Any, *arguments: Any, **options: Any) -> Any:
    result = start_now(camera, *arguments, **options)
    pacers[camera.id] = _Pacer(camera)
    pacers[camera.id].start()
    return result


def _stop(camera: Any) -> Any:
    pacer = pacers.pop(camera.id, None)
    if pacer is None:
        return stop_now(camera)
    pacer.done.set()
    if pacer is not threading.current_thread():
        pacer.join()
    # The virtual pipeline looks at a request's buffers once more after it has completed the last of them: those that
    # wait are kept until its thread is down.
    kept = list(pacer.waiting)
    result = stop_now(camera)
    pacer.waiting.clear()
    kept.clear()
    return result


def _queue(camera: Any, request: Any) -> Any:
    pacer = pacers.get(camera.id)
    return queue_now(camera, request) if pacer is None else pacer.waiting.append(request)


module.DmaAllocator = MemfdAllocator
module.Picamera2._get_raw_modes = _modes
if FPS > 0:
    libcamera.Camera.queue_request, libcamera.Camera.start, libcamera.Camera.stop = _queue, _start, _stop
