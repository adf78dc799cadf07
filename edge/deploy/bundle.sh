#!/bin/bash
# Make the folder that install.sh installs from, and print its name:  edge/deploy/bundle.sh MINOR aarch64|x86_64
#
# It holds all that the device needs beside apt's packages, so the device needs no network. Wheels that were fetched
# for a device like it are taken again; this project's own is always built anew.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
minor=$1 machine=$2
folder=$PWD/build/deploy/cp3$minor-$machine
PYTHON=${PYTHON:-python3} edge/deploy/wheels.sh "$minor" "$machine" "$folder" >&2
install -m 755 edge/deploy/install.sh "$folder"
install -m 644 edge/deploy/{probe.py,readout.service,readout.toml} "$folder"
echo "$minor $machine" >"$folder/fits"
echo "$folder"
