// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceRecord } from "@ring3/control/legacy";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { type Life, newLife } from "@ring3/core/lifecycle";
import { type Descriptor, pipe } from "@ring3/kernel/fd/descriptor";
import type { BusDevice } from "./bus.ts";
import type { Device } from "./device.ts";
import {
  busDevice,
  chosenDriver,
  FakeHost,
  FakeHosts,
  playedDevice,
  settled,
  unit,
} from "./fake-host.fixture.ts";

function setUp(bus: Partial<BusDevice> = {}, limits: Parameters<typeof chosenDriver>[0] = {}) {
  const clock = manualClock();
  const log: string[] = [];
  const hosts = new FakeHosts(log);
  const device: Device = playedDevice(
    hosts,
    clock,
    {
      changed: () => log.push(device.life.state),
      ready: () => log.push(`ready with ${device.units.length}`),
      lost: (_device, { final, outside, text }) =>
        log.push(
          `lost${final ? " for good" : ""}${outside ? " from outside" : ""} with ${device.units.length}: ${text}`,
        ),
      unitChanged: (_device, { index, properties }) => log.push(`unit ${index}: ${properties.sectors}`),
      held: (_device, held) => log.push(held ? "held" : "not held"),
      stuck: () => log.push("clients hear that it is stuck"),
      unitVanished: (_device, { index }) => log.push(`unit ${index} vanished`),
    },
    bus,
  );
  /** What happened since the last call. */
  const seen = () => log.splice(0);
  const run = async (...units: ReturnType<typeof unit>[]) => {
    device.matched(chosenDriver(limits), true);
    await hosts.last.runs(...units);
    seen();
  };
  return { clock, hosts, device, seen, run };
}

test("a matched device gets a host, is opened, probed, and runs", async () => {
  const { device, hosts, seen } = setUp();
  device.matched(chosenDriver(), true);
  assert.deepEqual(seen(), ["host 1 start", "starting"]);
  await hosts.last.loaded();
  assert.deepEqual([seen(), device.hostPid, device.host], [["host 1 probe"], process.pid, undefined]);
  await hosts.last.probed(unit());
  assert.deepEqual(seen(), ["ready with 1", "running"]);
});

test("a driver that fails is killed, its clients are told at once that it works no more and once it is fenced of its loss, and the next one starts", async () => {
  const { device, hosts, seen, run } = setUp();
  await run();
  hosts.last.fails();
  await settled();
  assert.deepEqual(seen(), ["held", "failed", "host 1 kill"]);
  await hosts.last.dies();
  assert.deepEqual(seen(), ["lost with 1: exit: it broke", "host 2 start", "starting"]);
  await hosts.last.runs(unit());
  assert.deepEqual(seen(), ["host 2 probe", "ready with 1", "running"]);
  assert.equal(device.life.incarnation, 2);
});

/** A device behind a stream: how often it was opened, and how many of its streams are open. */
function streamed(refused: readonly number[] = []) {
  const streams: Descriptor[] = [];
  let opened = 0;
  const bus: Partial<BusDevice> = {
    transport: "usbip",
    open: async () => {
      if (refused.includes(++opened)) throw new DeviceError("busy", "somebody has it");
      const { read: descriptor, write } = pipe();
      write.close();
      streams.push(descriptor);
      return { terms: {} as never, descriptor, taken: false };
    },
  };
  return { bus, openings: () => opened, open: () => streams.filter(({ fd }) => fd >= 0).length };
}

test("once the last driver is killed the next host is expected and a stream, which fences by itself, is opened", async () => {
  const { bus, openings } = streamed();
  const { hosts, run, seen } = setUp(bus);
  await run();
  hosts.last.fails();
  assert.deepEqual([openings(), hosts.expected], [1, 0]); // not while it may still be at work
  await settled();
  assert.deepEqual([seen(), openings(), hosts.expected], [["held", "failed", "host 1 kill"], 2, 1]);
  await hosts.last.dies();
  await hosts.last.loaded();
  assert.deepEqual([openings(), seen().at(-1)], [2, "host 2 probe"]);
});

test("a driver that is ending: the next one's needs are got before its failure is told, and once", async () => {
  const { bus, openings } = streamed();
  const { hosts, run, seen } = setUp(bus);
  await run();
  hosts.last.listeners.dying();
  assert.deepEqual([seen(), openings(), hosts.expected], [[], 2, 1]);
  hosts.last.fails();
  await hosts.last.dies();
  await hosts.last.loaded();
  assert.deepEqual([openings(), hosts.expected, seen().at(-1)], [2, 1, "host 2 probe"]);
});

test("where no host waits, the stream is opened while one starts", async () => {
  const { bus, openings } = streamed();
  const { hosts, run } = setUp(bus);
  hosts.spare = false;
  await run();
  hosts.last.listeners.dying();
  hosts.last.fails();
  await settled();
  assert.deepEqual([openings(), hosts.expected], [1, 1]);
  await hosts.last.dies();
  assert.equal(openings(), 2);
});

test("a driver that is ending while it is stopped gets no successor, and what was opened for one is closed", async () => {
  const { bus, openings, open } = streamed();
  const { device, hosts, run } = setUp(bus);
  await run();
  hosts.last.listeners.dying();
  device.stop();
  hosts.last.listeners.dying();
  await settled();
  await hosts.last.dies();
  await settled();
  assert.deepEqual([device.life.state, openings(), hosts.expected, open()], ["stopped", 2, 1, 0]);
});

test("a device of the kernel's is not opened before the last driver is fenced", async () => {
  let opened = 0;
  const open = async () => {
    opened++;
    throw new DeviceError("busy", "somebody has it");
  };
  const { hosts, run, device } = setUp();
  await run();
  Object.assign(device.bus, { open });
  hosts.last.fails();
  await settled();
  assert.deepEqual([opened, hosts.expected], [0, 1]);
});

test("a stream that cannot be had beside the end of the last driver is asked for again after it", async () => {
  const { bus, openings } = streamed([2]);
  const { device, hosts, run } = setUp(bus);
  await run();
  hosts.last.fails();
  await settled();
  await hosts.last.dies();
  await hosts.last.runs(unit());
  assert.deepEqual([device.life.state, device.life.incarnation, openings()], ["running", 2, 3]);
});

for (const [what, event] of [
  ["stopped", (device: Device) => void device.stop()],
  ["unplugged", (device: Device) => device.gone()],
] as const)
  test(`a device that is ${what} while its driver is being fenced: the stream for the next one is closed first`, async () => {
    const { bus, openings, open } = streamed();
    const { device, hosts, run } = setUp(bus);
    await run();
    const before = open();
    hosts.last.fails();
    await settled();
    assert.deepEqual([openings(), open()], [2, before + 1]);
    event(device);
    await hosts.last.dies();
    assert.deepEqual([device.life.fenced, open(), hosts.hosts.length], [true, before, 1]);
  });

test("a process that cannot be ended: the stream for the next one is closed", async () => {
  const { bus, open } = streamed();
  const { clock, device, hosts, run } = setUp(bus);
  await run();
  const before = open();
  hosts.last.fails();
  await settled();
  clock.advance(5000);
  await settled();
  assert.deepEqual([device.life.state, open()], ["stuck", before]);
});

test("what an ended host still says changes nothing for the one after it", async () => {
  const { device, hosts, seen, run } = setUp();
  await run();
  const [first] = hosts.hosts;
  first!.fails();
  await settled();
  await first!.dies();
  await hosts.last.runs(unit());
  seen();
  first!.fails("again");
  first!.listeners.failed({ kind: "internal", message: "late", stack: "" });
  first!.listeners.disconnected();
  first!.listeners.changed({ unit: 0, properties: unit(0, { sectors: 1 }).properties });
  await settled();
  assert.deepEqual([seen(), device.life.state, device.life.incarnation], [[], "running", 2]);
});

test("a replugged device's first incarnation is not taken for the one that was unplugged", async () => {
  const { device, hosts, seen, run } = setUp();
  await run();
  device.gone();
  await settled();
  await hosts.last.dies();
  device.returned(busDevice());
  device.matched(chosenDriver(), true);
  seen();
  hosts.hosts[0]!.fails("the old one's exit");
  await hosts.last.runs(unit());
  assert.deepEqual(seen(), ["host 2 probe", "ready with 1", "running"]);
  assert.deepEqual([device.life.incarnation, device.enumeration, device.hostPid], [1, 2, process.pid]);
});

test("a stop removes in order, then kills; the loss comes with the units, which are gone afterwards", async () => {
  const { device, hosts, seen, run } = setUp();
  await run(unit(0), unit(1));
  const stopped = device.stop();
  await settled();
  assert.deepEqual(seen(), ["held", "stopped", "host 1 remove", "host 1 kill"]);
  await hosts.last.dies();
  await stopped;
  assert.deepEqual(seen(), ["lost for good from outside with 2: stopped on request"]);
  assert.deepEqual([device.units, device.hostPid], [[], null]);
});

test("a start asked for while the driver stops is no loss for good", async () => {
  const { device, hosts, seen, run } = setUp();
  await run();
  const stopped = device.stop();
  device.start();
  await settled();
  seen();
  await hosts.last.dies();
  await stopped;
  assert.deepEqual(seen(), ["lost from outside with 1: stopped", "host 2 start", "starting"]);
});

test("a process that cannot be ended: stop returns, nobody is told of a loss until it ends after all", async () => {
  const { clock, device, hosts, seen, run } = setUp();
  await run();
  const stopped = device.stop();
  await settled();
  clock.advance(5000);
  await stopped;
  assert.deepEqual(
    [seen().slice(4), device.life.state],
    [["stuck", "clients hear that it is stuck"], "stuck"],
  );
  await hosts.last.dies();
  assert.deepEqual(seen(), [
    "lost for good from outside with 1: incarnation 1 did not end within 5 s of being killed",
    "stopped",
  ]);
});

test("unplugged while its driver cannot be ended: clients hear so, and who comes is refused", async () => {
  const { clock, device, hosts, seen, run } = setUp();
  await run();
  hosts.last.fails();
  await settled();
  device.gone();
  assert.equal(device.isStuck, false);
  clock.advance(5000);
  await settled();
  assert.deepEqual([device.life.state, device.isStuck], ["gone", true]);
  assert.ok(seen().includes("clients hear that it is stuck"));
  await hosts.last.dies();
  assert.equal(device.isStuck, false);
});

test("a suspended driver keeps its channels and is ready again when resumed", async () => {
  const { device, hosts, seen, run } = setUp();
  await run();
  await device.suspend();
  assert.deepEqual([device.host, device.channelHost?.pid], [undefined, process.pid]);
  await device.resume();
  assert.deepEqual(
    seen().filter((what) => !what.endsWith("held")),
    ["host 1 suspend", "suspended", "host 1 resume", "ready with 1", "running"],
  );
  hosts.last.fails();
  assert.equal(device.channelHost, undefined);
});

test("five failed starts: back-off in between, then quarantine and one loss for good", async () => {
  const { clock, device, hosts, seen } = setUp();
  device.matched(chosenDriver(), true);
  for (let start = 0; start < 5; start++) {
    await hosts.last.loaded();
    await hosts.last.refusesProbe("no such thing");
    await hosts.last.dies();
    clock.advance(30_000);
  }
  assert.deepEqual(
    [hosts.hosts.length, device.life.state, seen().filter((line) => line.startsWith("lost for good"))],
    [5, "quarantined", [`lost for good with 0: ${device.life.reason}`]],
  );
});

for (const [isShared, given] of [
  [true, 1],
  [false, 0],
] as const)
  test(`in quarantine a device that is ${isShared ? "" : "not "}shared with the kernel's driver ${isShared ? "goes back to it" : "stays"}`, async () => {
    let back = 0;
    const { clock, device, hosts } = setUp({
      isShared,
      open: async () => ({ ...(await busDevice().open()), taken: true }),
      giveBack: () => `driver ${++back}`,
    });
    assert.equal(device.mayHaveTaken, false);
    device.matched(chosenDriver(), true);
    for (let start = 0; start < 5; start++) {
      assert.equal(device.mayHaveTaken, true);
      await hosts.last.loaded();
      assert.equal(back, 0);
      await hosts.last.refusesProbe("no such thing");
      await hosts.last.dies();
      clock.advance(30_000);
    }
    assert.deepEqual([device.life.state, back, device.mayHaveTaken], ["quarantined", given, !isShared]);
  });

test("a driver that is at its end has its grant revoked, before it is proven dead", async () => {
  let revoked = 0;
  const revoke = () => void revoked++;
  const { device, hosts, run } = setUp({ open: async () => ({ ...(await busDevice().open()), revoke }) });
  await run();
  hosts.last.fails();
  await settled();
  assert.deepEqual([revoked, device.life.fenced], [1, false]);
  await hosts.last.dies();
  await hosts.last.runs(unit());
  assert.equal(revoked, 1);
});

const brokenUnits: [string, ReturnType<typeof unit>][] = [
  ["a property that is no number of its kind", unit(0, { sectorBytes: -1 })],
  ["a property that the contract does not have", unit(0, { extra: Array.from({ length: 9999 }, () => 1) })],
  ["another index", unit(1)],
];
for (const [what, broken] of brokenUnits)
  test(`a probe that answers with ${what} has failed`, async () => {
    const { device, hosts } = setUp();
    device.matched(chosenDriver(), true);
    await hosts.last.runs(broken);
    assert.match(device.life.reason, /^probe: unit 0: /);
    assert.deepEqual([device.life.state, device.units], ["failed", []]);
  });

test("changes of properties are told, checked, and no more than ten times a second", async () => {
  const { clock, device, hosts, seen, run } = setUp();
  await run();
  for (let sectors = 1; sectors <= 50; sectors++)
    hosts.last.listeners.changed({ unit: 0, properties: unit(0, { sectors }).properties });
  clock.advance(100);
  assert.deepEqual(seen(), ["unit 0: 1", "unit 0: 50"]);
  hosts.last.listeners.changed({ unit: 0, properties: { sectors: 7 } });
  assert.match(device.life.reason, /^malformed: change of unit 0/);
});

test("what a driver changes right behind its probe is heard after it, whichever was read first", async () => {
  const { device, hosts, seen } = setUp();
  device.matched(chosenDriver(), true);
  await hosts.last.loaded();
  hosts.last.listeners.changed({ unit: 0, properties: unit(0, { sectors: 7 }).properties });
  assert.equal(device.life.state, "starting");
  await hosts.last.probed(unit(0, { sectors: 100 }));
  assert.deepEqual([device.life.state, device.units[0]!.properties.sectors], ["running", 7]);
  assert.equal(seen().at(-1), "unit 0: 7");
});

test("a unit that the next incarnation does not have is told of", async () => {
  const { hosts, seen, run } = setUp();
  await run(unit(0), unit(1));
  hosts.last.fails();
  await settled();
  await hosts.last.dies();
  seen();
  await hosts.last.runs(unit(0));
  assert.deepEqual(seen(), ["host 2 probe", "unit 1 vanished", "ready with 1", "running"]);
});

test("a heartbeat that stands still fails the driver", async () => {
  const { clock, device, run } = setUp({}, { hangMs: 1500 });
  await run();
  clock.advance(1500);
  assert.match(device.life.reason, /^heartbeat: no heartbeat for 1500 ms/);
});

test("ten seconds in health forgive earlier failures", async () => {
  const { clock, device, hosts, run } = setUp();
  await run();
  hosts.last.fails();
  await settled();
  await hosts.last.dies();
  await hosts.last.runs(unit());
  assert.equal(device.life.failures, 1);
  clock.advance(10_000);
  assert.equal(device.life.failures, 0);
});

test("a device that somebody else has got before it was opened is theirs: available, after the driver's end, and no failure", async () => {
  const open = () => Promise.reject(new Error("the kernel driver usb-storage holds it"));
  const { device, hosts, seen } = setUp({ open, withheld: () => true });
  device.matched(chosenDriver(), true);
  await hosts.last.loaded();
  assert.deepEqual([device.life.state, device.life.fenced], ["available", false]);
  await hosts.last.dies();
  const { state, fenced, failures, reason } = device.life;
  assert.deepEqual(
    [state, fenced, failures, reason],
    ["available", true, 0, "the kernel driver usb-storage holds it"],
  );
  assert.deepEqual(seen(), [
    "host 1 start",
    "starting",
    "held",
    "available",
    "host 1 kill",
    "lost for good from outside with 0: the kernel driver usb-storage holds it",
  ]);
});

test("a device that cannot be opened fails as its grant, and what the kernel's driver had goes back to it", async () => {
  const refused = setUp({ open: () => Promise.reject(new Error("busy")) });
  refused.device.matched(chosenDriver(), true);
  await refused.hosts.last.loaded();
  assert.equal(refused.device.life.reason, "grant: busy");

  let given = 0;
  const { open } = busDevice();
  const taken = setUp({
    open: async () => ({ ...(await open()), taken: true }),
    giveBack: () => `driver ${++given}`,
  });
  await taken.run();
  const stopped = taken.device.stop();
  await settled();
  await taken.hosts.last.dies();
  await stopped;
  assert.equal(given, 1);
});

test("what a stopped driver had from the kernel's goes back with its end, also where that comes too late for the stop", async () => {
  let given = 0;
  const { open } = busDevice();
  const { clock, device, hosts, run } = setUp({
    open: async () => ({ ...(await open()), taken: true }),
    giveBack: () => `driver ${++given}`,
  });
  await run();
  const stopped = device.stop();
  await settled();
  clock.advance(5000);
  await stopped;
  assert.deepEqual([device.life.state, given], ["stuck", 0]);
  await hosts.last.dies();
  assert.deepEqual([device.life.state, given], ["stopped", 1]);
});

/** A device as a manager that died has left it. */
async function left(life: Partial<Life>, host: FakeHost | undefined, rest: DeviceRecord["rest"] = []) {
  const parts = setUp();
  const record: DeviceRecord = {
    id: parts.device.id,
    identity: parts.device.bus.identity,
    plugging: "1/4",
    ordinal: 2,
    enumeration: 2,
    life: { ...newLife, incarnation: 3, fenced: false, ...life },
    lastFailure: null,
    taken: false,
    takeable: false,
    rest,
    declined: {},
    driver: null,
    units: [unit(0, { sectors: 100 })],
    host: host === undefined ? null : "host/0.1",
  };
  parts.device.inherit(record, chosenDriver(), host?.left);
  await settled();
  return parts;
}

function leftHost(report = {}): FakeHost {
  const host = new FakeHost("left host", {} as never, []);
  const { properties } = unit(0, { sectors: 100 });
  host.answer = async () => ({
    result: { units: [{ properties }], channels: [5], gone: false, ...report },
    fds: [],
  });
  return host;
}

test("what a driver tells right behind its introduction is newer than that", async () => {
  const host = leftHost();
  const introduced = host.answer;
  const { properties } = unit(0, { sectors: 200 });
  host.answer = async (method, params) => {
    if (method === "adopt") host.listeners.changed({ unit: 0, properties });
    return introduced(method, params);
  };
  const { device } = await left({ state: "running" }, host);
  assert.equal(device.units[0]!.properties.sectors, 200);
});

test("a driver that outlived its manager runs on, in the incarnation that it is", async () => {
  const host = leftHost();
  const { device, seen, hosts } = await left({ state: "running" }, host);
  // That manager may have asked it to rest and died over it.
  assert.deepEqual([host.log, hosts.hosts.length, seen()], [["left host adopt", "left host resume"], 0, []]);
  assert.deepEqual(
    [device.life.state, device.life.incarnation, device.enumeration, device.hostPid],
    ["running", 3, 2, process.pid],
  );
  assert.equal(device.units[0]!.properties.sectors, 100);
});

for (const [state, rest, asked, reached, told] of [
  // That manager may have asked it to work, and then to rest, and died over it.
  ["suspended", ["request"], ["left host suspend"], "suspended", ["held", "held"]],
  ["suspended", [], ["left host resume"], "running", ["held", "ready with 1", "running", "not held"]],
  ["running", ["sleep"], ["left host suspend"], "suspended", ["held", "suspended", "held"]],
] as const)
  test(`a driver that is ${state} and wanted at rest by ${rest[0] ?? "nobody"} is ${reached} under the next manager`, async () => {
    const host = leftHost();
    const { device, seen } = await left({ state }, host, [...rest]);
    assert.deepEqual([host.log.slice(1), seen(), device.life.state], [asked, told, reached]);
  });

test("a driver that was to rest, works since its manager died and cannot rest is one that works", async () => {
  const host = leftHost();
  const introduced = host.answer;
  host.answer = async (method, params) => {
    if (method === "suspend") throw new DeviceError("busy", "suspend");
    return introduced(method, params);
  };
  const { device, seen, hosts } = await left({ state: "suspended" }, host, ["request"]);
  assert.deepEqual(
    [device.life.state, seen().slice(0, 4)],
    ["running", ["held", "ready with 1", "running", "not held"]],
  );
  device.failed({ kind: "crash", text: "it broke", outside: false });
  await settled();
  await host.dies();
  await hosts.last.runs();
  assert.equal(device.life.state, "running"); // nobody wants the next one at rest either: whoever did was refused
});

test("what changed while there was no manager is told: properties, and that the device went", async () => {
  const { properties } = unit(0, { sectors: 200 });
  const { seen, clock } = await left({ state: "running" }, leftHost({ units: [{ properties }] }));
  clock.advance(1000);
  assert.deepEqual(seen(), ["unit 0: 200"]);
  const gone = await left({ state: "running" }, leftHost({ gone: true }));
  assert.deepEqual(gone.seen(), ["held", "failed"]);
});

test("a driver that dies after its manager is replaced like any other", async () => {
  const host = leftHost();
  const { device, seen, hosts } = await left({ state: "running" }, host);
  host.fails("it was killed", true);
  await settled();
  await host.dies();
  assert.deepEqual(seen(), [
    "held",
    "failed",
    "lost from outside with 1: exit: it was killed",
    "host 1 start",
    "starting",
  ]);
  await hosts.last.runs(unit());
  assert.deepEqual([device.life.state, device.life.incarnation], ["running", 4]);
});

test("a start that its manager did not live to see done is ended, and another follows", async () => {
  const host = leftHost();
  const { seen, hosts } = await left({ state: "starting" }, host);
  assert.deepEqual([host.log, seen(), hosts.hosts.length], [["left host kill"], ["held", "failed"], 0]);
  await host.dies();
  assert.equal(hosts.hosts.length, 1);
});

test("a driver that was being stopped is ended, and the device stays stopped", async () => {
  const host = leftHost();
  const { device, hosts } = await left({ state: "stopped", reason: "stopped on request" }, host);
  assert.deepEqual(host.log, ["left host kill"]);
  await host.dies();
  assert.deepEqual([device.life.state, device.life.fenced, hosts.hosts.length], ["stopped", true, 0]);
});

test("a back-off begins anew, and quarantine stays", async () => {
  const waiting = await left(
    { state: "failed", failures: 3, nextStart: "back-off", fenced: true },
    undefined,
  );
  waiting.clock.advance(30_000);
  assert.equal(waiting.hosts.hosts.length, 1);
  const quarantined = await left({ state: "quarantined", fenced: true }, undefined);
  quarantined.clock.advance(60_000);
  assert.equal(quarantined.hosts.hosts.length, 0);
});

for (const [what, happens, removed] of [
  ["restarted", (device: Device) => device.restart(), true],
  ["unplugged", (device: Device) => device.gone(), true],
  [
    "told that its device is away",
    (device: Device) => device.failed({ kind: "grant", text: "the device went away", outside: true }),
    true,
  ],
  [
    "accused by a stranger",
    (device: Device) => device.failed({ kind: "deadline", text: "says process 1", outside: true }),
    true,
  ],
  [
    "stopped by a person",
    (device: Device) => device.failed({ kind: "heartbeat", text: "no heartbeat", outside: true }),
    false,
  ],
  ["at fault", (device: Device) => device.failed({ kind: "crash", text: "it broke", outside: false }), false],
] as const)
  test(`a driver beside others that is ${what} ${removed ? "leaves these alone" : "is killed with them"}; one alone is killed`, async () => {
    for (const shared of [true, false]) {
      const { device, hosts, seen } = setUp();
      device.matched(chosenDriver(), true);
      hosts.last.shared = shared;
      await hosts.last.runs();
      seen();
      happens(device);
      await settled();
      const asked = seen().filter((line) => line.startsWith("host 1"));
      assert.deepEqual(asked, [...(shared && removed ? ["host 1 remove"] : []), "host 1 kill"]);
    }
  });

test("a driver beside others that refuses its device leaves these alone", async () => {
  const { device, hosts, seen } = setUp();
  device.matched(chosenDriver(), true);
  hosts.last.shared = true;
  await hosts.last.loaded();
  await hosts.last.refusesProbe("no medium");
  await settled();
  assert.deepEqual(seen().slice(-3), ["failed", "host 1 remove", "host 1 kill"]);
});

test("a start beside others that its manager did not live to see done leaves these alone", async () => {
  const host = leftHost();
  host.shared = true;
  await left({ state: "starting" }, host);
  await settled();
  assert.deepEqual(host.log, ["left host remove", "left host kill"]);
});
