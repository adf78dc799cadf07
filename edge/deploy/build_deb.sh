#!/bin/bash
# Build a Debian package that needs no network to install:  edge/deploy/build_deb.sh arm64|amd64 OUT
#
# The package holds the wheels of wheels.sh, unpacked for each Python that Raspberry Pi OS has (Bookworm 3.11, Trixie
# 3.13).
# Needs dpkg-deb, and the Python that PYTHON names, with pip.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
arch=$1 out=$(mkdir -p "$2" && readlink -f "$2")
case $arch in arm64) machine=aarch64 ;; amd64) machine=x86_64 ;; *) echo "arm64 or amd64, not $arch" >&2; exit 2 ;; esac
python=${PYTHON:-python3}
version=${VERSION:-$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)}
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
root=$work/root

for minor in 11 13; do
    PYTHON=$python edge/deploy/wheels.sh $minor "$machine" "$work/3.$minor"
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
