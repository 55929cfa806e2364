// Runs in: lab guest, root. Streams over usbfs: two serial adapters of QEMU's (hw/usb/dev-serial.c, an FTDI chip), wired to each other outside.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ClientChannel, ClientMemory } from "@ring3/channel/client-channel";
import { DriverEnd } from "@ring3/channel/driver-end";
import { createDriverMemory } from "@ring3/channel/driver-memory";
import { defineContract, operation } from "@ring3/core/contract";
import { duplicate, pipe } from "@ring3/kernel/fd/descriptor";
import type { Outcome, UsbTransport } from "@ring3/kernel/usb/transport";
import { readUsbDevices } from "@ring3/kernel/usbfs/enumerate";
import { openGrant } from "@ring3/kernel/usbfs/grant";
import { usbfsTransport } from "@ring3/kernel/usbfs/transport";
import { usbStream } from "@ring3/sdk/usb/stream";
import type { UsbEndpoint, UsbStream } from "@ring3/sdk/usb/types";
import { plug, qmp, unplug } from "../guest/monitor.ts";
import { within } from "../guest/patience.ts";
import { run } from "../guest/program.ts";
import { type Announcements, listen } from "../guest/uevents.ts";

const PACKET = 64;
const STATUS = 2; // bytes before the data of each packet: dev-serial.c, usb_serial_token_in
const OUT = 0x02;
const KEYS_IN = 0x81;
const from: UsbEndpoint = {
  endpointNumber: 1,
  direction: "in",
  type: "bulk",
  packetSize: PACKET,
  interval: 0,
};
const inUsbfsMemory = () => readFileSync("/proc/self/maps", "utf8").split("/dev/bus/usb/").length - 1;

const keyboard = defineContract({
  name: "keyboard",
  version: 1,
  slots: 1,
  slotBytes: 4096,
  operations: { report: operation({ nr: 1, data: "out", replay: "always" }) },
  events: {},
});

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;
async function collect(): Promise<void> {
  for (let round = 0; round < 5; round++) {
    await turn();
    gc();
  }
}

let announced: Announcements;
before(async () => {
  await run("modprobe", "-ra", "ftdi_sio");
  announced = listen();
  const data = { path: `ring3-${randomUUID()}`, abstract: true };
  for (const [id, server] of [
    ["ear", true],
    ["mouth", false],
  ] as const) {
    const socket = { addr: { type: "unix", data }, server, ...(server ? { wait: false } : {}) };
    await qmp("chardev-add", { id, backend: { type: "socket", data: socket } });
    const port = server ? "5" : "6";
    await plug({
      driver: "usb-serial",
      id,
      bus: "xhci.0",
      port,
      chardev: id,
      serial: id,
      "always-plugged": true,
    });
    await announced.next("add", "usb_interface");
  }
});
after(async () => {
  await unplug("mouth");
  announced?.[Symbol.dispose]();
});

function found(serial: string) {
  const device = readUsbDevices().find(
    ({ strings }) => strings.serial === serial || strings.product === serial,
  );
  assert.ok(device);
  return device;
}

const opened = (serial: string): UsbTransport =>
  usbfsTransport(openGrant(found(serial), [0], { detach: false }), [0]);
const listening = (ear: UsbTransport): UsbStream =>
  usbStream(ear, from, { transferBytes: 8 * PACKET, transfers: 4 });

/** Appends what a transfer has brought, without the status of each packet. */
function take(into: number[], data: Uint8Array): void {
  for (let at = 0; at < data.length; at += PACKET) into.push(...data.subarray(at + STATUS, at + PACKET));
}

test("20000 bytes come in order through four transfers in flight, in memory of usbfs that goes back", async () => {
  await using mouth = closing(opened("mouth"));
  await using ear = closing(opened("ear"));
  const sent = Uint8Array.from({ length: 20_000 }, (_, index) => (index * 7 + (index >> 8)) & 0xff);
  const said = mouth.transport.transfer("bulk", OUT, sent);
  const heard: number[] = [];
  for await (const { status, data } of listening(ear.transport)) {
    assert.equal(status, "ok");
    assert.equal(inUsbfsMemory(), 4);
    take(heard, data);
    if (heard.length >= sent.length) break;
  }
  assert.deepEqual(await said, { status: "ok", bytes: sent.length, errno: 0 });
  assert.equal(Buffer.compare(Uint8Array.from(heard), sent), 0);
  assert.equal(inUsbfsMemory(), 0);
});

test("a stream that was left is followed by another, and what was not taken by the first comes there", async () => {
  await using mouth = closing(opened("mouth"));
  await using ear = closing(opened("ear"));
  for (const word of [Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5)]) {
    const heard: number[] = [];
    const listened = (async () => {
      for await (const { data } of listening(ear.transport)) {
        take(heard, data);
        if (heard.length >= word.length) break;
      }
    })();
    await mouth.transport.transfer("bulk", OUT, word);
    await listened;
    assert.deepEqual(heard, [...word]);
  }
});

test("a transport that is closed under a waiting stream lets go of the device at once", async () => {
  const ear = opened("ear");
  const waiting = listening(ear)[Symbol.asyncIterator]().next();
  assert.equal(inUsbfsMemory(), 4);
  assert.equal(found("ear").interfaces[0]!.driver, "usbfs");
  await ear.close();
  assert.equal(found("ear").interfaces[0]!.driver, undefined);
  assert.equal((await waiting).value?.status, "cancelled");
  assert.equal(inUsbfsMemory(), 0);
});

test("unplugged under a waiting stream: gone is told, and is the last", async () => {
  await using ear = closing(opened("ear"));
  const told: string[] = [];
  const listened = (async () => {
    for await (const { status } of listening(ear.transport)) told.push(status);
  })();
  await unplug("ear");
  await listened;
  assert.deepEqual(told, ["gone"]);
});

test("a channel closed while an URB into its slot waits: the slots stay mapped until the URB is back, and no longer", async () => {
  await plug({ driver: "usb-kbd", id: "quiet", bus: "xhci.0", port: "8" });
  await announced.next("add", "usb_interface");
  const device = opened("QEMU USB Keyboard");
  const mapped = () => /rw-s .*memfd:ring3-driver/.test(readFileSync("/proc/self/maps", "utf8"));
  const waiting = await answeredByKey(device);
  await collect();
  assert.equal(mapped(), true);
  await device.close();
  assert.equal((await waiting.outcome).status, "cancelled");
  await collect();
  assert.equal(mapped(), false);
  await unplug("quiet");
});

/** A request over a channel whose answer is the keyboard's next report, of which there is none; its channel is closed meanwhile. */
async function answeredByKey(device: UsbTransport): Promise<{ outcome: Promise<Outcome> }> {
  const memory = new ClientMemory(keyboard);
  const [toDriver, toClient] = [pipe(), pipe()];
  const own = createDriverMemory(keyboard);
  const asked = Promise.withResolvers<Uint8Array>();
  const malformed = asked.reject;
  const common = { generation: 1, poll: false };
  const driver = new DriverEnd(
    keyboard,
    {
      ...common,
      memory: duplicate(memory.fd),
      bellIn: toDriver.read,
      bellOut: toClient.write,
      own: duplicate(own.fd.fd),
    },
    { submitted: ({ data }) => asked.resolve(data), cancelled() {}, malformed },
  );
  own.seal();
  const client = new ClientChannel(
    memory,
    { ...common, memory: own.fd, bellIn: toClient.read, bellOut: toDriver.write },
    { completed() {}, event() {}, malformed },
  );
  driver.start();
  client.start();
  client.submit(0, keyboard.operations.report.nr, 8, 0, 1000, () => {});
  const outcome = device.transfer(
    "interrupt",
    KEYS_IN,
    await within(asked.promise, () => "the request at the driver's end"),
  );
  for (const end of [client, driver, memory]) end.close();
  return { outcome };
}

function closing(transport: UsbTransport): AsyncDisposable & { transport: UsbTransport } {
  return { transport, [Symbol.asyncDispose]: () => transport.close() };
}
