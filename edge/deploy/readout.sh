#!/bin/sh
# readout, with the packages that came with it for this Python.
minor=$(python3 -c 'import sys; print(sys.version_info[1])')
packages=/usr/lib/readout/python3.$minor
if [ ! -d "$packages" ]; then
    echo "readout: this package holds nothing for Python 3.$minor; install the package of this system's release" >&2
    exit 1
fi
PYTHONPATH=$packages:/usr/lib/readout/common exec python3 -sP -m edge "$@"
