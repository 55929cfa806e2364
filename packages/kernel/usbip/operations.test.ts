import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "@ring3/core/errors";
import fc from "fast-check";
import {
  type Decoded,
  decodeDevlistReply,
  decodeImportReply,
  decodeRequest,
  encodeDevlistReply,
  encodeImportReply,
  encodeRequest,
  type ListedDevice,
} from "./operations.ts";

const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(model, { noNullPrototype: true });

const text = (maxLength: number) =>
  fc.string({ unit: fc.constantFrom(..."abcXYZ019-./: "), minLength: 1, maxLength });
const u8 = fc.nat(255);
const u16 = fc.nat(0xffff);
const device: fc.Arbitrary<ListedDevice> = record({
  path: text(255),
  busid: text(31),
  busNumber: u16,
  deviceNumber: u16,
  speed: fc.constantFrom("low", "full", "high", "super", "super-plus"),
  vendorId: u16,
  productId: u16,
  deviceVersion: u16,
  deviceClass: u8,
  deviceSubclass: u8,
  deviceProtocol: u8,
  configurationValue: u8,
  configurationCount: u8,
  interfaces: fc.array(record({ class: u8, subclass: u8, protocol: u8 }), { maxLength: 5 }),
}).map((fields) => ({ ...fields, interfaceCount: fields.interfaces.length }));

/** As the handshake reads: only what is said to be needed. */
function readAsNeeded<T>(bytes: Uint8Array, decode: (bytes: Uint8Array) => Decoded<T>): T {
  let have = 0;
  for (let decoded = decode(bytes.subarray(0, have)); ; decoded = decode(bytes.subarray(0, have))) {
    if ("value" in decoded) return decoded.value;
    assert(decoded.needs > have && decoded.needs <= bytes.length);
    have = decoded.needs;
  }
}

test("an import request has the specification's 40 bytes", () => {
  const bytes = encodeRequest({ request: "import", busid: "1-1" });
  assert.deepEqual([...bytes], [1, 0x11, 0x80, 3, 0, 0, 0, 0, 0x31, 0x2d, 0x31, ...new Uint8Array(29)]);
  assert.deepEqual(decodeRequest(bytes), { value: { request: "import", busid: "1-1" } });
});

test("a device list request has the specification's 8 bytes", () => {
  const bytes = encodeRequest({ request: "devlist" });
  assert.deepEqual([...bytes], [1, 0x11, 0x80, 5, 0, 0, 0, 0]);
  assert.deepEqual(decodeRequest(bytes), { value: { request: "devlist" } });
});

test("every device list survives encoding and decoding, read byte count by byte count", () => {
  fc.assert(
    fc.property(fc.array(device, { maxLength: 4 }), (devices) => {
      assert.deepEqual(readAsNeeded(encodeDevlistReply(devices), decodeDevlistReply), devices);
    }),
  );
});

test("every import reply survives encoding and decoding", () => {
  fc.assert(
    fc.property(device, ({ interfaces: _, ...exported }) => {
      const bytes = encodeImportReply({ device: exported });
      assert.equal(bytes.length, 0x140);
      assert.deepEqual(
        readAsNeeded(bytes, (some) => decodeImportReply(some, exported.busid)),
        exported,
      );
    }),
  );
});

const sample: ListedDevice = {
  path: "/sys/devices/pci0000:00/0000:00:1d.1/usb3/3-2",
  busid: "3-2",
  busNumber: 3,
  deviceNumber: 2,
  speed: "high",
  vendorId: 0x46f4,
  productId: 1,
  deviceVersion: 0,
  deviceClass: 0,
  deviceSubclass: 0,
  deviceProtocol: 0,
  configurationValue: 1,
  configurationCount: 1,
  interfaceCount: 1,
  interfaces: [{ class: 8, subclass: 6, protocol: 0x50 }],
};

function changed(bytes: Uint8Array, offset: number, ...values: number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, offset);
  return copy;
}

const list = encodeDevlistReply([sample]);
const imported = encodeImportReply({ device: sample });
const decodeImport = (bytes: Uint8Array) => decodeImportReply(bytes, "3-2");

test("the fields of a listed device lie at the specification's offsets", () => {
  const view = new DataView(list.buffer);
  assert.equal(new TextDecoder().decode(list.subarray(0x10c, 0x10f)), "3-2");
  assert.deepEqual([view.getUint32(0x12c), view.getUint32(0x130), view.getUint32(0x134)], [3, 2, 3]);
  assert.deepEqual(
    [view.getUint16(0x138), view.getUint16(0x13a), list[0x141], list[0x143]],
    [0x46f4, 1, 1, 1],
  );
  assert.deepEqual([...list.subarray(0x144)], [8, 6, 0x50, 0]);
});

const refused: [string, () => unknown, string, RegExp][] = [
  [
    "another version",
    () => decodeDevlistReply(changed(list, 0, 1, 0)),
    "protocol",
    /version: expected 0x0111, found 0x0100/,
  ],
  [
    "the reply to something else",
    () => decodeDevlistReply(imported),
    "protocol",
    /code: expected 0x0005, found 0x0003/,
  ],
  [
    "a million devices",
    () => decodeDevlistReply(changed(list, 8, 0, 15, 66, 64)),
    "protocol",
    /number of devices: expected at most 1024/,
  ],
  [
    "speed 4, which is wireless",
    () => decodeImport(changed(imported, 0x133, 4)),
    "protocol",
    /speed: .* found 4/,
  ],
  ["speed 77", () => decodeImport(changed(imported, 0x133, 77)), "protocol", /speed: .* found 77/],
  ["a bus number beyond 16 bits", () => decodeImport(changed(imported, 0x128, 1)), "protocol", /busnum/],
  ["a device number beyond 16 bits", () => decodeImport(changed(imported, 0x12c, 1)), "protocol", /devnum/],
  [
    "a path without end",
    () => decodeImport(changed(imported, 8, ...new Uint8Array(256).fill(65))),
    "protocol",
    /path: expected a zero byte/,
  ],
  [
    "a bus id with an escape sequence",
    () => decodeImport(changed(imported, 0x108, 0x1b)),
    "protocol",
    /busid: expected printable ASCII/,
  ],
  [
    "another device than the one asked for",
    () => decodeImport(changed(imported, 0x10a, 0x33)),
    "protocol",
    /expected the one asked for, "3-2", found "3-3"/,
  ],
  [
    "the server's no such device",
    () => decodeImport(encodeImportReply({ status: 1 })),
    "disconnected",
    /no such device to export/,
  ],
  [
    "the server's busy",
    () => decodeImport(encodeImportReply({ status: 2 })),
    "busy",
    /exported it to somebody else/,
  ],
  ["a status nobody knows", () => decodeImport(encodeImportReply({ status: 99 })), "io", /server status 99/],
  [
    "a request of unknown kind",
    () => decodeRequest(changed(encodeRequest({ request: "devlist" }), 3, 9)),
    "protocol",
    /code: .* found 0x8009/,
  ],
  [
    "a bus id too long to ask for",
    () => encodeRequest({ request: "import", busid: "x".repeat(32) }),
    "invalid",
    /busid/,
  ],
];
for (const [name, run, kind, message] of refused) {
  test(`${name} is refused`, () => {
    assert.throws(
      run,
      (error) => error instanceof DeviceError && error.kind === kind && message.test(error.message),
    );
  });
}

test("random bytes give a reply, a wish for more, or a DeviceError", () => {
  const decoders = [decodeDevlistReply, decodeImport, decodeRequest];
  const opening = fc.constantFrom(
    [1, 0x11, 0, 5, 0, 0, 0, 0],
    [1, 0x11, 0, 3, 0, 0, 0, 0],
    [1, 0x11, 0x80, 3, 0, 0, 0, 0],
    [],
  );
  fc.assert(
    fc.property(opening, fc.uint8Array({ maxLength: 900 }), (start, rest) => {
      for (const decode of decoders) {
        try {
          const decoded = decode(Uint8Array.of(...start, ...rest));
          assert("value" in decoded || decoded.needs > start.length + rest.length);
        } catch (error) {
          assert(error instanceof DeviceError);
        }
      }
    }),
  );
});
