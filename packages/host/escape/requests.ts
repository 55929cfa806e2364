// Runs in: driver host, as the hostile driver of `ring3 probe`. Owns: nothing. ioctl requests. The filter looks at the request alone, so
// that any descriptor will do. The drive here is a stream: its driver is granted none; with usbfs those of control/surfaces.ts are let through.
import { type Group, harmless, refused } from "./probe.ts";

const CONTROL = 3; // host/main.ts

/** linux/usbdevice_fs.h, on 64-bit machines. */
const usbfs = {
  USBDEVFS_CONTROL: 0xc0185500,
  USBDEVFS_BULK: 0xc0185502,
  USBDEVFS_RESETEP: 0x80045503,
  USBDEVFS_SETINTERFACE: 0x80085504,
  USBDEVFS_SETCONFIGURATION: 0x80045505,
  USBDEVFS_GETDRIVER: 0x41045508,
  USBDEVFS_SUBMITURB: 0x8038550a,
  USBDEVFS_SUBMITURB32: 0x802a550a,
  USBDEVFS_DISCARDURB: 0x550b,
  USBDEVFS_REAPURB: 0x4008550c,
  USBDEVFS_REAPURB32: 0x4004550c,
  USBDEVFS_REAPURBNDELAY: 0x4008550d,
  USBDEVFS_REAPURBNDELAY32: 0x4004550d,
  USBDEVFS_DISCSIGNAL: 0x8010550e,
  USBDEVFS_CLAIMINTERFACE: 0x8004550f,
  USBDEVFS_RELEASEINTERFACE: 0x80045510,
  USBDEVFS_CONNECTINFO: 0x40085511,
  USBDEVFS_IOCTL: 0xc0105512,
  USBDEVFS_HUB_PORTINFO: 0x80805513,
  USBDEVFS_RESET: 0x5514,
  USBDEVFS_CLEAR_HALT: 0x80045515,
  USBDEVFS_DISCONNECT: 0x5516,
  USBDEVFS_CONNECT: 0x5517,
  USBDEVFS_CLAIM_PORT: 0x80045518,
  USBDEVFS_RELEASE_PORT: 0x80045519,
  USBDEVFS_GET_CAPABILITIES: 0x8004551a,
  USBDEVFS_DISCONNECT_CLAIM: 0x8108551b,
  USBDEVFS_ALLOC_STREAMS: 0x8008551c,
  USBDEVFS_FREE_STREAMS: 0x8008551d,
  USBDEVFS_DROP_PRIVILEGES: 0x4004551e,
  USBDEVFS_GET_SPEED: 0x551f,
  USBDEVFS_FORBID_SUSPEND: 0x5521,
  USBDEVFS_ALLOW_SUSPEND: 0x5522,
  USBDEVFS_WAIT_FOR_RESUME: 0x5523,
};

/** asm-generic/ioctls.h, asm-generic/sockios.h, linux/sockios.h, linux/fs.h */
const foreign = {
  TCGETS: 0x5401,
  TIOCSCTTY: 0x540e,
  TIOCSTI: 0x5412,
  FIONREAD: 0x541b,
  TIOCLINUX: 0x541c,
  TIOCCONS: 0x541d,
  TIOCSETD: 0x5423,
  FIONCLEX: 0x5450,
  FIOCLEX: 0x5451,
  FIOASYNC: 0x5452,
  FIOQSIZE: 0x5460,
  FIBMAP: 0x1,
  FIGETBSZ: 0x2,
  FIFREEZE: 0xc0045877,
  FICLONE: 0x40049409,
  FS_IOC_SETFLAGS: 0x40086602,
  FIOSETOWN: 0x8901,
  SIOCSPGRP: 0x8902,
  SIOCATMARK: 0x8905,
  SIOCGSTAMP: 0x8906,
  SIOCOUTQ: 0x5411,
  SIOCADDRT: 0x890b,
  SIOCGIFCONF: 0x8912,
  SIOCSIFFLAGS: 0x8914,
  SIOCGIFHWADDR: 0x8927,
  SIOCBRADDBR: 0x89a0,
  SIOCUNIXFILE: 0x89e0,
};

const of = (requests: Readonly<Record<string, number>>) =>
  Object.entries(requests).flatMap(([name, request]) =>
    refused(`ioctl ${name}`, CONTROL, request, new Uint8Array(512)),
  );

export const requests: Group = { name: "requests", probes: [...harmless(of(usbfs)), ...of(foreign)] };
