// Runs in: tests.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { DeviceMemory } from "@ring3/channel/device-memory";
import { type DeviceRecord, encodeRecord, type HostRecord, recordName } from "@ring3/control/legacy";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { newLife } from "@ring3/core/lifecycle";
import { systemClock } from "@ring3/kernel/clock/clock";
import { Descriptor, duplicate, nullDevice } from "@ring3/kernel/fd/descriptor";
import { native } from "@ring3/kernel/native";
import { Estate, endAll } from "./estate.ts";
import { busDevice, chosenDriver, FakeHost, noLegacy, settled, unit } from "./fake-host.fixture.ts";
import { sorted } from "./legacy.ts";

const driver = chosenDriver();
const bus = busDevice();
const record: DeviceRecord = {
  id: bus.id,
  identity: bus.identity,
  plugging: bus.plugging,
  ordinal: 2,
  enumeration: 1,
  life: { ...newLife, state: "running", incarnation: 3, fenced: false },
  lastFailure: null,
  taken: false,
  takeable: false,
  rest: [],
  declined: {},
  driver: { name: driver.manifest.name, hash: driver.contract.hash },
  units: [unit()],
  host: "host/0.1",
};
const hostRecord: HostRecord = {
  pid: 11,
  initPid: 10,
  uid: null,
  driver: "usb-storage",
  memoryMb: 256,
  shared: null,
};
const memory = new DeviceMemory();

/** A device, its host and a spare. */
function setUp(left: DeviceRecord = record) {
  const log: string[] = [];
  const dropped: string[] = [];
  const hosts = new Map<string, FakeHost>();
  const inherited = {
    records: [
      {
        name: recordName("device", left.id),
        note: encodeRecord("device", left),
        held: [duplicate(memory.fd)],
      },
      ...["host/0.1", "host/0.2"].map((name) => ({
        name,
        note: encodeRecord("host", hostRecord),
        held: Array.from({ length: 5 }, () => nullDevice()),
      })),
    ],
    children: [],
  };
  const legacy = { ...noLegacy, drop: (name: string) => void dropped.push(name) };
  const { devices, hosts: recorded } = sorted(inherited, noLegacy);
  for (const { name } of recorded) hosts.set(name, new FakeHost(name, {} as never, log));
  const living = new Map([...hosts].map(([name, host]) => [name, host.left]));
  const estate = new Estate(devices, living, legacy, 2000);
  return { estate, log, dropped, hosts, clock: manualClock() };
}

test("of a device that nobody goes on with what lies in its memory is told once its driver is fenced", async () => {
  const { estate, hosts, dropped } = setUp();
  const told: string[] = [];
  estate.lost = ({ id }, { fd }) => told.push(`${id} ${fd >= 0} ${dropped.length}`);
  assert.equal(
    estate.take({ ...bus, plugging: "another" }, () => driver),
    undefined,
  );
  await settled();
  assert.deepEqual(told, []);
  await hosts.get("host/0.1")!.dies();
  assert.deepEqual([told, dropped], [[`${bus.id} true 0`], [`device/${bus.id}`]]);
});

test("a device that is the one that was left, with the same driver, is had with its host and memory", () => {
  const { estate, log } = setUp();
  assert.equal(estate.hasDevice(bus.id), true);
  const left = estate.take(bus, () => driver)!;
  assert.deepEqual(left.record, record);
  left.host!.adopt({} as never).kill("");
  assert.deepEqual(log.splice(0), ["host/0.1 kill"]);
  assert.deepEqual([estate.hasDevice(bus.id), log], [false, []]);
});

for (const [what, other, chosen] of [
  ["plugged in again", busDevice({ plugging: "1/5" }), driver],
  ["another one", busDevice({ identity: { ...bus.identity, serial: "other" } }), driver],
  ["for another driver", bus, { ...driver, manifest: { ...driver.manifest, name: "another" } }],
  ["for a driver of another contract", bus, { ...driver, contract: { ...driver.contract, hash: "0" } }],
  ["for no driver", bus, undefined],
] as const)
  test(`a device that is ${what} is had anew, once its old driver is dead`, async () => {
    const { estate, log, dropped, hosts } = setUp();
    assert.equal(
      estate.take(other, () => chosen),
      undefined,
    );
    assert.deepEqual([log, dropped], [["host/0.1 kill"], []]); // the next manager has to wait for it too
    let fenced = false;
    void estate.fence(bus.id)!.then(() => {
      fenced = true;
    });
    await settled();
    assert.equal(fenced, false);
    await hosts.get("host/0.1")!.dies();
    assert.deepEqual([fenced, dropped], [true, ["device/usb-1-4:1.0"]]);
  });

test("what nobody asks for is ended, and only a host that had a device is waited for", async () => {
  const { estate, log, hosts, clock } = setUp();
  let ended = false;
  const rest = estate.endRest(5000, clock).then(() => {
    ended = true;
  });
  assert.deepEqual(log, ["host/0.1 kill", "host/0.2 kill"]);
  await settled();
  assert.equal(ended, false);
  await hosts.get("host/0.1")!.dies();
  await rest;
});

test("a seat that nobody asks for is left in order; where that fails its process is ended", async () => {
  const { estate, log, hosts, clock } = setUp();
  for (const host of hosts.values()) host.shared = true;
  hosts.get("host/0.2")!.answer = async () => {
    throw new DeviceError("timeout", "it has not let go of its device");
  };
  const rest = estate.endRest(5000, clock);
  await settled();
  // A process is ended by a seat only where it has not left, manager/seat.ts.
  assert.deepEqual(log, ["host/0.1 remove", "host/0.2 remove", "host/0.1 kill", "host/0.2 kill"]);
  await hosts.get("host/0.1")!.dies();
  await rest;
});

test("a host that cannot be ended in time is said to be there", async () => {
  const { estate, clock } = setUp();
  const rest = assert.rejects(estate.endRest(5000, clock), { kind: "timeout" });
  clock.advance(7000);
  await rest;
});

test("a record that no manager of this version has written is refused", () => {
  const held = [duplicate(memory.fd)];
  const records = [{ name: "device/x", note: JSON.stringify({ version: 0, record }), held }];
  assert.throws(() => sorted({ records, children: [] }, noLegacy), /version 0/);
});

test("a record that its manager died over is dropped: text without descriptors, descriptors without text", () => {
  const held = nullDevice();
  const dropped: string[] = [];
  const records = [
    { name: "host/0.1", note: encodeRecord("host", hostRecord), held: [] },
    { name: "device/usb-1-4:1.0", note: null, held: [held] },
  ];
  const legacy = { drop: (name: string) => void dropped.push(name) };
  const { hosts, devices } = sorted({ records, children: [] }, legacy);
  assert.deepEqual([hosts, devices], [[], []]);
  assert.deepEqual([dropped, held.fd], [["device/usb-1-4:1.0", "host/0.1"], -1]);
});

test("whoever begins anew ends every host by its pidfd, and keeps what was asked for", async () => {
  const child = spawn("sleep", ["60"]);
  const ended = once(child, "exit");
  const dropped: string[] = [];
  const pidfd = new Descriptor(native.pidfdOpen(child.pid!, 0));
  const kept = duplicate(memory.fd);
  const output = nullDevice();
  const records = [
    { name: "host/0.1", note: "nonsense", held: [pidfd, output] },
    { name: "device/a", note: null, held: [duplicate(memory.fd)] },
    { name: "control-socket", note: null, held: [kept] },
  ];
  const legacy = { ...noLegacy, drop: (name: string) => void dropped.push(name) };
  await endAll({ records, children: [] }, legacy, ["control-socket"], 5000, systemClock);
  assert.deepEqual((await ended)[1], "SIGKILL");
  assert.deepEqual(dropped, ["host/0.1", "device/a"]);
  assert.ok(kept.fd >= 0);
  assert.equal(output.fd, -1);
  kept.close();
});
