// Runs in: manager. Owns: nothing. The form of what one manager leaves to the next, record by record; the keeper has it meanwhile.

import { DeviceError } from "@ring3/core/errors";
import * as v from "valibot";
import {
  access,
  channel,
  className,
  count,
  failureKind,
  identity,
  incarnation,
  mappingText,
  name,
  path,
  pid,
  reflectorsWords,
  text,
  userId,
} from "./fields.ts";
import { hostUnit } from "./host-edge.ts";
import { firstIssue } from "./issues.ts";
import { passage, step } from "./observation.ts";
import { deviceState } from "./status.ts";

/** Counts up with every change to a form below. A record of another version is another ring3's. */
export const legacyVersion = 6;

/** A driver host, or a spare. Held: pidfds of the sandbox's init and of the host, its output, bubblewrap's report, the host's other connection. */
const host = v.strictObject({
  pid,
  initPid: pid,
  /** Of its own, and not to be another's while it lives. */
  uid: v.nullable(userId),
  driver: name,
  memoryMb: count,
  /** Of a process in which drivers have seats: whose these may be, and, where it is a reflector too, of which class. */
  shared: v.nullable(v.strictObject({ key: text, inline: v.nullable(className) })),
});
export type HostRecord = v.InferOutput<typeof host>;

/** A driver's place in a shared process. Held: its other connection. */
const seat = v.strictObject({ host: name, seat: count });
export type SeatRecord = v.InferOutput<typeof seat>;

/** Held: its other connection. `host`: of an inline driver, the record of the process. */
const reflector = v.strictObject({ class: className, pid, host: v.nullable(name) });

const restReason = v.picklist(["request", "sleep"]);
/** A person, or the machine that is about to sleep. A driver works again when nobody wants it at rest any more. */
export type RestReason = v.InferOutput<typeof restReason>;

/** Held: the memory that it shares with its drivers. */
const device = v.strictObject({
  id: name,
  identity,
  /** Its number among those of its class; null: no driver was started for it yet. */
  ordinal: v.nullable(v.pipe(count, v.minValue(1))),
  /** Which plugging-in of it the bus had seen. */
  plugging: name,
  enumeration: incarnation,
  life: v.strictObject({
    state: deviceState,
    incarnation: count,
    failures: count,
    outsideFailures: count,
    reason: text,
    nextStart: v.picklist(["now", "back-off", "never"]),
    fenced: v.boolean(),
  }),
  lastFailure: v.nullable(v.strictObject({ kind: failureKind, text, outside: v.boolean() })),
  /** The kernel's drivers have not been offered it since. */
  taken: v.boolean(),
  /** It may be taken from them. */
  takeable: v.boolean(),
  /** Who wants its driver at rest. */
  rest: v.array(restReason),
  driver: v.nullable(v.strictObject({ name, hash: name })),
  /** By the names of drivers that did not want it: why. */
  declined: v.record(name, text),
  units: v.array(hostUnit),
  /** The name of its host's record. */
  host: v.nullable(name),
});
export type DeviceRecord = v.InferOutput<typeof device>;

/** Who has opened what. */
const client = v.strictObject({
  name: text,
  uid: userId,
  /** Which one it is. */
  reflector: v.nullable(name),
  openings: v.array(
    v.strictObject({
      device: name,
      unit: count,
      mode: access,
      opening: channel,
      channel,
      /** What that host calls it, while it lives. */
      at: v.nullable(v.strictObject({ host: name, channel })),
      failures: count,
    }),
  ),
});
export type ClientRecord = v.InferOutput<typeof client>;

/** A device behind a USB/IP server's socket. */
const plug = v.strictObject({
  port: name,
  socket: path,
  busid: name,
  serverPid: pid,
  busNumber: count,
  deviceNumber: count,
  speed: v.picklist(["low", "full", "high", "super", "super-plus"]),
  configurationValue: count,
  /** base64. */
  descriptors: v.string(),
  strings: v.strictObject({
    manufacturer: v.nullable(text),
    product: v.nullable(text),
    serial: v.nullable(text),
  }),
});
export type PlugRecord = v.InferOutput<typeof plug>;

/**
 * An input device that the kernel has of us. Held: its descriptor of /dev/uinput. `shape`: what it was made of; `memo`: what the reflector that
 * serves it wants the next one to know. Both in its own words.
 */
const input = v.strictObject({ unit: name, index: count, shape: reflectorsWords, memo: reflectorsWords });

/** A disk of the kernel's that is served through a socket (/dev/nbdN), and by which process. Held: that process's end. */
const disk = v.strictObject({ number: count, server: pid });

/** What the mapping file said when it was accepted last, and which profiles were active: a mistake made in it since must not end what runs. */
const mapping = v.strictObject({
  text: mappingText,
  profiles: v.array(v.strictObject({ unit: name, identity: text, profile: name })),
});
export type MappingRecord = v.InferOutput<typeof mapping>;

/** A page of what a device has gone through, in its order; and which enumeration of the device it was when that was written last. */
const history = v.strictObject({
  device: name,
  enumeration: incarnation,
  page: incarnation,
  passages: v.array(passage),
  steps: v.array(step),
});
export type HistoryRecord = v.InferOutput<typeof history>;

const forms = { host, seat, reflector, device, client, plug, input, disk, mapping, history };
export type LegacyKind = keyof typeof forms;
export type LegacyRecord<K extends LegacyKind> = v.InferOutput<(typeof forms)[K]>;

/** "host/3.1", "device/usb-1-4:1.0": its kind, then a name of its own. */
export function recordName(kind: LegacyKind, own: string): string {
  return `${kind}/${own}`;
}

export function encodeRecord<K extends LegacyKind>(_kind: K, record: LegacyRecord<K>): string {
  return JSON.stringify({ version: legacyVersion, record });
}

export function isOfKind(kind: LegacyKind, recordName: string): boolean {
  return recordName.startsWith(`${kind}/`);
}

/** Throws DeviceError("invalid") for what no manager of this version has written. */
export function decodeRecord<K extends LegacyKind>(
  kind: K,
  recordName: string,
  note: string | null,
): LegacyRecord<K> {
  const what = `record ${recordName} of an earlier manager`;
  if (note === null) throw new DeviceError("invalid", `${what}: it has no text`);
  const { version, record } = parse(note, what);
  if (version !== legacyVersion)
    throw new DeviceError("invalid", `${what}: version ${String(version)}, this ring3 has ${legacyVersion}`);
  const parsed = v.safeParse(forms[kind], record, { abortEarly: true });
  if (!parsed.success) throw new DeviceError("invalid", `${what}: ${firstIssue(kind, parsed.issues)}`);
  return parsed.output as LegacyRecord<K>;
}

function parse(note: string, what: string): { version?: unknown; record?: unknown } {
  try {
    return Object(JSON.parse(note));
  } catch (cause) {
    throw new DeviceError("invalid", `${what}: no JSON`, { cause });
  }
}
