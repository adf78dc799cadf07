"""The configuration: one TOML file, one schema for its validation, its defaults and its documentation."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from edge.errors import ConfigError
from edge.units import DURATION, SIZE

Kind = Literal["drum", "lcd", "print", "handwriting"]

KIND_MODELS = {"drum": "meter", "lcd": "meter", "print": "paper", "handwriting": "paper"}
"""The bundle that reads a kind where the field names none."""

SHIPPED = "paper"
"""The bundle that reads where none is named."""

PUBLISH = rf"never|(ok )?((each|change)( {DURATION})?|{DURATION})"
"""What `publish` may hold; `edge.outputs.due.parse_rule` takes it apart."""

SECRET_FILE = "file:"
"""Begins a secret that stands in a file of its own."""

SECRETS = {"password", "token", "secret"}

FILE_KEYS = {
    "csv": ("path",),
    "store": ("path",),
    "mqtt": ("ca", "cert", "key", "password"),
    "influx": ("token", "password"),
    "webhook": ("secret",),
}
"""Keys whose paths are relative to the configuration's folder."""

PositiveInt = Annotated[int, Field(gt=0)]
NotNegativeInt = Annotated[int, Field(ge=0)]
BoxArea = tuple[NotNegativeInt, NotNegativeInt, PositiveInt, PositiveInt]
Point = tuple[float, float]
Quad = tuple[Point, Point, Point, Point]
Port = Annotated[int, Field(gt=0, lt=65536)]
Duration = Annotated[str, Field(pattern=f"^{DURATION}$")]
Size = Annotated[str, Field(pattern=f"^{SIZE}$")]
Publish = Annotated[str, Field(pattern=f"^({PUBLISH})$")]
Secret = Annotated[str, Field(min_length=1)]
HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s/@?]+([/?]\S*)?$")]
DeviceClass = Literal["water", "gas", "energy", "volume", "power", "temperature", "pressure", "none"]


class Table(BaseModel):
    """Base of every table: unknown keys are errors, values are taken as they are written and do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SourceTable(Table):
    """Where the frames come from."""

    uri: str = Field(
        "camera",
        min_length=1,
        description="picture, folder, video file, `camera`, `picamera2:0`, `v4l2:/dev/video0`, `rtsp://…`, "
        "`http(s)://…` or `demo:`; a path is relative to this file",
    )
    size: tuple[PositiveInt, PositiveInt] | None = Field(
        None, description="width and height asked of a camera, in pixels; its own choice if absent"
    )
    fps: float | None = Field(
        None, gt=0, le=1000, description="frames a second of a live source; its own choice if absent"
    )
    rotation: Literal[0, 90, 180, 270] = Field(0, description="degrees clockwise that each frame is turned by")


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
    publish: Publish = Field(
        "change",
        description="what goes to the store and the outputs: `each` reading, a `change` of text or status, at most one "
        "every `5m`; `change 5m` both; `ok change` only what is ok; `never`",
    )
    device_class: DeviceClass | None = Field(
        None,
        description="Home Assistant's class of the value; from unit and name if absent, `volume` for an unclear m³",
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


class CsvTable(Table):
    """Readings as rows of a file."""

    path: str = Field("readings.csv", min_length=1, description="the file, relative to this one")
    daily: bool = Field(
        True, description="whether each day (UTC) begins a new file; full ones get the date in their name"
    )
    max_size: Size = Field("10 MB", description="a new file begins before this size, in kB, MB or GB")
    files: NotNegativeInt = Field(0, description="how many full files are kept; 0 for all")


class StoreTable(Table):
    """The database of readings, events and crops, with the outbox of mqtt, influx and webhook, which imply it."""

    path: str = Field("readout.db", min_length=1, description="the SQLite file, relative to this one, on a local disk")
    keep: Duration = Field("3650d", description="age from which readings and events are deleted")
    max_size: Size = Field("500 MB", description="size above which the oldest crops, then readings, are deleted")
    crops_keep: Duration = Field("30d", description="age from which crops of doubtful readings are deleted")
    crops_max_size: Size = Field("50 MB", description="size of all crops above which the oldest are deleted")
    outbox_keep: Duration = Field("30d", description="age from which a message that could not be delivered is dropped")
    outbox_max: PositiveInt = Field(
        100_000, description="messages that wait for one output; above it the oldest are dropped"
    )


class MqttTable(Table):
    """An MQTT broker, with Home Assistant's discovery."""

    host: str = Field(min_length=1, description="name or address of the broker")
    port: Port | None = Field(None, description="1883, or 8883 with tls, if absent")
    version: Literal["3.1.1", "5"] = Field("3.1.1", description="of the protocol: `3.1.1` or `5`")
    user: str | None = Field(None, description="name to log in with")
    password: Secret | None = Field(None, description="its password, or `file:PATH` of a file that holds it")
    tls: bool = Field(False, description="whether the connection is encrypted and the broker's certificate checked")
    ca: str | None = Field(
        None, description="file of the authority that signed it, relative to this file; else the system's"
    )
    cert: str | None = Field(None, description="file of the certificate to log in with, PEM")
    key: str | None = Field(None, description="file of its key, PEM")
    device: str = Field(
        "readout", pattern=r"^[A-Za-z0-9_-]+$", description="name of this device in topics; each device needs its own"
    )
    topic: str = Field("readout", pattern=r"^[^#+]+$", description="what topics begin with")
    discovery: bool = Field(True, description="whether the fields are announced to Home Assistant")
    discovery_prefix: str = Field("homeassistant", pattern=r"^[^#+]+$", description="where Home Assistant listens")
    image: Annotated[str, Field(pattern=f"^(never|{DURATION})$")] = Field(
        "5m", description="the annotated picture goes out at most this often; `never` for not at all"
    )


class InfluxTable(Table):
    """An InfluxDB server, version 2 (bucket, org, token) or 1 (database, user, password)."""

    url: HttpUrl = Field(description="of the server, such as http://host:8086")
    bucket: str | None = Field(None, min_length=1, description="version 2: where points go")
    org: str = Field("", description="version 2: organisation that the bucket belongs to")
    token: Secret | None = Field(None, description="version 2: what authorizes writing, or `file:PATH`")
    database: str | None = Field(None, min_length=1, description="version 1: where points go")
    user: str | None = Field(None, description="version 1: name to log in with")
    password: Secret | None = Field(None, description="version 1: its password, or `file:PATH`")
    measurement: str = Field("readout", min_length=1, description="name of the points")

    @model_validator(mode="after")
    def _one_version(self) -> InfluxTable:
        if (self.bucket is None) == (self.database is None):
            raise ValueError("give bucket (InfluxDB 2) or database (InfluxDB 1), one of them")
        return self


class WebhookTable(Table):
    """An address that each reading is posted to, as JSON."""

    url: HttpUrl = Field(description="where readings are posted")
    secret: Secret | None = Field(
        None, description="signs each body (HMAC-SHA256 in X-Readout-Signature), or `file:PATH`; unsigned if absent"
    )


class PrometheusTable(Table):
    """Metrics for a Prometheus server to fetch."""

    port: Port = Field(9843, description="where /metrics is served")
    address: str = Field("0.0.0.0", min_length=1, description="of this device that is listened on; all if 0.0.0.0")


class Config(Table):
    """A configuration file; every table has defaults, so an empty file is valid."""

    source: SourceTable = Field(default_factory=SourceTable, description="where the frames come from")
    reference: ReferenceTable | None = Field(None, description="the picture in which the boxes were drawn")
    field: list[FieldTable] = Field(
        default_factory=list, description="the numbers to read; without one, every line of digits found"
    )
    read: ReadTable = Field(default_factory=ReadTable, description="how readings are judged")
    csv: CsvTable | None = Field(None, description="readings as rows of a file")
    store: StoreTable | None = Field(None, description="readings, events and crops in a database")
    mqtt: MqttTable | None = Field(None, description="an MQTT broker")
    influx: InfluxTable | None = Field(None, description="an InfluxDB server")
    webhook: WebhookTable | None = Field(None, description="an address that readings are posted to")
    prometheus: PrometheusTable | None = Field(None, description="metrics for Prometheus")

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
        config = Config.model_validate_json(json.dumps(raw, default=str), strict=True)
    except ValidationError as error:
        # A misspelt key is also a missing one; the misspelling is what helps.
        first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        raise ConfigError(_explain(first, text, name)) from None
    if config.store is None and (config.mqtt or config.influx or config.webhook):
        return config.model_copy(update={"store": StoreTable()})  # their outbox is in it
    return config


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
        ("csv", CsvTable, "[csv]"),
        ("store", StoreTable, "[store]"),
        ("mqtt", MqttTable, "[mqtt]"),
        ("influx", InfluxTable, "[influx]"),
        ("webhook", WebhookTable, "[webhook]"),
        ("prometheus", PrometheusTable, "[prometheus]"),
    ]


TYPE_NAMES = {
    "size": "[width, height]",
    "digits": "list of boxes",
    "kind": "one of four words",
    "rotation": "0, 90, 180 or 270",
    "rotate": "`none` or `auto`",
    "decimals": "whole number",
    "device_class": "word",
    "daily": "`true` or `false`",
    "tls": "`true` or `false`",
    "discovery": "`true` or `false`",
    "port": "whole number",
    "files": "whole number",
    "outbox_max": "whole number",
}


def _type_name(key: str) -> str:
    if key in TYPE_NAMES:
        return TYPE_NAMES[key]
    return "number" if key in {"fps", "min_score", "max_rate_per_hour", "cutoff"} else "text"


def _toml(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
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
    if config.source.uri != "camera" and not re.match(r"[a-z0-9]+:", config.source.uri.lower()):
        update["source"] = config.source.model_copy(update={"uri": str(folder / config.source.uri)})
    if config.reference:
        update["reference"] = config.reference.model_copy(update={"image": str(folder / config.reference.image)})
    for name, keys in FILE_KEYS.items():
        table = getattr(config, name)
        if table is not None:
            paths = {key: _below(folder, key, getattr(table, key)) for key in keys if getattr(table, key)}
            update[name] = table.model_copy(update=paths)
    return config.model_copy(update=update)


def _below(folder: Path, key: str, text: str) -> str:
    """A path below a folder; of a secret only that of `file:PATH`, for another is no path."""
    if key not in SECRETS:
        return str(folder / text)
    return f"{SECRET_FILE}{folder / text.removeprefix(SECRET_FILE)}" if text.startswith(SECRET_FILE) else text


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
