import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "@ring3/core/errors";
import fc from "fast-check";
import { parseConfiguration } from "./configuration.ts";
import { qemuUas, qemuUsbNet, qemuUsbStorage, realDevices } from "./descriptors.fixture.ts";
import { parseDescriptors, parseDeviceDescriptor } from "./descriptors.ts";

/** A copy with single bytes replaced: `changed(bytes, { 20: 0xff })`. */
function changed(bytes: Uint8Array, at: Record<number, number>): Uint8Array {
  const copy = bytes.slice();
  for (const [offset, value] of Object.entries(at)) copy[Number(offset)] = value;
  return copy;
}

function inserted(bytes: Uint8Array, offset: number, ...piece: number[]): Uint8Array {
  return Uint8Array.from([...bytes.subarray(0, offset), ...piece, ...bytes.subarray(offset)]);
}

function refusal(bytes: Uint8Array): string {
  try {
    parseDescriptors(bytes);
  } catch (error) {
    assert(error instanceof DeviceError);
    assert.equal(error.kind, "protocol");
    return error.message.replace("USB descriptors, ", "").replace(": the peer broke the protocol", "");
  }
  return "accepted";
}

test("QEMU's usb-storage gives one Bulk-Only interface with two bulk endpoints", () => {
  const { device, configurations } = parseDescriptors(qemuUsbStorage);
  assert.equal(device.vendorId, 0x46f4);
  assert.equal(device.productId, 1);
  assert.equal(device.usbVersion, 0x0200);
  assert.equal(device.maxPacketSize0, 64);
  assert.deepEqual([device.manufacturerString, device.productString, device.serialString], [1, 2, 3]);
  assert.equal(configurations.length, 1);
  assert.equal(configurations[0]?.attributes, 0xc0);
  assert.equal(configurations[0]?.interfaces.length, 1);
  const storage = configurations[0]!.interfaces[0]!;
  assert.deepEqual([storage.class, storage.subclass, storage.protocol], [8, 6, 0x50]);
  assert.deepEqual(
    storage.endpoints.map(({ address, type, maxPacketSize }) => ({ address, type, maxPacketSize })),
    [
      { address: 0x81, type: "bulk", maxPacketSize: 512 },
      { address: 0x02, type: "bulk", maxPacketSize: 512 },
    ],
  );
});

test("QEMU's usb-uas at SuperSpeed keeps companions and pipe usage descriptors", () => {
  const { device, configurations } = parseDescriptors(qemuUas);
  assert.equal(device.maxPacketSize0, 512);
  const { endpoints } = configurations[0]!.interfaces[0]!;
  assert.deepEqual(
    endpoints.map(({ address }) => address),
    [0x01, 0x82, 0x83, 0x04],
  );
  assert.deepEqual(endpoints[1]?.companion, { maxBurst: 15, attributes: 4, bytesPerInterval: 0 });
  assert.deepEqual(endpoints[3]?.extra, Uint8Array.of(4, 0x24, 4, 0));
});

test("QEMU's usb-net gives two configurations, alternate settings and class descriptors", () => {
  const { configurations } = parseDescriptors(qemuUsbNet);
  assert.deepEqual(
    configurations.map(({ value }) => value),
    [2, 1],
  );
  const settings = configurations[1]!.interfaces.map(({ number, alternate, endpoints }) => [
    number,
    alternate,
    endpoints.length,
  ]);
  assert.deepEqual(settings, [
    [0, 0, 1],
    [1, 0, 0],
    [1, 1, 2],
  ]);
  assert.equal(configurations[0]?.interfaces[0]?.extra.length, 19);
  assert.equal(configurations[0]?.interfaces[0]?.endpoints[0]?.interval, 32);
});

test("an interface association and a high-bandwidth endpoint are read", () => {
  const bytes = inserted(changed(qemuUsbStorage, { 20: 40, 41: 0x14 }), 27, 8, 11, 0, 1, 0x0e, 3, 0, 0);
  const configuration = parseDescriptors(bytes).configurations[0]!;
  assert.deepEqual(configuration.associations, [
    { first: 0, count: 1, class: 0x0e, subclass: 3, protocol: 0 },
  ]);
  assert.equal(configuration.interfaces[0]?.endpoints[0]?.maxPacketSize, 0x400);
  assert.equal(configuration.interfaces[0]?.endpoints[0]?.transactions, 3);
});

const refused: [name: string, bytes: Uint8Array, message: string][] = [
  ["nothing", new Uint8Array(0), "offset 0: device descriptor: expected 18 bytes, found 0"],
  [
    "a device descriptor cut short",
    qemuUsbStorage.subarray(0, 17),
    "offset 0: device descriptor: expected 18 bytes, found 17",
  ],
  [
    "a device descriptor that claims less",
    changed(qemuUsbStorage, { 0: 9 }),
    "offset 0: device descriptor: bLength: expected at least 18, found 9",
  ],
  [
    "a device descriptor that claims more",
    changed(qemuUsbStorage, { 0: 20 }),
    "offset 0: device descriptor: bLength: expected 18, found 20",
  ],
  [
    "another type in the device's place",
    changed(qemuUsbStorage, { 1: 2 }),
    "offset 1: device descriptor: bDescriptorType: expected 1, found 2",
  ],
  [
    "an impossible control packet size",
    changed(qemuUsbStorage, { 7: 9 }),
    "offset 7: bMaxPacketSize0: expected 8, 16, 32 or 64, or 9 from USB 3.0 on, found 9",
  ],
  [
    "no configuration",
    changed(qemuUsbStorage, { 17: 0 }),
    "offset 17: bNumConfigurations: expected 1 to 8, found 0",
  ],
  [
    "too many configurations",
    changed(qemuUsbStorage, { 17: 9 }),
    "offset 17: bNumConfigurations: expected 1 to 8, found 9",
  ],
  [
    "a promised configuration that is missing",
    changed(qemuUsbStorage, { 17: 2 }),
    "offset 50: configuration descriptor: expected 9 bytes, found 0",
  ],
  [
    "a wTotalLength beyond the end",
    changed(qemuUsbStorage, { 20: 0x21 }),
    "offset 20: wTotalLength: expected at most the 32 bytes there are, found 33",
  ],
  [
    "a wTotalLength of 65535",
    changed(qemuUsbStorage, { 20: 0xff, 21: 0xff }),
    "offset 20: wTotalLength: expected at most the 32 bytes there are, found 65535",
  ],
  [
    "a wTotalLength below the header",
    changed(qemuUsbStorage, { 20: 8 }),
    "offset 20: wTotalLength: expected at least 9, found 8",
  ],
  [
    "a wTotalLength that ends in an endpoint",
    changed(qemuUsbStorage, { 20: 0x1f }),
    "offset 43: bLength: expected at most the 6 bytes there are, found 7",
  ],
  [
    "a wTotalLength that leaves bytes over",
    changed(qemuUsbStorage, { 20: 0x19, 31: 1 }),
    "offset 43: end: expected no byte behind configuration 1, found 7 more",
  ],
  [
    "a configuration value of 0",
    changed(qemuUsbStorage, { 23: 0 }),
    "offset 23: bConfigurationValue: expected 1 to 255, found 0, which means not configured",
  ],
  [
    "the same configuration value twice",
    changed(qemuUsbNet, { 90: 2 }),
    "offset 90: bConfigurationValue: expected a value that no other configuration has, found 2 again",
  ],
  [
    "an interface too many promised",
    changed(qemuUsbStorage, { 22: 2 }),
    "offset 22: bNumInterfaces: expected 1, for as many follow, found 2",
  ],
  [
    "fewer interfaces promised",
    changed(qemuUsbNet, { 22: 1 }),
    "offset 22: bNumInterfaces: expected 2, for as many follow, found 1",
  ],
  [
    "more interfaces than there can be",
    changed(qemuUsbStorage, { 22: 33 }),
    "offset 22: bNumInterfaces: expected at most 32, found 33",
  ],
  [
    "an interface number beyond 31",
    changed(qemuUsbStorage, { 29: 32 }),
    "offset 29: bInterfaceNumber: expected at most 31, found 32",
  ],
  [
    "an endpoint too many promised",
    changed(qemuUsbStorage, { 31: 3 }),
    "offset 31: bNumEndpoints: expected 2, for as many follow, found 3",
  ],
  [
    "an endpoint too few promised",
    changed(qemuUsbStorage, { 31: 1 }),
    "offset 43: endpoints: expected the 1 that interface 0 promises, found one more",
  ],
  [
    "a setting twice",
    changed(qemuUsbNet, { 145: 0 }),
    "offset 144: interface: expected each setting once, found number 1 alternate 0 again",
  ],
  [
    "an endpoint twice",
    changed(qemuUsbStorage, { 45: 0x81 }),
    "offset 45: bEndpointAddress: expected each endpoint of a setting once, found 0x81 again",
  ],
  [
    "endpoint 0",
    changed(qemuUsbStorage, { 38: 0x80 }),
    "offset 38: bEndpointAddress: expected endpoint 1 to 15 with bits 6..4 zero, found 0x80",
  ],
  [
    "an endpoint before any interface",
    changed(qemuUsbStorage, { 27: 7, 28: 5, 34: 2, 35: 99 }),
    "offset 27: endpoint: expected an interface before it, found none",
  ],
  [
    "a companion before any endpoint",
    changed(qemuUas, { 36: 6, 37: 48 }),
    "offset 36: endpoint companion: expected an endpoint before it, found none",
  ],
  [
    "a companion cut short",
    changed(qemuUas, { 43: 5 }),
    "offset 43: endpoint companion: bLength: expected at least 6, found 5",
  ],
  [
    "a zero-length descriptor",
    changed(qemuUsbStorage, { 36: 0 }),
    "offset 36: bLength: expected at least 2, found 0",
  ],
  [
    "a one-byte descriptor",
    changed(qemuUsbStorage, { 36: 1 }),
    "offset 36: bLength: expected at least 2, found 1",
  ],
  [
    "an endless descriptor",
    changed(qemuUsbStorage, { 36: 255 }),
    "offset 36: bLength: expected at most the 14 bytes there are, found 255",
  ],
  [
    "one stray byte at the end of a configuration",
    inserted(changed(qemuUsbStorage, { 20: 33 }), 50, 2),
    "offset 50: descriptor: expected 2 bytes of header, found 1",
  ],
  [
    "a short interface descriptor",
    changed(qemuUsbStorage, { 27: 8 }),
    "offset 27: interface descriptor: bLength: expected at least 9, found 8",
  ],
  [
    "a configuration inside a configuration",
    changed(qemuUsbStorage, { 44: 2 }),
    "offset 44: bDescriptorType: expected one that belongs into a configuration, found 2",
  ],
  [
    "bytes behind the last configuration",
    inserted(qemuUsbStorage, 50, 0, 0),
    "offset 50: end: expected no byte behind configuration 1, found 2 more",
  ],
  [
    "more than eight configurations can hold",
    new Uint8Array(600_000),
    "offset 0: length: expected at most 524298 bytes, found 600000",
  ],
];
for (const [name, bytes, message] of refused) {
  test(`${name} is refused with its offset`, () => {
    assert.equal(refusal(bytes), message);
  });
}

test("64 KiB of two-byte descriptors are read in one pass", () => {
  const filler = Array.from({ length: 65_534 - 32 }, (_, index) => [2, 0xff][index % 2]!);
  const bytes = inserted(changed(qemuUsbStorage, { 20: 0xfe, 21: 0xff }), 50, ...filler);
  const endpoint = parseDescriptors(bytes).configurations[0]!.interfaces[0]!.endpoints[1]!;
  assert.equal(endpoint.extra.length, 65_502);
});

const device = fc.constantFrom(...Object.values(realDevices));
const onlyDeviceErrors = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    assert(error instanceof DeviceError, String(error));
    assert.match(error.message, /^USB descriptors, offset \d+: .+: expected .+, found .+: /);
  }
};

test("random bytes give descriptors or a DeviceError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
      onlyDeviceErrors(() => parseDescriptors(bytes));
      onlyDeviceErrors(() => parseDeviceDescriptor(bytes));
      onlyDeviceErrors(() => parseConfiguration(bytes));
    }),
  );
});

test("random descriptors behind a real header give descriptors or a DeviceError", () => {
  const descriptor = fc
    .tuple(fc.constantFrom(1, 2, 4, 5, 11, 48, 0x24), fc.uint8Array({ maxLength: 12 }))
    .map(([type, body]) => [body.length + 2, type, ...body]);
  fc.assert(
    fc.property(fc.array(descriptor, { maxLength: 60 }), fc.nat(255), (descriptors, interfaces) => {
      const body = descriptors.flat();
      const total = body.length + 9;
      onlyDeviceErrors(() =>
        parseConfiguration(
          Uint8Array.of(9, 2, total & 0xff, total >> 8, interfaces, 1, 0, 0x80, 50, ...body),
        ),
      );
    }),
    { numRuns: 1000 },
  );
});

test("every truncation of a real device is refused", () => {
  for (const bytes of Object.values(realDevices)) {
    for (let length = 0; length < bytes.length; length++) {
      assert.notEqual(refusal(bytes.subarray(0, length)), "accepted");
    }
  }
});

test("mutations of real devices give descriptors or a DeviceError", () => {
  const mutation = fc.tuple(fc.nat(200), fc.nat(255));
  fc.assert(
    fc.property(device, fc.array(mutation, { minLength: 1, maxLength: 8 }), (bytes, mutations) => {
      const mutated = bytes.slice();
      for (const [offset, value] of mutations) mutated[offset % mutated.length] = value;
      onlyDeviceErrors(() => parseDescriptors(mutated));
    }),
    { numRuns: 3000 },
  );
});
