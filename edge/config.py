"""The configuration: one TOML file, read, checked against the schema, and its mistakes told with file, line and key."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge.errors import ConfigError
from edge.schema import TABLES, Config, FieldTable, StoreTable, Table

SECRET_FILE = "file:"
"""Begins a secret that stands in a file of its own."""

SECRETS = {"password", "token", "secret"}

FILE_KEYS = {
    "csv": ("path",),
    "state": ("path",),
    "store": ("path",),
    "mqtt": ("ca", "cert", "key", "password"),
    "influx": ("token", "password"),
    "webhook": ("secret",),
    "http": ("token",),
}
"""Keys whose paths are relative to the configuration's folder."""


def load_config(path: Path | str) -> Config:
    """The configuration in a TOML file, its relative paths made relative to the file's folder.

    Raises
    ------
    ConfigError
        The file cannot be read, is not TOML, or says what the schema does not know.
    """
    path = Path(path)
    return _with_paths(parse_config(_read_text(path), str(path)), path.parent)


def parse_config(text: str, name: str = "configuration") -> Config:
    """The configuration in a TOML text; `name` stands in the errors."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name}: not valid TOML: {error}; strings need quotes, a table starts with [name]") from None
    try:
        # Strict JSON mode: lists may be tuples and whole numbers floats, but "5" is no number.
        config = Config.model_validate_json(json.dumps(raw, default=str), strict=True)
    except ValidationError as error:
        # A misspelt key is also a missing one; the misspelling is what helps.
        first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        raise ConfigError(_explain(first, text, name)) from None
    if config.store is None and (config.mqtt or config.influx or config.webhook):
        return config.model_copy(update={"store": StoreTable()})  # their outbox is in it
    return config


def missing_bundles(config: Config, models: Path) -> list[str]:
    """Which bundles the fields of a configuration lack, a line each with what to do.

    Parameters
    ----------
    config : Config
    models : Path
        The folder that the bundles lie in.
    """
    return [
        f"field {field.name}: kind {field.kind} needs a {field.bundle} model: none at {models / field.bundle}; "
        "train and convert one, or name another with model ="
        for field in config.field
        if not (models / field.bundle / "card.json").is_file()
    ]


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such configuration file; check the path given to --config") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name a TOML file that you may read") from None


def read_secret(text: str) -> str:
    """A secret as it is written, or the first line of the file that `file:PATH` names.

    Raises
    ------
    ConfigError
        The file cannot be read, or its first line is empty.
    """
    if not text.startswith(SECRET_FILE):
        return text
    path = Path(text.removeprefix(SECRET_FILE))
    if not path.is_file():
        raise ConfigError(f"{path}: no such file; put the secret into it, on one line")
    lines = _read_text(path).splitlines()
    if not lines or not lines[0]:
        raise ConfigError(f"{path}: holds no secret; put it into the first line")
    return lines[0]


def _with_paths(config: Config, folder: Path) -> Config:
    """The configuration with its relative file paths below `folder`."""
    update: dict[str, Any] = {}
    scheme, _, path = config.source.uri.partition(":")
    if scheme == "watch" and path:
        update["source"] = config.source.model_copy(update={"uri": f"watch:{folder / path}"})
    elif config.source.uri != "camera" and not re.match(r"[a-z0-9]+:", config.source.uri.lower()):
        update["source"] = config.source.model_copy(update={"uri": str(folder / config.source.uri)})
    if config.reference:
        update["reference"] = config.reference.model_copy(update={"image": str(folder / config.reference.image)})
    update["field"] = [_with_marker_path(field, folder) for field in config.field]
    for name, keys in FILE_KEYS.items():
        table = getattr(config, name)
        if table is not None:
            paths = {key: _below(folder, key, getattr(table, key)) for key in keys if getattr(table, key)}
            update[name] = table.model_copy(update=paths)
    return config.model_copy(update=update)


def _with_marker_path(field: FieldTable, folder: Path) -> FieldTable:
    """A field with its marker's picture below a folder."""
    if field.marker_image is None:
        return field
    return field.model_copy(update={"marker_image": str(folder / field.marker_image)})


def _below(folder: Path, key: str, text: str) -> str:
    """A path below a folder; of a secret only that of `file:PATH`, for another is no path."""
    if key not in SECRETS:
        return str(folder / text)
    return f"{SECRET_FILE}{folder / text.removeprefix(SECRET_FILE)}" if text.startswith(SECRET_FILE) else text


def _explain(error: Any, text: str, name: str) -> str:
    """One line: file, line, key, what is wrong, what was found or meant."""
    path = _key_path(error["loc"])
    line = _line_of(error["loc"], text) if path else None
    where = f"{name}, line {line}" if line else name
    if not path:
        return f"{where}: {str(error['msg']).removeprefix('Value error, ')}"
    if error["loc"][:1] == ("field",) and {"digits", "dials"} & set(error["loc"][:-1]):
        return f"{where}: {_key_path(error['loc'][:4])}: not a box; {_described(error['loc'])}"
    if error["type"] == "extra_forbidden":
        return f"{where}: {path}: unknown key; {_meant(error['loc'])}"
    if error["type"] == "missing" and isinstance(error["loc"][-1], int):
        return f"{where}: {path.rpartition('[')[0]}: has too few numbers; {_described(error['loc'])}"
    if error["type"] == "missing":
        return f"{where}: {path}: is missing; add {error['loc'][-1]} = …"
    if error["type"] == "value_error":
        return f"{where}: {path}: {str(error['msg']).removeprefix('Value error, ')}"
    return f"{where}: {path}: {_plain(error)}, got {error['input']!r}; {_described(error['loc'])}"


def _plain(error: Any) -> str:
    """What pydantic says of a value; a pattern says nothing to people, the description of the key does."""
    message = "has another form" if error["type"] == "string_pattern_mismatch" else str(error["msg"])
    return message[0].lower() + message[1:]


def _key_path(location: tuple[int | str, ...]) -> str:
    """`field[0].digits[2]`; the names that pydantic gives to the branches of a union are left out."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif re.fullmatch(r"[a-z_]+", part):
            path += f".{part}" if path else part
    return path


def _model_of(location: tuple[int | str, ...]) -> type[Table]:
    """The table that a location's key belongs to."""
    return TABLES.get(str(location[0]), Config) if len(location) > 1 else Config


def _meant(location: tuple[int | str, ...]) -> str:
    known = list(_model_of(location).model_fields)
    near = difflib.get_close_matches(str(location[-1]), known, 1)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"


def _described(location: tuple[int | str, ...]) -> str:
    keys = [part for part in location if isinstance(part, str)]
    info = _model_of(location).model_fields.get(keys[1] if len(keys) > 1 else keys[0])
    return f"expected: {info.description}" if info and info.description else "see the README's table"


def _line_of(location: tuple[int | str, ...], text: str) -> int | None:
    """Number of the line that sets a key, or that opens its table; None where neither is written plainly."""
    keys = [str(part) for part in location if isinstance(part, str)]
    wanted = location[1] if len(location) > 1 and isinstance(location[1], int) else 0
    table, seen, opened = "", -1, None
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[\[?\s*([\w.-]+)\s*\]\]?", line)
        if header:
            table = header[1]
            seen += table == keys[0]
            opened = number if table == keys[0] and seen == wanted else opened
        elif _sets(line, keys, table, is_wanted=seen == wanted):
            return number
    return opened


def _sets(line: str, keys: list[str], table: str, *, is_wanted: bool) -> bool:
    """Whether a line assigns the location's key in its table, or the table itself at the top level."""
    key = re.match(r"\s*[\"']?([\w-]+)[\"']?\s*=", line)
    if not key:
        return False
    if table == "":
        return key[1] == keys[0]
    return table == keys[0] and is_wanted and len(keys) > 1 and key[1] == keys[1]
