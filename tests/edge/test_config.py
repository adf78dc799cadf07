"""The schema: what it takes, what it refuses and how it says so, and that it documents itself."""

import re

import pytest

from edge.config import load_config, missing_bundles, parse_config, read_secret
from edge.errors import ConfigError
from edge.schema import TABLES, Config, FieldTable, describe_schema

EXAMPLE = """
[source]
uri = "picamera2:0"
size = [1280, 720]
fps = 5

[reference]                 # the picture in which the boxes below were drawn
image = "reference.png"
min_score = 0.6             # below it the frame is refused, never read askew

[[field]]
name = "water"
kind = "drum"               # drum | lcd | print | handwriting
model = "meter"
digits = [[215, 97, 42, 75], [273, 97, 42, 75], [332, 97, 42, 75], [390, 97, 42, 75], [446, 97, 42, 75]]
decimals = 0
unit = "m³"
max_rate_per_hour = 2.5
"""

FIELD = '[[field]]\nname = "a"\nkind = "lcd"\ndigits = [[1, 2, 3, 4]]\n'


def test_the_example_of_the_design_is_taken():
    config = parse_config(EXAMPLE)
    assert config.source.size == (1280, 720)
    assert config.source.fps == 5.0
    assert config.reference is not None
    assert config.reference.min_score == 0.6
    assert config.field[0].digits[4] == (446, 97, 42, 75)
    assert config.field[0].unit == "m³"
    assert config.field[0].bundle == "meter"


def test_an_empty_file_is_all_defaults():
    assert parse_config("") == Config()
    assert Config().source.uri == "camera"
    assert Config().field == []


def test_a_schedule_is_taken():
    run = parse_config('[run]\nevery = "1.5h"\nat = ["06:00", "18:30:15"]\nburst = 3').run
    assert (run.every, run.at, run.burst, run.is_scheduled) == ("1.5h", ["06:00", "18:30:15"], 3, True)
    assert not Config().run.is_scheduled


def test_a_watched_folder_is_relative_to_the_file(tmp_path):
    (tmp_path / "a.toml").write_text('[source]\nuri = "watch:inbox"')
    assert load_config(tmp_path / "a.toml").source.uri == f"watch:{tmp_path}/inbox"


def test_a_quadrilateral_is_taken_as_a_box():
    text = FIELD.replace("[1, 2, 3, 4]", "[[0, 0], [10, 0], [10.5, 20], [0, 20]]")
    assert parse_config(text).field[0].digits == [((0, 0), (10, 0), (10.5, 20), (0, 20))]


@pytest.mark.parametrize(
    ("kind", "bundle"), [("drum", "meter"), ("lcd", "meter"), ("print", "paper"), ("handwriting", "paper")]
)
def test_each_kind_has_its_bundle(kind, bundle):
    assert FieldTable(name="a", kind=kind, digits=[(0, 0, 1, 1)]).bundle == bundle


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[source]\nfbs = 5", "m.toml, line 2: source.fbs: unknown key; did you mean 'fps'?"),
        ("[sorce]\nuri = 'a'", "m.toml, line 1: sorce: unknown key; did you mean 'source'?"),
        ("zzz = 1", "m.toml, line 1: zzz: unknown key; known are source, reference, page, field, read"),
        (
            FIELD + "\n" + FIELD.replace('"a"', '"b"') + "colour = 2",
            "m.toml, line 10: field[1].colour: unknown key; known are name, kind",
        ),
        (
            "[source]\nfps = '5'",
            "m.toml, line 2: source.fps: input should be a valid number, got '5'; expected: frames a second",
        ),
        ("[run]\nevery = '0s'", "m.toml, line 2: run.every: '0s' is no interval; write 30s, 5m, 1h or 1d"),
        ("[run]\nevery = '5 minutes'", "run.every: '5 minutes' is no interval"),
        ("[run]\nat = ['06:00', '25:00']", "m.toml, line 2: run.at: '25:00' is no time of the day; write 06:00"),
        ("[run]\nburst = 0", "run.burst: input should be greater than 0, got 0"),
        ("[source]\ncrop = [0, 0, 10]", "source.crop: has too few numbers; expected: x, y, width, height"),
        ("[source]\nfps = 0", "source.fps: input should be greater than 0, got 0"),
        ("[source]\nfps = true", "source.fps"),
        ("[source]\nrotation = 45", "source.rotation: input should be 0, 90, 180 or 270, got 45"),
        ("[source]\nsize = [640]", "m.toml, line 2: source.size: has too few numbers; expected: width and height"),
        ("[source]\nsize = [640, -1]", "source.size[1]: input should be greater than 0, got -1"),
        ("source = 3", "m.toml, line 1: source: input should be an object, got 3"),
        ("[read]\ncutoff = nan", "read.cutoff: input should be a finite number"),
        ("[reference]\nmin_score = 0.5", "m.toml, line 1: reference.image: is missing; add image = …"),
        ('[[field]]\nname = "a"\nkind = "lcd"', "m.toml, line 1: field[0]: needs boxes: add digits = …"),
        (
            FIELD.replace("lcd", "led"),
            "m.toml, line 3: field[0].kind: input should be 'drum', 'lcd', 'print' or 'handwriting', got 'led'",
        ),
        (
            FIELD.replace("[1, 2, 3, 4]", "[1, 2, 3]"),
            "m.toml, line 4: field[0].digits[0]: not a box; expected: one box a digit",
        ),
        (FIELD.replace("[1, 2, 3, 4]", "[1, 2, 3, 4], [1, 2, 0, 4]"), "field[0].digits[1]: not a box"),
        (FIELD.replace("[[1, 2, 3, 4]]", "[]"), "field[0]: needs boxes: add digits = …"),
        (FIELD + "region = [1, 2, 3, 4]", "field[0]: needs boxes: add digits = …, or region = …"),
        (FIELD + 'pattern = "("', "field[0].pattern: not a regular expression"),
        (FIELD + "decimals = 2", "field[0]: decimals = 2 is more than its 1 digits"),
        (FIELD + "minimum = 2\nmaximum = 1", "field[0]: minimum 2 is above maximum 1"),
        (FIELD + 'check = "weights"', 'field[0]: check = "weights" and weights = […] go together'),
        (
            FIELD.replace("lcd", "print") + "dials = [[1, 2, 3, 4]]",
            "field[0]: kind print has no dials; leave dials out",
        ),
        (FIELD + "[page]", "[page] needs the picture that it is in; add [reference]"),
        (FIELD + FIELD, "m.toml, line 1: field: the name 'a' is given twice"),
        (
            FIELD + 'publish = "always"',
            "m.toml, line 5: field[0].publish: has another form, got 'always'; expected: what goes to",
        ),
        (
            "[store]\nkeep = 30",
            "m.toml, line 2: store.keep: input should be a valid string, got 30; expected: age from",
        ),
        ("[mqtt]\nport = 1883", "m.toml, line 1: mqtt.host: is missing; add host = …"),
        ("[mqtt]\nhost = 'a'\ndevice = 'a/b'", "mqtt.device: has another form, got 'a/b'; expected: name of this"),
        ("[influx]\nurl = 'http://a'", "m.toml, line 1: influx: give bucket (InfluxDB 2) or database (InfluxDB 1)"),
        ("[webhook]\nurl = 'ftp://a'", "m.toml, line 2: webhook.url: has another form, got 'ftp://a'"),
        ("[mqtt]\nhost = 'mqtt://a'", "m.toml, line 2: mqtt.host: 'mqtt://a' is more than a name; leave out mqtt://"),
        ("[mqtt]\nhost = 'a:1883'", "m.toml, line 2: mqtt.host: 'a:1883' is more than a name"),
        ("[mqtt]\nhost = 'a'\npassword = 'b'", "m.toml, line 1: mqtt: has a password without its user; add user"),
        ("[mqtt]\nhost = 'a'\ntls = true\ncert = 'b'", "m.toml, line 1: mqtt: cert and key go together"),
        ("[mqtt]\nhost = 'a'\nca = 'b'", "m.toml, line 1: mqtt: has certificates but no encryption; add tls = true"),
        ("[influx]\nurl = 'http://a'\nbucket = 'b'\nuser = 'c'", "influx: bucket (InfluxDB 2) goes with a token;"),
        ("[influx]\nurl = 'http://a'\ndatabase = 'b'\ntoken = 'c'", "influx: database (InfluxDB 1) goes with user and"),
        ("[influx]\nurl = 'http://a'\ndatabase = 'b'\npassword = 'c'", "influx: has a password without its user;"),
        (
            "[source\nuri = 1",
            "m.toml: not valid TOML: Expected ']' at the end of a table declaration (at line 1, column 8)",
        ),
    ],
)
def test_a_mistake_names_file_line_key_and_remedy(text, message):
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "m.toml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_paths_are_relative_to_the_file(tmp_path):
    path = tmp_path / "meter.toml"
    path.write_text('[source]\nuri = "clip.mp4"\n[reference]\nimage = "reference.png"', encoding="utf-8")
    config = load_config(path)
    assert config.source.uri == str(tmp_path / "clip.mp4")
    assert config.reference is not None
    assert config.reference.image == str(tmp_path / "reference.png")


def test_files_of_outputs_and_secrets_are_relative_to_the_file_and_plain_secrets_stay(tmp_path):
    (tmp_path / "a.toml").write_text(
        '[csv]\n[mqtt]\nhost = "a"\ntls = true\nca = "ca.pem"\nuser = "b"\npassword = "file:pw"\n'
        '[influx]\nurl = "http://a"\nbucket = "b"\ntoken = "x"'
    )
    config = load_config(tmp_path / "a.toml")
    assert config.csv.path == str(tmp_path / "readings.csv")
    assert (config.mqtt.ca, config.mqtt.cert) == (str(tmp_path / "ca.pem"), None)
    assert config.mqtt.password == f"file:{tmp_path}/pw"
    assert config.influx.token == "x"


def test_a_secret_stands_in_the_file_or_in_one_of_its_own(tmp_path):
    (tmp_path / "pw").write_text("höher\n\n")
    (tmp_path / "empty").write_text("\n")
    assert read_secret("höher") == read_secret(f"file:{tmp_path}/pw") == "höher"
    for name, message in (
        ("empty", "holds no secret; put it into the first line"),
        ("no", "no such file; put the secret"),
    ):
        with pytest.raises(ConfigError, match=message):
            read_secret(f"file:{tmp_path}/{name}")


@pytest.mark.parametrize("table", ['[mqtt]\nhost = "a"', '[webhook]\nurl = "http://a"'])
def test_what_needs_the_outbox_has_a_store(table, tmp_path):
    (tmp_path / "a.toml").write_text(table)
    assert load_config(tmp_path / "a.toml").store.path == str(tmp_path / "readout.db")
    assert parse_config("").store is None


@pytest.mark.parametrize(
    "uri", ["camera", "picamera2:0", "v4l2:/dev/video0", "rtsp://host/a", "HTTP://host/a", "demo:", "/data/clip.mp4"]
)
def test_addresses_and_absolute_paths_stay(tmp_path, uri):
    (tmp_path / "a.toml").write_text(f'[source]\nuri = "{uri}"')
    assert load_config(tmp_path / "a.toml").source.uri == uri


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: None, "no such configuration file"),
        (lambda p: p.mkdir(), "cannot be read"),
        (lambda p: p.write_bytes(b"\xff"), "not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path, make, message):
    make(tmp_path / "a.toml")
    with pytest.raises(ConfigError, match=message):
        load_config(tmp_path / "a.toml")


def test_a_field_without_its_model_is_named(tmp_path):
    (problem,) = missing_bundles(parse_config(FIELD), tmp_path / "models")
    assert problem.startswith(f"field a: kind lcd needs a meter model: none at {tmp_path}/models/meter; train")


def test_fields_whose_models_are_there_lack_nothing(tmp_path):
    (tmp_path / "meter").mkdir()
    (tmp_path / "meter" / "card.json").touch()
    assert missing_bundles(parse_config(FIELD), tmp_path) == []
    assert missing_bundles(Config(), tmp_path) == []


def test_every_key_is_described():
    table = describe_schema()
    described = re.findall(r"^\| `(\S+) (\w+)` \| (.+?) \| (.+?) \| (.+) \|$", table, re.MULTILINE)
    keys = {(place.strip("[]"), key) for place, key, *_ in described}
    expected = {(name, key) for name, table in TABLES.items() for key in table.model_fields}
    assert keys == expected
    assert all(len(meaning) > 10 and meaning != "None" for *_, meaning in described)
