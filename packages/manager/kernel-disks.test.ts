// Runs in: tests. Owns: a kernel that is played here: its ublk disks, and what it has been asked.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { createLog } from "@ring3/core/log";
import { kernelDisk as disk } from "@ring3/kernel/disk/kernel-disk.fixture";
import { Descriptor } from "@ring3/kernel/fd/descriptor";
import { deviceInfo, UBLK_S_DEV_LIVE, UBLK_S_DEV_QUIESCED } from "@ring3/kernel/ublk/constants";
import type { UblkInfo, UblkParameters } from "@ring3/kernel/ublk/control";
import { KernelDisks, markOfText } from "./kernel-disks.ts";
import { UblkDisks } from "./ublk-disks.ts";

const identity = { unit: "usb-1-4:1.0#0", enumeration: 1, medium: 1 };
const [FIRST, SECOND] = [100, 200];

function played() {
  const clock = manualClock();
  const there = new Map<number, { info: UblkInfo; parameters: UblkParameters | undefined }>();
  const asked: string[] = [];
  const living = new Set([FIRST, SECOND]);
  let recovery = (): void => {};
  const at = (number: number) => {
    const found = there.get(number);
    if (found === undefined) throw new DeviceError("disconnected", `ublk disk ${number}`);
    return found;
  };
  const changed = (number: number, change: Partial<UblkInfo>) => {
    at(number).info = { ...at(number).info, ...change };
  };
  const control = {
    async add(nrHwQueues: number, queueDepth: number, mark: object) {
      const devId = there.size;
      there.set(devId, {
        info: { ...deviceInfo.create(), devId, nrHwQueues, queueDepth, ...mark },
        parameters: undefined,
      });
      asked.push(`add ${devId}`);
      return at(devId).info;
    },
    async setParameters(number: number, parameters: UblkParameters) {
      at(number).parameters = parameters;
    },
    parameters: async (number: number) => at(number).parameters!,
    info: async (number: number) => at(number).info,
    async start(number: number, ublksrvPid: number) {
      asked.push(`start ${number}`);
      changed(number, { state: UBLK_S_DEV_LIVE, ublksrvPid });
    },
    async stop(number: number) {
      at(number);
      asked.push(`stop ${number}`);
    },
    async delete(number: number) {
      at(number).info = { ...at(number).info, ublksrvFlagsHigh: 0 }; // its number is not used again here
    },
    async startRecovery(number: number) {
      recovery();
      asked.push(`recover ${number}`);
    },
    async endRecovery(number: number, ublksrvPid: number) {
      asked.push(`resume ${number}`);
      changed(number, { state: UBLK_S_DEV_LIVE, ublksrvPid });
    },
  };
  /** Another one knows only what the kernel knows. */
  const manager = (stateDirectory = "/run/ring3") =>
    new KernelDisks(
      new UblkDisks({
        control,
        numbers: () => [...there.keys()],
        open: () => new Descriptor(-1),
        lives: (pid) => living.has(pid),
        mark: markOfText(stateDirectory),
        clock,
      }),
      createLog("test", () => {}, clock),
    );
  return {
    clock,
    asked,
    living,
    changed,
    manager,
    set recovery(refuse: () => void) {
      recovery = refuse;
    },
  };
}

/** A disk that FIRST has served until it died. */
async function left(state: number) {
  const kernel = played();
  const disks = kernel.manager();
  await disks.publish(identity, FIRST, disk);
  await disks.begin(identity, FIRST);
  kernel.living.delete(FIRST);
  kernel.changed(0, { state });
  kernel.asked.length = 0;
  return { kernel, disks };
}

for (const [who, another] of [
  ["the same manager", false],
  ["the next manager", true],
] as const)
  test(`${who} gives a dead reflector's disk to the next one, with what was under way`, async () => {
    const { kernel, disks } = await left(UBLK_S_DEV_QUIESCED);
    const its = another ? kernel.manager() : disks;
    await its.publish(identity, SECOND, disk);
    assert.equal(await its.begin(identity, SECOND), "/dev/ublkb0");
    assert.deepEqual(kernel.asked, ["recover 0", "resume 0"]);
  });

test("what is left of another medium, another plugging-in or another size is ended", async () => {
  for (const [other, size] of [
    [{ ...identity, medium: 2 }, disk],
    [{ ...identity, enumeration: 2 }, disk],
    [identity, { ...disk, bytes: 1 << 21 }],
  ] as const) {
    const { kernel, disks } = await left(UBLK_S_DEV_QUIESCED);
    await disks.publish(other, SECOND, size);
    assert.deepEqual(kernel.asked, ["stop 0", "add 1"]);
  }
});

test("the kernel lets go of a dead server after a while; where it does not, the disk is ended", async () => {
  for (const [times, asked] of [
    [3, ["recover 0"]],
    [Number.POSITIVE_INFINITY, ["stop 0", "add 1"]],
  ] as const) {
    const { kernel, disks } = await left(UBLK_S_DEV_LIVE);
    let refused = 0;
    kernel.recovery = () => {
      if (refused++ < times) throw new DeviceError("busy", "recover");
    };
    let over = false;
    const publishing = disks.publish(identity, SECOND, disk).finally(() => {
      over = true;
    });
    while (!over) {
      kernel.clock.advance(20);
      await new Promise(setImmediate);
    }
    await publishing;
    assert.deepEqual(kernel.asked, asked);
  }
});

test("one that was given away and never served cannot be given away again: it is ended", async () => {
  const { kernel, disks } = await left(UBLK_S_DEV_QUIESCED);
  kernel.recovery = () => {
    throw new DeviceError("io", "recover: EINVAL");
  };
  await disks.publish(identity, SECOND, disk);
  assert.deepEqual(kernel.asked, ["stop 0", "add 1"]);
});

test("for a reflector that has died meanwhile nothing is begun", async () => {
  const kernel = played();
  const disks = kernel.manager();
  await disks.publish(identity, FIRST, disk);
  kernel.living.delete(FIRST);
  await assert.rejects(disks.begin(identity, FIRST), { kind: "disconnected" });
  await assert.rejects(disks.begin({ ...identity, unit: "usb-2:1.0#0" }, FIRST), { kind: "invalid" });
  assert.deepEqual(kernel.asked, ["add 0"]);
});

test("a manager keeps what is some unit's, or has a living server, and touches nobody else's", async () => {
  const kernel = played();
  const theirs = kernel.manager("/run/other");
  await theirs.publish(identity, FIRST, disk);
  const before = kernel.manager();
  const units = ["a", "b", "c"].map((unit) => ({ ...identity, unit }));
  for (const [at, unit] of units.entries()) {
    await before.publish(unit, at === 1 ? SECOND : FIRST, disk);
    await before.begin(unit, at === 1 ? SECOND : FIRST);
  }
  kernel.living.delete(FIRST);
  kernel.asked.length = 0;
  const next = kernel.manager();
  await next.keep([units[0]!]);
  assert.deepEqual([next.has("a"), next.has("c")], [true, false]);
  assert.deepEqual(kernel.asked, ["stop 3"]); // c's
  await next.endAll();
  assert.deepEqual(kernel.asked, ["stop 3", "stop 1", "stop 2"]);
});

test("withdrawn: it is ended; again: there is nothing to do", async () => {
  const kernel = played();
  const disks = kernel.manager();
  await disks.publish(identity, FIRST, disk);
  for (let times = 0; times < 2; times++) assert.equal(await disks.withdraw(identity, FIRST, true), true);
  assert.deepEqual(kernel.asked, ["add 0", "stop 0"]);
});

test("what is neither one's unit nor one's disk is not withdrawn; one's own disk is, whoever has the unit now", async () => {
  const kernel = played();
  const disks = kernel.manager();
  await disks.publish(identity, FIRST, disk);
  await disks.begin(identity, FIRST);
  assert.equal(await disks.withdraw(identity, SECOND, false), false);
  assert.equal(await disks.withdraw(identity, FIRST, false), true);
  assert.deepEqual(kernel.asked, ["add 0", "start 0", "stop 0"]);
});
