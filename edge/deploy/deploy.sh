#!/bin/bash
# Install readout on a device over ssh:  edge/deploy/deploy.sh USER@HOST
#
# SSH_OPTIONS are given to ssh, for example "-p 2222 -i key". The device needs no network where apt's packages are
# there; a password is asked for once by ssh, and once by sudo where the user needs one.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
fail() { echo "readout: $*" >&2; exit 1; }

pi=${1:-}
[ -n "$pi" ] || { echo "readout: name the device: make deploy PI=user@host" >&2; exit 2; }
sockets=$(mktemp -d)
read -ra options <<<"${SSH_OPTIONS:-}"
options+=(-o ControlMaster=auto -o ControlPersist=60 -o "ControlPath=$sockets/%C" -o ConnectTimeout=20)
on_device() { ssh "${options[@]}" "$pi" "$@"; }
finish() {
    on_device -O exit 2>/dev/null || true
    rm -rf "$sockets"
}
trap finish EXIT

on_device true || fail "cannot log in to $pi; check name, network and password: ssh $pi"
on_device command -v python3 >/dev/null || fail "$pi has no python3; install Raspberry Pi OS (64-bit)"
fits=$(on_device python3 - <edge/deploy/probe.py) || exit 1
echo "making the bundle for Python 3.${fits% *} on ${fits#* }" >&2
folder=$(edge/deploy/bundle.sh $fits) || fail "the bundle could not be made; pip says why above, it needs a network once"

echo "copying $(du -sh "$folder" | cut -f1) to $pi" >&2
place=.cache/readout-bundle
tar -C "$folder" -cf - . | on_device "rm -rf $place && mkdir -p $place && tar --no-same-owner -C $place -xf -" ||
    fail "the bundle could not be copied to $pi; is its disk full? ssh $pi df -h"
terminal=()
[ -t 0 ] && terminal=(-t)
status=0
ssh "${options[@]}" "${terminal[@]}" "$pi" "\$([ \$(id -u) = 0 ] || echo sudo) sh $place/install.sh" || status=$?
on_device rm -rf "$place"
[ "$status" = 0 ] || fail "$pi is as it was before"
