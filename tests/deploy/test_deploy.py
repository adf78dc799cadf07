"""`make deploy` over a real sshd, and `make install`, in userlands of Bookworm and Trixie: installed, or as before.

`make test-deploy` runs it; DEPLOY_ROOTS names a folder that keeps the userlands from one run to the next.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy.userland import Userland, lack, opened
from tests.edge.mosquitto import Listener, Mosquitto, wait_for
from tests.pi.root import PROJECT

LINK = "opt/readout/.venv"
README = (PROJECT / "README.md").read_text(encoding="utf-8")
UNIT = "etc/systemd/system/readout.service"
CONFIG = "etc/readout/readout.toml"
DEMO = '[source]\nuri = "demo:?frames=30"\n[store]\npath = "/var/lib/readout/readout.db"\n'
SERVICE = ("setpriv", "--reuid=readout", "--regid=readout", "--init-groups")

pytestmark = [
    pytest.mark.skipif(not os.environ.get("TEST_DEPLOY"), reason="userlands are tested by: make test-deploy"),
    pytest.mark.timeout(3600),
]


@dataclass
class Device:
    """A userland that is deployed to as this user."""

    userland: Userland
    user: str
    folder: Path
    suite: str

    def deploy(self, *, has_network: bool = False) -> subprocess.CompletedProcess[str]:
        options = self.userland.ssh_options(self.folder, has_network=has_network)
        environment = {**os.environ, "SSH_OPTIONS": options, "PYTHON": sys.executable}
        words = ["edge/deploy/deploy.sh", f"{self.user}@device"]
        return subprocess.run(
            words, cwd=PROJECT, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
        )

    def asked(self) -> list[str]:
        """What systemd was asked for since the last look."""
        log = self.userland.folder / "run/systemctl.log"
        words = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [line for line in words if "is-active" not in line]

    @property
    def release(self) -> str | None:
        link = self.userland.folder / LINK
        return str(link.readlink()) if link.is_symlink() else None

    def releases(self) -> list[str]:
        return sorted(path.name for path in (self.userland.folder / "opt/readout/releases").iterdir())


@pytest.fixture(
    scope="module", params=[("trixie", "amd64", "pi"), ("trixie", "arm64", "root")], ids=lambda each: "-".join(each[:2])
)
def device(request, tmp_path_factory):
    """An emulated sudo gets no rights from the kernel, so there it is root who logs in."""
    suite, arch, user = request.param
    reason = lack(arch)
    if reason:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp(f"{suite}-{arch}")
    with opened(suite, arch, folder / "root") as userland:
        userland.install_sshd(folder)
        userland.install_systemctl()
        yield Device(userland, user, folder, suite)


def stand_in_camera(userland: Userland) -> None:
    """A package source with a python3-picamera2, which only Raspberry Pi OS has."""
    package = userland.folder / "repository" / "picamera2"
    (package / "DEBIAN").mkdir(parents=True)
    control = "Package: python3-picamera2\nVersion: 0\nArchitecture: all\nMaintainer: a <a@b>\nDescription: stand-in\n"
    (package / "DEBIAN/control").write_text(control)
    made = package.with_suffix(".deb")
    subprocess.run(["dpkg-deb", "-Znone", "--build", package, made], check=True, capture_output=True)
    data = made.read_bytes()
    entry = f"Filename: ./{made.name}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n"
    (made.parent / "Packages").write_text(control + entry)
    userland.write("etc/apt/sources.list.d/pi.list", "deb [trusted=yes] file:/repository ./\n")


def test_a_fresh_device_gets_packages_program_user_unit_and_configuration(device):
    userland = device.userland
    if userland.arch == "amd64":
        stand_in_camera(userland)
    done = device.deploy(has_network=userland.arch == "amd64")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-2].startswith("readout: readout, version ")
    assert "edit /etc/readout/readout.toml, then: sudo systemctl enable --now readout" in done.stderr
    assert "ok     golden replay" in done.stdout
    assert "FAILED" not in done.stdout
    if userland.arch == "amd64":
        for package in ("python3-venv", "python3-picamera2"):
            assert userland.call("dpkg-query", "-W", "-f", "${Status}", package) == "install ok installed"
    else:
        assert "apt has no python3-picamera2 here; without it there is no Pi camera" in done.stderr
    assert (device.release, device.releases()) == ("releases/1", ["1"])
    assert userland.text(UNIT) == (PROJECT / "edge/deploy/readout.service").read_text()
    assert userland.has(CONFIG)
    assert "video" in userland.call("id", "readout")
    assert device.asked() == ["daemon-reload"]
    assert not userland.has("home/pi/.cache/readout-bundle")
    assert not userland.has("root/.cache/readout-bundle")


def test_numpy_is_the_one_that_apt_gave_the_camera_packages(device):
    where = "import numpy; print(numpy.__file__)"
    assert "/usr/lib/python3/dist-packages/" in device.userland.call("/opt/readout/.venv/bin/python", "-c", where)
    versions = device.userland.text("opt/readout/releases/1/constraints.txt").split()
    assert sum(each.startswith("numpy==") for each in versions) == 1


def test_it_reads_as_the_services_user(device):
    userland = device.userland
    userland.write(CONFIG, DEMO)
    userland.call(*SERVICE, "readout", "run", "--config", f"/{CONFIG}")
    history = userland.call("readout", "history", "--config", f"/{CONFIG}")
    assert len(history.splitlines()) == 3


def test_the_next_release_takes_the_place_of_the_one_that_runs(device):
    device.userland.write("run/active", "releases/1")
    done = device.deploy()
    assert done.returncode == 0, done.stderr
    assert (device.release, device.releases()) == ("releases/2", ["1", "2"])
    assert device.asked() == ["stop readout", "daemon-reload", "start readout"]
    assert device.userland.text("run/active").strip() == "releases/2"
    assert device.userland.text(CONFIG) == DEMO
    assert device.userland.has("var/lib/readout/readout.db")
    assert "enable --now" not in done.stderr


def test_a_release_that_fails_its_check_leaves_the_one_before_at_work(device):
    device.userland.write(CONFIG, "[sorce]\n")
    device.userland.write(UNIT, "the unit before")
    done = device.deploy()
    assert done.returncode != 0
    assert "FAILED configuration: /etc/readout/readout.toml, line 1: sorce: unknown key; did you mean 'source'?" in (
        done.stdout
    )
    assert "readout: rolled back: releases/2 is installed, as before" in done.stderr
    assert done.stderr.endswith(f"readout: {device.user}@device is as it was before\n")
    assert (device.release, device.releases()) == ("releases/2", ["1", "2"])
    assert device.userland.text(UNIT) == "the unit before"
    assert device.asked() == ["stop readout", "daemon-reload", "start readout"]
    assert device.userland.text("run/active").strip() == "releases/2"
    device.userland.write(CONFIG, DEMO)


def test_a_service_that_does_not_start_leaves_the_one_before_at_work(device):
    device.userland.write("run/broken", "releases/3")
    done = device.deploy()
    assert done.returncode != 0
    assert "readout: rolled back: releases/2 is installed, as before" in done.stderr
    assert (device.release, device.releases()) == ("releases/2", ["1", "2"])
    assert device.userland.text(UNIT) == "the unit before"
    assert device.asked()[-2:] == ["daemon-reload", "start readout"]
    assert device.userland.text("run/active").strip() == "releases/2"
    (device.userland.folder / "run/broken").unlink()


def test_the_release_before_the_last_goes_and_a_default_nobody_edited_need_not_work(device):
    for path in (CONFIG, "opt/readout/readout.toml"):
        device.userland.write(path, "# the last release's default, with a camera that is not there\n[sorce]\n")
    done = device.deploy()
    assert done.returncode == 0, done.stderr
    assert "note   configuration: none given" in done.stdout
    assert (device.release, device.releases()) == ("releases/3", ["2", "3"])
    assert device.userland.text("opt/readout/readout.toml") == (PROJECT / "edge/deploy/readout.toml").read_text()
    device.userland.write(CONFIG, DEMO)


def test_a_full_disk_is_one_line_and_nothing_is_made(device):
    device.userland.mounted = "mount -t tmpfs -o size=50m none $0/opt\n"
    done = device.deploy()
    device.userland.mounted = ""
    assert done.returncode != 0
    assert "MB are free in /opt/readout, 700 are needed" in done.stderr
    assert device.release == "releases/3"


def test_a_system_that_the_bundle_is_not_for_is_told_before_anything_is_copied(device):
    wrapper = "#!/bin/sh\nsed 's/^import sys$/import sys; sys.version_info = (3, 9, 2)/' | /usr/bin/python3 -\n"
    device.userland.write("usr/local/bin/python3", wrapper, 0o755)
    done = device.deploy()
    (device.userland.folder / "usr/local/bin/python3").unlink()
    assert done.returncode == 1
    assert "does not fit; install Raspberry Pi OS Bookworm (Python 3.11) or Trixie (3.13)" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_debian_package_that_is_there_is_not_installed_over(device):
    status = device.userland.folder / "var/lib/dpkg/status"
    before = status.read_text()
    entry = "\nPackage: readout\nStatus: install ok installed\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b>\n"
    status.write_text(f"{before}{entry}Description: a\n")
    done = device.deploy()
    status.write_text(before)
    assert done.returncode != 0
    assert "the Debian package readout is installed here; first: sudo apt remove readout" in done.stderr


def commands_for_the_pi() -> list[str]:
    """What README tells a user to type on the Pi, once the program is there."""
    page = README.partition("## On a Raspberry Pi\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"```console\n(.*?)```", page, flags=re.S)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [
        line for line in lines if line.startswith(("readout", "sudo", "echo", "journalctl")) and " apt " not in line
    ]


def config_for_the_pi() -> str:
    """What README tells a user to add to the configuration."""
    page = README.partition("## On a Raspberry Pi\n")[2].partition("\n## ")[0]
    return re.search(r"```toml\n(.*?)```", page, flags=re.S)[1]


def test_the_page_for_the_pi_leads_to_the_number_in_home_assistant(device, tmp_path):
    """Its commands in their order, with the rendered meter for the camera, whose bare face is no reference."""
    if device.userland.arch != "amd64":
        pytest.skip("the same commands as on amd64")
    userland = device.userland
    users = tmp_path / "users"
    users.touch(mode=0o600)
    broker = Mosquitto(tmp_path, f"allow_anonymous false\npassword_file {users}")
    subprocess.run(["mosquitto_passwd", "-b", users, "readout", "the password"], check=True, capture_output=True)
    broker.start()
    listener = Listener(broker.port, lambda client: client.username_pw_set("readout", "the password"))
    options = device.userland.ssh_options(device.folder, has_network=True).split()
    tried = []
    for command in commands_for_the_pi():
        if command.startswith("journalctl"):
            continue
        words = ["ssh", *options, "pi@device", command.replace("setup camera", "setup demo:")]
        done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        tried.append(command)
        if " setup " in command:
            found = userland.text("home/pi/meter.toml")
            fields = found.partition("[[field]]")[2]
            added = config_for_the_pi().replace(
                "homeassistant.local", f'127.0.0.1"\nport = {broker.port}\nimage = "never'
            )
            userland.write("home/pi/meter.toml", f'[source]\nuri = "demo:"\n[[field]]{fields}\n{added}')
        if " systemctl " in command:
            unit = re.search(r"^ExecStart=(.*)$", userland.text(UNIT), re.M)[1].split()
            userland.call("runuser", "-u", "readout", "--", *unit, "--frames", "60", has_network=True)
    wait_for(lambda: any(b'"ok"' in state for state in listener.of("readout/readout/counter/state")))
    (announced,) = set(listener.of("homeassistant/device/readout_readout/config"))
    listener.close()
    broker.kill()
    assert "counter_value" in json.loads(announced)["components"]
    assert len(tried) == 8
    assert "  counter  " in done.stdout
    assert userland.call("stat", "-c", "%U %a", "/etc/readout/mqtt-password") == "readout 600\n"


def test_make_install_does_the_same_on_the_device_itself(tmp_path):
    """In a copy of the repository in Bookworm, by a user who may use sudo."""
    reason = lack("amd64")
    if reason:
        pytest.skip(reason)
    with opened("bookworm", "amd64", tmp_path / "root") as userland:
        userland.install_sshd(tmp_path)
        userland.call("apt-get", "update", "-qq", has_network=True)
        userland.call("apt-get", "install", "-y", "-qq", "make", "python3-venv", has_network=True)
        files = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, check=True, capture_output=True).stdout
        for name in filter(None, files.decode().split("\0")):
            if (PROJECT / name).exists() and not name.startswith("tests/"):
                (userland.folder / "home/pi/readout" / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(PROJECT / name, userland.folder / "home/pi/readout" / name)
        userland.call("chown", "-R", "pi:pi", "/home/pi")
        options = userland.ssh_options(tmp_path, has_network=True).split()
        words = ["ssh", *options, "pi@device", "cd readout && make install"]
        done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        assert done.returncode == 0, done.stderr
        assert "ok     golden replay" in done.stdout
        assert str((userland.folder / LINK).readlink()) == "releases/1"
        assert "1.2" in userland.call("/opt/readout/.venv/bin/python", "-c", "import numpy; print(numpy.__version__)")


# a newcomer's mistakes, before any device is there


@pytest.mark.parametrize(
    ("words", "status", "line"),
    [
        ([], 2, "readout: name the device: make deploy PI=user@host\n"),
        (["pi@none.invalid"], 1, "readout: cannot log in to pi@none.invalid; check name, network and password: "),
    ],
)
def test_a_mistake_is_told(words, status, line):
    done = subprocess.run(
        ["edge/deploy/deploy.sh", *words], cwd=PROJECT, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == status
    assert line in done.stderr
