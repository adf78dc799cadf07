"""A Debian userland of Raspberry Pi OS's release and processor, to log in to over ssh and to install in.

What this does not show: a booted system. systemd is a stand-in that notes what is asked of it.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.pi.root import BUILD_LIMIT_S, PROJECT, mounts, register_qemu

ROOTS = Path(os.environ.get("DEPLOY_ROOTS") or PROJECT / "build" / "deploy" / "roots")

PACKAGES = "python3,python3-numpy,openssh-server,sudo,ca-certificates"
"""What a fresh system has; of an emulated one also what apt would install, for that takes long there."""

CPU = "cortex-a72"

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

SYSTEMCTL = """#!/bin/sh
# Stands in for systemd: notes what is asked and which release runs; the one named in /run/broken does not start.
echo "$*" >>/run/systemctl.log
case "$*" in
*is-active*) [ -e /run/active ] ;;
start*)
    release=$(readlink /opt/readout/.venv)
    [ "$release" != "$(cat /run/broken 2>/dev/null)" ] || exit 1
    echo "$release" >/run/active
    ;;
stop*) rm -f /run/active ;;
esac
"""

NO_BYTE_CODE = '''"""Stands in for the library's: an emulated Python takes an hour to compile what is installed."""


def compile_file(*_words, **_settings):
    return False
'''

SSHD = """
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
UsePAM no
SetEnv QEMU_CPU={cpu} PIP_CERT=/etc/ssl/certs/ca-certificates.crt
"""


class Userland:
    """A Debian system of files and programs that commands run in, in namespaces of their own."""

    def __init__(self, folder: Path, arch: str) -> None:
        self.folder = folder
        self.arch = arch
        self.mounted = ""
        """Shell lines that mount more in the root $0."""

    def run(self, *words: str, has_network: bool = False) -> subprocess.CompletedProcess[str]:
        """A command as root."""
        return subprocess.run(
            self.command(words, has_network=has_network), capture_output=True, text=True, stdin=subprocess.DEVNULL,
            check=False,
        )  # fmt: skip

    def call(self, *words: str, has_network: bool = False) -> str:
        """What a command prints; a failure where it fails."""
        done = self.run(*words, has_network=has_network)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def has(self, path: str) -> bool:
        return os.path.lexists(self.folder / path)

    def text(self, path: str) -> str:
        return (self.folder / path).read_text(encoding="utf-8")

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        target.chmod(mode)

    def command(self, words: Sequence[str], *, has_network: bool) -> list[str]:
        """The words that run a command in it."""
        network = [] if has_network else ["--net"]
        script = mounts(self.arch, CPU) + self.mounted + 'exec chroot "$0" /usr/bin/env -i "$@"'
        variables = [f"PATH={PATH}", "HOME=/root", "LANG=C.UTF-8", f"QEMU_CPU={CPU}"]
        return [
            *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", *network),
            *("/bin/bash", "-ec", script, str(self.folder), *variables, *words),
        ]

    def install_systemctl(self) -> None:
        """Put the stand-in for systemd into it."""
        (self.folder / "run/systemd/system").mkdir(parents=True, exist_ok=True)
        self.write("usr/bin/systemctl", SYSTEMCTL, 0o755)

    def install_sshd(self, keys: Path) -> None:
        """Let root, and a user `pi` who may use sudo, log in with a key made in a folder."""
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", keys / "id"], check=True, stdin=subprocess.DEVNULL
        )
        self.call("useradd", "--create-home", "--shell", "/bin/bash", "--password", "*", "pi")
        self.write("etc/sudoers.d/pi", "pi ALL=(ALL) NOPASSWD: ALL\n", 0o440)
        self.write("etc/ssh/sshd_config", SSHD.format(cpu=CPU))
        self.call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/etc/ssh/ssh_host_ed25519_key.new")
        self.call("mv", "/etc/ssh/ssh_host_ed25519_key.new", "/etc/ssh/ssh_host_ed25519_key")
        for home in ("root", "home/pi"):
            self.write(f"{home}/.ssh/authorized_keys", (keys / "id.pub").read_text(), 0o600)
        self.call("chown", "-R", "pi:pi", "/home/pi")
        (self.folder / "run/sshd").mkdir(exist_ok=True)

    def ssh_options(self, folder: Path, *, has_network: bool) -> str:
        """Options of ssh with which any host is this userland: its sshd answers each connection."""
        proxy = folder / ("online.sh" if has_network else "offline.sh")
        words = self.command(["/usr/sbin/sshd", "-i", "-e"], has_network=has_network)
        quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)
        proxy.write_text(f"#!/bin/sh\nexec {quoted} 2>>{folder}/sshd.log\n")
        proxy.chmod(0o755)
        settings = folder / f"{proxy.stem}.config"
        settings.write_text(
            f"Host *\n  ProxyCommand {proxy}\n  IdentityFile {folder}/id\n  StrictHostKeyChecking no\n"
            "  UserKnownHostsFile /dev/null\n  LogLevel ERROR\n"
        )
        return f"-F {settings}"


@contextmanager
def opened(suite: str, arch: str, folder: Path) -> Iterator[Userland]:
    """A fresh userland in a folder."""
    archive = ROOTS / f"{suite}-{arch}.tar"
    if arch == "arm64" and platform.machine() != "aarch64":
        register_qemu()
    if not archive.exists():
        _bootstrap(suite, arch, archive)
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    subprocess.run(["tar", "-C", folder, "--exclude=./dev/*", "-xf", archive], check=True, timeout=BUILD_LIMIT_S)
    for name in ("proc", "sys", "dev"):
        (folder / name).mkdir(exist_ok=True)
    shutil.copy("/etc/resolv.conf", folder / "etc/resolv.conf")
    shutil.copy("/etc/ssl/certs/ca-certificates.crt", folder / "etc/ssl/certs/ca-certificates.crt")
    if arch == "arm64" and platform.machine() != "aarch64":
        for module in folder.glob("usr/lib/python3.*/compileall.py"):
            module.write_text(NO_BYTE_CODE)
    yield Userland(folder, arch)
    shutil.rmtree(folder)


def lack(arch: str) -> str | None:
    """Why no userland can be made here; None where one can."""
    if os.geteuid() != 0:
        return "needs root"
    tools = ["mmdebstrap", "unshare", "ssh"] + (["qemu-aarch64-static", "arch-test"] if arch == "arm64" else [])
    missing = [tool for tool in tools if shutil.which(tool) is None]
    return f"{', '.join(missing)} missing; apt-get install mmdebstrap qemu-user-static arch-test" if missing else None


def _bootstrap(suite: str, arch: str, archive: Path) -> None:
    """The userland as an archive; an emulated one took an hour on a busy machine, most of it byte code."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    beside = archive.with_suffix(".part.tar")
    include = PACKAGES + (",python3-venv" if arch != "amd64" else "")
    words = ["--quiet", f"--arch={arch}", "--variant=minbase", "--mode=root", f"--include={include}"]
    subprocess.run(["mmdebstrap", *words, '--aptopt=Acquire::Languages "none"', suite, beside], check=True)
    beside.rename(archive)
