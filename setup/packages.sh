#!/bin/sh
# Runs in: make demo, make test, make lab, make bench. Installs what they need and this machine lacks (Debian packages, as root);
# as anybody else it says what to install and stops.
set -eu
PATH=$PATH:/usr/sbin:/sbin
missing=
need() { # COMMAND PACKAGE
  command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need_file() { # PATH PACKAGE, of what is no command
  [ -e "$1" ] || missing="$missing $2"
}

need cc 'gcc libc6-dev'
need bwrap bubblewrap
case ${1-} in
  demo) ;;
  bench)
    need nbdkit nbdkit
    need qemu-storage-daemon qemu-system-common
    need fio fio
    need nbdcopy libnbd-bin
    need taskset util-linux
    ;;
  recording)
    need asciinema asciinema
    need termtosvg termtosvg
    need nbdcopy libnbd-bin
    ;;
  test)
    need qemu-system-x86_64 qemu-system-x86
    need qemu-img qemu-utils
    need busybox busybox-static
    need depmod kmod
    need dpkg dpkg
    need setpriv util-linux
    need nbdinfo libnbd-bin
    need nbd-client nbd-client
    need fio fio
    need mkfs.ext4 e2fsprogs
    need mkfs.vfat dosfstools
    need mcopy mtools
    need evtest evtest
    need fftest joystick
    need evemu-record evemu-tools
    need libinput libinput-tools
    need_file /usr/lib/systemd/systemd-udevd udev
    need_file /usr/libexec/installed-tests/SDL2/testgamecontroller libsdl2-tests
    need_file /usr/lib/python3/dist-packages/evdev python3-evdev
    need systemd-analyze systemd
    need busctl systemd
    need chromium chromium
    need_file /usr/share/fonts/truetype/dejavu 'fonts-dejavu-core'
    need dbus-daemon dbus-daemon
    need_file /usr/lib/python3/dist-packages/dbusmock python3-dbusmock
    ;;
  *) echo 'usage: packages.sh demo|bench|recording|test' >&2; exit 2 ;;
esac
[ -n "$missing" ] || exit 0

echo "== Debian packages:$missing"
install="apt-get install -y --no-install-recommends$missing"
if ! command -v apt-get >/dev/null 2>&1; then
  echo "These programs' packages are missing, under their Debian names:$missing. Install them with this system's package manager." >&2
  exit 1
fi
if [ "$(id -u)" != 0 ]; then
  printf 'Missing on this machine. Run this and try again:\n  sudo apt-get update && sudo %s\n' "$install" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
$install
