"""The configuration: one TOML file, one schema for its validation, its defaults and its documentation."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from edge.errors import ConfigError

Kind = Literal["drum", "lcd", "print", "handwriting"]

KIND_MODELS = {"drum": "meter", "lcd": "meter", "print": "paper", "handwriting": "paper"}
"""The bundle that reads a kind where the field names none."""

SHIPPED = "paper"
"""The bundle that reads where none is named."""

PositiveInt = Annotated[int, Field(gt=0)]
NotNegativeInt = Annotated[int, Field(ge=0)]
BoxArea = tuple[NotNegativeInt, NotNegativeInt, PositiveInt, PositiveInt]
Point = tuple[float, float]
Quad = tuple[Point, Point, Point, Point]


class Table(BaseModel):
    """Base of every table: unknown keys are errors, values are taken as they are written and do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SourceTable(Table):
    """Where the frames come from."""

    uri: str = Field(
        "camera",
        min_length=1,
        description="picture, folder, video file, `camera`, `picamera2:0`, `v4l2:/dev/video0`, `rtsp://…`, "
        "`http(s)://…`, `watch:FOLDER` or `demo:`; a path is relative to this file",
    )
    size: tuple[PositiveInt, PositiveInt] | None = Field(
        None, description="width and height asked of a camera, in pixels; its own choice if absent"
    )
    fps: float | None = Field(
        None, gt=0, le=1000, description="frames a second of a live source; its own choice if absent"
    )
    rotation: Literal[0, 90, 180, 270] = Field(0, description="degrees clockwise that each frame is turned by")
    crop: BoxArea | None = Field(
        None,
        description="x, y, width, height of the part of each frame that is kept, before its turn; all if absent",
    )
    timeout: float = Field(10.0, gt=0, le=3600, description="seconds without a frame after which the source is lost")
    max_age: float = Field(2.0, gt=0, le=3600, description="seconds after which a frame is too old to be read")
    frozen_after: float = Field(
        30.0,
        ge=0,
        description="seconds of one picture, the same to the last bit, after which the source is lost; 0: never",
    )
    pixel_format: Literal["auto", "mjpg", "yuyv"] = Field(
        "auto", description="what a V4L2 camera sends; `auto` asks for MJPG from 1280 x 720 on"
    )
    exposure_us: PositiveInt | None = Field(None, description="Pi camera: exposure, microseconds; automatic if absent")
    gain: float | None = Field(None, ge=1, description="Pi camera: analogue gain; automatic if absent")
    focus: float | None = Field(
        None, ge=0, description="Pi camera: position of the lens in dioptres, 10 for 10 cm; its own choice if absent"
    )
    sensor_crop: BoxArea | None = Field(
        None, description="Pi camera: x, y, width, height of the part of the sensor that is used, a zoom; all if absent"
    )
    led_pin: NotNegativeInt | None = Field(
        None, description="GPIO number of a lamp that is lit while frames are taken; none if absent"
    )


DURATION = r"(?!0+(\.0+)?[smhd])\d+(\.\d+)?[smhd]"
TIME_OF_DAY = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?"


class RunTable(Table):
    """When `edge run` takes a reading."""

    every: str = Field(
        "frame",
        description="`frame` reads all the time, unless `at` names times; `30s`, `5m`, `1h` or `1d` counts from "
        "the start; `never` waits for `at` or SIGUSR1",
    )
    at: list[str] = Field(
        default_factory=list, description='wall-clock times of readings, such as ["06:00", "18:30:15"], by local time'
    )
    burst: PositiveInt | None = Field(
        None, le=100, description="frames that make one reading, by their majority; 1 with every = `frame`, else 5"
    )
    settle: float = Field(
        0.5, ge=0, le=60, description="seconds between light or opening and the first frame of a scheduled reading"
    )
    clock_wait: float = Field(
        120.0, ge=0, description="seconds that a start waits for a clock that is set; then times are marked as unsure"
    )

    @field_validator("every")
    @classmethod
    def _is_duration(cls, every: str) -> str:
        if every not in ("frame", "never") and not re.fullmatch(DURATION, every):
            raise ValueError(f"{every!r} is no interval; write 30s, 5m, 1h or 1d, or one of frame and never")
        return every

    @field_validator("at")
    @classmethod
    def _are_times(cls, at: list[str]) -> list[str]:
        for each in at:
            if not re.fullmatch(TIME_OF_DAY, each):
                raise ValueError(f"{each!r} is no time of the day; write 06:00 or 18:30:15")
        return at

    @property
    def is_scheduled(self) -> bool:
        """Whether readings are taken now and then, not all the time."""
        return self.every != "frame" or bool(self.at)


class ReferenceTable(Table):
    """The picture in which the boxes were drawn."""

    image: str = Field(min_length=1, description="path of that picture, relative to this file")
    min_score: float = Field(0.6, ge=0, le=1, description="a frame that matches it less is refused, never read askew")


class FieldTable(Table):
    """One number to read."""

    name: str = Field(min_length=1, description="stands in each reading; no two fields share one")
    kind: Kind = Field(description="`drum`, `lcd`, `print` or `handwriting`")
    model: str | None = Field(
        None, min_length=1, description="bundle under `models/`; `meter` for drums and LCD, else `paper`, if absent"
    )
    digits: list[BoxArea | Quad] = Field(
        min_length=1,
        description="one box a digit, most significant first: x, y, width, height, or four points, "
        "in pixels of the reference picture",
    )
    decimals: int = Field(0, ge=0, le=12, description="how many of the digits stand after the decimal point")
    unit: str = Field("", description="unit of the value, such as m³")
    max_rate_per_hour: float | None = Field(
        None, gt=0, description="a value that rises faster is rejected; no limit if absent"
    )

    @property
    def bundle(self) -> str:
        """Name of the bundle that reads this field."""
        return self.model or KIND_MODELS[self.kind]


class ReadTable(Table):
    """How readings are judged."""

    cutoff: float | None = Field(
        None, gt=0, lt=1, description="confidence below which a digit is `?`; the bundle's if absent"
    )
    rotate: Literal["none", "auto"] = Field(
        "none", description="`auto` reads pages that lie on their side or upside down, whichever way reads best"
    )


class Config(Table):
    """A configuration file; every table has defaults, so an empty file is valid."""

    source: SourceTable = Field(default_factory=SourceTable, description="where the frames come from")
    reference: ReferenceTable | None = Field(None, description="the picture in which the boxes were drawn")
    field: list[FieldTable] = Field(
        default_factory=list, description="the numbers to read; without one, every line of digits found"
    )
    read: ReadTable = Field(default_factory=ReadTable, description="how readings are judged")
    run: RunTable = Field(default_factory=RunTable, description="when `edge run` takes a reading")

    @field_validator("field")
    @classmethod
    def _names_differ(cls, fields: list[FieldTable]) -> list[FieldTable]:
        names = [each.name for each in fields]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the name {twice[0]!r} is given twice; each field needs its own")
        return fields


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
        return Config.model_validate_json(json.dumps(raw, default=str), strict=True)
    except ValidationError as error:
        # A misspelt key is also a missing one; the misspelling is what helps.
        first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        raise ConfigError(_explain(first, text, name)) from None


def not_yet_readable(config: Config, models: Path) -> list[str]:
    """What a configuration asks for that cannot be done here, a line each with what to do.

    Parameters
    ----------
    config : Config
    models : Path
        The folder that the bundles lie in.
    """
    return [_why_not(field, models) for field in config.field]


def _why_not(field: FieldTable, models: Path) -> str:
    if field.bundle != SHIPPED and not (models / field.bundle / "card.json").is_file():
        lack = f"kind {field.kind} needs a {field.bundle} model: none at {models / field.bundle}"
        return f"field {field.name}: {lack}; train and convert one, or name another with model ="
    return f"field {field.name}: this version reads no boxes yet; without [[field]] every line of digits is read"


def describe_schema() -> str:
    """Every key with its type, default and meaning, as a Markdown table."""
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for _, model, prefix in _tables():
        for key, info in model.model_fields.items():
            default = "required" if info.is_required() else _toml(info.default)
            lines.append(f"| `{prefix} {key}` | {_type_name(key)} | {default} | {info.description} |")
    return "\n".join(lines) + "\n"


def _tables() -> list[tuple[str, type[Table], str]]:
    return [
        ("source", SourceTable, "[source]"),
        ("reference", ReferenceTable, "[reference]"),
        ("field", FieldTable, "[[field]]"),
        ("read", ReadTable, "[read]"),
        ("run", RunTable, "[run]"),
    ]


TYPE_NAMES = {
    "size": "[width, height]",
    "digits": "list of boxes",
    "kind": "one of four words",
    "rotation": "0, 90, 180 or 270",
    "rotate": "`none` or `auto`",
    "decimals": "whole number",
    "crop": "[x, y, width, height]",
    "sensor_crop": "[x, y, width, height]",
    "exposure_us": "whole number",
    "led_pin": "whole number",
    "burst": "whole number",
    "at": "list of times",
}

NUMBERS = {"fps", "min_score", "max_rate_per_hour", "cutoff", "timeout", "max_age", "frozen_after", "gain", "focus"} | {
    "settle",
    "clock_wait",
}


def _type_name(key: str) -> str:
    if key in TYPE_NAMES:
        return TYPE_NAMES[key]
    return "number" if key in NUMBERS else "text"


def _toml(value: Any) -> str:
    if value is None:
        return "none"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such configuration file; check the path given to --config") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name a TOML file that you may read") from None


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
    return config.model_copy(update=update)


def _explain(error: Any, text: str, name: str) -> str:
    """One line: file, line, key, what is wrong, what was found or meant."""
    path = _key_path(error["loc"])
    line = _line_of(error["loc"], text)
    where = f"{name}, line {line}" if line else name
    if error["loc"][0] == "field" and "digits" in error["loc"][:-1]:
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
    message = str(error["msg"])
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
    return next((model for table, model, _ in _tables() if len(location) > 1 and location[0] == table), Config)


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
