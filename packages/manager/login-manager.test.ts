// Runs in: tests. Logind, and the bus between, as the test says.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { createLog } from "@ring3/core/log";
import { BUS, BusError, type BusMessage } from "@ring3/kernel/dbus/connection";
import type { Call } from "@ring3/kernel/dbus/message";
import { type Descriptor, pipe } from "@ring3/kernel/fd/descriptor";
import { settled } from "./fake-host.fixture.ts";
import { type Bus, LoginManager } from "./login-manager.ts";

const LOGIN = "org.freedesktop.login1";

/** One connection. `answers`: what logind says to a call, by its member or its property's name. */
class FakeBus implements Bus {
  onSignal: (signal: BusMessage) => void = () => {};
  onClose: (error: DeviceError) => void = () => {};
  readonly calls: string[] = [];
  closed = false;
  owner: string | undefined = ":1.5";
  answers: Record<string, () => Promise<unknown>> = {
    InhibitDelayMaxUSec: async () => 3_000_000n,
    PreparingForSleep: async () => false,
    Inhibit: async () => {
      const { read, write } = pipe();
      read.close();
      return write;
    },
  };

  async match(): Promise<void> {}

  async ownerOf(): Promise<string | undefined> {
    return this.owner;
  }

  async call({ destination, member, strings }: Call): Promise<BusMessage> {
    const name = member === "Get" ? strings[1]! : member;
    this.calls.push(`${destination} ${name}`);
    const answer = await this.answers[name]!();
    const isLock = typeof answer === "object";
    return {
      body: isLock ? [0] : [{ signature: "v", value: answer }],
      descriptors: isLock ? [answer] : [],
    } as unknown as BusMessage;
  }

  close(): void {
    this.closed = true;
  }

  signal(
    member: string,
    body: BusMessage["body"],
    { sender = ":1.5", interface: name = `${LOGIN}.Manager` } = {},
  ) {
    this.onSignal({ sender, interface: name, member, body } as BusMessage);
  }

  sleep(on: boolean): void {
    this.signal("PrepareForSleep", [on]);
  }

  async ownerChanges(owner: string): Promise<void> {
    this.signal("NameOwnerChanged", [LOGIN, ":1.5", owner], { sender: BUS, interface: BUS });
    await settled();
  }
}

async function setUp(...buses: (FakeBus | DeviceError)[]) {
  const clock = manualClock();
  const seen: string[] = [];
  const locks: Descriptor[] = [];
  let opened = 0;
  const open = async () => {
    const bus = buses[Math.min(opened++, buses.length - 1)]!;
    if (bus instanceof DeviceError) throw bus;
    return bus;
  };
  const log = createLog("test", ({ level, message }) => seen.push(`${level}: ${message}`), clock);
  const manager = new LoginManager(open, clock, log, {
    begins: (ms) => seen.push(`begins ${ms}`),
    ends: () => seen.push("ends"),
    lock: (lock) => {
      seen.push("lock");
      locks.push(lock);
    },
  });
  await settled();
  return {
    manager,
    clock,
    /** What happened since the last call. */
    seen: () => seen.splice(0),
    opened: () => opened,
    close() {
      manager.close();
      for (const lock of locks) lock.close();
    },
  };
}

const AT_REST = "info: devices will be at rest before the machine sleeps";

test("a logind that is awake is asked for a lock, by the name of its connection; its signals are passed on, and a new lock follows", async () => {
  const bus = new FakeBus();
  const { seen, close } = await setUp(bus);
  assert.deepEqual(seen(), ["ends", "lock", AT_REST]);
  assert.deepEqual(bus.calls, [":1.5 InhibitDelayMaxUSec", ":1.5 PreparingForSleep", ":1.5 Inhibit"]);
  bus.sleep(true);
  bus.sleep(true);
  await settled();
  assert.deepEqual(seen(), ["begins 3000", "begins 3000"]);
  bus.sleep(false);
  await settled();
  assert.deepEqual(seen(), ["ends", "lock"]);
  close();
});

test("what others say is not heard", async () => {
  const bus = new FakeBus();
  const { seen, close } = await setUp(bus);
  seen();
  bus.signal("PrepareForSleep", [true], { sender: ":1.66" });
  bus.signal("PrepareForSleep", [true], { sender: BUS });
  bus.signal("PrepareForSleep", [true], { interface: "org.example" });
  bus.signal("PrepareForShutdown", [true]);
  bus.signal("NameOwnerChanged", [LOGIN, "", ":1.66"], { interface: BUS });
  await settled();
  assert.deepEqual(seen(), []);
  close();
});

test("a logind that sleeps already gives no lock and is not asked; what it says while it is asked counts, not its older answer", async () => {
  const sleeping = new FakeBus();
  sleeping.answers.PreparingForSleep = async () => true;
  const first = await setUp(sleeping);
  assert.deepEqual(first.seen(), ["begins 3000"]);
  first.close();

  const bus = new FakeBus();
  bus.answers.PreparingForSleep = async () => {
    bus.sleep(true);
    return false;
  };
  const second = await setUp(bus);
  assert.deepEqual(second.seen(), ["begins 3000"]);
  second.close();
});

test("a lock that is refused is said once; one that is refused since it sleeps by now is no matter", async () => {
  const bus = new FakeBus();
  bus.answers.Inhibit = () =>
    Promise.reject(new BusError("Inhibit", "org.freedesktop.DBus.Error.AccessDenied", ""));
  const { seen, close } = await setUp(bus);
  assert.match(seen()[1]!, /^warn: the machine may sleep before its devices are at rest: .*AccessDenied/);
  bus.sleep(false);
  await settled();
  assert.deepEqual(seen(), ["ends"]);
  bus.answers.Inhibit = () => {
    bus.sleep(true);
    return Promise.reject(new BusError("Inhibit", `${LOGIN}.OperationInProgress`, ""));
  };
  bus.sleep(false);
  await settled();
  assert.deepEqual(seen(), ["ends", "begins 3000"]);
  close();
});

test("a logind that does not say how long it waits waits as long as its manual says", async () => {
  const bus = new FakeBus();
  bus.answers.InhibitDelayMaxUSec = () => Promise.reject(new BusError("Get", "a.b.UnknownProperty", ""));
  const { seen, close } = await setUp(bus);
  bus.sleep(true);
  assert.deepEqual(seen(), ["ends", "lock", AT_REST, "begins 5000"]);
  close();
});

test("a logind that goes is awake; one that comes is met anew", async () => {
  const bus = new FakeBus();
  const { seen, close } = await setUp(bus);
  bus.sleep(true);
  seen();
  await bus.ownerChanges("");
  bus.sleep(true); // the last words of one who is gone
  assert.deepEqual(seen(), [
    "ends",
    "info: devices will not be at rest when the machine sleeps: there is no logind on the system bus",
  ]);
  await bus.ownerChanges(":1.9");
  assert.deepEqual(seen(), ["ends", "lock", AT_REST]);
  assert.equal(bus.calls.at(-1), ":1.9 Inhibit");
  close();
});

test("no bus: said once, tried again after 1, 2, 4 … 30 s; once it was there, after 1 s again", async () => {
  const none = new DeviceError("io", "connect to /run/bus: ENOENT");
  const bus = new FakeBus();
  const { clock, seen, opened, close } = await setUp(
    none,
    none,
    none,
    none,
    none,
    none,
    none,
    bus,
    none,
    bus,
  );
  const said = seen();
  assert.equal(said.length, 2);
  assert.match(
    said[1]!,
    /^info: devices will not be at rest when the machine sleeps: connect to \/run\/bus: ENOENT/,
  );
  for (const [index, ms] of [1, 2, 4, 8, 16, 30].map((s) => s * 1000).entries()) {
    clock.advance(ms - 1);
    await settled();
    assert.equal(opened(), index + 1);
    clock.advance(1);
    await settled();
    assert.deepEqual([seen(), opened()], [["ends"], index + 2]);
  }
  clock.advance(30_000);
  await settled();
  assert.deepEqual(seen(), ["ends", "lock", AT_REST]);
  bus.sleep(true);
  bus.onClose(new DeviceError("disconnected", "the bus"));
  await settled();
  assert.deepEqual(
    [seen(), bus.closed],
    [["begins 3000", "info: the system bus was lost, and is asked again: the bus: the device is gone"], true],
  ); // it may be back in a moment
  clock.advance(1000);
  await settled();
  assert.equal(seen()[0], "ends");
  clock.advance(2000);
  await settled();
  assert.deepEqual(seen(), ["ends", "lock", AT_REST]);
  close();
});

test("a bus that does not answer is given up and tried again; closed, it is not", async () => {
  const mute = new FakeBus();
  mute.answers.PreparingForSleep = () => Promise.reject(new DeviceError("timeout", "Get"));
  const { manager, clock, opened, seen } = await setUp(mute);
  assert.deepEqual([mute.closed, seen().length], [true, 2]);
  clock.advance(1000);
  await settled();
  assert.equal(opened(), 2);
  manager.close();
  clock.advance(60_000);
  await settled();
  assert.deepEqual([opened(), clock.pending], [2, 0]);
});
