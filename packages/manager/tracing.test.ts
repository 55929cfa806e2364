// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ClientRecorder } from "@ring3/channel/client-recorder";
import { mapDeviceMemory } from "@ring3/channel/device-memory";
import { layoutOf } from "@ring3/channel/layout";
import { block } from "@ring3/classes/block/contract";
import { TRACE_CLIENTS_MAX } from "@ring3/control/trace";
import { manualClock } from "@ring3/core/clock";
import type { Contract } from "@ring3/core/contract";
import { duplicate } from "@ring3/kernel/fd/descriptor";
import { createShared, mapFixed } from "@ring3/kernel/shm/memory";
import type { Claimant } from "./claim.ts";
import { Claims } from "./claims.ts";
import { chosenDriver, FakeHosts, noLegacy, playedDevice, unit } from "./fake-host.fixture.ts";
import { type DeviceTrace, Tracing } from "./tracing.ts";

const layout = layoutOf(block as unknown as Contract);
const contract = { name: block.name, version: block.version, hash: block.hash };

async function setUp() {
  const clock = manualClock();
  const told: string[] = [];
  const hosts = new FakeHosts();
  const claims = new Claims(noLegacy);
  const tracing = new Tracing(clock, claims);
  const device = playedDevice(hosts, clock, {
    ready: (which) => claims.ready(which),
    lost: (which, loss) => claims.lost(which, loss),
  });
  const claimant = (name: string): Claimant => ({
    name,
    trusted: true,
    uid: 1000,
    reflector: null,
    pid: 7,
    token: name,
    lost() {},
    ready() {},
    paused() {},
    stuck() {},
    trace: (id, on) => told.push(`${name}: ${id} ${on}`),
  });
  const open = async (who: Claimant, channel: number) => {
    const memory = createShared("test", layout.client.size);
    memory.seal();
    const params = { channel, opening: channel, contract };
    const opened = await claims.open(who, device, 0, "read", params, memory.fd);
    for (const fd of [opened.driverMemory, opened.bellIn, opened.bellOut]) fd.close();
  };
  const record = (who: Claimant) =>
    tracing.recorded(who, device.id, duplicate(new ClientRecorder(() => 0).memory.fd.fd));
  device.matched(chosenDriver(), true);
  await hosts.last.runs(unit());
  return { clock, device, tracing, claimant, open, record, told };
}

/** Without keeping what comes along. */
function take(trace: DeviceTrace) {
  const { result, fds } = trace.take();
  for (const fd of fds) fd.close();
  return { ...result, fds: fds.length };
}

test("a trace begins with how things stand, and the device's memory, which its reader cannot write", async () => {
  const { clock, device, tracing } = await setUp();
  clock.advance(1.5);
  const { result, fds } = tracing.start(device).take();
  assert.deepEqual(result.begins, {
    driver: "usb-storage",
    operations: Object.entries(block.operations).map(([name, { nr }]) => ({ nr, name })),
  });
  const state = { kind: "state", timeUs: 1500, state: "running", reason: "", incarnation: 1 };
  assert.deepEqual(result.news, [{ ...state, hostPid: device.hostPid }]);
  assert.equal(fds.length, 1);
  const memory = mapDeviceMemory(fds[0]!.fd);
  assert.throws(() => mapFixed(fds[0]!.fd, memory.byteLength), /map .*EACCES/);
  for (const fd of fds) fd.close();
});

test("later it tells what has happened since, once", async () => {
  const { device, tracing } = await setUp();
  const trace = tracing.start(device);
  take(trace);
  trace.deviceChanged(); // some other device
  assert.deepEqual(take(trace), { device: device.id, begins: null, news: [], lost: 0, fds: 0 });
  await device.suspend();
  trace.deviceChanged();
  const { news } = take(trace);
  assert.partialDeepStrictEqual(news, [{ kind: "state", state: "suspended", incarnation: 1 }]);
});

test("clients record while somebody traces, those that come later too", async () => {
  const { device, tracing, claimant, open, record, told } = await setUp();
  const [early, late] = [claimant("early"), claimant("late")];
  await open(early, 3);
  assert.throws(() => record(early), { kind: "invalid", message: /nobody traces/ });
  const trace = tracing.start(device);
  await open(late, 4);
  const other = claimant("other");
  assert.throws(() => record(other), { kind: "invalid" });
  record(late);
  assert.throws(() => record(late), { kind: "invalid", message: /already/ });
  assert.deepEqual(take(trace).news.slice(1), [
    { kind: "channel", client: 1, channel: 3, hostChannel: 1 },
    { kind: "channel", client: 2, channel: 4, hostChannel: 2 },
    { kind: "client", client: 2, name: "late", pid: 7, reflector: null },
  ]);
  const second = tracing.start(device);
  assert.deepEqual(take(second).fds, 2, "the device's memory and that of the client that records already");
  tracing.gone(late);
  assert.partialDeepStrictEqual(take(trace).news, [{ kind: "left", client: 2 }]);
  trace.end();
  assert.deepEqual(told.splice(0), [`early: ${device.id} true`, `late: ${device.id} true`]);
  second.end();
  assert.deepEqual(told, [`early: ${device.id} false`]);
});

test("memory that its client could change the size of is refused", async () => {
  const { device, tracing, claimant, open } = await setUp();
  const client = claimant("client");
  await open(client, 1);
  tracing.start(device);
  const memory = createShared("test", 4096);
  assert.throws(() => tracing.recorded(client, device.id, memory.fd), { kind: "protocol" });
});

test("an answer has so many clients at most, each with its memory, and the next one the others", async () => {
  const { device, tracing, claimant, open, record } = await setUp();
  const trace = tracing.start(device);
  for (let channel = 1; channel <= TRACE_CLIENTS_MAX + 1; channel++) {
    const client = claimant(`client ${channel}`);
    await open(client, channel);
    record(client);
  }
  const clients = () => {
    const { news, fds } = take(trace);
    return [news.filter(({ kind }) => kind === "client").length, fds];
  };
  assert.deepEqual(clients(), [TRACE_CLIENTS_MAX, TRACE_CLIENTS_MAX + 1]);
  assert.deepEqual(clients(), [1, 1]);
});

test("of what nobody asks for so much is kept, and the rest counted", async () => {
  const { device, tracing, claimant, open, record } = await setUp();
  const trace = tracing.start(device);
  const client = claimant("client");
  await open(client, 1);
  for (let channel = 0; channel < 1200; channel++)
    trace.add({ kind: "channel", client: 1, channel: 1, hostChannel: 1 });
  record(client);
  const { news, lost, fds } = take(trace);
  assert.deepEqual([news.length, lost, fds], [1000, 203, 1]);
});

test("a device that no driver runs for is not traced, and what helps is said", async () => {
  const clock = manualClock();
  const device = playedDevice(new FakeHosts(), clock, {});
  device.matched(undefined, false);
  const start = () => new Tracing(clock, new Claims(noLegacy)).start(device);
  assert.throws(start, { kind: "invalid", message: /it is unmatched, and no driver runs.*install a driver/ });
});
