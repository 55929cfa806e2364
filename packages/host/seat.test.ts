// Runs in: tests. Owns: a host in this process in which several drivers have seats, and the manager's end of all its connections.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { DeviceMemory } from "@ring3/channel/device-memory";
import type { Params } from "@ring3/control/edge";
import { hostEdge } from "@ring3/control/host-edge";
import { callingPeer } from "@ring3/control/peer";
import { systemClock } from "@ring3/kernel/clock/clock";
import { type Descriptor, duplicate, nullDevice } from "@ring3/kernel/fd/descriptor";
import { native } from "@ring3/kernel/native";
import { sealedFile } from "@ring3/kernel/shm/memory";
import { FrameSocket, socketPair } from "@ring3/kernel/socket/frame-socket";
import { block } from "@ring3/sdk";
import { Host } from "./host.ts";

type HostEdge = typeof hostEdge;

/** One interface without endpoints, USB 2.0 §9.6. */
const descriptors = Uint8Array.of(
  ...[18, 1, 0x00, 0x02, 0, 0, 0, 64, 0x09, 0x12, 0x01, 0x00, 0x00, 0x01, 0, 0, 0, 1],
  ...[9, 2, 18, 0, 1, 1, 0, 0x80, 50],
  ...[9, 4, 0, 0, 0, 8, 6, 0x50, 0],
);
const { name, version, hash } = block;
const probe: Params<HostEdge, "probe"> = {
  contract: { name, version, hash },
  grants: [
    {
      surface: "usb",
      transport: "usbip",
      interface: 0,
      descriptors: Buffer.from(descriptors).toString("base64"),
      strings: { manufacturer: null, product: null, serial: null },
      speed: "high",
      configuration: 1,
      devid: 1,
    },
  ],
};
const assign: Params<HostEdge, "assign"> = {
  device: {
    id: "usb-1:1.0",
    identity: { vendor: "1209", product: "0001", serial: null },
    name: "",
    ordinal: 1,
  },
  driver: { version: "0", class: "block", stateVersion: 0 },
  incarnation: 1,
  beatMs: 500,
  reason: null,
};
const sample = new TextEncoder().encode(`
const { block, defineDriver } = require("@ring3/sdk");
const properties = { ...block.properties.create(), sectorBytes: 512, maxTransferSectors: 2048, sectors: 8192, flags: 16 };
exports.default = defineDriver(block, { probe: () => ({ properties, read() {}, write() {}, flush() {} }) });`);

const endless = new TextEncoder().encode(`
const { block, defineDriver } = require("@ring3/sdk");
exports.default = defineDriver(block, { probe: () => new Promise(() => {}) });`);

const connect = (stream: Descriptor) => new FrameSocket(stream);
const opened: { close(): void }[] = [];
after(() => {
  for (const each of opened.toReversed()) each.close(); // a connection before its descriptor
});

/** Notices stand in `said`. */
function caller(stream: Descriptor) {
  const said: string[] = [];
  const peer = callingPeer<HostEdge, Descriptor>(hostEdge, connect(stream), {
    failed: ({ message }) => said.push(message),
    log() {},
  });
  opened.push(peer);
  return { peer, said };
}

function setUp() {
  const exits: number[] = [];
  const [ours, theirs] = socketPair();
  const host = new Host(connect(theirs), connect, systemClock, (code) => exits.push(code));
  const root = caller(ours);
  /** A driver in a seat; `grant` is the device's end of its wire, `standby` the next manager's of its connection. */
  const seat = async (number: number, source = sample) => {
    const [control, theirControl] = socketPair();
    const [standby, theirStandby] = socketPair();
    const [grant, theirGrant] = socketPair();
    const memory = new DeviceMemory();
    opened.push(memory, grant, standby);
    await root.peer.call("seat", { seat: number }, [theirControl, theirStandby]);
    const { peer, said } = caller(control);
    const load = { driver: "sample", codeBytes: source.length, filter: null, dataBytes: null };
    const asked = Promise.all([
      peer.call("load", load, [sealedFile("sample", source)]),
      peer.call("assign", assign, [duplicate(memory.fd)]),
      peer.call("probe", probe, [theirGrant]),
    ]);
    asked.catch(() => {});
    return { peer, said, asked, grant, standby };
  };
  return { host, root, seat, exits };
}

/** Whether the other end of a stream is closed: a read finds its end. */
async function isClosed({ fd }: Descriptor): Promise<boolean> {
  await new Promise((resolve) => setTimeout(resolve, 20));
  return native.read(fd, new Uint8Array(1)) === 0;
}

const ended = (signal: AbortSignal) => new Promise((resolve) => signal.addEventListener("abort", resolve));

test("a driver that leaves in order closes its device and its connection; the one beside it stays", async () => {
  const { seat, root, exits } = setUp();
  const [a, b] = [await seat(1), await seat(2)];
  await Promise.all([a.asked, b.asked]);
  const end = ended(a.peer.signal);
  await a.peer.call("remove", { requests: "keep" });
  await end;
  assert.deepEqual([await isClosed(a.grant), await isClosed(b.grant)], [true, false]);
  await b.peer.call("ping", {});
  await root.peer.call("ping", {});
  assert.deepEqual(exits, []);
  assert.deepEqual((await root.peer.call("seats", {})).result, { seats: [2] });
  await seat(1); // its number is free again
});

test("a driver that is asked to leave before its probe has begun keeps no device", async () => {
  const { seat } = setUp();
  const { peer, asked, grant } = await seat(1);
  const refused = assert.rejects(asked, { kind: "invalid" });
  await peer.call("remove", { requests: "keep" });
  await refused;
  assert.equal(await isClosed(grant), true);
});

test("a driver whose probe never returns keeps no device once it is asked to leave", async () => {
  const { seat } = setUp();
  const { peer, asked, grant } = await seat(1, endless);
  const refused = assert.rejects(asked, { kind: "disconnected" });
  await peer.call("assign", assign, [nullDevice()]).catch(() => {}); // it probes by then
  const end = ended(peer.signal);
  await peer.call("remove", { requests: "keep" });
  await Promise.all([end, refused]);
  assert.equal(await isClosed(grant), true);
});

test("a seat that is taken is refused", async () => {
  const { root, seat } = setUp();
  await seat(1);
  await assert.rejects(root.peer.call("seat", { seat: 1 }, [...socketPair()]), { kind: "invalid" });
});

for (const [what, stack, blamed] of [
  ["out of a driver's code", "Error: x\n    at read (driver:sample#2:3:1)\n    at driver:sample#1:1:1", "b"],
  ["out of nobody's code", "Error: x\n    at driver:sample:3:1", "root"],
  ["out of a driver's that has left", "Error: x\n    at driver:sample#9:3:1", "root"],
] as const)
  test(`what is thrown ${what} is told of ${blamed}, and the process ends`, async () => {
    const { host, root, seat, exits } = setUp();
    const [a, b] = [await seat(1), await seat(2)];
    await Promise.all([a.asked, b.asked]);
    host.crashed(Object.assign(new Error("it broke"), { stack }));
    await root.peer.call("ping", {}); // what it has said is there by then
    const told = { a: a.said, b: b.said, root: root.said };
    assert.deepEqual(told, { a: [], b: [], root: [], [blamed]: ["it broke"] });
    assert.deepEqual(exits, [1]);
  });

test("when the manager dies, the next one finds each driver at its place; one that nobody wants lets go", async () => {
  const { root, seat, exits } = setUp();
  const [rootNext, rootTheirs] = socketPair();
  await root.peer.call("confine", { filter: null }, [rootTheirs]);
  const [a, b] = [await seat(1), await seat(2)];
  await Promise.all([a.asked, b.asked]);
  for (const { peer } of [root, a, b]) peer.close();
  b.standby.close();
  const adopt = (stream: Descriptor) => {
    const [standby, theirs] = socketPair();
    opened.push(standby);
    return caller(stream).peer.call("adopt", {}, [theirs]);
  };
  const [{ result: process }, { result: driver }] = await Promise.all([adopt(rootNext), adopt(a.standby)]);
  assert.deepEqual([process.units.length, driver.units.length, driver.gone], [0, 1, false]);
  assert.deepEqual([await isClosed(a.grant), await isClosed(b.grant), exits], [false, true, []]);
});

test("a driver that ends the process in its code is blamed for that", async () => {
  const { host, root, seat } = setUp();
  const a = await seat(1);
  await a.asked;
  const run = new Function("exiting", "exiting(3)\n//# sourceURL=driver:sample#1") as (
    exiting: (code: number) => void,
  ) => void;
  run((code) => host.exiting(code));
  await root.peer.call("ping", {});
  assert.deepEqual([a.said, root.said], [["the driver ended its process with code 3"], []]);
});
