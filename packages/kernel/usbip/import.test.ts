import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { systemClock } from "../clock/clock.ts";
import { qemuUsbNet, qemuUsbStorage } from "../usb/descriptors.fixture.ts";
import { importDevice, listDevices } from "./import.ts";
import { usbipTransport } from "./transport.ts";

// The server's side from the specification alone, without operations.ts.
function word(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    bytes.writeInt32BE(value | 0, index * 4);
  });
  return bytes;
}

function deviceRecord(busid: string, descriptors: Uint8Array, configurationValue: number): Buffer {
  const record = Buffer.alloc(0x138);
  record.write("/sys/devices/made-up", 0);
  record.write(busid, 256);
  word(2, 5, 3).copy(record, 288);
  record.writeUInt16BE(descriptors[8]! | (descriptors[9]! << 8), 300);
  record.writeUInt16BE(descriptors[10]! | (descriptors[11]! << 8), 302);
  record[309] = configurationValue;
  record[310] = descriptors[17]!;
  record[311] = 1;
  return record;
}

interface Device {
  descriptors: Uint8Array;
  strings: Record<number, Uint8Array>;
  configurationValue: number;
}

const text = (value: string) => Uint8Array.of(value.length * 2 + 2, 3, ...Buffer.from(value, "utf16le"));
const storage: Device = {
  descriptors: qemuUsbStorage,
  strings: { 0: Uint8Array.of(4, 3, 9, 4), 1: text("QEMU"), 2: text("QEMU USB HARDDRIVE"), 3: text("1") },
  configurationValue: 0,
};

class Server {
  readonly path: string;
  readonly device: Device;
  readonly setups: number[][] = [];
  /** Status of OP_REP_IMPORT. */
  refusal = 0;
  silent = false;

  constructor(path: string, device: Device) {
    this.path = path;
    this.device = device;
  }

  async serve(socket: Socket): Promise<void> {
    let bytes = Buffer.alloc(0);
    const take = async (count: number) => {
      while (bytes.length < count) bytes = Buffer.concat([bytes, (await once(socket, "data"))[0] as Buffer]);
      const taken = bytes.subarray(0, count);
      bytes = bytes.subarray(count);
      return taken;
    };
    const request = await take(8);
    if (this.silent) return;
    const record = deviceRecord("2-5", this.device.descriptors, this.device.configurationValue);
    if (request.readUInt16BE(2) === 0x8005) {
      socket.end(Buffer.concat([word(0x01110005, 0, 1), record, Buffer.of(8, 6, 0x50, 0)]));
      return;
    }
    await take(32);
    if (this.refusal !== 0) {
      socket.end(word(0x01110003, this.refusal));
      return;
    }
    socket.write(Buffer.concat([word(0x01110003, 0), record]));
    for (;;) {
      const header = await take(48);
      this.setups.push([...header.subarray(40)]);
      const data = this.#control(header.subarray(40), header.readUInt32BE(24));
      const status = data === undefined ? -32 : 0;
      const reply = word(3, header.readUInt32BE(4), 0, 0, 0, status, data?.length ?? 0, 0, 0, 0, 0, 0);
      socket.write(Buffer.concat([reply, data ?? Buffer.alloc(0)]));
    }
  }

  #control(setup: Buffer, room: number): Uint8Array | undefined {
    const { descriptors, strings } = this.device;
    if (setup[0] === 0 && setup[1] === 9) return new Uint8Array(0);
    if (setup[3] === 1) return descriptors.subarray(0, Math.min(18, room));
    if (setup[3] === 3) return strings[setup[2]!]?.subarray(0, room);
    let at = 18;
    for (let number = 0; number < setup[2]!; number++)
      at += descriptors[at + 2]! | (descriptors[at + 3]! << 8);
    const total = descriptors[at + 2]! | (descriptors[at + 3]! << 8);
    return descriptors.subarray(at, at + Math.min(room, total));
  }
}

async function listen(context: TestContext, device: Device = storage): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), "ring3-import-"));
  const server = new Server(join(folder, "usb.sock"), device);
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    server.serve(socket).catch(() => {}); // ends with its connection
  });
  listener.listen(server.path);
  await once(listener, "listening");
  context.after(() => {
    listener.close();
    for (const socket of sockets) socket.destroy();
    rmSync(folder, { recursive: true });
  });
  return server;
}

const refusal = (kind: string, message: RegExp) => (error: unknown) =>
  error instanceof DeviceError && error.kind === kind && message.test(error.message);

test("the list of devices names bus id, ids and interfaces", async (context) => {
  const { path } = await listen(context);
  const [device, ...others] = await listDevices(path, systemClock);
  assert.deepEqual(others, []);
  assert.deepEqual([device?.busid, device?.vendorId, device?.speed], ["2-5", 0x46f4, "high"]);
  assert.deepEqual(device?.interfaces, [{ class: 8, subclass: 6, protocol: 0x50 }]);
});

test("an imported device is described like one in sysfs, configured, and its stream goes on", async (context) => {
  const server = await listen(context);
  const { stream, info } = await importDevice(server.path, "2-5", systemClock);
  const { descriptors, ...rest } = info;
  assert.equal(descriptors.configurations[0]?.interfaces[0]?.class, 8);
  assert.deepEqual(rest, {
    port: "2-5",
    busNumber: 2,
    deviceNumber: 5,
    speed: "high",
    configurationValue: 1,
    strings: { manufacturer: "QEMU", product: "QEMU USB HARDDRIVE", serial: "1" },
    interfaces: [{ number: 0, id: "usb-2-5:1.0", driver: undefined }],
  });
  assert.deepEqual(server.setups.at(-1), [0, 9, 1, 0, 0, 0, 0, 0]);
  const transport = usbipTransport(stream, { devid: 0x2_0005, speed: "high" }, systemClock);
  const data = new Uint8Array(18);
  await transport.control({ requestType: 0x80, request: 6, value: 0x100, index: 0 }, data);
  assert.deepEqual(data, qemuUsbStorage.subarray(0, 18));
  await transport.close();
});

test("of a device that was there before the strings are asked for along with its descriptors, of another one anew", async (context) => {
  const server = await listen(context);
  const asked = () => server.setups.splice(0).map((setup) => `${setup[3]}/${setup[2]}`); // type and number
  const { stream, info } = await importDevice(server.path, "2-5", systemClock);
  stream.close();
  assert.deepEqual(asked(), ["1/0", "2/0", "3/0", "3/1", "3/2", "3/3", "0/1"]);
  const again = await importDevice(server.path, "2-5", systemClock, { before: info });
  again.stream.close();
  assert.deepEqual(again.info, info);
  assert.deepEqual(asked(), ["3/0", "3/1", "3/2", "3/3", "1/0", "2/0", "0/1"]);
  const other = { ...info.descriptors, device: { ...info.descriptors.device, serialString: 1 } };
  const third = await importDevice(server.path, "2-5", systemClock, {
    before: { ...info, descriptors: other },
  });
  third.stream.close();
  assert.deepEqual(third.info.strings, info.strings);
});

test("a device that is configured already keeps its configuration, and the caller names the port", async (context) => {
  const { path, setups } = await listen(context, {
    descriptors: qemuUsbNet,
    strings: {},
    configurationValue: 1,
  });
  const { stream, info } = await importDevice(path, "2-5", systemClock, { port: "sim-1" });
  stream.close();
  assert.equal(info.descriptors.configurations.length, 2);
  assert.deepEqual(
    info.interfaces.map(({ id }) => id),
    ["usb-sim-1:1.0", "usb-sim-1:1.1"],
  );
  assert.equal(setups.filter(([type, request]) => type === 0 && request === 9).length, 0);
});

test("a configuration of more than 255 bytes is read whole", async (context) => {
  const vendors = Uint8Array.from({ length: 240 }, (_, at) => [240, 0xff][at] ?? at);
  const descriptors = Uint8Array.from([...qemuUsbStorage, ...vendors]);
  descriptors[20] = 0x20 + 240 - 256; // wTotalLength, of 32 until then
  descriptors[21] = 1;
  const { path } = await listen(context, { ...storage, descriptors });
  const { stream, info } = await importDevice(path, "2-5", systemClock);
  stream.close();
  assert.deepEqual([...info.descriptors.bytes], [...descriptors]);
});

test("strings that the device stalls or garbles are left out", async (context) => {
  const strings = { 1: Uint8Array.of(0, 3), 2: Uint8Array.of(200, 3, 65, 0) };
  const { path } = await listen(context, { ...storage, strings });
  const { stream, info } = await importDevice(path, "2-5", systemClock);
  stream.close();
  assert.deepEqual(info.strings, { manufacturer: undefined, product: undefined, serial: undefined });
});

test("strings come in the first language that the device has", async (context) => {
  const server = await listen(context, {
    ...storage,
    strings: { ...storage.strings, 0: Uint8Array.of(4, 3, 7, 4) },
  });
  const { stream, info } = await importDevice(server.path, "2-5", systemClock);
  stream.close();
  assert.equal(info.strings.manufacturer, "QEMU");
  const german = server.setups.filter(([, , , type, low, high]) => type === 3 && low === 7 && high === 4);
  assert.equal(german.length, 3);
});

test("garbage descriptors reject with the offset", async (context) => {
  const descriptors = qemuUsbStorage.slice();
  descriptors[36] = 0;
  const { path } = await listen(context, { ...storage, descriptors });
  await assert.rejects(
    importDevice(path, "2-5", systemClock),
    refusal("protocol", /offset 36: bLength: expected at least 2, found 0/),
  );
});

test("a configuration that promises more than it sends is refused", async (context) => {
  const descriptors = qemuUsbStorage.slice();
  descriptors[21] = 0xff;
  const { path } = await listen(context, { ...storage, descriptors });
  await assert.rejects(
    importDevice(path, "2-5", systemClock),
    refusal("protocol", /offset 20: wTotalLength/),
  );
});

test("a server that has no such device is told as disconnected, a busy one as busy", async (context) => {
  const server = await listen(context);
  server.refusal = 1;
  await assert.rejects(
    importDevice(server.path, "2-5", systemClock),
    refusal("disconnected", /no such device/),
  );
  server.refusal = 2;
  await assert.rejects(importDevice(server.path, "2-5", systemClock), refusal("busy", /somebody else/));
});

test("a server that answers for another bus id is refused", async (context) => {
  const { path } = await listen(context);
  await assert.rejects(
    importDevice(path, "2-6", systemClock),
    refusal("protocol", /expected the one asked for, "2-6"/),
  );
});

test("a server that never answers rejects at the deadline", async (context) => {
  const server = await listen(context);
  server.silent = true;
  const clock = manualClock();
  const imported = importDevice(server.path, "2-5", clock, { deadlineMs: 300 });
  clock.advance(300);
  await assert.rejects(imported, refusal("timeout", /import 2-5 from .*, within 300 ms/));
});

test("a socket where nobody listens rejects with its path", async () => {
  await assert.rejects(
    importDevice("/nonexistent/usb.sock", "1-1", systemClock),
    refusal("io", /connect to \/nonexistent/),
  );
});
