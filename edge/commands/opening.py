"""The configuration and the reader that a command asks for."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import ConfigError

if TYPE_CHECKING:
    from edge.paper.reader import Reader
    from edge.pipeline import FrameReader
    from edge.schema import Config, ReadTable


def default_model() -> Path:
    """The shipped bundle: of the folder one works in, of the repository, or of the installed package."""
    from edge.schema import SHIPPED

    package = Path(__file__).resolve().parents[1]
    places = [Path("models", SHIPPED), package.parent / "models" / SHIPPED, package / "_models" / SHIPPED]
    return next((place for place in places if _is_folder(place)), places[0])


def _is_folder(path: Path) -> bool:
    """Whether it is one; what may not be looked into, such as another user's home, is none."""
    with suppress(PermissionError):
        return path.is_dir()
    return False


def config_of(path: Path | None, model: Path | None) -> Config:
    """The configuration in a file, with all the bundles that its fields need, or the one of no file."""
    from edge.config import load_config, missing_bundles
    from edge.schema import Config

    if path is None:
        return Config()
    config = load_config(path)
    problems = missing_bundles(config, (model or default_model()).parent)
    if problems:
        raise ConfigError(f"{path}: {problems[0]}")
    return config


def reader_of(model: Path | None, config: Config) -> FrameReader:
    """What reads the configuration's fields, or without any every line of digits."""
    from edge.fields import open_fields

    if config.field:
        return open_fields(config, (model or default_model()).parent)
    return line_reader(model, config.read)


def line_reader(model: Path | None, table: ReadTable | None = None, threads: int = 1) -> Reader:
    """What reads every line of digits."""
    from edge.paper.reader import Reader
    from edge.schema import ReadTable

    table = table or ReadTable()
    return Reader.open(
        model or default_model(), cutoff=table.cutoff, threads=threads, any_way_up=table.rotate == "auto"
    )


def open_configured(config_path: Path | None, uri: str | None, model: Path | None) -> tuple[Config, FrameReader]:
    """The configuration and what reads by it; a simulated meter brings its own where none is given."""
    from edge.sources import simulated_setup

    own = simulated_setup(uri) if config_path is None and uri is not None else None
    if own is None:
        config = config_of(config_path, model)
        return config, reader_of(model, config)
    from edge.fields import open_fields

    return own.config, open_fields(own.config, (model or default_model()).parent, picture=own.reference)
