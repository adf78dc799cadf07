"""What the commands that measure the reader on pictures are asked alike."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def parser_of(documentation: str | None) -> argparse.ArgumentParser:
    """A parser that takes the bundle and the file for the report."""
    parser = argparse.ArgumentParser(description=documentation)
    parser.add_argument("--model", type=Path, default=Path("models/paper"))
    parser.add_argument("--out", type=Path)
    return parser


def add_scenes(parser: argparse.ArgumentParser, count: int, kinds: Sequence[str]) -> None:
    """Let it take the split, how many scenes of each kind, and which kinds."""
    parser.add_argument("--split", choices=("validation", "test"), default="test")
    parser.add_argument("--count", type=int, default=count, help="scenes a kind")
    parser.add_argument("--kinds", nargs="*", default=list(kinds))
