// Runs in: fuzzing.
import assert from "node:assert/strict";
import {
  decodeRecord,
  encodeRecord,
  type LegacyKind,
  type LegacyRecord,
} from "../packages/control/legacy.ts";
import { bytesOf, type Target } from "./target.ts";

const records: { readonly [K in LegacyKind]: LegacyRecord<K> } = {
  host: {
    pid: 12,
    initPid: 11,
    uid: 300_001,
    driver: "usb-storage",
    memoryMb: 256,
    shared: { key: "pooled:disks/standard", inline: "block" },
  },
  seat: { host: "host/0.1", seat: 2 },
  reflector: { class: "block", pid: 10, host: null },
  input: { unit: "usb-1-4:1.0#0", index: 0, shape: "{}", memo: "" },
  disk: { number: 16, server: 10 },
  mapping: {
    text: "devices: []",
    profiles: [{ unit: "usb-1-4:1.0#0", identity: "054c:09cc A7", profile: "desktop" }],
  },
  device: {
    id: "usb-1-4:1.0",
    identity: { vendor: "0781", product: "5583", serial: "4C53" },
    plugging: "1/4",
    ordinal: 2,
    enumeration: 1,
    life: {
      state: "running",
      incarnation: 2,
      failures: 0,
      outsideFailures: 1,
      reason: "signal: SIGKILL",
      nextStart: "never",
      fenced: false,
    },
    lastFailure: { kind: "signal", text: "SIGKILL", outside: true },
    taken: true,
    takeable: true,
    rest: ["request", "sleep"],
    declined: { "generic-disk": "no disk" },
    driver: { name: "usb-storage", hash: "0123456789abcdef" },
    units: [{ index: 0, properties: { sectors: 8192, flags: 16 }, operations: ["read", "write"] }],
    host: "host/0.1",
  },
  client: {
    name: "process 4711",
    uid: 1000,
    reflector: null,
    openings: [
      {
        device: "usb-1-4:1.0",
        unit: 0,
        mode: "write",
        opening: 1,
        channel: 2,
        at: { host: "host/0.1", channel: 3 },
        failures: 0,
      },
    ],
  },
  plug: {
    port: "sim1",
    socket: "/run/sim/usbip.sock",
    busid: "1-1",
    serverPid: 99,
    busNumber: 1,
    deviceNumber: 2,
    speed: "high",
    configurationValue: 1,
    descriptors: "EgEAAgAAAEA=",
    strings: { manufacturer: "ring3", product: null, serial: "1" },
  },
  history: {
    device: "usb-1-4:1.0",
    enumeration: 1,
    page: 2,
    passages: [
      {
        device: "usb-1-4:1.0",
        timeMs: 1_800_000_000_000,
        state: "failed",
        reason: "crash: TypeError: no disk",
        incarnation: 2,
        fenced: false,
        hostPid: 12,
      },
    ],
    steps: [
      {
        device: "usb-1-4:1.0",
        timeMs: 1_800_000_000_001,
        sinceMs: 1.5,
        incarnation: 2,
        step: "replayed",
        detail: "process 4711",
        requests: 3,
      },
    ],
  },
};
const kinds = Object.keys(records) as LegacyKind[];

/** Every place in a value, itself included. */
function placesIn(value: unknown, at: readonly string[] = []): (readonly string[])[] {
  const below = typeof value === "object" && value !== null ? Object.entries(value) : [];
  return [at, ...below.flatMap(([key, inner]) => placesIn(inner, [...at, key]))];
}

const valueAt = (value: unknown, place: readonly string[]): unknown =>
  place.reduce((outer, key) => (outer as Record<string, unknown>)[key], value);

/** With what that text means in one place. */
function replaced(value: unknown, [key, ...rest]: readonly string[], text: string): unknown {
  if (key === undefined) return JSON.parse(text);
  const copy = Array.isArray(value) ? [...value] : { ...(value as object) };
  const fields = copy as Record<string, unknown>;
  fields[key] = replaced(fields[key], rest, text);
  return copy;
}

const notes = kinds.map((kind) => {
  const whole: unknown = JSON.parse(encodeRecord(kind, records[kind]));
  return { kind, whole, places: placesIn(whole) };
});

/** With that text in that place: as JSON where it is some, else as a string; in the first place it is all there is. */
function noteWith({ whole, places }: (typeof notes)[number], number: number, text: string): string {
  const place = places[number % places.length]!;
  if (place.length === 0) return text;
  try {
    return JSON.stringify(replaced(whole, place, text));
  } catch {
    return JSON.stringify(replaced(whole, place, JSON.stringify(text)));
  }
}

export default {
  what: "what one manager leaves to the next",
  /** The kind's number, the place's, and a text for that place. */
  seeds: notes.flatMap(({ whole, places }, number) =>
    places.map((place, index) =>
      Buffer.concat([Uint8Array.of(number, index), bytesOf(JSON.stringify(valueAt(whole, place)))]),
    ),
  ),
  words: ["null", "[]", "{}", "-1", "1e999", "true", '"at"', "4294967295"].map(bytesOf),
  run(input) {
    const [number = 0, place = 0] = input;
    const note = notes[number % notes.length]!;
    const { kind } = note;
    const text = noteWith(note, place, new TextDecoder().decode(input.subarray(2)));
    const record = decodeRecord(kind, `${kind}/x`, text);
    assert.deepEqual(decodeRecord(kind, `${kind}/x`, encodeRecord(kind, record)), record);
    return true;
  },
} satisfies Target;
