"""The schema of the configuration: one table of it a class, each key with its default and its meaning."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain
from types import UnionType
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from edge.units import DURATION, SIZE

Kind = Literal["drum", "lcd", "print", "handwriting"]

KIND_MODELS = {"drum": "meter", "lcd": "meter", "print": "paper", "handwriting": "paper"}
"""The bundle that reads a kind where the field names none."""

SHIPPED = "paper"
"""The bundle that reads where none is named."""

METER_KINDS = frozenset({"drum", "lcd"})

CheckDigit = Literal["luhn", "mod11", "iso7064-mod11-2", "iso7064-mod11-10", "iso7064-mod97-10", "weights"]

PUBLISH = rf"never|(ok )?((each|change)( {DURATION})?|{DURATION})"
"""What `publish` may hold; `edge.outputs.due.parse_rule` takes it apart."""

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
        "`http(s)://…`, `watch:FOLDER` or `demo:`; a path is relative to this file",
    )
    size: tuple[PositiveInt, PositiveInt] | None = Field(
        None, description="width and height asked of a camera, in pixels; its own choice if absent"
    )
    fps: float | None = Field(
        None,
        gt=0,
        le=1000,
        description="frames a second of a live source, at most those that a stream sends; its own choice if absent",
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


INTERVAL = r"(?!0+(\.0+)?[smhd])\d+(\.\d+)?[smhd]"
TIME_OF_DAY = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?"


class RunTable(Table):
    """When `edge run` takes a reading."""

    every: str = Field(
        "frame",
        description="`frame` reads all the time, unless `at` names times; `30s`, `5m`, `1h` or `1d` counts from "
        "the start; `never` waits for `at` or a trigger: SIGUSR1, MQTT or HTTP",
    )
    at: list[str] = Field(
        default_factory=list, description='wall-clock times of readings, such as ["06:00", "18:30:15"], by local time'
    )
    burst: PositiveInt | None = Field(
        None,
        le=100,
        description="frames that make one reading, by their majority; 1 with every = `frame`, else 5. With 1, a meter "
        "that has jumped is uncertain until the next reading",
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
        if every not in ("frame", "never") and not re.fullmatch(INTERVAL, every):
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


class PageTable(Table):
    """A form: the sheet in the reference picture."""

    corners: Quad | None = Field(
        None,
        description="the sheet's corners in the reference picture, from the upper left clockwise; its own if absent",
    )
    fiducials: list[Point] = Field(
        default_factory=list, description="centres of the marks that are printed on the sheet to find it by"
    )


class FieldTable(Table):
    """One number to read."""

    name: str = Field(min_length=1, description="stands in each reading; no two fields share one")
    kind: Kind = Field(description="`drum`, `lcd`, `print` or `handwriting`")
    model: str | None = Field(
        None, min_length=1, description="bundle under `models/`; `meter` for drums and LCD, else `paper`, if absent"
    )
    digits: list[BoxArea | Quad] = Field(
        default_factory=list,
        description="one box a digit, most significant first: x, y, width, height, or four points, "
        "in pixels of the reference picture",
    )
    region: BoxArea | Quad | None = Field(
        None, description="instead of `digits`: the line that a number without boxes is written on"
    )
    dials: list[BoxArea | Quad] = Field(
        default_factory=list, description="one box a dial with a pointer, most significant first, after the digits"
    )
    counterclockwise: list[PositiveInt] = Field(
        default_factory=list, description="numbers of the dials, the first being 1, whose figures rise counterclockwise"
    )
    marker: BoxArea | Quad | None = Field(
        None,
        description="of a display whose screens take turns: the unit or sign that tells the wanted screen from the "
        "others, in the reference picture; a frame that does not show it there gives no value",
    )
    marker_image: str | None = Field(
        None,
        min_length=1,
        description="picture of the same view that shows the wanted screen, relative to this file; the reference "
        "picture if absent",
    )
    slack: float | None = Field(
        None,
        ge=0,
        le=0.5,
        description="standard deviation of where a drum stands beside where it should, in steps; 0.12 if absent",
    )
    hang: float = Field(0.0, ge=0, le=0.9, description="how far a drum may stay behind the one below, in steps")
    backward: bool = Field(False, description="whether the next digit of a drum comes from above")
    jumps: bool = Field(False, description="whether the drums jump from digit to digit")
    decimals: int = Field(0, ge=0, le=12, description="how many of the digits and dials stand after the decimal point")
    unit: str = Field("", description="unit of the value, such as m³")
    max_rate_per_hour: float | None = Field(
        None,
        gt=0,
        description="with `edge run`, a value that rises faster is refused until it has been seen for long; no limit "
        "if absent. An `lcd` with this key only rises, as drums do. `edge read` looks at each picture alone, and at no "
        "time",
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
    align: Literal["left", "right"] | None = Field(
        None, description="side of the boxes that the number starts or ends at; either if absent"
    )
    length: int | None = Field(None, ge=1, description="how many digits the number has; any if absent")
    minimum: float | None = Field(None, description="least value that is taken")
    maximum: float | None = Field(None, description="largest value that is taken")
    pattern: str | None = Field(None, description="regular expression that the whole text matches")
    check: CheckDigit | None = Field(
        None,
        description="how the last digit is checked; `mod97-10` takes the last two, `weights` needs the next two keys",
    )
    weights: list[int] = Field(
        default_factory=list,
        description="of each digit, the check digit included: their sum is a multiple of `modulus`",
    )
    modulus: int = Field(10, ge=2, description="see `weights`")
    required: bool = Field(False, description="whether a field that is left blank is rejected")

    @property
    def bundle(self) -> str:
        """Name of the bundle that reads this field."""
        return self.model or KIND_MODELS[self.kind]

    @property
    def is_meter(self) -> bool:
        """Whether the cells are a meter's, of drums or segments."""
        return self.kind in METER_KINDS

    @property
    def is_counter(self) -> bool:
        """Whether the value only ever rises: a drum's does, a display's where it is said how fast."""
        return self.kind == "drum" or (self.kind == "lcd" and self.max_rate_per_hour is not None)

    @field_validator("pattern")
    @classmethod
    def _pattern_compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"not a regular expression ({error})") from None
        return pattern

    @model_validator(mode="after")
    def _keys_fit(self) -> Self:
        for problem in _misfits(self):
            raise ValueError(problem)
        return self


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
    max_size: Size = Field("10 MB", description="a new file begins before this size, such as 500 kB, 10 MB or 1 GB")
    files: NotNegativeInt = Field(0, description="how many full files are kept; 0 for all")


class StoreTable(Table):
    """The database of readings, events and crops, with the outbox of mqtt, influx and webhook, which imply it."""

    path: str = Field("readout.db", min_length=1, description="the SQLite file, relative to this one, on a local disk")
    keep: Duration = Field("3650d", description="age from which readings and events are deleted, such as 90d")
    max_size: Size = Field("500 MB", description="size above which the oldest crops, then readings, are deleted")
    crops_keep: Duration = Field("30d", description="age from which crops of doubtful readings are deleted")
    crops_max_size: Size = Field("50 MB", description="size of all crops above which the oldest are deleted")
    outbox_keep: Duration = Field("30d", description="age from which a message that could not be delivered is dropped")
    outbox_max: PositiveInt = Field(
        100_000, description="messages that wait for one output; above it the oldest are dropped"
    )


class StateTable(Table):
    """What `edge run` remembers of its meters across a restart or a power cut; without this table, nothing."""

    path: str = Field("state.json", min_length=1, description="the file, relative to this one")


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
        "readout",
        pattern=r"^[A-Za-z0-9_-]+$",
        description="name of this device in topics, of letters, digits, - and _; each device needs its own",
    )
    topic: str = Field("readout", pattern=r"^[^#+]+$", description="what topics begin with, without # and +")
    discovery: bool = Field(True, description="whether the fields are announced to Home Assistant")
    discovery_prefix: str = Field("homeassistant", pattern=r"^[^#+]+$", description="where Home Assistant listens")
    image: Annotated[str, Field(pattern=f"^(never|{DURATION})$")] = Field(
        "5m", description="the annotated picture goes out at most this often; `never` for not at all"
    )

    @field_validator("host")
    @classmethod
    def _host_is_bare(cls, host: str) -> str:
        if "/" in host or host.count(":") == 1:
            raise ValueError(
                f"{host!r} is more than a name; leave out mqtt:// and the port, which has a key of its own"
            )
        return host

    @model_validator(mode="after")
    def _login_is_whole(self) -> Self:
        if self.password is not None and self.user is None:
            raise ValueError("has a password without its user; add user = …")
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key go together; add the other one")
        if (self.ca or self.cert) and not self.tls:
            raise ValueError("has certificates but no encryption; add tls = true")
        return self


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
    def _keys_fit_the_version(self) -> Self:
        if (self.bucket is None) == (self.database is None):
            raise ValueError("give bucket (InfluxDB 2) or database (InfluxDB 1), one of them")
        if self.bucket is not None and (self.user is not None or self.password is not None):
            raise ValueError("bucket (InfluxDB 2) goes with a token; leave user and password out")
        if self.database is not None and self.token is not None:
            raise ValueError("database (InfluxDB 1) goes with user and password; leave token out")
        if self.password is not None and self.user is None:
            raise ValueError("has a password without its user; add user = …")
        return self


class WebhookTable(Table):
    """An address that each reading is posted to, as JSON."""

    url: HttpUrl = Field(description="where readings are posted, such as https://host/path; no user and password in it")
    secret: Secret | None = Field(
        None, description="signs each body (HMAC-SHA256 in X-Readout-Signature), or `file:PATH`; unsigned if absent"
    )


class HttpTable(Table):
    """A port that takes a trigger over HTTP and answers with the reading; without this table there is none."""

    port: Port = Field(9844, description="`POST /trigger` asks for a reading now and answers with it, as JSON")
    address: str = Field(
        "127.0.0.1", min_length=1, description="of this device that is listened on; `0.0.0.0` for all, then set a token"
    )
    token: Secret | None = Field(
        None,
        description="asked for as `Authorization: Bearer …`, or `file:PATH` of a file that holds it; none if absent",
    )


class PrometheusTable(Table):
    """Metrics for a Prometheus server to fetch."""

    port: Port = Field(9843, description="where /metrics is served")
    address: str = Field("0.0.0.0", min_length=1, description="of this device that is listened on; all if 0.0.0.0")


class Config(Table):
    """A configuration file; every table has defaults, so an empty file is valid."""

    source: SourceTable = Field(default_factory=SourceTable, description="where the frames come from")
    reference: ReferenceTable | None = Field(None, description="the picture in which the boxes were drawn")
    page: PageTable | None = Field(None, description="a form: the sheet in the reference picture")
    field: list[FieldTable] = Field(
        default_factory=list, description="the numbers to read; without one, every line of digits found"
    )
    read: ReadTable = Field(default_factory=ReadTable, description="how readings are judged")
    run: RunTable = Field(default_factory=RunTable, description="when `edge run` takes a reading")
    csv: CsvTable | None = Field(None, description="readings as rows of a file")
    state: StateTable | None = Field(None, description="what is remembered of meters across a restart")
    store: StoreTable | None = Field(None, description="readings, events and crops in a database")
    mqtt: MqttTable | None = Field(None, description="an MQTT broker")
    influx: InfluxTable | None = Field(None, description="an InfluxDB server")
    webhook: WebhookTable | None = Field(None, description="an address that readings are posted to")
    prometheus: PrometheusTable | None = Field(None, description="metrics for Prometheus")
    http: HttpTable | None = Field(None, description="a trigger over HTTP")

    @field_validator("field")
    @classmethod
    def _names_differ(cls, fields: list[FieldTable]) -> list[FieldTable]:
        names = [each.name for each in fields]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the name {twice[0]!r} is given twice; each field needs its own")
        return fields

    @property
    def needs_colour(self) -> bool:
        """Whether a field is read from the colour planes: one with dials, whose needles may be red."""
        return any(field.dials for field in self.field)

    @model_validator(mode="after")
    def _page_has_a_picture(self) -> Self:
        if self.page and not self.reference:
            raise ValueError("[page] needs the picture that it is in; add [reference] with image = …")
        return self


TABLES: dict[str, type[Table]] = {
    "source": SourceTable,
    "reference": ReferenceTable,
    "page": PageTable,
    "field": FieldTable,
    "read": ReadTable,
    "run": RunTable,
    "csv": CsvTable,
    "state": StateTable,
    "store": StoreTable,
    "mqtt": MqttTable,
    "influx": InfluxTable,
    "webhook": WebhookTable,
    "prometheus": PrometheusTable,
    "http": HttpTable,
}
"""The tables of a configuration by name."""


def _misfits(field: FieldTable) -> list[str]:
    """What a field's keys say against each other."""
    found = []
    if bool(field.digits) == (field.region is not None):
        found.append("needs boxes: add digits = …, or region = … for a line to write on")
    if field.is_meter and field.region is not None:
        found.append(f"kind {field.kind} needs a box a digit; add digits = … instead of region")
    if field.dials and not field.is_meter:
        found.append(f'kind {field.kind} has no dials; leave dials out, or take kind = "drum"')
    if field.marker is not None and field.kind != "lcd":
        found.append(f'kind {field.kind} has no screens; leave marker out, or take kind = "lcd"')
    if field.marker_image is not None and field.marker is None:
        found.append("marker_image needs a box: add marker = …, or leave marker_image out")
    if field.decimals > len(field.digits) + len(field.dials) and field.digits:
        found.append(f"decimals = {field.decimals} is more than its {len(field.digits) + len(field.dials)} digits")
    if field.minimum is not None and field.maximum is not None and field.minimum > field.maximum:
        found.append(f"minimum {field.minimum:g} is above maximum {field.maximum:g}")
    if (field.check == "weights") != bool(field.weights):
        found.append('check = "weights" and weights = […] go together')
    return found


def describe_schema() -> str:
    """Every key with its type, default and meaning, as a Markdown table."""
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for name, model in TABLES.items():
        prefix = f"[[{name}]]" if name == "field" else f"[{name}]"
        for key, info in model.model_fields.items():
            default = "required" if info.is_required() else _toml(info.get_default(call_default_factory=True))
            lines.append(f"| `{prefix} {key}` | {type_name(info.annotation)} | {default} | {info.description} |")
    return "\n".join(lines) + "\n"


PLAIN_NAMES = {str: "text", int: "whole number", float: "number", bool: "`true` or `false`"}

SHAPE_NAMES = {
    Quad: "four points",
    Point: "[x, y]",
    BoxArea: "box",
    tuple[PositiveInt, PositiveInt]: "[width, height]",
}
"""Of the tuples that the schema has."""


def type_name(annotation: Any) -> str:
    """How the type of a key is called to a user, such as "list of boxes"."""
    if annotation in PLAIN_NAMES or annotation in SHAPE_NAMES:
        return PLAIN_NAMES.get(annotation) or SHAPE_NAMES[annotation]
    parts = [part for part in get_args(annotation) if part is not type(None)]
    origin = get_origin(annotation)
    if origin is Annotated:
        return type_name(parts[0])
    if origin is Literal:
        return _either([f"`{part}`" for part in parts])
    if origin is list:
        return f"list of {_plural(type_name(parts[0]))}"
    if origin in (Union, UnionType):
        return _either(list(dict.fromkeys(type_name(part) for part in parts)))
    raise TypeError(f"the schema has no name for {annotation}; add it to SHAPE_NAMES")


def _either(names: Sequence[str]) -> str:
    """`a`, `b` or `c`."""
    return " or ".join(chain([", ".join(names[:-1])] if names[:-1] else [], names[-1:]))


def _plural(name: str) -> str:
    plurals = {"whole number": "whole numbers", "box or four points": "boxes", "[x, y]": "[x, y]"}
    return plurals.get(name, name)


def _toml(value: Any) -> str:
    if value is None or value == []:
        return "none"
    return f'`"{value}"`' if isinstance(value, str) else f"`{str(value).lower() if isinstance(value, bool) else value}`"
