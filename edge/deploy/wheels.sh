#!/bin/bash
# Put the wheels that a device needs into OUT:  edge/deploy/wheels.sh MINOR aarch64|x86_64 OUT
#
# This project's, and those of what apt has not or has too old. Numpy comes from apt, for apt's picamera2 is built
# against that one; OpenCV does not: Bookworm's 4.6 normalizes digits to other pixels than the bundles were made with.
# Beside them lies constraints.txt, the versions that were tested. What is in OUT already and still asked for is taken
# as it is, but for this project's wheel. Needs the Python that PYTHON names, with pip.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
minor=$1 machine=$2 out=$(mkdir -p "$3" && readlink -f "$3")
python=${PYTHON:-python3}

asked=$(cat pyproject.toml requirements.lock "$0" | sha256sum)
[ "$(cat "$out/asked" 2>/dev/null)" = "$asked" ] || rm -f "$out"/*.whl "$out/asked"
# One set of versions for both Pythons, that of 3.11; numpy is pinned there for the workstation.
sed "/^numpy/d; />= '3.12'/d; s/ *;.*//" requirements.lock >"$out/constraints.txt"
rm -f "$out"/readout-*.whl
"$python" -m pip wheel --quiet --no-deps --wheel-dir "$out" .
[ -e "$out/asked" ] && exit
platforms=()
for glibc in manylinux2014 manylinux_2_17 manylinux_2_27 manylinux_2_28; do platforms+=(--platform "${glibc}_$machine"); done
"$python" -m pip download --quiet --only-binary=:all: --constraint "$out/constraints.txt" \
    --implementation cp --python-version "3.$minor" --abi "cp3$minor" --abi abi3 --abi none \
    "${platforms[@]}" --dest "$out" "$(ls "$out"/readout-*.whl)[edge]"
rm "$out"/numpy-*.whl
echo "$asked" >"$out/asked"
