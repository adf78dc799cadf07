"""Each thing that `edge check` looks at, found well and found wanting."""

import cv2
import numpy as np
import pytest

from edge.check import Check, check_device, replay_golden
from edge.errors import BundleError
from edge.meters.overtime import History
from edge.meters.state import State, write_state


def outcomes(checks):
    return {check.name: check.outcome for check in checks}


def detail(checks, name):
    (found,) = (check.detail for check in checks if check.name == name)
    return found


@pytest.fixture
def no_camera(monkeypatch, tmp_path):
    monkeypatch.setattr("edge.sources.camera.DEVICES", tmp_path / "video*")
    monkeypatch.setattr("edge.check.camera_count", lambda _: 0)


def replay(fake_reader, tmp_path, arrays):
    np.savez(tmp_path / "golden.npz", **arrays)
    return replay_golden(fake_reader.classifier, tmp_path / "golden.npz")


def test_a_sound_device_is_ok_and_no_camera_is_a_note(fake_bundle, no_camera):
    checks = check_device(fake_bundle)
    assert outcomes(checks) == {
        "python": "ok",
        "system": "ok",
        "packages": "ok",
        "runtime": "ok",
        "bundle": "ok",
        "interpreter": "ok",
        "golden replay": "ok",
        "camera": "note",
        "disk": "ok",
        "configuration": "note",
    }
    assert "int8 accuracy 0.9900 on fake test" in detail(checks, "bundle")
    assert detail(checks, "golden replay").startswith("4 glyphs labelled the same, scores differ by at most 3 of 256")
    assert "the source demo: work without one" in detail(checks, "camera")


def test_a_line_starts_with_its_outcome():
    assert str(Check("bundle", "FAILED", "why; what to do")) == "FAILED bundle: why; what to do"
    assert str(Check("bundle", "ok", "fine")) == "ok     bundle: fine"


def test_an_altered_model_fails_and_the_rest_is_still_looked_at(fake_bundle, no_camera):
    (fake_bundle / "model.tflite").write_bytes(b"altered")
    checks = check_device(fake_bundle)
    assert outcomes(checks)["bundle"] == "FAILED"
    assert "sha256" in detail(checks, "bundle")
    assert outcomes(checks)["camera"] == "note"


def test_no_runtime_says_what_to_install(fake_bundle, monkeypatch, no_camera):
    monkeypatch.setattr("edge.check.runtime_versions", dict)
    assert "pip install ai-edge-litert" in detail(check_device(fake_bundle), "runtime")
    monkeypatch.setattr("edge.check.np.__version__", "2.1.0")
    assert "tflite-runtime does not work with numpy 2.1.0" in detail(check_device(fake_bundle), "runtime")


def test_a_gray_level_that_another_processor_rounds_otherwise_is_said(fake_reader, tmp_path, golden):
    assert "bit for bit" in replay(fake_reader, tmp_path, golden)
    golden["normalized_0"] = golden["normalized_0"].copy()
    golden["normalized_0"][14, 14] ^= 1
    assert "1 of them but for one gray level in some pixels" in replay(fake_reader, tmp_path, golden)


def test_another_normalization_fails(fake_reader, tmp_path, golden):
    golden["normalized_0"] = golden["normalized_0"].copy()
    golden["normalized_0"][14, 14] ^= 2
    with pytest.raises(BundleError, match="golden picture 0 is normalized to other pixels here"):
        replay(fake_reader, tmp_path, golden)


def test_a_picture_without_its_normalized_twin_fails(fake_reader, tmp_path, golden):
    del golden["normalized_0"]
    with pytest.raises(BundleError, match="golden picture 0"):
        replay(fake_reader, tmp_path, golden)


def test_another_label_of_a_sure_glyph_fails(fake_reader, tmp_path, golden):
    golden["quantized"][2] = np.roll(golden["quantized"][2], 1)
    with pytest.raises(BundleError, match="1 of 4 golden glyphs get another label with litert"):
        replay(fake_reader, tmp_path, golden)


def test_another_label_of_a_doubtful_glyph_passes_and_its_steps_are_told(fake_reader, tmp_path, golden):
    golden["quantized"][2] = 0
    golden["quantized"][2, 6] = 1
    assert "at most 120 of 256 steps" in replay(fake_reader, tmp_path, golden)


def test_a_replay_with_nothing_to_compare_fails(fake_reader, tmp_path, golden):
    empty = golden | {
        "glyphs": np.zeros((0, 28, 28), np.uint8),
        "quantized": np.zeros((0, 11), np.int8),
        "labels": np.zeros(0, np.int64),
    }
    with pytest.raises(BundleError, match="nothing to compare"):
        replay(fake_reader, tmp_path, empty)
    with pytest.raises(BundleError, match="copy the bundle again"):
        replay(fake_reader, tmp_path, golden | {"quantized": golden["quantized"][:3]})


def test_a_sound_configuration_is_ok_with_its_source(fake_bundle, tmp_path):
    (tmp_path / "a.toml").write_text('[source]\nuri = "demo:"\nsize = [320, 240]')
    checks = check_device(fake_bundle, tmp_path / "a.toml")
    assert outcomes(checks)["configuration"] == "ok"
    assert detail(checks, "source") == "demo:: 320 x 240 pixels, live"


def test_each_fault_of_a_configuration_has_its_line(fake_bundle, tmp_path):
    (tmp_path / "a.toml").write_text(
        '[source]\nuri = "none.mp4"\n[reference]\nimage = "none.png"\n'
        '[[field]]\nname = "water"\nkind = "drum"\ndigits = [[0, 0, 9, 9]]'
    )
    checks = check_device(fake_bundle, tmp_path / "a.toml")
    assert outcomes(checks) | {"configuration": "ok"} == outcomes(checks)
    assert f"kind drum needs a meter model: none at {tmp_path}/models/meter" in detail(checks, "field")
    assert "none.png: no such file" in detail(checks, "reference")
    assert "none.mp4: no such file" in detail(checks, "source")
    assert [outcomes(checks)[name] for name in ("field", "reference", "source")] == ["FAILED"] * 3


def test_a_reference_without_a_face_is_told_here_and_not_only_when_it_runs(repository, tmp_path):
    cv2.imwrite(str(tmp_path / "plain.png"), np.full((240, 320), 128, np.uint8))
    (tmp_path / "a.toml").write_text(f'[source]\nuri = "demo:"\n[reference]\nimage = "plain.png"\n{METER}')
    checks = check_device(repository / "models" / "paper", tmp_path / "a.toml")
    assert outcomes(checks)["reference"] == "ok"
    assert "0 corners outside the boxes to hold to, and needs 10" in detail(checks, "fields")
    (tmp_path / "a.toml").write_text(f'[source]\nuri = "demo:"\n{METER}')
    checks = check_device(repository / "models" / "paper", tmp_path / "a.toml")
    assert detail(checks, "fields") == "water can be read"


METER = '[[field]]\nname = "water"\nkind = "drum"\ndigits = [[0, 0, 9, 9]]\n'


def state_of(fake_bundle, folder, text) -> Check:
    (folder / "a.toml").write_text(f'[source]\nuri = "none.mp4"\n{text}\n{METER}')
    (found,) = (check for check in check_device(fake_bundle, folder / "a.toml") if check.name == "state")
    return found


def test_the_state_of_meters_is_looked_at_and_left_as_it_is(fake_bundle, tmp_path):
    none = state_of(fake_bundle, tmp_path, "")
    assert (none.outcome, none.detail.partition(":")[0]) == ("note", "none is kept")
    new = state_of(fake_bundle, tmp_path, "[state]")
    assert (new.outcome, "state.json: will be made; " in new.detail) == ("ok", True)
    write_state(tmp_path / "state.json", State({"water": History()}))
    assert "state.json: remembers 1 field; " in state_of(fake_bundle, tmp_path, "[state]").detail
    (tmp_path / "state.json").write_text("{")
    damaged = state_of(fake_bundle, tmp_path, "[state]")
    assert (damaged.outcome, "is damaged, not JSON; `edge run` sets it aside" in damaged.detail) == ("FAILED", True)
    assert (tmp_path / "state.json").read_text() == "{"
    nowhere = state_of(fake_bundle, tmp_path, '[state]\npath = "none/state.json"')
    assert (nowhere.outcome, "no such folder; make it: mkdir -p" in nowhere.detail) == ("FAILED", True)


def test_a_configuration_that_is_none_fails(fake_bundle, tmp_path):
    (tmp_path / "a.toml").write_text("[sorce]")
    assert "did you mean 'source'?" in detail(check_device(fake_bundle, tmp_path / "a.toml"), "configuration")
