"""The Debian package in userlands of Bookworm and Trixie: it installs without a network, reads, upgrades, goes.

`make deb test-deploy` runs it. What this does not show: systemd starting the unit, for nothing is booted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.userland import lack, opened
from tests.pi.root import PROJECT

pytestmark = [
    pytest.mark.skipif(not os.environ.get("TEST_DEPLOY"), reason="userlands are tested by: make deb test-deploy"),
    pytest.mark.timeout(3600),
]

WHERE = [("bookworm", "amd64"), ("trixie", "amd64"), ("trixie", "arm64")]


@pytest.fixture(scope="module", params=WHERE, ids="-".join)
def userland(request, tmp_path_factory):
    """A fresh one of each release, with Python and numpy from apt."""
    suite, arch = request.param
    reason = lack(arch)
    if reason:
        pytest.skip(reason)
    with opened(suite, arch, tmp_path_factory.mktemp(suite) / "root") as userland:
        yield userland


@pytest.fixture
def package(userland) -> Path:
    """The package of that architecture in dist/."""
    found = sorted((PROJECT / "dist").glob(f"readout_*_{userland.arch}.deb"))
    if not found:
        pytest.skip(f"dist/ has no package for {userland.arch}: make deb")
    return found[-1]


def with_version(package: Path, version: str, folder: Path) -> Path:
    """The package again under another version."""
    root = folder / "root"
    subprocess.run(["dpkg-deb", "-R", package, root], check=True)
    control = root / "DEBIAN" / "control"
    lines = control.read_text().splitlines()
    control.write_text(
        "".join(f"Version: {version}\n" if each.startswith("Version:") else f"{each}\n" for each in lines)
    )
    made = folder / f"readout_{version}.deb"
    subprocess.run(["dpkg-deb", "-Znone", "--build", root, made], check=True, capture_output=True)
    return made


def test_the_package_lives_through_install_upgrade_remove_and_purge(userland, package, tmp_path):
    shutil.copy(package, userland.folder / "first.deb")
    shutil.copy(with_version(package, "99.0", tmp_path), userland.folder / "second.deb")

    # install
    before = set(userland.call("find", "/usr", "/etc", "/var/lib", "-xdev").splitlines())
    userland.call("dpkg", "-i", "/first.deb")
    assert userland.call("readout", "--version").startswith("readout, version ")
    samples = "/usr/lib/readout/common/edge/samples"
    read = userland.call("readout", "read", f"{samples}/00427.png").split()
    assert read[2:4] == ["00427", "ok"]
    assert len(userland.call("readout", "run", "--source", "demo:?frames=30").splitlines()) == 3
    checks = userland.call("readout", "check")
    assert "ok     golden replay" in checks
    assert "FAILED" not in checks

    # its user, folder and configuration
    assert "video" in userland.call("id", "readout")
    (userland.folder / "etc/readout/readout.toml").write_text(
        '[source]\nuri = "demo:?frames=30"\n[store]\npath = "/var/lib/readout/readout.db"\n'
    )
    service = ("setpriv", "--reuid=readout", "--regid=readout", "--init-groups", "readout", "run")
    userland.call(*service, "--config", "/etc/readout/readout.toml")
    history = userland.call("readout", "history", "--config", "/etc/readout/readout.toml")
    assert len(history.splitlines()) == 3

    # upgrade: what was configured and read stays
    userland.call("dpkg", "-i", "/second.deb")
    assert userland.call("dpkg-query", "-W", "-f", "${Version}", "readout") == "99.0"
    assert userland.call("readout", "history", "--config", "/etc/readout/readout.toml") == history

    # remove: the program goes, the configuration and the readings stay
    userland.call("dpkg", "-r", "readout")
    assert not userland.has("usr/lib/readout")
    assert not userland.has("usr/bin/readout")
    assert userland.has("etc/readout/readout.toml")
    assert userland.has("var/lib/readout/readout.db")

    # purge: nothing stays
    userland.call("dpkg", "-P", "readout")
    after = set(userland.call("find", "/usr", "/etc", "/var/lib", "-xdev").splitlines())
    assert {path for path in after - before if "dpkg" not in path and "/etc/" not in path} == set()
    assert not userland.has("etc/readout")
    assert userland.run("id", "readout").returncode != 0
