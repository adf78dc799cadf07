"""A configuration from one photograph of a meter: read the picture, propose, write the file and the drawing."""

from __future__ import annotations

import os
import time
from pathlib import Path

import cv2
import numpy as np

from edge.atomic import write_bytes, write_text
from edge.errors import OutputError, PictureError, SourceError
from edge.meters.propose import Colour, Proposal, configuration_text, draw_proposal, propose
from edge.nouns import Frame
from edge.pictures import load_picture, read_bytes
from edge.schema import SourceTable
from edge.sources import SourceSettings, open_source

SETTLE_S = 2.0
"""How long a camera's automatic exposure has before the picture."""


def propose_fields(picture: Path) -> tuple[Proposal, Colour]:
    """What was found in a picture file, and the picture, (rows, columns, 3) uint8 BGR.

    Raises
    ------
    PictureError
        The file is no picture, or no row of digits is found in it.
    """
    colour = load_colour(picture)
    proposal = propose(colour)
    if not proposal.rows:
        count = len(proposal.dials)
        dials = f"{count} dial{'s were' if count > 1 else ' was'} found, but " if count else ""
        raise PictureError(
            f"{picture}: {dials}no row of digit windows was found; take the picture straight on, sharp and without "
            "glare, with the meter filling it, or write the boxes by hand"
        )
    return proposal, colour


def take_picture(uri: str, path: Path) -> None:
    """Put a frame of a live source into a PNG file, as large as those that `edge run` reads, once exposure has settled.

    Raises
    ------
    SourceError
        The source cannot be opened or gives no frame.
    OutputError
        The file cannot be written, or is there already.
    """
    check_target(path)
    with open_source(uri, SourceSettings.of(SourceTable(), with_colour=True)) as source:
        ends_at = time.monotonic() + SETTLE_S
        frame = next((frame for frame in source if frame.monotonic_s >= ends_at), None)
    if frame is None:
        raise SourceError(f"{uri}: ended within {SETTLE_S:g} s; name a camera, or a picture that is there")
    write_bytes(path, cv2.imencode(".png", _whole_colour(frame))[1].tobytes())


def _whole_colour(frame: Frame) -> Colour:
    """A frame with its colours, which it has at half size, (rows, columns, 3) uint8 BGR."""
    if frame.colour is None:
        return cv2.cvtColor(frame.gray, cv2.COLOR_GRAY2BGR)
    rows, columns = frame.gray.shape
    planes = cv2.resize(cv2.cvtColor(frame.colour, cv2.COLOR_BGR2YCrCb), (columns, rows))
    planes[:, :, 0] = frame.gray
    return cv2.cvtColor(planes, cv2.COLOR_YCrCb2BGR)


def load_colour(path: Path) -> Colour:
    """The picture in a file, (rows, columns, 3) uint8 BGR, upright; gray where its colours cannot be had."""
    gray = load_picture(path)
    colour = cv2.imdecode(np.frombuffer(read_bytes(path), np.uint8), cv2.IMREAD_COLOR)
    return colour if colour is not None and colour.shape[:2] == gray.shape else cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)


def check_target(path: Path) -> None:
    """Raise OutputError where a configuration is there already: it may have been worked on by hand."""
    if path.exists():
        raise OutputError(f"{path}: is there already; name another file with --out, or remove it first")


def text_for(proposal: Proposal, picture: Path, folder: Path) -> str:
    """The configuration, its picture named relative to the folder that it will lie in."""
    return configuration_text(proposal, Path(os.path.relpath(picture, folder)).as_posix())


def write_setup(proposal: Proposal, picture: Path, out: Path) -> None:
    """Put the configuration into the file `out`."""
    write_text(out, text_for(proposal, picture, out.parent))


def write_preview(proposal: Proposal, colour: Colour, path: Path) -> None:
    """Put the picture with the boxes drawn into a PNG file."""
    write_bytes(path, cv2.imencode(".png", draw_proposal(colour, proposal))[1].tobytes())
