// Runs in: tests. Owns: processes in which drivers have seats, as far as their manager sees them.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { HostRecord } from "@ring3/control/legacy";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { socketPair } from "@ring3/kernel/socket/frame-socket";
import { code, codeBytes, noLegacy, settled } from "./fake-host.fixture.ts";
import type { Host } from "./host.ts";
import type { HostKind, HostListeners } from "./host-process.ts";
import { noJail } from "./jail.ts";
import { type Left, nothingLeft } from "./legacy.ts";
import { Placements } from "./placements.ts";
import type { Spares } from "./spares.ts";

const shape = { memoryMb: 256, cpuPercent: undefined, tier: "standard", class: "block" } as const;
const kind = (placement: string, name = "a", requests: number[] = []): HostKind => ({
  ...shape,
  placement,
  driver: { name, code, codeBytes, requests },
});
const listeners = { lost() {} } as unknown as HostListeners;

const hostRecord: HostRecord = {
  pid: 70,
  initPid: 70,
  uid: null,
  driver: "a",
  memoryMb: 256,
  shared: null,
};

class PlayedProcess {
  readonly name: string;
  readonly pid: number;
  readonly #fence = Promise.withResolvers<void>();
  readonly fenced = this.#fence.promise;
  lost: HostListeners["lost"] = () => {};

  constructor(pid: number) {
    this.name = `host/0.${pid}`;
    this.pid = pid;
  }

  adopt({ lost }: HostListeners) {
    this.lost = lost;
    return this;
  }

  async ask(_method: string, _params: unknown, fds: readonly Descriptor[]) {
    for (const fd of fds) fd.close();
    return { result: {}, fds: [] };
  }

  introduce = async () => ({ units: [], channels: [], gone: false });

  kill(): void {
    this.#fence.resolve();
  }
}

function setUp() {
  const processes: PlayedProcess[] = [];
  const keys: string[] = [];
  const served: string[] = [];
  let refused = false;
  const placements = new Placements({
    clock: manualClock(),
    timeScale: 1,
    legacy: noLegacy,
    spares: {
      take: async () => ({ pid: 1 }),
      expect: () => true,
    } as unknown as Spares,
    inline: {
      legacy: noLegacy,
      node: "node",
      program: "reflector.cjs",
      needs: () => [],
      died: ({ className, driver }) => void served.push(`${className} ${driver} died`),
      connected: ({ className, driver }, transport) => {
        served.push(`${className} ${driver}`);
        transport.close();
      },
    },
    jail: async () => noJail({ node: "node", host: "host.cjs", code: [], addon: "kernel.node" }),
    start: async (_jail, { placement }, key) => {
      if (refused) throw new DeviceError("no-space", "no user id is free");
      const process = new PlayedProcess(10 * (processes.length + 1));
      processes.push(process);
      keys.push(`${placement} ${key}`);
      return process as unknown as Host;
    },
  });
  const pids = (...kinds: HostKind[]) =>
    Promise.all(kinds.map(async (each) => (await placements.take(each, listeners)).pid));
  const refuse = (on: boolean) => {
    refused = on;
  };
  return { placements, processes, keys, served, pids, refuse };
}

test("who is isolated has a host as ever, and one in advance", async () => {
  const { placements, pids } = setUp();
  assert.deepEqual(await pids(kind("isolated"), kind("isolated")), [1, 1]);
  assert.deepEqual(
    ["isolated", "pooled:a", "inline"].map((placement) => placements.expect(kind(placement))),
    [true, false, false],
  );
});

test("drivers of one pool find each other, at once or later; those of another do not", async () => {
  const { pids } = setUp();
  assert.deepEqual(await pids(kind("pooled:x"), kind("pooled:x", "b"), kind("pooled:y")), [10, 10, 20]);
  assert.deepEqual(await pids(kind("pooled:x", "c")), [10]);
});

test("a process whose filter is another's is not joined", async () => {
  const { pids } = setUp();
  assert.deepEqual(await pids(kind("pooled:x", "a", [1]), kind("pooled:x", "b", [1, 2])), [10, 20]);
});

test("each inline driver has one reflector for all its devices, which is listed with it", async () => {
  const { placements, pids, served } = setUp();
  assert.deepEqual(await pids(kind("inline", "a"), kind("inline", "b"), kind("inline", "a")), [10, 20, 10]);
  assert.deepEqual(served, ["block a", "block b"]);
  assert.deepEqual(placements.reflectors, [
    { class: "block", pid: 10, driver: "a" },
    { class: "block", pid: 20, driver: "b" },
  ]);
});

test("after its end a pool has another process", async () => {
  const { placements, processes, pids } = setUp();
  await pids(kind("pooled:x"));
  processes[0]!.lost({ kind: "signal", text: "SIGKILL", outside: true });
  assert.deepEqual(await pids(kind("pooled:x"), kind("pooled:x")), [20, 20]);
  await placements.close();
});

test("a pool that cannot be started is told to all that wait for it, and started for the next one", async () => {
  const { pids, refuse } = setUp();
  refuse(true);
  const refusals = await Promise.allSettled([pids(kind("pooled:x")), pids(kind("pooled:x"))]);
  assert.deepEqual(
    refusals.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  refuse(false);
  assert.deepEqual(await pids(kind("pooled:x")), [10]);
});

test("the end of an inline driver's reflector is told, also of one that an earlier manager has started", async () => {
  const { placements, processes, served, pids } = setUp();
  await pids(kind("inline", "a"));
  processes[0]!.kill();
  await settled();
  assert.deepEqual(served.splice(0), ["block a", "block a died"]);
  const old = new PlayedProcess(70);
  const [connection] = socketPair();
  const host = { ...hostRecord, driver: "b", shared: { key: "inline/block/b", inline: "block" } };
  const reflector = { class: "block", pid: 70, host: old.name };
  const left: Left = {
    ...nothingLeft,
    hosts: [{ name: old.name, record: host, held: [] }],
    reflectors: [{ name: `reflector/${old.name}`, record: reflector, held: [connection] }],
  };
  placements.inherit(left, () => old as unknown as Host);
  placements.goOn(left);
  await settled();
  assert.deepEqual(served, ["block b", "block b died"]); // nobody is in it any more
});

test("all that are left are ended at the end", async () => {
  const { placements, processes, pids } = setUp();
  await pids(kind("pooled:x"), kind("inline", "a"));
  await placements.close();
  await Promise.all(processes.map(({ fenced }) => fenced));
  assert.deepEqual(placements.reflectors, []);
});
