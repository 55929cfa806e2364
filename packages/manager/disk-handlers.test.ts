// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { kernelDisk as disk } from "@ring3/kernel/disk/kernel-disk.fixture";
import { Descriptor } from "@ring3/kernel/fd/descriptor";
import type { Device } from "./device.ts";
import { type DiskAsker, diskHandlers } from "./disk-handlers.ts";
import type { KernelDisks } from "./kernel-disks.ts";

const ITS = "its" as unknown as Device;
const ANOTHERS = "another's" as unknown as Device;
const units: Readonly<Record<string, Device>> = { "its#0": ITS, "another's#0": ANOTHERS };
const of = (unit: string) => ({ unit, enumeration: 1, medium: 1 });

function asking(change: Partial<DiskAsker> = {}) {
  const asked: unknown[] = [];
  const disks = {
    async publish({ unit }: { unit: string }, server: number) {
      asked.push(["publish", unit, server]);
      return { device: new Descriptor(-1), queues: 1, depth: 8 };
    },
    async begin({ unit }: { unit: string }, server: number) {
      asked.push(["begin", unit, server]);
      return "/dev/x0";
    },
    async withdraw({ unit }: { unit: string }, server: number, its: boolean) {
      asked.push(["withdraw", unit, server, its]);
      return its || unit === "served#0";
    },
  } as unknown as KernelDisks;
  const handlers = diskHandlers({
    disks: () => disks,
    server: () => 4711,
    deviceOf: (unit) => units[unit] ?? (unit === "served#0" ? ANOTHERS : undefined),
    wants: (device) => device === ITS,
    ...change,
  });
  const call = async (name: "publish" | "begin" | "withdraw", unit: string) =>
    handlers[name]({ ...of(unit), disk }, [], undefined as never);
  return { asked, call };
}

test("a reflector has its own units' disks published, begun and withdrawn, for its own process", async () => {
  const { asked, call } = asking();
  for (const name of ["publish", "begin", "withdraw"] as const) await call(name, "its#0");
  assert.deepEqual(asked, [
    ["publish", "its#0", 4711],
    ["begin", "its#0", 4711],
    ["withdraw", "its#0", 4711, true],
  ]);
});

test("another reflector's unit is refused; one that is not there too, but to withdraw what is left of it", async () => {
  const { asked, call } = asking();
  for (const name of ["publish", "begin", "withdraw"] as const)
    await assert.rejects(call(name, "another's#0"), { kind: "denied", message: /it is another reflector's/ });
  for (const name of ["publish", "begin"] as const)
    await assert.rejects(call(name, "gone#0"), { kind: "invalid" });
  await call("withdraw", "gone#0");
  await call("withdraw", "served#0"); // the unit is another's by now, the disk its own
  assert.deepEqual(asked, [
    ["withdraw", "another's#0", 4711, false],
    ["withdraw", "gone#0", 4711, true],
    ["withdraw", "served#0", 4711, false],
  ]);
});

test("who may have none of the kernel's disks is refused", async () => {
  const { call } = asking({ disks: () => undefined });
  for (const name of ["publish", "begin", "withdraw"] as const)
    await assert.rejects(call(name, "its#0"), { kind: "denied" });
});
