"""Each common fault of a device is named with its remedy, on one line."""

from __future__ import annotations

import ast
import os
import socket
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from edge import faults
from edge.__main__ import main as start
from edge.check import check_device
from edge.cli import main
from edge.errors import MissingRuntimeError, OutputError, SourceError
from edge.faults import (
    require_64_bits,
    require_permission,
    require_python,
    require_space,
    users_of,
    why_no_import,
)
from tests.edge.mosquitto import free_port


def version(minor: int) -> tuple:
    return (3, minor, 2, "final", 0)


@pytest.mark.parametrize("minor", [9, 10, 14])
def test_a_wrong_python_is_named_before_all_else(monkeypatch, minor):
    monkeypatch.setattr(sys, "version_info", version(minor))
    with pytest.raises(MissingRuntimeError, match=rf"Python 3.{minor}.2 does not fit; make .* Python 3.11 to 3.13"):
        require_python()
    assert "does not fit; make the environment" in why_no_import(ImportError("No module named 'tomllib'"))


@pytest.mark.parametrize("minor", [11, 12, 13])
def test_a_right_python_is_not(monkeypatch, minor):
    monkeypatch.setattr(sys, "version_info", version(minor))
    require_python()


def test_a_wrong_python_is_one_line_before_anything_is_imported(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", version(10))
    monkeypatch.setitem(sys.modules, "edge.cli", None)
    assert start() == 1
    assert capsys.readouterr() == (
        "",
        "readout: Python 3.10.2 does not fit; make the environment with Python 3.11 to 3.13\n",
    )


@pytest.mark.parametrize("name", ["__init__", "__main__", "errors", "faults"])
def test_what_says_so_can_be_read_by_an_older_python(name):
    source = Path(faults.__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 8))
    assert "from __future__ import annotations" in source or " | None" not in source


def test_a_python_without_packages_is_one_line_and_no_traceback():
    done = subprocess.run([sys.executable, "-S", "-m", "edge", "check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("readout: a package is missing or does not fit the others (No module named 'click')")
    assert len(done.stderr.splitlines()) == 1


def test_32_bits_are_named_with_what_runs_there(monkeypatch):
    assert require_64_bits() == "64 bits"
    monkeypatch.setattr(faults, "pointer_bits", lambda: 32)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingRuntimeError, match=r"32 bits: LiteRT needs a 64-bit system; install Raspberry Pi OS"):
        require_64_bits()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    assert require_64_bits() == "32 bits: tflite-runtime works, LiteRT needs a 64-bit system"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            ValueError("numpy.dtype size changed, may indicate binary incompatibility. Expected 96, got 88"),
            "numpy 2 is installed beside packages that were built for numpy 1",
        ),
        (ImportError("numpy.core.multiarray failed to import"), "pip install 'numpy<2' 'opencv-python-headless<4.12'"),
        (ImportError("No module named 'libcamera'"), "python3 -m venv --system-site-packages .venv"),
        (
            ImportError("No module named 'cv2'"),
            "(No module named 'cv2'); make setup, or in the repository:",
        ),
    ],
)
def test_an_import_that_fails_is_explained(error, words):
    assert words in why_no_import(error)
    assert "\n" not in why_no_import(error)


NUMPY_ITSELF = "import sys; sys.stderr.write('A module that was compiled using NumPy 1.x ...\\nTraceback ...\\n')\n"


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("cv2", f"raise ValueError('{faults.OTHER_NUMPY}, may indicate binary incompatibility. Expected 96, got 88')"),
        ("numpy", f"raise ValueError('{faults.OTHER_NUMPY}, may indicate binary incompatibility. Expected 96')"),
        ("cv2", f"{NUMPY_ITSELF}raise ImportError('{faults.NO_MULTIARRAY}')"),
    ],
)
def test_a_module_built_for_another_numpy_is_one_line_and_no_traceback(tmp_path, module, text):
    """As apt's OpenCV of Bookworm and numpy 2.2.4 were seen to do it."""
    (tmp_path / f"{module}.py").write_text(text)
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{Path.cwd()}"}
    done = subprocess.run(
        [sys.executable, "-m", "edge", "check"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("readout: numpy 2 is installed beside packages that were built for numpy 1")
    assert len(done.stderr.splitlines()) == 1


def test_another_error_is_not_taken_for_it(monkeypatch):
    def fail(*_):
        raise ValueError("a defect")

    monkeypatch.setattr("edge.cli._invoke", fail)
    with pytest.raises(ValueError, match="a defect"):
        main(["check"])


# devices


def test_a_device_without_permission_says_which_group(tmp_path, monkeypatch):
    (tmp_path / "video0").touch()
    require_permission(str(tmp_path / "video0"))
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(SourceError, match=r"video0: no permission; sudo usermod -aG video \$USER, then log in again"):
        require_permission(str(tmp_path / "video0"))


def test_who_holds_a_file_open_is_named(tmp_path):
    path = tmp_path / "video0"
    path.touch()
    assert users_of(str(path)) == []
    with path.open():
        assert users_of(str(path)) == []
        with path.open() as file, subprocess.Popen(["sleep", "30"], stdin=file) as holder:
            assert users_of(str(path)) == [f"sleep ({holder.pid})"]
            holder.kill()


@pytest.fixture
def device(tmp_path, monkeypatch):
    """A stand-in for /dev/video0, and no Pi camera."""
    monkeypatch.setattr("edge.sources.camera.DEVICES", tmp_path / "video*")
    monkeypatch.setattr("edge.check.camera_count", lambda _: 0)
    (tmp_path / "video0").touch()
    return tmp_path / "video0"


def camera_line(model) -> str:
    (found,) = (str(check) for check in check_device(model) if check.name == "camera")
    return found


def test_the_check_tells_of_permission_and_use(fake_bundle, device, monkeypatch):
    assert camera_line(fake_bundle) == f"ok     camera: v4l2:{device}"
    with device.open() as file, subprocess.Popen(["sleep", "30"], stdin=file) as holder:
        assert camera_line(fake_bundle) == (
            f"note   camera: v4l2:{device}; {device} is open in sleep ({holder.pid}), end that if it gives no frame"
        )
        holder.kill()
    monkeypatch.setattr(os, "access", lambda path, _: str(path) != str(device))
    assert camera_line(fake_bundle).startswith(f"FAILED camera: {device}: no permission; sudo usermod -aG video")


def test_on_a_pi_a_camera_stack_that_is_missing_is_told_with_its_remedy(fake_bundle, device, monkeypatch):
    def missing():
        raise SourceError("picamera2 is there but libcamera is not visible; make the environment with: venv")

    monkeypatch.setattr("edge.check.import_picamera2", missing)
    assert "libcamera" not in camera_line(fake_bundle)
    monkeypatch.setattr("edge.check.is_raspberry_pi", lambda: True)
    assert camera_line(fake_bundle) == (
        f"note   camera: v4l2:{device}; "
        "picamera2 is there but libcamera is not visible; make the environment with: venv"
    )


# disk and outputs


def test_a_full_disk_a_missing_folder_and_one_without_permission_are_named(tmp_path, monkeypatch):
    assert require_space(tmp_path).endswith("GB free")
    with pytest.raises(OutputError, match=r"no: no such folder; make it: mkdir -p"):
        require_space(tmp_path / "no")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10**9, 10**9, 12_345_678))
    with pytest.raises(OutputError, match="only 12 MB are free; free some space"):
        require_space(tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OutputError, match="may not be written to"):
        require_space(tmp_path)


def outputs(fake_bundle, tmp_path, text: str) -> dict[str, str]:
    (tmp_path / "a.toml").write_text(f'[source]\nuri = "demo:"\n{text}')
    return {check.name: str(check) for check in check_device(fake_bundle, tmp_path / "a.toml")}


def test_outputs_that_work_are_ok(fake_bundle, tmp_path):
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as server:
        other = server.getsockname()[1]
        found = outputs(
            fake_bundle,
            tmp_path,
            f'[csv]\n[store]\n[mqtt]\nhost = "127.0.0.1"\nport = {other}\n[prometheus]\nport = {port}\n'
            f'[webhook]\nurl = "http://127.0.0.1:{other}/a"\n[influx]\nurl = "http://127.0.0.1:{other}"\nbucket = "b"\n'
            f"[http]\nport = {port}\n",
        )
    for name in ("csv", "store", "mqtt", "prometheus", "webhook", "influx", "http"):
        assert found[name].startswith("ok "), found[name]
    assert f"{tmp_path}/readout.db: will be made" in found["store"]
    assert not (tmp_path / "readout.db").exists()


def test_outputs_that_cannot_work_fail_with_their_remedy(fake_bundle, tmp_path):
    (tmp_path / "bad.db").write_text("no database" * 100)
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = outputs(
            fake_bundle,
            tmp_path,
            f'[csv]\npath = "no/a.csv"\n[store]\npath = "bad.db"\n[mqtt]\nhost = "127.0.0.1"\nport = {port}\n'
            f'[prometheus]\nport = {server.getsockname()[1]}\naddress = "127.0.0.1"\n'
            f'[webhook]\nurl = "http://127.0.0.1:{port}/a"\nsecret = "file:none"\n'
            f"[http]\nport = {server.getsockname()[1]}\n",
        )
    for name, words in {
        "csv": "no: no such folder; make it: mkdir -p",
        "store": "bad.db: cannot be read (file is not a database); `edge run` sets a damaged file aside",
        "mqtt": f"127.0.0.1:{port} cannot be reached (Connection refused); check the server and [mqtt]",
        "prometheus": "cannot be listened on (Address already in use); choose another port",
        "webhook": "none: no such file; put the secret into it",
        "http": "cannot be listened on (Address already in use); choose another port",
    }.items():
        assert found[name].startswith("FAILED"), found[name]
        assert words in found[name]
