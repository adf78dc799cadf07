"""Userlands of Raspberry Pi OS's base with the edge stack, built from Debian's packages and PyPI's wheels.

python -m tests.pi.root trixie arm64          builds build/pi/trixie-arm64, about a minute, 0.6 GB
QEMU_CPU=cortex-a53 python -m tests.pi.root trixie arm64 python3 …     runs a command in it, the project being /src

- trixie: Python 3.13, LiteRT, numpy 2.2, and a real picamera2 on libcamera's virtual camera.
- bookworm: Python 3.11, tflite-runtime 2.14, numpy 1.26, no camera: Debian 12's libcamera has no virtual one.

No step is emulated while building. What this does not show: sensor, lens, exposure, ISP, padded strides, dma-heap, a
second process on the camera, a Pi's speed.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
ROOTS = PROJECT / "build" / "pi"

CPUS = ("cortex-a53", "cortex-a72", "cortex-a76")
"""Of a Zero 2 W and Pi 3, a Pi 4, a Pi 5. Never `max`: LiteRT then computes wrong numbers without an error."""

MACHINES = {"arm64": "aarch64", "amd64": "x86_64"}

PLATFORMS = ("2014", "_2_17", "_2_27", "_2_28", "_2_34")
"""Of wheels, `manylinux…`: what Debian 12 and 13 run."""

BUILD_LIMIT_S = 600.0

BINFMT = Path("/proc/sys/fs/binfmt_misc")

WITH_THEIR_NEEDS = ("click", "pydantic", "pytest")
"""Wheels that are the same in every root; the others are taken without what they ask for."""


@dataclass(frozen=True, slots=True)
class Userland:
    """What a root holds.

    Parameters
    ----------
    python : str
        Version of Debian's Python.
    packages : tuple of str
        Debian's packages beside Python.
    wheels : str
        PyPI's, with all that they need: they are taken without their dependencies.
    sources : tuple of str
        Distributions without a wheel, of which only the Python part is taken.
    """

    python: str
    packages: tuple[str, ...]
    wheels: str
    sources: tuple[str, ...] = ()


USERLANDS = {
    "trixie": Userland(
        "3.13",
        ("python3-prctl", "libarchive13t64", "python3-libcamera/trixie-backports", "libcamera-ipa/trixie-backports"),
        "numpy==2.2.* opencv-python-headless==4.13.0.92 ai-edge-litert==2.3.0 backports.strenum flatbuffers protobuf "
        "picamera2==0.3.38 piexif pillow simplejpeg videodev2 av libarchive-c tqdm jsonschema attrs referencing "
        "rpds-py jsonschema-specifications",  # libcamera 0.7.1 of the backports: 0.4.0 hangs
        ("pidng",),
    ),
    "bookworm": Userland(
        "3.11", (), "numpy==1.26.4 opencv-python-headless==4.11.0.86 tflite-runtime==2.14.0 flatbuffers"
    ),
}


def lack(arch: str) -> str | None:
    """Why no root of this architecture can be built and run here; None where one can."""
    if os.geteuid() != 0:
        return "needs root, for mount namespaces and chroot"
    if platform.machine() not in ("x86_64", "aarch64"):
        return f"no root for a {platform.machine()}"
    tools = ["mmdebstrap", "unshare"] + (["qemu-aarch64-static"] if arch == "arm64" else [])
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        return f"{', '.join(missing)} missing; apt-get install mmdebstrap qemu-user-static"
    return None


def build_root(suite: str, arch: str, roots: Path = ROOTS) -> Path:
    """Build a root, or take it as it is where this file has not changed since; gives its folder."""
    root, stamp = roots / f"{suite}-{arch}", roots / f"{suite}-{arch}.stamp"
    if stamp.exists() and stamp.stat().st_mtime > Path(__file__).stat().st_mtime:
        return root
    roots.mkdir(parents=True, exist_ok=True)
    userland, archive, wheels = USERLANDS[suite], roots / f"{root.name}.tar", roots / f"wheels-{root.name}"
    if not archive.exists():
        _bootstrap(suite, arch, userland, archive)
    _download(userland, arch, wheels)
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    subprocess.run(["tar", "-C", root, "-xf", archive], check=True, timeout=BUILD_LIMIT_S)
    _fill(root, wheels, userland)
    stamp.touch()
    return root


def run_in_root(
    root: Path, command: Sequence[str], cpu: str = "cortex-a72", limit_s: float = 300.0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a root, in mount and process namespaces of its own; the project is /src, read-only."""
    arch = root.name.rpartition("-")[2]
    if arch == "arm64" and platform.machine() != "aarch64":
        register_qemu()
    variables = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": "/src:/opt/site:/src/tests/pi/stand_in",
        "LIBCAMERA_LOG_LEVELS": "*:FATAL",
        "QEMU_CPU": cpu,
        **environment,
    }
    words = [f"{name}={value}" for name, value in variables.items()]
    project = f"mount --bind -o ro {PROJECT} $0/src\n"
    script = mounts(arch, cpu) + project + 'exec chroot "$0" /usr/bin/env -i --chdir=/work "$@"'
    unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"]
    return subprocess.run(
        [*unshare, "/bin/bash", "-ec", script, str(root), *words, *command],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=limit_s,
        check=False,
    )


def mounted_processor(cpu: str) -> str:
    """Shell lines that show a Pi's processor to what is emulated in the root $0; without it LiteRT crashes."""
    cpuinfo = f"mount -t tmpfs none $0/proc; cp {HERE}/cpu/cpuinfo-{cpu} $0/proc/cpuinfo"
    return f"{cpuinfo}\nmount --bind {HERE}/cpu/sys $0/sys\n"


def mounts(arch: str, cpu: str) -> str:
    """Shell lines that mount what a process needs in the root $0.

    An emulated one sees a Pi's processor, else LiteRT crashes.
    """
    lines = ["mount -t proc proc $0/proc", "mount --rbind /dev $0/dev"]
    if arch == "arm64":
        lines += [f"mount --bind {HERE}/cpu/cpuinfo-{cpu} $0/proc/cpuinfo", f"mount --bind {HERE}/cpu/sys $0/sys"]
    else:
        lines += ["mount --rbind /sys $0/sys"]
    return "".join(f"{line}\n" for line in lines)


def _bootstrap(suite: str, arch: str, userland: Userland, archive: Path) -> None:
    """Debian's packages as an archive; unpacked, not configured, so that nothing has to be emulated."""
    include = ",".join(("python3,libc6,libstdc++6,dash,coreutils,base-files", *userland.packages))
    words = [
        *("mmdebstrap", "--quiet", f"--arch={arch}", "--variant=extract", "--mode=root"),
        "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
        '--aptopt=Acquire::Languages "none"',
        *(f"--include={include}", suite),
    ]
    beside = archive.with_suffix(".part.tar")
    words += [str(beside), *(["-"] if suite == "trixie" else [])]
    mirror = _mirror()
    lists = f"deb {mirror} trixie main\ndeb {mirror} trixie-backports main\n" if suite == "trixie" else ""
    subprocess.run(words, input=lists, text=True, check=True, timeout=BUILD_LIMIT_S, stdout=subprocess.DEVNULL)
    beside.rename(archive)


def _mirror() -> str:
    """The one that this machine's apt uses."""
    sources = Path("/etc/apt/sources.list.d/debian.sources")
    found = re.search(r"^URIs:\s*(\S+)", sources.read_text(), re.MULTILINE) if sources.exists() else None
    return found[1] if found else "http://deb.debian.org/debian"


def _download(userland: Userland, arch: str, wheels: Path) -> None:
    wheels.mkdir(exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(wheels)]
    abi = f"cp{userland.python.replace('.', '')}"
    target = ["--only-binary=:all:", "--python-version", userland.python, "--implementation", "cp"]
    target += [word for name in (abi, "abi3", "none") for word in ("--abi", name)]
    target += [word for name in PLATFORMS for word in ("--platform", f"manylinux{name}_{MACHINES[arch]}")]
    subprocess.run([*pip, *target, *WITH_THEIR_NEEDS], check=True, timeout=BUILD_LIMIT_S)
    subprocess.run([*pip, "--no-deps", *target, *userland.wheels.split()], check=True, timeout=BUILD_LIMIT_S)
    if userland.sources:
        subprocess.run(
            [*pip, "--no-deps", "--no-binary", ":all:", *userland.sources], check=True, timeout=BUILD_LIMIT_S
        )


def _fill(root: Path, wheels: Path, userland: Userland) -> None:
    """Wheels, the Python part of source distributions, and the virtual camera's configuration."""
    for folder in ("opt/site", "work", "frames", "src", "proc", "sys", "dev"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(root / "opt/site")
    for name in userland.sources:
        unpacked = wheels / name
        shutil.rmtree(unpacked, ignore_errors=True)
        shutil.unpack_archive(next(wheels.glob(f"{name}-*.tar.gz")), unpacked, filter="data")
        package = next(path for path in unpacked.rglob(name) if (path / "__init__.py").exists())
        shutil.copytree(package, root / "opt/site" / name)
    if "libcamera-ipa/trixie-backports" in userland.packages:
        folder = root / "usr/share/libcamera/pipeline/virtual"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "stand_in/virtual.yaml", folder)


def register_qemu() -> None:
    """Let the kernel start aarch64 programs with qemu-user."""
    if (BINFMT / "qemu-aarch64").exists():
        return
    if not (BINFMT / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)], check=True)
    (BINFMT / "register").write_bytes(Path("/usr/lib/binfmt.d/qemu-aarch64.conf").read_bytes().strip())


def main() -> int:
    """Build a root, and run a command in it if there is one."""
    if len(sys.argv) < 3 or sys.argv[1] not in USERLANDS or sys.argv[2] not in MACHINES:
        print(__doc__, file=sys.stderr)
        return 2
    reason = lack(sys.argv[2])
    if reason:
        print(reason, file=sys.stderr)
        return 1
    root = build_root(sys.argv[1], sys.argv[2])
    print(root, file=sys.stderr)
    if sys.argv[3:]:
        done = run_in_root(root, sys.argv[3:], os.environ.get("QEMU_CPU", "cortex-a72"))
        print(done.stdout, end="")
        print(done.stderr, end="", file=sys.stderr)
        return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
