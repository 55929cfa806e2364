// Runs in: tests.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { DeviceMemory, HostDeviceMemory } from "@ring3/channel/device-memory";
import { type Config, defaultConfig, parseConfig } from "@ring3/control/config";
import type { DeviceRecord } from "@ring3/control/legacy";
import { manualClock } from "@ring3/core/clock";
import { newLife } from "@ring3/core/lifecycle";
import { createLog } from "@ring3/core/log";
import type { BusDevice } from "./bus.ts";
import type { Estate } from "./estate.ts";
import { EventLog } from "./event-log.ts";
import {
  busDevice,
  code,
  codeBytes,
  FakeHost,
  FakeHosts,
  manifest,
  noLegacy,
  settled,
  unit,
} from "./fake-host.fixture.ts";
import { History } from "./history.ts";
import { Manager } from "./manager.ts";
import { explain } from "./status.ts";

const folder = mkdtempSync(join(tmpdir(), "ring3-manager-"));
after(() => rmSync(folder, { recursive: true }));

const id = "usb-1-4:1.0";

function setUp(config: Config = defaultConfig, estate?: Estate, number = 0, drivers = [manifest]) {
  const clock = manualClock();
  const log: string[] = [];
  const hosts = new FakeHosts(log);
  const manager = new Manager({
    config,
    clock,
    random: { next: () => 0 },
    eventLog: new EventLog(join(folder, "events.jsonl")),
    startHost: hosts.start,
    expectHost: hosts.expect,
    sandboxed: true,
    legacy: noLegacy,
    number,
    crashed() {},
    drivers: () => drivers.map((manifest) => ({ manifest, code, codeBytes, sourceMap: undefined })),
  });
  if (estate !== undefined) manager.goOnWith(estate);
  manager.watch({
    unitAdded: (_device, { index }) => log.push(`unit ${index} added`),
    unitChanged: (_device, { index }) => log.push(`unit ${index} changed`),
    unitRemoved: (_device, { index }, reason) => log.push(`unit ${index} removed: ${reason}`),
    deviceChanged: () => {},
  });
  const seen = () => log.splice(0);
  const state = () => manager.devices.map(({ life }) => life.state);
  const run = async () => {
    void manager.added(busDevice());
    await hosts.last.runs(unit());
    seen();
  };
  return { clock, manager, hosts, seen, state, run };
}

const anywhere = {
  group: () => "ring3",
  inputs: { permissions: () => [] },
  sandboxed: true,
  processors: () => "anywhere",
  history: new History(
    manualClock(),
    noLegacy,
    createLog("test", () => {}, manualClock()),
  ),
  clock: manualClock(),
};

test("a device that is found is there at once, and its unit once the driver runs", async () => {
  const { manager, hosts, seen, state } = setUp();
  void manager.added(busDevice());
  assert.deepEqual(state(), ["starting"]);
  await hosts.last.runs(unit());
  assert.deepEqual(seen(), ["host 1 start", "host 1 probe", "unit 0 added"]);
});

test("what one manager finds, no other has given the same enumeration: clients take it for unplugged in between", async () => {
  const numbers = [0, 1].map((number) => {
    const { manager } = setUp(defaultConfig, undefined, number);
    void manager.added(busDevice());
    return manager.devices[0]!.enumeration;
  });
  assert.equal(new Set(numbers).size, 2);
});

test("a device plugged in again waits for the end of its last driver", async () => {
  const { manager, hosts, seen, state, run } = setUp();
  await run();
  void manager.removed(id);
  void manager.added(busDevice());
  await settled();
  assert.deepEqual([seen(), state()], [["host 1 kill"], ["gone"]]);
  await hosts.last.dies();
  assert.deepEqual([seen(), state()], [["host 2 start"], ["starting"]]);
  hosts.hosts[0]!.fails("killed", true);
  await hosts.last.runs(unit());
  assert.deepEqual([seen(), state()], [["host 2 probe", "unit 0 added"], ["running"]]);
  assert.equal(manager.devices[0]!.hostPid, process.pid);
});

/** A driver of each manifest's, one after the other: what it finds, and it keeps its own number then. */
function keeping(...drivers: (typeof manifest)[]) {
  const { manager, hosts, clock } = setUp(defaultConfig, undefined, 0, drivers);
  let started = 0;
  const plug = async (bus: Partial<BusDevice> = {}) => {
    void manager.added(busDevice(bus));
    await settled();
    await hosts.last.loaded();
    const found = hosts.last.memory!.readState();
    hosts.last.memory!.writeState(++started);
    await hosts.last.probed(unit());
    return found;
  };
  const unplug = async (id = "usb-1-4:1.0") => {
    void manager.removed(id);
    await hosts.last.dies();
    await settled();
  };
  return { manager, hosts, clock, plug, unplug };
}
const settings = { ...manifest, stateOutlives: "unplugging" as const };
const nameless = { vendor: "0781", product: "5583", serial: null };

test("what a driver keeps is gone when its device is unplugged", async () => {
  const { plug, unplug } = keeping(manifest);
  await plug();
  await unplug();
  assert.equal(await plug(), undefined);
});

test("what a driver keeps of the device itself is there after each unplugging, behind the grace too", async () => {
  const { plug, unplug, clock } = keeping(settings);
  assert.equal(await plug(), undefined);
  await unplug();
  assert.equal(await plug(), 1);
  await unplug();
  clock.advance(defaultConfig.limits.replug_grace);
  assert.equal(await plug(), 2);
});

test("it follows a device with a serial number to another port, and one without stays with its port", async () => {
  for (const [identity, found] of [
    [busDevice().identity, 1],
    [nameless, undefined],
  ] as const) {
    const { plug, unplug } = keeping(settings);
    await plug({ identity });
    await unplug();
    assert.equal(await plug({ identity, id: "usb-2-1:1.0" }), found);
    await unplug("usb-2-1:1.0");
    assert.equal(await plug({ identity }), found === undefined ? 1 : 2);
  }
});

test("a copy with the same serial number that was plugged in all the while finds nothing of it", async () => {
  const { manager, hosts, plug, unplug } = keeping(settings);
  await plug();
  const copy = busDevice({ id: "usb-2-1:1.0", kernelDriver: () => "usb-storage" });
  void manager.added(copy);
  await settled();
  await unplug();
  manager.start(manager.resolve(copy.id), true);
  await settled();
  await hosts.last.loaded();
  assert.equal(hosts.last.memory!.readState(), undefined);
});

test("another device, another interface of it and another driver find nothing of it", async () => {
  const { plug, unplug } = keeping(settings);
  await plug();
  await unplug();
  assert.equal(await plug({ id: "usb-1-4:1.1" }), undefined);
  await unplug("usb-1-4:1.1");
  assert.equal(await plug({ identity: { ...nameless, serial: "4C54" } }), undefined);
});

test("a driver that comes behind one that declines finds what it has kept itself, over an unplugging too, and nothing of the other's", async () => {
  const { manager, hosts, unplug } = keeping(settings, { ...settings, name: "second" });
  const second = async () => {
    void manager.added(busDevice());
    await settled();
    const { last: first } = hosts;
    await first.loaded();
    first.memory!.writeState("the first's");
    await first.declines("not mine");
    await first.dies();
    assert.notEqual(hosts.last, first);
    await hosts.last.loaded();
    const found = hosts.last.memory!.readState();
    hosts.last.memory!.writeState("the second's");
    await hosts.last.probed(unit());
    await unplug();
    return found;
  };
  assert.equal(await second(), undefined);
  assert.equal(await second(), "the second's");
});

test("devices of a class are numbered; a number is kept over a replug, and is another's once its device is forgotten", async () => {
  const { manager, hosts, clock } = setUp();
  const plug = async (id: string) => {
    void manager.added(busDevice({ id }));
    await settled();
    await hosts.last.runs(unit());
  };
  const ordinals = () => manager.devices.map(({ id, ordinal }) => `${id} is ${ordinal}`);
  for (const id of ["a", "b"]) await plug(id);
  assert.deepEqual(ordinals(), ["a is 1", "b is 2"]);
  const [first] = hosts.hosts;
  void manager.removed("a");
  await first!.dies();
  await plug("c");
  await plug("a");
  assert.deepEqual(ordinals().toSorted(), ["a is 1", "b is 2", "c is 3"]);
  void manager.removed("a");
  await hosts.last.dies();
  await settled();
  clock.advance(defaultConfig.limits.replug_grace);
  await plug("d");
  assert.deepEqual(ordinals().toSorted(), ["b is 2", "c is 3", "d is 1"]);
});

for (const [what, answer, ordinals] of [
  ["is one after all gets the next", "has it", { asked: 2, sure: 1 }],
  ["is none has had none", "declines", { asked: null, sure: 1 }],
] as const)
  test(`a device that is still asked whether it is one of its class takes a number from nobody: one that ${what}`, async () => {
    const asks = { ...manifest, name: "asks", match: [{ usb: { interface: { class: 8 } } }] };
    const knows = { ...manifest, name: "knows", match: [{ usb: { vendor: 0x0781, product: 1 } }] };
    const { manager, hosts } = setUp(defaultConfig, undefined, 0, [asks, knows]);
    void manager.added(busDevice({ id: "asked" }));
    const asked = hosts.last;
    const facts = { ...busDevice().facts, product: 1 };
    void manager.added(busDevice({ id: "sure", facts }));
    await settled();
    await hosts.last.runs(unit());
    await asked.loaded();
    if (answer === "has it") await asked.probed(unit());
    else await asked.declines("no");
    await asked.dies();
    assert.deepEqual(
      Object.fromEntries(manager.devices.map(({ id, driver, ordinal }) => [id, driver ? ordinal : null])),
      ordinals,
    );
  });

test("a device that goes and comes while a dead manager's driver ends is started once", async () => {
  const fenced = Promise.withResolvers<void>();
  const estate = { hasDevice: () => false, fence: () => fenced.promise } as unknown as Estate;
  const { manager, hosts, state } = setUp(defaultConfig, estate);
  void manager.added(busDevice());
  void manager.removed(id);
  void manager.added(busDevice());
  await settled();
  assert.deepEqual(state(), []);
  fenced.resolve();
  await settled();
  assert.deepEqual([hosts.hosts.length, state()], [1, ["starting"]]);
});

test("a device plugged in and unplugged again meanwhile is not started", async () => {
  const { clock, manager, hosts, seen, state, run } = setUp();
  await run();
  void manager.removed(id);
  void manager.added(busDevice());
  void manager.removed(id);
  await settled();
  await hosts.last.dies();
  assert.deepEqual([seen(), state()], [["host 1 kill"], ["gone"]]);
  clock.advance(defaultConfig.limits.replug_grace);
  assert.deepEqual([seen(), state(), clock.pending], [["unit 0 removed: unplugged"], [], 0]);
});

test("plugged, unplugged and plugged again meanwhile is started once", async () => {
  const { manager, hosts, seen, run } = setUp();
  await run();
  for (let times = 0; times < 5; times++) {
    void manager.removed(id);
    void manager.added(busDevice());
  }
  await settled();
  await hosts.last.dies();
  assert.deepEqual(seen(), ["host 1 kill", "host 2 start"]);
});

test("a taken device plugged in again is the kernel's, without a rule: its clients do not wait for it", async () => {
  const { manager, hosts, seen, state } = setUp();
  const kernels = busDevice({ kernelDriver: () => "usb-storage" });
  void manager.added(kernels);
  manager.start(manager.devices[0]!, true);
  await hosts.last.runs(unit());
  void manager.removed(id);
  await hosts.last.dies();
  seen();
  void manager.added(kernels);
  await settled();
  assert.deepEqual([seen(), state()], [["unit 0 removed: plugged in again and not taken"], ["available"]]);
  assert.deepEqual(manager.devices[0]!.units, []);
});

test("another device in the same place takes over only once the last driver is fenced, its own time-out or not", async () => {
  const { clock, manager, hosts, seen, run } = setUp();
  await run();
  void manager.removed(id);
  await settled();
  clock.advance(60_000);
  void manager.added(busDevice({ identity: { vendor: "1234", product: "5678", serial: null } }));
  await settled();
  assert.deepEqual(seen(), ["host 1 kill"]);
  await hosts.last.dies();
  assert.deepEqual(seen(), ["unit 0 removed: another device was plugged in there", "host 2 start"]);
});

test("a device of an id that is there already is left out", async () => {
  const { manager, hosts, run } = setUp();
  await run();
  await manager.added(busDevice({ name: "an impostor" }));
  assert.deepEqual([hosts.hosts.length, manager.devices[0]!.bus.name], [1, "SanDisk Extreme"]);
  assert.match(manager.eventLog.entries(null).at(-1)!.message, /an impostor/);
});

test("a stop removes the units, a start adds them again", async () => {
  const { manager, hosts, seen, run } = setUp();
  await run();
  const stopped = manager.devices[0]!.stop();
  await settled();
  await hosts.last.dies();
  await stopped;
  assert.deepEqual(seen(), ["host 1 remove", "host 1 kill", "unit 0 removed: stopped on request"]);
  manager.start(manager.devices[0]!, false);
  await hosts.last.runs(unit());
  assert.deepEqual(seen().slice(-1), ["unit 0 added"]);
});

test("all is stopped though one process cannot be ended", async () => {
  const { clock, manager, state, run } = setUp();
  await run();
  const stopped = manager.stopAll();
  await settled();
  clock.advance(5000);
  await stopped;
  assert.deepEqual(state(), ["stuck"]);
});

test("a device that a kernel driver has is available, not taken; start needs --take", async () => {
  const { manager, state } = setUp();
  void manager.added(busDevice({ kernelDriver: () => "usb-storage" }));
  assert.deepEqual(state(), ["available"]);
  assert.throws(() => manager.start(manager.devices[0]!, false), { kind: "busy", message: /--take/ });
  manager.start(manager.devices[0]!, true);
  assert.deepEqual(state(), ["starting"]);
});

test("taking is allowed to the bus by a rule or --take, and by nothing else", async () => {
  const { manager } = setUp();
  let allowed = 0;
  const device = { allowTaking: () => allowed++ };
  await manager.added(busDevice({ ...device, id: "usb-1:1.0" }));
  assert.equal(allowed, 0);
  await manager.added(busDevice({ ...device, id: "usb-2:1.0", kernelDriver: () => "usb-storage" }));
  manager.start(manager.devices[1]!, true);
  assert.equal(allowed, 1);
  const ruled = setUp(parseConfig("take: [{ device: usb-1 }]", "ring3.yaml"));
  await ruled.manager.added(busDevice({ ...device, id: "usb-1:1.0" }));
  assert.equal(allowed, 2);
});

/** A controller on Bluetooth, as the bus shows it: whether it may be taken is asked once for each enumeration. */
function sharedDevice(holders: BusDevice["holders"]): BusDevice {
  let takeable = false;
  const shared = busDevice({ kernelDriver: () => "hid-generic", holders, isShared: true });
  return Object.defineProperties(shared, {
    takeable: { get: () => takeable },
    allowTaking: { value: () => (takeable = true) },
  });
}
const steam = { node: "/dev/hidraw0", how: "open", where: "process 9, steam" };

test("a controller that a rule names and a program has open is taken once that has closed it", async () => {
  const { manager, clock, state } = setUp(parseConfig("take: [{ device: usb-1-4 }]", "ring3.yaml"));
  let open = true;
  const wanted: ("one" | undefined)[] = [];
  const holders = (what?: "one") => {
    wanted.push(what);
    return open ? [steam] : [];
  };
  await manager.added(sharedDevice(holders));
  assert.deepEqual(explain(manager, manager.devices[0]!, anywhere).next, [
    "end the program that has it open: it is taken then",
  ]);
  wanted.length = 0;
  clock.advance(60_000);
  assert.deepEqual([state(), new Set(wanted)], [["available"], new Set(["one"])]); // to look for all takes long
  open = false;
  clock.advance(2000);
  assert.deepEqual(state(), ["starting"]);
});

test("the next manager waits on for a controller that a program has open", async () => {
  let open = true;
  const bus = sharedDevice(() => (open ? [steam] : []));
  const record = {
    ...{
      id,
      identity: bus.identity,
      plugging: bus.plugging,
      ordinal: null,
      enumeration: 7,
      lastFailure: null,
    },
    life: { ...newLife, state: "available" as const },
    ...{ taken: false, takeable: true, rest: [], declined: {}, driver: null, units: [], host: null },
  } satisfies DeviceRecord;
  let isLeft = true;
  const estate = {
    hasDevice: () => isLeft,
    fence: () => undefined,
    take(_: unknown, choose: Parameters<Estate["take"]>[1]) {
      isLeft = false;
      return { record, memory: new DeviceMemory(), driver: choose(new Set()), host: undefined };
    },
  } as unknown as Estate;
  const { manager, clock, state } = setUp(defaultConfig, estate);
  await manager.added(bus);
  clock.advance(60_000);
  assert.deepEqual(state(), ["available"]);
  open = false;
  clock.advance(2000);
  assert.deepEqual(state(), ["starting"]);
});

test("one that no rule names is not, and none is once ring3 ends", async () => {
  const asked = setUp();
  let open = true;
  const holders = () => (open ? [steam] : []);
  await asked.manager.added(sharedDevice(holders));
  assert.match(explain(asked.manager, asked.manager.devices[0]!, anywhere).next.join(), /then: ring3 start/);
  const ends = setUp(parseConfig("take: [{ device: usb-1-4 }]", "ring3.yaml"));
  await ends.manager.stopAll();
  await ends.manager.added(sharedDevice(holders));
  open = false;
  for (const { manager, clock, state } of [asked, ends]) {
    await manager.added(busDevice({ id: "usb-9:1.0" })); // something changes
    clock.advance(60_000);
    assert.equal(state()[0], "available");
  }
});

test("a disk that is unmounted is not taken for that: somebody is about to do something with it", async () => {
  const { manager, clock, state } = setUp(parseConfig("take: [{ device: usb-1-4 }]", "ring3.yaml"));
  let mounted = true;
  const holders = () => (mounted ? [{ node: "/dev/sda1", how: "mounted", where: "/mnt" }] : []);
  await manager.added(busDevice({ kernelDriver: () => "usb-storage", holders, takeable: true }));
  mounted = false;
  clock.advance(60_000);
  assert.deepEqual(state(), ["available"]);
});

test("an interface that a program has claimed through usbfs is available, and is not taken from it", () => {
  const { manager, state } = setUp(parseConfig("take: [{ device: usb-1-4 }]", "ring3.yaml"));
  const holders = () => [{ node: "/dev/bus/usb/001/004", how: "claimed by a program", where: "" }];
  void manager.added(busDevice({ kernelDriver: () => "usbfs", holders }));
  assert.deepEqual(state(), ["available"]);
  for (const take of [true, false])
    assert.throws(() => manager.start(manager.devices[0]!, take), {
      kind: "busy",
      message: /001\/004 is claimed by a program/,
    });
  assert.deepEqual(explain(manager, manager.devices[0]!, anywhere).holders, holders());
});

test("who may not make input devices is told by explain of each device that would be one", () => {
  const { manager } = setUp();
  void manager.added(busDevice());
  const asked: string[] = [];
  const denied = { path: "/dev/uinput", held: false, after: ", and start ring3 again", rule: () => "a rule" };
  const inputs = {
    permissions(classes: readonly string[]) {
      asked.push(...classes);
      return [denied];
    },
  };
  const { missing } = explain(manager, manager.devices[0]!, { ...anywhere, inputs });
  assert.deepEqual(asked, ["block"]);
  assert.match(
    missing.join(),
    /^permission to write \/dev\/uinput: .*70-ring3\.rules, and start ring3 again: a rule$/,
  );
});

test("what ring3's own driver has claimed through usbfs has no other owner", async () => {
  const { manager, hosts } = setUp();
  let driver: string | null = null;
  void manager.added(busDevice({ kernelDriver: () => driver }));
  driver = "usbfs";
  await hosts.last.runs(unit());
  assert.equal(explain(manager, manager.devices[0]!, anywhere).kernelDriver, null);
});

test("a restart takes back what a quarantine gave to the kernel, where it may be taken; of another device nothing", async () => {
  const { manager, hosts, clock, state } = setUp();
  let [takeable, kernelDriver] = [false, "hid-generic" as string | null];
  const bus = busDevice({
    isShared: true,
    kernelDriver: () => kernelDriver,
    allowTaking() {
      takeable = true;
    },
    async open() {
      kernelDriver = null;
      return { ...(await busDevice().open()), taken: true };
    },
    giveBack() {
      kernelDriver = "hid-generic";
      return kernelDriver;
    },
  });
  void manager.added(Object.defineProperty(bus, "takeable", { get: () => takeable }));
  const [device] = manager.devices;
  assert.throws(() => manager.restart(device!), { kind: "busy" });
  manager.start(device!, true);
  for (let start = 0; start < 5; start++) {
    await hosts.last.loaded();
    await hosts.last.refusesProbe("no such thing");
    await hosts.last.dies();
    clock.advance(30_000);
  }
  assert.deepEqual([state(), kernelDriver], [["quarantined"], "hid-generic"]);
  manager.restart(device!);
  assert.deepEqual(state(), ["starting"]);
});

test("a restart takes nothing from the kernel", () => {
  const { manager, hosts } = setUp();
  void manager.added(busDevice({ kernelDriver: () => "usb-storage" }));
  assert.throws(() => manager.restart(manager.devices[0]!), { kind: "busy", message: /--take/ });
  assert.equal(hosts.hosts.length, 0);
});

test("a device in use is not taken, whatever is asked", async () => {
  const { manager } = setUp();
  const holders = () => [{ node: "/dev/sda1", how: "mounted", where: "/mnt" }];
  void manager.added(busDevice({ kernelDriver: () => "usb-storage", holders }));
  assert.throws(() => manager.start(manager.devices[0]!, true), {
    kind: "busy",
    message: /\/dev\/sda1 is mounted/,
  });
});

for (const fenced of [true, false])
  test(`a device that had gone when its manager died and is there again is started anew${fenced ? "" : ", once its driver has ended"}`, async () => {
    const host = new FakeHost("host/0.1", {} as never, []);
    const record: DeviceRecord = {
      id,
      identity: busDevice().identity,
      plugging: busDevice().plugging,
      ordinal: 1,
      enumeration: 7,
      life: { ...newLife, state: "gone", incarnation: 3, reason: "removed", fenced },
      lastFailure: null,
      taken: false,
      takeable: false,
      rest: [],
      declined: {},
      driver: null,
      units: [unit()],
      host: fenced ? null : host.name,
    };
    let isLeft = true;
    const estate = {
      hasDevice: () => isLeft,
      fence: () => undefined,
      take(_: unknown, choose: Parameters<Estate["take"]>[1]) {
        isLeft = false;
        const driver = choose(new Set());
        return { record, memory, driver, host: fenced ? undefined : host.left };
      },
    } as unknown as Estate;
    const memory = new DeviceMemory();
    new HostDeviceMemory({ fd: memory.fd } as never, 0, { now: () => 0 }).writeState("kept");
    const { manager, hosts, state } = setUp(defaultConfig, estate, 0, [settings]);
    void manager.added(busDevice());
    await settled();
    if (!fenced) {
      assert.deepEqual([state(), hosts.hosts.length], [["gone"], 0]);
      await host.dies();
    }
    assert.deepEqual(state(), ["starting"]);
    await hosts.last.runs(unit());
    assert.deepEqual([state(), manager.devices[0]!.enumeration], [["running"], 8]);
    assert.equal(hosts.last.memory!.readState(), "kept");
  });

test("what a driver had kept of a device with which a manager could not go on is there when it is plugged in", async () => {
  const estate = { hasDevice: () => false, fence: () => undefined } as unknown as Estate;
  const { manager, hosts } = setUp(defaultConfig, estate, 0, [settings]);
  const memory = new DeviceMemory();
  new HostDeviceMemory({ fd: memory.fd } as never, 0, { now: () => 0 }).writeState("kept");
  const { identity } = busDevice();
  estate.lost({ id, identity, driver: { name: settings.name, hash: "" } } as DeviceRecord, memory);
  memory.close();
  void manager.added(busDevice());
  await hosts.last.loaded();
  assert.equal(hosts.last.memory!.readState(), "kept");
});

/** A manager that has two drivers for the same devices. */
function withTwoDrivers() {
  return setUp(defaultConfig, undefined, 0, [manifest, { ...manifest, name: "second" }]);
}

test("a driver that declines a device is followed by the next that matches, once it has ended; none of it is a failure", async () => {
  const { manager, hosts, seen, state } = withTwoDrivers();
  const told: string[] = [];
  const deviceChanged = () =>
    told.push(...manager.devices.map(({ life }) => `${life.state}, next ${life.nextStart}`));
  manager.watch({ unitAdded() {}, unitChanged() {}, unitRemoved() {}, deviceChanged });
  void manager.added(busDevice());
  await hosts.last.loaded();
  await hosts.last.declines("no disk in it");
  assert.deepEqual(seen(), ["host 1 start", "host 1 probe", "host 1 kill"]);
  assert.ok(!told.includes("unmatched, next never"), "whoever waits for the end of it goes on waiting");
  await hosts.last.dies();
  assert.deepEqual(state(), ["starting"]);
  await hosts.last.runs(unit());
  assert.deepEqual(seen(), ["host 2 start", "host 2 probe", "unit 0 added"]);
  const [device] = manager.devices;
  assert.deepEqual(
    [device!.driver!.manifest.name, device!.life.incarnation, device!.life.failures],
    ["second", 2, 0],
  );
  const { driver, ranking } = explain(manager, device!, anywhere);
  assert.equal(driver, "second");
  assert.deepEqual(
    ranking.map(({ driver, missed }) => [driver, missed]),
    [
      ["usb-storage", ["declined it: no disk in it"]],
      ["second", []],
    ],
  );
});

test("a device that every driver declines is unmatched, says why, and goes back to the kernel's driver; plugged in again it is asked about again", async () => {
  const { manager, hosts, seen, state } = withTwoDrivers();
  const { open } = busDevice();
  let given = 0;
  const bus = busDevice({
    open: async () => ({ ...(await open()), taken: true }),
    giveBack: () => `driver ${++given}`,
  });
  void manager.added(bus);
  for (const why of ["no disk in it", "none at all"]) {
    await hosts.last.loaded();
    await hosts.last.declines(why);
    assert.equal(given, 0);
    await hosts.last.dies();
  }
  const { state: after, reason, fenced } = manager.devices[0]!.life;
  assert.deepEqual([after, reason, fenced, given], ["unmatched", "second: none at all", true, 1]);
  await manager.removed(id);
  seen();
  void manager.added(busDevice());
  await settled();
  assert.deepEqual([state(), seen()], [["starting"], ["host 3 start"]]);
});

test("a device that every driver has declined is not asked about again by the next manager", async () => {
  const record = {
    id,
    identity: busDevice().identity,
    plugging: busDevice().plugging,
    ordinal: 1,
    enumeration: 1,
    life: { ...newLife, state: "unmatched", incarnation: 1, reason: "usb-storage: no disk", fenced: true },
    lastFailure: null,
    taken: false,
    takeable: false,
    rest: [],
    declined: { "usb-storage": "no disk" },
    driver: null,
    units: [],
    host: null,
  } satisfies DeviceRecord;
  const estate = {
    hasDevice: () => true,
    fence: () => undefined,
    take: (_: unknown, choose: Parameters<Estate["take"]>[1]) => ({
      record,
      memory: new DeviceMemory(),
      driver: choose(new Set(Object.keys(record.declined))),
      host: undefined,
    }),
  } as unknown as Estate;
  const { manager, hosts, state } = setUp(defaultConfig, estate);
  void manager.added(busDevice());
  await settled();
  assert.deepEqual([state(), hosts.hosts.length], [["unmatched"], 0]);
});

test("a driver that declines a device whose units are open: they are gone, whatever the next one makes of it", async () => {
  const { manager, hosts, seen } = withTwoDrivers();
  void manager.added(busDevice());
  await hosts.last.runs(unit());
  seen();
  hosts.last.fails();
  await settled();
  await hosts.last.dies();
  await hosts.last.loaded();
  await hosts.last.declines("another chip");
  assert.ok(seen().includes("unit 0 removed: its driver does not want the device any more"));
  assert.equal(manager.devices[0]!.units.length, 0);
});
