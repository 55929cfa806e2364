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
  host: { pid: 12, initPid: 11, uid: 300_001, driver: "usb-storage", memoryMb: 256 },
  reflector: { class: "block", pid: 10 },
  device: {
    id: "usb-1-4:1.0",
    identity: { vendor: "0781", product: "5583", serial: "4C53" },
    plugging: "1/4",
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
};
const kinds = Object.keys(records) as LegacyKind[];

/** The kind's number in the first byte, then the record. */
export default {
  what: "what one manager leaves to the next",
  seeds: kinds.map((kind, number) =>
    Buffer.concat([Uint8Array.of(number), bytesOf(encodeRecord(kind, records[kind]))]),
  ),
  words: ["null", "[]", "{}", "-1", "1e999", '"version":1', '"fenced":true', '"at":null'].map(bytesOf),
  run(input) {
    const kind = kinds[(input[0] ?? 0) % kinds.length]!;
    const record = decodeRecord(kind, `${kind}/x`, new TextDecoder().decode(input.subarray(1)));
    assert.deepEqual(decodeRecord(kind, `${kind}/x`, encodeRecord(kind, record)), record);
    return true;
  },
} satisfies Target;
