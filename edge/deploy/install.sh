#!/bin/sh
# Install the bundle that this file lies in, as root:  sudo sh install.sh     (make deploy and make install call it)
#
# Each release is an environment of its own in /opt/readout/releases; /opt/readout/.venv leads to the one that runs. A
# release must pass `edge check` as the service's user before that is turned to it. Whatever fails before, or when the
# service starts, leaves the release, the unit and the service as they were; what apt installed stays.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
home=/opt/readout
unit=/etc/systemd/system/readout.service
config=/etc/readout/readout.toml
state=/var/lib/readout
least_kb=700000  # an environment takes 400 MB

say() { echo "readout: $*" >&2; }
fail() {
    say "$*"
    exit 1
}
systemd() { [ ! -d /run/systemd/system ] || systemctl "$@"; }
is_active() { [ -d /run/systemd/system ] && systemctl --quiet is-active readout; }
missing() {
    for package; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf ' %s' "$package"
    done
}

require_fit() {
    [ "$(id -u)" = 0 ] || fail "needs root; sudo sh $0"
    fits=$(python3 "$here/probe.py") || exit 1
    wanted=$(cat "$here/fits")
    [ "$fits" = "$wanted" ] || fail "this bundle is for Python 3.$wanted, here is 3.$fits; make a bundle for this device"
    [ -n "$(missing readout)" ] || fail "the Debian package readout is installed here; first: sudo apt remove readout"
    [ -L $home/.venv ] || [ ! -e $home/.venv ] || fail "$home/.venv is a folder made by hand; move it away first"
    mkdir -p $home/releases
    free_kb=$(df --output=avail -k $home | tail -n 1)
    [ "$free_kb" -ge $least_kb ] || fail "only $((free_kb / 1000)) MB are free in $home, $((least_kb / 1000)) are needed"
}

# What Python and the camera need of apt; only what is not there, so that a device without a network can be served.
install_packages() {
    camera=$(missing python3-picamera2 python3-lgpio)
    needed=$(missing python3-venv python3-numpy)
    [ -n "$camera$needed" ] || return 0
    say "apt installs$needed$camera"
    timeout 600 apt-get update -qq || say "apt cannot reach its sources; going on with what is here"
    if [ -n "$needed" ]; then
        apt_install $needed || fail "apt cannot install$needed; connect the device to the network once"
    fi
    for package in $camera; do
        apt_install "$package" || say "note: apt has no $package here; without it there is $(lost "$package")"
    done
}
apt_install() { DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 </dev/null; }
lost() { [ "$1" = python3-lgpio ] && echo "no lamp (led_pin)" || echo "no Pi camera; USB and network cameras work"; }

make_release() {
    python3 -m venv --system-site-packages "$release"
    numpy=$(python3 -c 'import numpy; print(numpy.__version__)')
    { cat "$here/constraints.txt" && echo "numpy==$numpy"; } >"$release/constraints.txt"  # apt's camera packages need theirs
    "$release/bin/python" -m pip install --quiet --disable-pip-version-check --no-index --find-links "$here" \
        --constraint "$release/constraints.txt" 'readout[edge]'
}

make_user() {
    getent passwd readout >/dev/null ||
        useradd --system --user-group --home-dir $state --shell /usr/sbin/nologin readout
    for group in video gpio; do
        if getent group $group >/dev/null; then usermod --append --groups $group readout; fi
    done
    install -d -o readout -g readout -m 750 $state
    [ -e $config ] || install -D -m 644 "$here/readout.toml" $config
}

# The shipped configuration, this release's or the last one's, names a camera that need not be there yet; one that was
# edited has to work.
check_release() {
    if cmp -s "$here/readout.toml" $config || cmp -s $home/readout.toml $config; then set --; else set -- --config $config; fi
    (cd $state && runuser -u readout -- "$release/bin/readout" check "$@")
}

turn_to() {
    ln -sfn "$1" $home/.venv.new
    mv -T $home/.venv.new $home/.venv
}

roll_back() {
    trap '' HUP INT TERM
    if [ -n "$before" ]; then turn_to "$before"; else rm -f $home/.venv; fi
    if [ -e $home/unit.before ]; then mv $home/unit.before $unit; elif [ -n "$is_new_unit" ]; then rm -f $unit; fi
    rm -rf "$release"
    systemd daemon-reload
    [ -z "$was_active" ] || systemd start readout || say "it does not start either; see: journalctl -u readout"
    say "rolled back: ${before:-nothing} is installed, as before"
}

require_fit
exec 9>$home/.lock
flock -n 9 || fail "another installation is at work here; wait for its end"
install_packages
before=$(readlink $home/.venv || true)
last=$(ls $home/releases | sort -n | tail -n 1)
name=releases/$((${last:-0} + 1))
release=$home/$name
was_active= is_new_unit=
trap roll_back EXIT
trap 'exit 1' HUP INT TERM

say "making $release"
make_release
make_user
if is_active; then
    was_active=yes
    systemd stop readout  # it holds the camera
fi
check_release
if [ -e $unit ]; then cp -p $unit $home/unit.before; else is_new_unit=yes; fi
install -m 644 "$here/readout.service" $unit
turn_to "$name"
systemd daemon-reload
if [ -n "$was_active" ]; then systemd start readout; fi
trap - EXIT

ln -sfn $home/.venv/bin/readout /usr/local/bin/readout
install -m 644 "$here/readout.toml" $home
rm -f $home/unit.before
for old in $home/releases/*; do
    [ "$old" = "$release" ] || [ "$old" = "$home/$before" ] || rm -rf "$old"
done
say "$("$release/bin/readout" --version) is installed"
[ -n "$was_active" ] || say "edit $config, then: sudo systemctl enable --now readout"
