// Runs in: tests. Owns: a kernel that is played here: its NBD devices with their ends of the connections, and what it has been asked.
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeRecord, encodeRecord } from "@ring3/control/legacy";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { createLog } from "@ring3/core/log";
import { kernelDisk as disk } from "@ring3/kernel/disk/kernel-disk.fixture";
import { type Descriptor, duplicate } from "@ring3/kernel/fd/descriptor";
import { native } from "@ring3/kernel/native";
import { KernelDisks, markOfText } from "./kernel-disks.ts";
import type { Heirloom, Legacy } from "./legacy.ts";
import { NbdDisks, type NbdKernel } from "./nbd-disks.ts";

const identity = { unit: "usb-1-4:1.0#0", enumeration: 1, medium: 1 };
const [FIRST, SECOND] = [100, 200];
const EAGAIN = 11;

interface Played {
  backend: string | undefined;
  bytes: number;
  /** The kernel's end; undefined: it has none any more. */
  socket: Descriptor | undefined;
  /** Somebody has it open: it stays when it is disconnected. */
  open: boolean;
}

function played() {
  const clock = manualClock();
  const asked: string[] = [];
  const living = new Set([FIRST, SECOND]);
  /** Numbers that the kernel has no disk of any more, and does not give away yet. */
  const goingDown = new Set<number>();
  const idle = { backend: undefined, bytes: 0, socket: undefined, open: false };
  const there = new Map<number, Played>([[0, idle]]);
  const records = new Map<string, { note: string; held: Descriptor[] }>();
  const at = (number: number, backend?: string) => {
    const found = there.get(number);
    if (found === undefined || (backend !== undefined && backend !== found.backend))
      throw new DeviceError("invalid", `nbd${number}`);
    return found;
  };
  const ended = ({ socket }: Played) =>
    socket === undefined || native.read(socket.fd, new Uint8Array(1)) === 0;
  const kernel: NbdKernel = {
    devices: () => [...there].map(([index, { backend, bytes }]) => ({ index, backend, bytes })),
    connect({ index, backend, bytes, socket }) {
      asked.push(`connect ${index}`);
      if (goingDown.has(index)) throw new DeviceError("io", `connect /dev/nbd${index}`, { errno: 22 });
      there.set(index, { backend, bytes, socket: duplicate(socket), open: false });
    },
    reconnect(number, backend, socket) {
      const its = at(number, backend);
      asked.push(`reconnect ${number}`);
      if (its.socket === undefined) its.socket = duplicate(socket);
    },
    resize(number, backend, bytes) {
      asked.push(`resize ${number} to ${bytes}`);
      at(number, backend).bytes = bytes;
    },
    disconnect(number) {
      const its = at(number);
      asked.push(`disconnect ${number}`);
      assert.ok(ended(its), "the kernel would wait for room for its farewell");
      its.socket?.close();
      its.socket = undefined;
      if (!its.open) there.delete(number);
    },
    async tune(number, { transferBytes }) {
      asked.push(`tune ${number} to ${transferBytes}`);
    },
  };
  const legacy: Legacy = {
    note: (kind, name, record) => {
      records.set(name, { note: encodeRecord(kind, record), held: records.get(name)?.held ?? [] });
    },
    hold(name, descriptors) {
      for (const old of records.get(name)!.held) old.close();
      records.get(name)!.held = descriptors.map((fd) => duplicate(fd as number));
    },
    drop(name) {
      for (const held of records.get(name)?.held ?? []) held.close();
      records.delete(name);
    },
  };
  /** Another one knows what the kernel and the keeper have. */
  const manager = (stateDirectory = "/run/ring3") => {
    const driver = new NbdDisks({
      kernel,
      legacy,
      lives: (pid) => living.has(pid),
      mark: markOfText(stateDirectory),
      clock,
    });
    const left = [...records].map(
      ([name, { note, held }]): Heirloom<"disk"> => ({
        name,
        record: decodeRecord("disk", name, note),
        held: held.map(({ fd }) => duplicate(fd)),
      }),
    );
    if (stateDirectory === "/run/ring3") driver.inherit(left);
    return new KernelDisks(
      driver,
      createLog("test", () => {}, clock),
    );
  };
  return { clock, asked, living, goingDown, there, records, kernel, manager, ended };
}

/** Until `work` is done; the kernel lets go of the connections whose end it sees. */
async function meanwhile<T>(
  { clock, there, ended }: ReturnType<typeof played>,
  work: Promise<T>,
): Promise<T> {
  let over = false;
  const done = work.finally(() => {
    over = true;
  });
  done.catch(() => {});
  while (!over) {
    for (const its of there.values())
      if (its.socket !== undefined && ended(its)) {
        its.socket.close();
        its.socket = undefined;
      }
    clock.advance(20);
    await new Promise(setImmediate);
  }
  return done;
}

/** A disk that FIRST has served until it died. */
async function left() {
  const kernel = played();
  const disks = kernel.manager();
  const { device } = await disks.publish(identity, FIRST, disk);
  assert.equal(await disks.begin(identity, FIRST), "/dev/nbd1");
  device.close();
  kernel.living.delete(FIRST);
  return { kernel, disks };
}

test("a disk is made with a number of its own, and has its size only once it is served", async () => {
  const kernel = played();
  const disks = kernel.manager();
  const { device } = await disks.publish(identity, FIRST, disk);
  assert.equal(kernel.there.get(1)!.bytes, 0);
  for (let times = 0; times < 2; times++) await disks.begin(identity, FIRST);
  assert.deepEqual(kernel.asked, [
    "connect 1",
    `tune 1 to ${disk.transferBytes}`,
    `resize 1 to ${disk.bytes}`,
  ]);
  native.write(kernel.there.get(1)!.socket!.fd, Uint8Array.of(7));
  const byte = new Uint8Array(1);
  assert.equal(native.read(device.fd, byte), 1);
  assert.equal(byte[0], 7);
});

test("a reflector's death does not end the connection", async () => {
  const { kernel } = await left();
  assert.equal(native.read(kernel.there.get(1)!.socket!.fd, new Uint8Array(1)), -EAGAIN);
});

for (const [who, another] of [
  ["the same manager", false],
  ["the next manager", true],
] as const)
  test(`${who} gives a dead reflector's disk to the next one, over another connection`, async () => {
    const { kernel, disks } = await left();
    kernel.asked.length = 0;
    const its = another ? kernel.manager() : disks;
    const { device } = await meanwhile(kernel, its.publish(identity, SECOND, disk));
    assert.equal(await its.begin(identity, SECOND), "/dev/nbd1");
    assert.deepEqual(kernel.asked, ["reconnect 1"]);
    native.write(kernel.there.get(1)!.socket!.fd, Uint8Array.of(1));
    assert.equal(native.read(device.fd, new Uint8Array(1)), 1);
  });

test("what is left of another medium, another plugging-in, another size or another kind of disk is ended", async () => {
  for (const [other, its] of [
    [{ ...identity, medium: 2 }, disk],
    [{ ...identity, enumeration: 2 }, disk],
    [identity, { ...disk, bytes: 1 << 21 }],
    [identity, { ...disk, readOnly: true }],
  ] as const) {
    const { kernel, disks } = await left();
    kernel.asked.length = 0;
    await meanwhile(kernel, disks.publish(other, SECOND, its));
    assert.deepEqual(kernel.asked, ["disconnect 1", "connect 1"]);
  }
});

test("a number that the kernel is still putting away is passed over", async () => {
  const { kernel, disks } = await left();
  kernel.asked.length = 0;
  for (const number of [1, 2]) kernel.goingDown.add(number);
  await meanwhile(kernel, disks.publish({ ...identity, medium: 2 }, SECOND, disk));
  assert.deepEqual(kernel.asked, ["disconnect 1", "connect 1", "connect 2", "connect 3"]);
});

test("where no number can be had a few are tried, and why not is told", async () => {
  const { kernel, disks } = await left();
  for (let number = 1; number < 100; number++) kernel.goingDown.add(number);
  await assert.rejects(meanwhile(kernel, disks.publish({ ...identity, medium: 2 }, SECOND, disk)), {
    errno: 22,
  });
  assert.equal(kernel.asked.filter((asked) => asked.startsWith("connect")).length, 8 + 1);
});

test("a kernel that does not let go of a connection: the disk is ended, and made anew", async () => {
  const { kernel, disks } = await left();
  kernel.asked.length = 0;
  let over = false;
  const publishing = disks.publish(identity, SECOND, disk).finally(() => {
    over = true;
  });
  while (!over) {
    kernel.clock.advance(500);
    await new Promise(setImmediate);
  }
  await publishing;
  assert.deepEqual(kernel.asked, ["disconnect 1", "connect 1"]);
});

test("one that has ended, and that somebody has open, is given to nobody, also by the next manager", async () => {
  for (const another of [false, true]) {
    const { kernel, disks } = await left();
    kernel.there.get(1)!.open = true;
    await disks.withdraw(identity, FIRST, true);
    assert.deepEqual([kernel.records.size, kernel.there.has(1)], [0, true]);
    kernel.asked.length = 0;
    const its = another ? kernel.manager() : disks;
    await its.keep([identity]);
    assert.equal(its.has(identity.unit), false);
    await meanwhile(kernel, its.publish(identity, SECOND, disk));
    assert.equal(await its.begin(identity, SECOND), "/dev/nbd2");
    assert.deepEqual(kernel.asked.slice(0, 2), ["disconnect 1", "connect 2"]);
  }
});

test("a manager keeps what is some unit's, or has a living server, and touches nobody else's", async () => {
  const kernel = played();
  await kernel.manager("/run/other").publish(identity, FIRST, disk);
  kernel.records.clear(); // another keeper has it
  const before = kernel.manager();
  const units = ["a", "b", "c"].map((unit) => ({ ...identity, unit }));
  for (const [at, unit] of units.entries()) await before.publish(unit, at === 1 ? SECOND : FIRST, disk);
  kernel.living.delete(FIRST);
  kernel.asked.length = 0;
  const next = kernel.manager();
  await next.keep([units[0]!]);
  assert.deepEqual([next.has("a"), next.has("c")], [true, false]);
  assert.deepEqual(kernel.asked, ["disconnect 4"]); // c's
  await next.endAll();
  assert.deepEqual(kernel.asked, ["disconnect 4", "disconnect 2", "disconnect 3"]);
  assert.deepEqual([...kernel.there.keys()], [0, 1]);
});

test("the record of a disk that has gone is dropped", async () => {
  const { kernel } = await left();
  kernel.there.delete(1);
  kernel.manager();
  assert.equal(kernel.records.size, 0);
});
