// Runs in: node --test. Owns: a session on a manager that the test plays, and drivers that come and go with other media.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { DriverEnd, type Submission } from "@ring3/channel/driver-end";
import { createDriverMemory } from "@ring3/channel/driver-memory";
import { BLOCK_MEDIUM_PRESENT, BLOCK_WRITE_CACHE, type Block, block } from "@ring3/classes/block/contract";
import { recovery } from "@ring3/classes/block/recovery";
import type { UnitInfo } from "@ring3/control/client-edge";
import { DeviceError, kindCode } from "@ring3/core/errors";
import { systemClock } from "@ring3/kernel/clock/clock";
import { duplicate, pipe } from "@ring3/kernel/fd/descriptor";
import { type Manager, UnitSession } from "./unit-session.ts";

const SECTOR = 512;
const unit = "usb-1-1:1.0#0";
const properties = {
  sectorBytes: SECTOR,
  maxTransferSectors: 2048,
  sectors: 1024,
  flags: BLOCK_MEDIUM_PRESENT | BLOCK_WRITE_CACHE,
  optimalTransferSectors: 8,
  medium: 3,
};
const other = { ...properties, medium: 4 };
const announced: UnitInfo = {
  unit,
  device: "usb-1-1:1.0",
  class: "block",
  alias: null,
  name: "a stick",
  properties,
  operations: ["read", "write", "flush"],
  identity: { vendor: "1209", product: "0001", serial: "S1" },
  enumeration: 1,
  incarnation: 1,
};
const changed = { name: "DeviceError", kind: "medium-changed" };

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

/** Opens units for a driver that says what `now` says; its requests wait in `held`. */
class PlayedManager implements Manager {
  /** undefined: no driver runs, and none is on its way. */
  now: { incarnation: number; properties: typeof properties } | undefined = { incarnation: 1, properties };
  /** Runs while an opening is under way. */
  meanwhile: () => void = () => {};
  readonly closed: number[] = [];
  held: Submission[] = [];
  driver: DriverEnd | undefined;
  channel = 0;
  opening = 0;
  opens = 0;
  /** Channels whose driver was suspected. */
  readonly suspected: number[] = [];

  open: Manager["open"] = async (params, memoryFd) => {
    if (this.now === undefined) throw new DeviceError("busy", "no driver");
    const { incarnation, properties: told } = this.now;
    const [toDriver, toClient] = [pipe(), pipe()];
    const held: Submission[] = [];
    const memory = createDriverMemory(block);
    const driver = new DriverEnd(
      block,
      {
        memory: duplicate(memoryFd),
        bellIn: toDriver.read,
        bellOut: toClient.write,
        own: duplicate(memory.fd.fd),
        generation: incarnation,
        poll: false,
      },
      { submitted: (request) => held.push(request), cancelled() {}, malformed: assert.fail },
    );
    memory.seal();
    driver.start();
    cleanups.push(() => driver.close());
    Object.assign(this, {
      driver,
      held,
      channel: params.channel,
      opening: params.opening,
      opens: this.opens + 1,
    });
    this.meanwhile();
    await new Promise(setImmediate);
    const result = {
      incarnation,
      properties: told,
      operations: announced.operations,
      cancelMs: 1000,
      poll: false,
    };
    return { result, fds: [memory.fd, toClient.read, toDriver.write] };
  };

  async close(channel: number): Promise<void> {
    this.closed.push(channel);
  }

  nextChannel(): number {
    return this.channel + 1;
  }

  suspect: Manager["suspect"] = ({ channel }) => void this.suspected.push(channel);
  progress(): void {}
  replayed(): void {}
}

type Opened = Awaited<ReturnType<typeof opened>>;

async function opened() {
  const manager = new PlayedManager();
  const session = await open(manager);
  const write = (medium: number) =>
    session.port.request("write", { lba: 0, count: 1, fua: 0, medium }, { data: new Uint8Array(SECTOR) });
  const die = () => {
    manager.driver!.close();
    const { channel } = manager;
    const how = { kind: "driver-restarted", text: "killed", outside: true, shared: false } as const;
    manager.now = undefined;
    session.lost({ channel, incarnation: 1, final: false, ...how });
  };
  const numbers = () => manager.held.map(({ input }) => (input as { medium: number }).medium);
  return { manager, session, write, die, numbers };
}

function open(manager: Manager): Promise<UnitSession<Block>> {
  return UnitSession.open(manager, announced, { contract: block, recovery }, "write", systemClock, () => {});
}

/** Lets both sides' event loops turn until nothing more happens. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await new Promise(setImmediate);
}

test("the driver dies and the medium is the same: the write reaches the next one", async () => {
  const { manager, session, write, die, numbers } = await opened();
  const writing = write(3);
  await settle();
  die();
  manager.now = { incarnation: 2, properties };
  session.changed({ ...announced, incarnation: 2 });
  session.ready();
  await settle();
  assert.deepEqual(numbers(), [3]);
  manager.driver!.complete(manager.held[0]!.tag, 0, 0, 0);
  await writing;
  await session.close();
});

test("the driver dies and the next one finds out less of the same medium: the write reaches it", async () => {
  const { manager, session, write, die, numbers } = await opened();
  const writing = write(3);
  await settle();
  die();
  const now = { ...properties, flags: BLOCK_MEDIUM_PRESENT, optimalTransferSectors: 240 };
  manager.now = { incarnation: 2, properties: now };
  session.changed({ ...announced, incarnation: 2, properties: now });
  session.ready();
  await settle();
  assert.deepEqual(numbers(), [3]);
  manager.driver!.complete(manager.held[0]!.tag, 0, 0, 0);
  await writing;
  await session.close();
});

const orders: [string, (session: UnitSession<Block>, info: UnitInfo, manager: PlayedManager) => void][] = [
  [
    "before it is opened again",
    (session, info) => {
      session.changed(info);
      session.ready();
    },
  ],
  [
    "after it was opened again",
    (session, info, manager) => {
      session.ready();
      manager.meanwhile = () => void systemClock.after(1, () => session.changed(info));
    },
  ],
  [
    "while it is opened again",
    (session, info, manager) => {
      manager.meanwhile = () => session.changed(info);
      session.ready();
    },
  ],
  ["never", (session) => session.ready()],
];

for (const [when, order] of orders)
  test(`the driver dies, the medium is another, and the unit's change is told ${when}: nothing reaches it`, async () => {
    const { manager, session, write, die, numbers } = await opened();
    const writing = assert.rejects(write(3), changed);
    await settle();
    die();
    manager.now = { incarnation: 2, properties: other };
    order(session, { ...announced, incarnation: 2, properties: other }, manager);
    await writing;
    await assert.rejects(write(3), changed);
    await assert.rejects(write(4), changed);
    assert.deepEqual(numbers(), []);
    await session.close();
    assert.deepEqual(manager.closed, [1]); // by its opening, whichever channel was its latest
  });

const ends = {
  dies: ({ die }: Opened) => die(),
  "is dead when another manager asks": ({ manager, session }: Opened) => {
    manager.driver!.close();
    session.resumed([]);
  },
};

for (const [what, end] of Object.entries(ends))
  test(`the driver tells of another medium and ${what} before it has answered: the request fails, nothing is sent again`, async () => {
    const rig = await opened();
    const { manager, session, write, numbers } = rig;
    const writing = assert.rejects(write(3), changed);
    await settle();
    const { sectors, sectorBytes, flags, medium } = other;
    manager.driver!.emit("mediumChanged", { sectors, sectorBytes, flags, medium });
    await settle();
    manager.now = { incarnation: 2, properties: other };
    end(rig);
    await writing;
    session.ready();
    await settle();
    assert.deepEqual(numbers(), [3]); // the first driver's
    assert.equal(manager.opens, 1);
    await session.close();
  });

test("a driver that has answered for the old medium before its event is read has answered", async () => {
  const { manager, session, write } = await opened();
  const writing = write(3);
  await settle();
  const { sectors, sectorBytes, flags, medium } = other;
  manager.driver!.emit("mediumChanged", { sectors, sectorBytes, flags, medium });
  manager.driver!.complete(manager.held[0]!.tag, 0, 0, 0);
  await writing;
  await assert.rejects(write(3), changed);
  await session.close();
});

test("the medium is another when the unit is opened than when it was announced: refused, and given up", async () => {
  const manager = new PlayedManager();
  manager.now = { incarnation: 1, properties: other };
  await assert.rejects(open(manager), changed);
  assert.deepEqual(manager.closed, [1]);
});

test("plugged in again: the write goes on under the number that its medium has now", async () => {
  const { manager, session, write, die, numbers } = await opened();
  const writing = write(3);
  await settle();
  die();
  const now = { ...properties, medium: 1 };
  manager.now = { incarnation: 1, properties: now };
  session.changed({ ...announced, enumeration: 2, properties: now });
  session.ready();
  await settle();
  assert.deepEqual([numbers(), session.port.properties.medium], [[1], 1]);
  manager.driver!.complete(manager.held[0]!.tag, 0, 0, 0);
  await writing;
  const late = assert.rejects(write(3), changed);
  await settle();
  assert.deepEqual(numbers(), [1, 3]); // for the driver to refuse
  manager.driver!.complete(manager.held[1]!.tag, kindCode("medium-changed"), 0, 0);
  await late;
  await session.close();
});

test("plugged in again with a medium of another size: the write fails", async () => {
  const { manager, session, write, die, numbers } = await opened();
  const writing = assert.rejects(write(3), changed);
  await settle();
  die();
  const now = { ...properties, medium: 1, sectors: 2048 };
  manager.now = { incarnation: 1, properties: now };
  session.changed({ ...announced, enumeration: 2, properties: now });
  session.ready();
  await writing;
  assert.deepEqual(numbers(), []);
  await session.close();
});

test("another manager, the same driver: what is under way is not sent again, and a suspicion is told again", async () => {
  const { manager, session, write } = await opened();
  const writing = write(3);
  await settle();
  const { held } = manager;
  session.resumed([manager.channel]);
  await settle();
  assert.equal(manager.held, held);
  assert.equal(held.length, 1);
  manager.driver!.complete(held[0]!.tag, 0, 0, 0);
  await writing;
  assert.equal(manager.opens, 1);
  await session.close();
});

test("another manager, and the driver died meanwhile: the write is sent to the next one, in the same opening", async () => {
  const { manager, session, write, numbers } = await opened();
  const writing = write(3);
  await settle();
  manager.driver!.close();
  manager.now = { incarnation: 2, properties };
  session.resumed([]);
  await settle();
  assert.deepEqual([numbers(), manager.opens, manager.opening], [[3], 2, 1]);
  manager.driver!.complete(manager.held[0]!.tag, 0, 0, 0);
  await writing;
  await session.close();
});

test("a suspicion that the last manager may not have heard is told to the next, and not one of an earlier channel", async () => {
  const { manager, session, write } = await opened();
  const writing = write(3);
  await settle();
  manager.driver!.complete(manager.held[0]!.tag, 0, 0, SECTOR); // a write has no bytes to give
  await settle();
  const { channel } = manager;
  assert.deepEqual(manager.suspected, [channel]);
  session.resumed([channel]);
  assert.deepEqual(manager.suspected, [channel, channel]);
  manager.driver!.close();
  manager.now = { incarnation: 2, properties };
  session.resumed([]);
  await settle();
  session.resumed([manager.channel]);
  assert.deepEqual(manager.suspected, [channel, channel]);
  manager.driver!.complete(manager.held[0]!.tag, 0, 0, 0);
  await writing;
  await session.close();
});

test("a driver is lost: the next one is asked for at once, in the same opening", async () => {
  const { manager, session, write, die, numbers } = await opened();
  const writing = write(3);
  await settle();
  const asked = Promise.withResolvers<void>();
  const { open } = manager;
  manager.open = async (params, memoryFd) => {
    await asked.promise; // as a manager does that has a driver on its way
    return open(params, memoryFd);
  };
  die();
  manager.now = { incarnation: 2, properties };
  asked.resolve();
  await settle();
  assert.deepEqual([numbers(), manager.opens, manager.opening], [[3], 2, 1]);
  manager.driver!.complete(manager.held[0]!.tag, 0, 0, 0);
  await writing;
  await session.close();
});
