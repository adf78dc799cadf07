"""The Debian package in the userlands of Bookworm and Trixie: it installs without a network, reads, upgrades, goes.

READOUT_DEB names the package, READOUT_ROOTS a folder that keeps the userlands from one run to the next.
What this does not show: systemd starting the unit, for nothing is booted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

PACKAGE = os.environ.get("READOUT_DEB")

pytestmark = [
    pytest.mark.skipif(not PACKAGE, reason="READOUT_DEB names no package: make deb test-deb"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(shutil.which("mmdebstrap") is None, reason="needs mmdebstrap: apt-get install mmdebstrap"),
    pytest.mark.timeout(1800),
]


class Userland:
    """A Debian system of files and programs that commands run in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command in it, without a network."""
        return subprocess.run(
            ["unshare", "--net", "chroot", str(self.folder), *words], capture_output=True, text=True, check=False
        )

    def call(self, *words: str) -> str:
        """What a command prints; a failure where it fails."""
        done = self.run(*words)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def has(self, path: str) -> bool:
        return (self.folder / path).exists()


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def userland(request, tmp_path_factory):
    """A fresh one of each release, with Python and numpy from apt."""
    kept = Path(os.environ.get("READOUT_ROOTS") or tmp_path_factory.mktemp("roots"))
    archive = kept / f"{request.param}.tar"
    if not archive.exists():
        include = "--include=python3,python3-numpy"
        subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", include, request.param, archive], check=True)
    folder = tmp_path_factory.mktemp(request.param)
    subprocess.run(["tar", "-C", folder, "--exclude=./dev/*", "-xf", archive], check=True)
    for name in ("null", "urandom"):
        subprocess.run(["cp", "-a", f"/dev/{name}", folder / "dev"], check=True)
    (folder / "proc").mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "proc", "proc", folder / "proc"], check=True)
    yield Userland(folder)
    subprocess.run(["umount", "-l", folder / "proc"], check=True)
    shutil.rmtree(folder)


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


def test_the_package_lives_through_install_upgrade_remove_and_purge(userland, tmp_path):
    assert PACKAGE
    shutil.copy(PACKAGE, userland.folder / "first.deb")
    shutil.copy(with_version(Path(PACKAGE), "99.0", tmp_path), userland.folder / "second.deb")

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
