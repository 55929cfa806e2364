// Runs in: manager. Owns: the netlink socket on which the kernel announces devices.
import { check, Descriptor } from "../fd/descriptor.ts";
import { native } from "../native.ts";
import { type Watch, watch } from "../poll/watch.ts";

export interface Uevent {
  /** add, remove, change, move, online, offline, bind, unbind (lib/kobject_uevent.c) */
  readonly action: string;
  /** Below /sys, beginning with a slash, without `..`. */
  readonly devpath: string;
  readonly subsystem: string;
  /** All of it: DEVTYPE, DEVNAME, BUSNUM, PRODUCT … */
  readonly properties: ReadonlyMap<string, string>;
}

const MESSAGE_MAX = 8192; // a header and UEVENT_BUFFER_SIZE = 2048 of properties, linux/kobject.h
const MESSAGES_A_TURN = 256;

const EAGAIN = 11; // asm-generic/errno-base.h
const EMSGSIZE = 90; // asm-generic/errno.h
const ENOBUFS = 105;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** undefined for what is not a whole message of the kernel: `ACTION@DEVPATH`, then `KEY=VALUE`, each ended by NUL. */
export function parseUevent(bytes: Uint8Array): Uevent | undefined {
  if (bytes.length === 0 || bytes.length > MESSAGE_MAX || bytes.at(-1) !== 0) return undefined;
  let lines: string[];
  try {
    lines = utf8.decode(bytes.subarray(0, -1)).split("\0");
  } catch {
    return undefined;
  }
  const properties = new Map<string, string>();
  for (const line of lines.slice(1)) {
    const equals = line.indexOf("=");
    if (equals < 1 || properties.has(line.slice(0, equals))) return undefined;
    properties.set(line.slice(0, equals), line.slice(equals + 1));
  }
  const action = properties.get("ACTION");
  const devpath = properties.get("DEVPATH");
  const subsystem = properties.get("SUBSYSTEM");
  if (action === undefined || devpath === undefined || subsystem === undefined) return undefined;
  if (!/^[a-z]+$/.test(action) || lines[0] !== `${action}@${devpath}`) return undefined;
  if (!devpath.startsWith("/") || devpath.split("/").includes("..")) return undefined;
  return { action, devpath, subsystem, properties };
}

/** `lost` when announcements did not fit: read sysfs anew. */
export function watchUevents(run: (event: Uevent) => void, lost: () => void): Watch {
  const socket = new Descriptor(check(native.ueventSocket(), "open the kernel's uevent socket"));
  const buffer = new Uint8Array(MESSAGE_MAX);
  const watched = watch(socket.fd, { readable: true }, () => {
    for (let messages = 0; messages < MESSAGES_A_TURN && socket.fd >= 0; messages++) {
      const length = native.recvUevent(socket.fd, buffer);
      if (length === -EAGAIN) return;
      if (length === -ENOBUFS || length === -EMSGSIZE) lost();
      else {
        const event = parseUevent(buffer.subarray(0, check(length, "receive a uevent")));
        if (event !== undefined) run(event);
      }
    }
  });
  return {
    set: watched.set,
    ref: watched.ref,
    close() {
      watched.close();
      socket.close();
    },
  };
}
