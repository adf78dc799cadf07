#!/bin/bash
# Build a Debian package that needs no network to install:  edge/deploy/build_deb.sh arm64|amd64 OUT
#
# The package holds the wheels of this project and of what apt has not, unpacked for each Python that Raspberry Pi OS
# has (Bookworm 3.11, Trixie 3.13). Numpy comes from apt, for apt's picamera2 is built against that one; OpenCV does not:
# Bookworm's 4.6 normalizes digits to other pixels than the bundles were made with.
# Needs dpkg-deb, and the Python that PYTHON names, with pip.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
arch=$1 out=$(mkdir -p "$2" && readlink -f "$2")
case $arch in arm64) machine=aarch64 ;; amd64) machine=x86_64 ;; *) echo "arm64 or amd64, not $arch" >&2; exit 2 ;; esac
python=${PYTHON:-python3}
version=${VERSION:-$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)}
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
root=$work/root

grep -v '^numpy' requirements.lock >"$work/constraints"  # which pins that of Python 3.11

"$python" -m pip wheel --quiet --no-deps --wheel-dir "$work" .
wheel=$(ls "$work"/readout-*.whl)
platforms=()
for glibc in manylinux2014 manylinux_2_17 manylinux_2_27 manylinux_2_28; do platforms+=(--platform "${glibc}_$machine"); done
for minor in 11 13; do
    "$python" -m pip download --quiet --only-binary=:all: --constraint "$work/constraints" \
        --implementation cp --python-version 3.$minor --abi cp3$minor --abi abi3 --abi none \
        "${platforms[@]}" --dest "$work/3.$minor" "$wheel[edge]"
    rm "$work/3.$minor"/numpy-*.whl  # apt's
    for each in "$work/3.$minor"/*.whl; do
        case $each in *-none-any.whl | *-abi3-*) folder=common ;; *) folder=python3.$minor ;; esac
        mkdir -p "$root/usr/lib/readout/$folder"
        "$python" -m zipfile -e "$each" "$root/usr/lib/readout/$folder"
    done
done

files=edge/deploy
install -D -m 755 $files/readout.sh "$root/usr/bin/readout"
install -D -m 644 $files/readout.service "$root/usr/lib/systemd/system/readout.service"
install -D -m 644 $files/debian/unit.conf "$root/usr/lib/systemd/system/readout.service.d/debian.conf"
install -D -m 644 $files/readout.toml "$root/etc/readout/readout.toml"
install -D -m 644 LICENSE "$root/usr/share/doc/readout/copyright"
mkdir -p "$root/DEBIAN"
sed "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@SIZE@/$(du -sk "$root" | cut -f1)/" $files/debian/control >"$root/DEBIAN/control"
echo /etc/readout/readout.toml >"$root/DEBIAN/conffiles"
install -m 755 $files/debian/{postinst,prerm,postrm} "$root/DEBIAN/"
chmod -R u+rwX,go+rX,go-w "$root"
dpkg-deb --root-owner-group -Zzstd --build "$root" "$out/readout_${version}_$arch.deb"
