#!/bin/sh
# Runs in: make recording, in the terminal that is recorded; its folder has disk.img, which is plugged in as usb-stick:1.0. Owns: what is typed there.
set -eu
DEVICE=usb-stick:1.0

typed() { # COMMAND [WHAT IT IS FOR]
  printf '\033[32m$\033[0m '
  line="$1${2:+   # $2}"
  while [ -n "$line" ]; do
    rest=${line#?}
    printf %s "${line%"$rest"}"
    line=$rest
    sleep 0.03
  done
  echo
  eval "$1"
}

of_device() { # EXPRESSION
  ring3 status --json | "$NODE" -p "const device = JSON.parse(fs.readFileSync(0)).devices[0]; $1"
}

DISK=$(of_device 'device.units[0].endpoints[0].address')
typed 'ring3 status'
sleep 1
typed 'nbdcopy "$DISK" copy.img &' 'an unmodified program at work'
sleep 1
typed "kill -9 $(of_device device.hostPid)" "the disk's driver, meanwhile"
sleep 1
typed "kill -STOP $(of_device device.hostPid)" 'and the next one hangs'
typed 'wait; cmp copy.img disk.img && echo the same bytes'
sleep 1
typed "ring3 logs $DEVICE | grep -e 'driver failed' -e 'running inc'"
typed 'ring3 status'
sleep 4
