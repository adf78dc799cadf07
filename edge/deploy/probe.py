"""What a bundle has to fit: prints this Python's minor version and the machine, or says in one line why none fits."""

import platform
import struct
import sys

if struct.calcsize("P") != 8:
    sys.exit("readout: this system has 32 bits, LiteRT needs 64; install Raspberry Pi OS (64-bit)")
if sys.version_info[:2] not in ((3, 11), (3, 13)):
    sys.exit(
        f"readout: Python {platform.python_version()} does not fit; "
        "install Raspberry Pi OS Bookworm (Python 3.11) or Trixie (3.13)"
    )
if platform.machine() not in ("aarch64", "x86_64"):
    sys.exit(f"readout: there are no packages for a {platform.machine()}; take an aarch64 or x86_64 machine")
print(sys.version_info[1], platform.machine())
