// Runs in: tests. Owns: a machine whose processors and processes are played.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { Affinity, type Sharing, shares, sharing } from "./affinity.ts";
import type { Claims } from "./claims.ts";
import type { Device } from "./device.ts";
import { manifest } from "./fake-host.fixture.ts";

const REFLECTOR = 10;
const [HOST, OTHER] = [20, 30];

function device(pid: number, fields: Partial<typeof manifest> = {}): Device {
  const driver = { manifest: { ...manifest, ...fields } };
  return { host: { pid }, hostPid: pid, driver } as unknown as Device;
}

function shared(devices: readonly Device[], askedByOthers: readonly Device[] = []) {
  const claims = {
    isReflectorsAlone: (device: Device) => !askedByOthers.includes(device),
  } as unknown as Claims;
  return sharing({ devices, claims }, [{ class: "block", pid: REFLECTOR }]);
}

function setUp({ all = [0, 1] } = {}) {
  const clock = manualClock();
  const used = new Map<number, number>();
  const set: [number, readonly number[]][] = [];
  let sharing: Sharing[] = [{ reflector: REFLECTOR, hosts: [HOST] }];
  const processors = {
    all,
    cpuMs: (pid: number) => used.get(pid) ?? 0,
    last: () => 1,
    set: (pid: number, processors: readonly number[]) => void set.push([pid, processors]),
  };
  const affinity = new Affinity(clock, processors, () => sharing);
  affinity.wake();
  /** A second in which they use so much of a processor. */
  const second = async (load: number) => {
    for (const pid of [REFLECTOR, HOST]) used.set(pid, (used.get(pid) ?? 0) + load * 500);
    await clock.advance(1000);
    return set.splice(0);
  };
  const share = (next: Sharing[]) => {
    sharing = next;
  };
  return { affinity, second, share, clock };
}

test("shared from little load on, and until there is too much; nothing changes in between", () => {
  assert.deepEqual(
    [0, 0.02, 0.7, 0.8, 1.5].map((load) => shares(false, load)),
    [false, true, true, false, false],
  );
  assert.deepEqual(
    [0, 0.7, 0.9, 0.95].map((load) => shares(true, load)),
    [true, true, true, false],
  );
});

test("a reflector and its host are put where the reflector is, once, and let go when that has no more time", async () => {
  const { second, affinity } = setUp();
  assert.deepEqual(await second(0.5), [
    [REFLECTOR, [0, 1]], // what they used before the first look is not known, nor where an earlier manager has put them
    [HOST, [0, 1]],
  ]);
  assert.deepEqual(await second(0.5), [
    [REFLECTOR, [1]],
    [HOST, [1]],
  ]);
  assert.match(affinity.of(HOST), /^on processor 1, with its reflector: .* 50 % of a processor together$/);
  assert.deepEqual(await second(0.9), []);
  assert.deepEqual(await second(0.97), [
    [REFLECTOR, [0, 1]],
    [HOST, [0, 1]],
  ]);
  assert.match(affinity.of(HOST), /^on any processor: .* 97 %/);
  assert.deepEqual(await second(0.8), []);
});

test("a host that comes is put beside the others, one that others ask is let go", async () => {
  const { second, share, affinity } = setUp();
  await second(0.5);
  await second(0.5);
  share([{ reflector: REFLECTOR, hosts: [HOST, OTHER] }]);
  assert.deepEqual(await second(0.5), [[OTHER, [1]]]);
  share([{ reflector: REFLECTOR, hosts: [OTHER] }]);
  assert.deepEqual(await second(0.5), [[HOST, [0, 1]]]);
  assert.match(affinity.of(HOST), /^on any processor: nobody asks it/);
});

test("with one processor, and with nobody to look at, nothing is looked at", async () => {
  const one = setUp({ all: [3] });
  assert.deepEqual(await one.second(0.5), []);
  assert.match(one.affinity.of(HOST), /^on processor 3, the only one/);
  const nobody = setUp();
  nobody.share([]);
  await nobody.second(0);
  assert.equal(nobody.clock.pending, 0);
});

test("a pool's process is considered once, and only while the reflector alone asks all in it", () => {
  const [a, b, c] = [device(HOST), device(HOST), device(OTHER)];
  assert.deepEqual(shared([a, b, c]), [{ reflector: REFLECTOR, hosts: [HOST, OTHER] }]);
  assert.deepEqual(shared([a, b, c], [b]), [{ reflector: REFLECTOR, hosts: [OTHER] }]);
  assert.deepEqual(shared([a, device(HOST, { latency: "poll" }), c]), [
    { reflector: REFLECTOR, hosts: [OTHER] },
  ]);
});

test("an inline driver runs where its own reflector does: a class's is not put beside it", () =>
  assert.deepEqual(shared([device(HOST, { placement: "inline" })]), []));
