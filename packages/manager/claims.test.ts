// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { layoutOf } from "@ring3/channel/layout";
import { block } from "@ring3/classes/block/contract";
import type { ClientRecord } from "@ring3/control/legacy";
import { manualClock } from "@ring3/core/clock";
import type { Contract } from "@ring3/core/contract";
import { createShared } from "@ring3/kernel/shm/memory";
import type { Claimant } from "./claim.ts";
import { Claims } from "./claims.ts";
import { chosenDriver, FakeHosts, noLegacy, playedDevice, settled, unit } from "./fake-host.fixture.ts";
import type { Legacy } from "./legacy.ts";

const layout = layoutOf(block as unknown as Contract);
const contract = { name: block.name, version: block.version, hash: block.hash };

function memory(size: number) {
  const shared = createShared("test", size);
  shared.seal();
  return shared.fd;
}

async function setUp(legacy = noLegacy) {
  const clock = manualClock();
  const told: string[] = [];
  const hosts = new FakeHosts();
  const claims = new Claims(legacy);
  const device = playedDevice(hosts, clock, {
    ready: (which) => claims.ready(which),
    lost: (which, loss) => claims.lost(which, loss),
    held: (_device, held) => claims.held(device, held),
    stuck: (which) => claims.stuck(which),
  });
  const claimant = (name: string, trusted = false): Claimant => ({
    name,
    trusted,
    uid: 1000,
    reflector: trusted ? "block" : null,
    pid: null,
    token: name,
    lost: (channel, _incarnation, { kind, outside }) =>
      told.push(`${name} lost ${channel}: ${kind}${outside ? " from outside" : ""}`),
    ready: (id) => told.push(`${name} ready ${id}`),
    paused: (channel, held) => told.push(`${name} ${held ? "paused" : "resumed"} ${channel}`),
    stuck: (channel) => told.push(`${name} stuck ${channel}`),
    trace: (id, on) => told.push(`${name} traced ${id}: ${on}`),
  });
  const run = async () => {
    await hosts.last.runs(unit());
  };
  const open = async (who: Claimant, channel: number, mode: "read" | "write" = "read", opening = channel) => {
    const opened = await claims.open(
      who,
      device,
      0,
      mode,
      { channel, opening, contract },
      memory(layout.client.size),
    );
    for (const fd of [opened.driverMemory, opened.bellIn, opened.bellOut]) fd.close();
  };
  const restart = async () => {
    await settled();
    await hosts.last.dies();
    await run();
  };
  device.matched(chosenDriver(), true);
  await run();
  told.length = 0;
  return { clock, claims, device, hosts, claimant, open, restart, run, told };
}

const hang = { kind: "deadline", text: "read has not returned" } as const;

test("a reflector's suspicion fails the driver by its own fault, an application's from outside", async () => {
  const { claims, device, claimant, open, restart } = await setUp();
  const reflector = claimant("the block reflector", true);
  const reader = claimant("process 1");
  await open(reflector, 1);
  assert.equal(claims.suspect(reflector, 1, hang), true);
  assert.deepEqual([device.life.failures, device.life.outsideFailures], [1, 0]);
  await restart();
  await open(reader, 1);
  assert.equal(claims.suspect(reader, 1, hang), true);
  assert.deepEqual([device.life.failures, device.life.outsideFailures], [1, 1]);
  assert.match(device.life.reason, /read has not returned, says process 1/);
});

test("a suspicion counts once, and only while its channel is open in the host", async () => {
  const { claims, device, claimant, open, restart } = await setUp();
  const [first, second] = [claimant("process 1"), claimant("process 2")];
  await open(first, 1);
  await open(second, 1);
  assert.equal(claims.suspect(first, 1, hang), true);
  assert.equal(claims.suspect(second, 1, hang), false); // the same hang, 60 ms later
  await restart();
  assert.equal(claims.suspect(second, 1, hang), false);
  assert.equal(claims.suspect(second, 99, hang), false);
  assert.deepEqual([device.life.state, device.life.incarnation], ["running", 2]);
  await open(second, 2, "read", 1);
  assert.equal(claims.suspect(second, 2, hang), true);
});

test("a suspicion counts while the driver is suspended: its client does not repeat it", async () => {
  const { claims, device, claimant, open } = await setUp();
  const reflector = claimant("the block reflector", true);
  await open(reflector, 1);
  await device.suspend();
  assert.equal(claims.suspect(reflector, 1, hang), true);
  assert.match(device.life.reason, /read has not returned/);
});

test("progress forgives once a channel, and not by a channel that is lost", async () => {
  const { claims, device, claimant, open, restart } = await setUp();
  const reader = claimant("process 1");
  await open(reader, 1);
  device.failed({ kind: "crash", text: "", outside: false });
  await restart();
  claims.progress(reader, 1);
  assert.equal(device.life.failures, 1);
  await open(reader, 2, "read", 1);
  claims.progress(reader, 2);
  assert.equal(device.life.failures, 0);
});

test("one connection opens 64 units, a reflector as many as there are", async () => {
  const { claimant, open } = await setUp();
  const [reader, reflector] = [claimant("process 1"), claimant("the block reflector", true)];
  for (let channel = 1; channel <= 64; channel++) {
    await open(reader, channel);
    await open(reflector, channel);
  }
  await assert.rejects(open(reader, 65), { kind: "no-space" });
  await open(reflector, 65);
});

test("a release while the driver is suspended closes the channel, and the next writer may open", async () => {
  const { claims, device, hosts, claimant, open, told } = await setUp();
  const [first, second] = [claimant("process 1"), claimant("process 2")];
  await open(first, 1, "write");
  await device.suspend();
  await claims.close(first, 1);
  assert.deepEqual(hosts.log.slice(-2), ["host 1 suspend", "host 1 close"]);
  await assert.rejects(open(second, 1, "write"), { kind: "busy" });
  await device.resume();
  // At first since no deadline passes any more, then since the driver does nothing more.
  assert.deepEqual(told, ["process 1 paused 1", "process 1 paused 1", "process 2 ready usb-1-4:1.0#0"]);
  await open(second, 2, "write", 1);
});

test("a unit is given up by its opening, whichever channel was the latest that the manager has heard of", async () => {
  const { claims, device, claimant, open, restart } = await setUp();
  const [first, second] = [claimant("process 1"), claimant("process 2")];
  await open(first, 1, "write");
  device.failed({ kind: "crash", text: "", outside: false });
  await restart();
  await open(first, 3, "write", 1);
  await claims.close(first, 1);
  await open(second, 1, "write");
});

test("a channel that is opened while the driver is on its way to rest is one of requests that wait", async () => {
  const { device, hosts, claimant, open, told } = await setUp();
  const suspended = Promise.withResolvers<void>();
  hosts.last.answer = async (method) => {
    if (method === "suspend") await suspended.promise;
    return { result: {}, fds: [] };
  };
  const resting = device.suspend();
  await settled();
  await open(claimant("process 1"), 7);
  assert.deepEqual(told, ["process 1 paused 7"]);
  suspended.resolve();
  await resting;
  await device.resume();
  assert.deepEqual(told, ["process 1 paused 7", "process 1 paused 7", "process 1 resumed 7"]);
});

test("who holds a channel is told at once that its driver works no more, of its loss after the fence, and of the next driver", async () => {
  const { device, hosts, claimant, open, run, told } = await setUp();
  await open(claimant("process 1"), 7);
  device.failed({ kind: "crash", text: "", outside: false });
  await settled();
  assert.deepEqual(told, ["process 1 paused 7"]);
  await hosts.last.dies();
  assert.deepEqual(told.slice(1), ["process 1 lost 7: driver-restarted"]);
  await run();
  assert.deepEqual(told.slice(2), ["process 1 ready usb-1-4:1.0#0"]);
  await open(claimant("process 1"), 8);
  assert.equal(told.length, 3); // the next one is not held
});

test("a driver at rest that fails was held already: its clients hear of its loss", async () => {
  const { device, claimant, open, restart, told } = await setUp();
  await open(claimant("process 1"), 7);
  await device.suspend();
  told.length = 0;
  device.failed({ kind: "exit", text: "killed", outside: true });
  assert.deepEqual(told, []);
  await restart();
  assert.deepEqual(told, [
    "process 1 lost 7: driver-restarted from outside",
    "process 1 ready usb-1-4:1.0#0",
  ]);
});

test("a process that cannot be ended: who holds a channel, or waits for the next, is told that it is stuck; who comes is refused; its end is the loss", async () => {
  const { clock, device, hosts, claimant, open, told } = await setUp();
  await open(claimant("process 1"), 7);
  device.failed({ kind: "heartbeat", text: "hangs", outside: false });
  const waits = assert.rejects(open(claimant("process 2"), 1), {
    kind: "busy",
    message: /its driver is stuck/,
  });
  await settled();
  told.length = 0;
  clock.advance(5000);
  await waits;
  assert.deepEqual(told, ["process 1 stuck 7", "process 2 stuck 1"]);
  await assert.rejects(open(claimant("process 3"), 1), { kind: "disconnected", message: /did not end/ });
  await hosts.last.dies();
  assert.deepEqual(told.slice(2), ["process 1 lost 7: disconnected", "process 2 lost 1: disconnected"]);
});

test("what was asked of a host before it hung for good is answered once it is stuck, not with its end", async () => {
  const { clock, claims, device, hosts, claimant, open } = await setUp();
  const closing = claimant("process 1");
  await open(closing, 7);
  hosts.last.answer = () => new Promise(() => {});
  const opens = assert.rejects(open(claimant("process 2"), 1), { kind: "busy" });
  const closes = claims.close(closing, 7);
  await settled();
  device.failed({ kind: "heartbeat", text: "hangs", outside: false });
  await settled();
  clock.advance(5000);
  await Promise.all([opens, closes]);
  assert.equal(device.life.state, "stuck");
});

test("a second writer is denied while the first has the disk, and let in when it is gone", async () => {
  const { claims, claimant, open } = await setUp();
  const [first, second] = [claimant("process 1"), claimant("process 2")];
  await open(first, 1, "write");
  await assert.rejects(open(second, 1, "write"), { kind: "denied", message: /process 1/ });
  claims.closeAll(first);
  await settled();
  await open(second, 2, "write");
});

test("who holds a channel hears of a debugger, who holds none does not", async () => {
  const { claims, device, claimant, open, told } = await setUp();
  await open(claimant("process 1"), 3);
  claims.held(device, true);
  claims.held(device, false);
  assert.deepEqual(told, ["process 1 paused 3", "process 1 resumed 3"]);
});

test("an application in whose hands the driver fails four times in a row loses its channel; a reflector and who has progressed do not", async () => {
  const { claims, device, claimant, open, told } = await setUp();
  const [reader, other, reflector] = [
    claimant("process 1"),
    claimant("process 2"),
    claimant("the reflector", true),
  ];
  const fails = (inHand: number[]) =>
    claims.lost(device, { final: false, outside: false, text: "crash", inHand: new Set(inHand) });
  for (let round = 1; round <= 4; round++) {
    for (const who of [reader, other, reflector]) await open(who, round, "read", 1);
    if (round === 3) claims.progress(other, round);
    const first = 3 * (round - 1);
    fails([first + 1, first + 2, first + 3]);
  }
  assert.deepEqual(told.slice(-3), [
    "process 1 lost 4: denied",
    "process 2 lost 4: driver-restarted",
    "the reflector lost 4: driver-restarted",
  ]);
});

/** What the keeper was told of clients. */
function keeping() {
  const kept = new Map<string, ClientRecord>();
  const legacy: Legacy = {
    note: (_kind, name, record) => void kept.set(name, structuredClone(record) as ClientRecord),
    hold() {},
    drop: (name) => void kept.delete(name),
  };
  return { kept, legacy };
}

test("what a client opens is kept for the next manager before the driver hears of it, until it is closed", async () => {
  const { kept, legacy } = keeping();
  const { claims, hosts, claimant, open } = await setUp(legacy);
  const reader = claimant("reader");
  hosts.last.answer = async () => {
    assert.deepEqual(kept.get("client/reader")?.openings[0]?.at, { host: "host 1", channel: 1 });
    return { result: {}, fds: [] };
  };
  await open(reader, 1);
  assert.deepEqual(kept.get("client/reader"), {
    name: "reader",
    uid: 1000,
    reflector: null,
    openings: [
      {
        device: "usb-1-4:1.0",
        unit: 0,
        mode: "read",
        opening: 1,
        channel: 1,
        at: { host: "host 1", channel: 1 },
        failures: 0,
      },
    ],
  });
  hosts.last.answer = async () => ({ result: {}, fds: [] });
  await claims.close(reader, 1);
  assert.deepEqual([...kept.keys()], []);
});

/** At the manager after the one that had this. */
async function inheriting(at: { host: string; channel: number } | null) {
  const { kept, legacy } = keeping();
  const parts = await setUp(legacy);
  const absent = parts.claimant("writer");
  const opening = {
    device: parts.device.id,
    unit: 0,
    mode: "write",
    opening: 3,
    channel: 8,
    at,
    failures: 2,
  } as const;
  const record: ClientRecord = { name: "writer", uid: 1000, reflector: null, openings: [opening] };
  parts.claims.inherit(absent, record, (id) => (id === parts.device.id ? parts.device : undefined));
  return { ...parts, kept, absent };
}

test("a client that is back has its unit, which nobody else could have meanwhile, and the channel to the same host", async () => {
  const { claims, claimant, open, absent, restart, device, told } = await inheriting({
    host: "host 1",
    channel: 40,
  });
  await assert.rejects(open(claimant("another"), 1, "write"), { kind: "denied" });
  const back = claimant("writer");
  assert.deepEqual(claims.handOver(absent, back), [8]);
  device.failed({ kind: "crash", text: "it broke", outside: false });
  await restart();
  assert.deepEqual(told, [
    "writer paused 8",
    "writer lost 8: driver-restarted",
    "writer ready usb-1-4:1.0#0",
  ]);
  await open(back, 9, "write", 3); // the same opening: nobody has to let go of it first
});

test("a channel to a host that died before is none, and the next one is for the same opening", async () => {
  const { claims, claimant, open, absent } = await inheriting({ host: "host/0.1", channel: 40 });
  const back = claimant("writer");
  assert.deepEqual(claims.handOver(absent, back), []);
  await open(back, 9, "write", 3);
});

test("host channels are never named twice, whichever manager named them", async () => {
  const { claimant, open, hosts, claims, absent } = await inheriting({ host: "host 1", channel: 40 });
  const opened: unknown[] = [];
  hosts.last.answer = async (_method, params) => {
    opened.push((params as { channel: number }).channel);
    return { result: {}, fds: [] };
  };
  claims.closeAll(absent);
  await settled();
  await open(claimant("another"), 1, "write");
  assert.deepEqual(opened, [40, 41]); // closed, opened
});

test("what host and manager disagree about is closed: the client is told, and the host asked", async () => {
  const { claims, claimant, absent, device, hosts, told } = await inheriting({ host: "host 1", channel: 40 });
  claims.handOver(absent, claimant("writer"));
  const asked: unknown[] = [];
  hosts.last.answer = async (method, params) => {
    asked.push([method, params]);
    return { result: {}, fds: [] };
  };
  claims.reconcile(device, [77]);
  await settled();
  assert.deepEqual(told, ["writer lost 8: driver-restarted from outside", "writer ready usb-1-4:1.0#0"]);
  assert.deepEqual(asked, [["close", { channel: 77 }]]);
});

test("what was opened before the host has said how it stood is in order", async () => {
  const { claims, claimant, open, absent, device, told } = await inheriting({ host: "host 1", channel: 40 });
  claims.handOver(absent, claimant("writer"));
  await open(claimant("reader"), 1);
  claims.reconcile(device, [40]);
  await settled();
  assert.deepEqual(told, []);
});

test("an opening whose answer was lost is asked for again: the channel that nobody knows of is closed first", async () => {
  const { claims, claimant, open, absent, hosts } = await inheriting({ host: "host 1", channel: 40 });
  const back = claimant("writer");
  claims.handOver(absent, back);
  const asked: string[] = [];
  hosts.last.answer = async (method) => {
    asked.push(method);
    return { result: {}, fds: [] };
  };
  await open(back, 8, "write", 3);
  assert.deepEqual(asked, ["close", "open"]);
});

/** A reader whose driver has died and whose next one is on its way. */
async function waiting() {
  const parts = await setUp();
  const reader = parts.claimant("reader");
  await parts.open(reader, 1);
  parts.hosts.last.fails();
  await settled();
  await parts.hosts.last.dies();
  parts.told.length = 0;
  let answer = "none";
  const opening = parts.open(reader, 2, "read", 1).then(
    () => {
      answer = "opened";
    },
    (error: Error) => {
      answer = error.message;
    },
  );
  await settled();
  return { ...parts, reader, opening, answer: () => answer };
}

test("who opens while the next driver is on its way is answered when it runs, and is told nothing besides", async () => {
  const { run, opening, answer, told } = await waiting();
  assert.equal(answer(), "none");
  await run();
  await opening;
  assert.deepEqual([answer(), told], ["opened", []]);
});

test("a driver that starts while the machine sleeps hears of its rest before it hears of any client", async () => {
  const { device, hosts, run, opening, told } = await waiting();
  await device.suspend("sleep");
  await run();
  await opening;
  assert.deepEqual(
    hosts.log.slice(-2).map((said) => said.split(" ").at(-1)),
    ["suspend", "open"],
  );
  assert.deepEqual(told, ["reader paused 2", "reader paused 2"]); // it rests before the channel is open
});

test("a start that fails is waited out while another follows at once; before a back-off the client is told", async () => {
  const { hosts, opening, answer, told } = await waiting();
  await hosts.last.loaded();
  await hosts.last.refusesProbe("not today");
  await settled();
  await hosts.last.dies();
  await opening;
  assert.match(answer(), /its driver is failed/);
  assert.deepEqual(told, ["reader lost 2: driver-restarted"]);
});

test("who waits and is gone, or gives up, waits no more", async () => {
  const { claims, reader, opening, answer } = await waiting();
  await claims.close(reader, 1);
  await opening;
  assert.match(answer(), /its driver is starting/);
});

test("a client that goes while its old channel is closed for a new one opens nothing any more", async () => {
  const { claims, claimant, open, absent, hosts } = await inheriting({ host: "host 1", channel: 40 });
  const back = claimant("writer");
  claims.handOver(absent, back);
  const closed = Promise.withResolvers<void>();
  hosts.last.answer = async () => {
    await closed.promise;
    return { result: {}, fds: [] };
  };
  const opening = assert.rejects(open(back, 9, "write", 3), { kind: "busy", message: /given up meanwhile/ });
  await settled();
  claims.closeAll(back);
  closed.resolve();
  await opening;
});

test("an opening and its giving up that come together, both lost with the manager before: nothing is opened, and nobody waits", async () => {
  const { claims, claimant, open, absent, device, hosts } = await inheriting({ host: "host 1", channel: 40 });
  const back = claimant("writer");
  claims.handOver(absent, back);
  device.failed({ kind: "exit", text: "killed", outside: true }); // another is on its way, for which an opening would wait
  const opening = assert.rejects(open(back, 9, "write", 3), { kind: "busy", message: /given up meanwhile/ });
  await claims.close(back, 3);
  await opening;
  await hosts.hosts[0]!.dies();
  await hosts.last.runs(unit());
  await open(claimant("another"), 1, "write");
});

test("who comes back to a manager that has seen the debugger is told of it", async () => {
  const { claims, claimant, absent, device, told } = await inheriting({ host: "host 1", channel: 40 });
  Object.defineProperty(device, "held", { value: true });
  claims.handOver(absent, claimant("writer"));
  assert.deepEqual(told, ["writer paused 8"]);
});

test("who comes back to a manager that has found the driver stuck is told of it", async () => {
  const { clock, claims, claimant, absent, device, told } = await inheriting({ host: "host 1", channel: 40 });
  device.failed({ kind: "heartbeat", text: "hangs", outside: false });
  await settled();
  clock.advance(5000);
  told.length = 0;
  claims.handOver(absent, claimant("writer"));
  assert.deepEqual(told, ["writer paused 8", "writer stuck 8"]);
});
