// Runs in: tests. Owns: a whole ring3 with a simulated drive that is read while `ring3 top` looks.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Rates } from "@ring3/control/rates";
import { DriversLife, eventually, socketOf } from "./drivers-life.fixture.ts";
import { NbdClient } from "./nbd-client.ts";
import { RunningRing3 } from "./running-ring3.fixture.ts";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));
const BYTES = 4096;

test("top tells what a disk does, over its driver's death, and that an idle one does nothing", async () => {
  await using ring3 = await RunningRing3.start();
  const life = await DriversLife.of(ring3);
  const top = async (...args: string[]) => {
    const command = [main, "top", "--state-dir", ring3.directory, ...args];
    return (await promisify(execFile)(process.execPath, command)).stdout;
  };
  const [busy, idle] = [await ring3.plug("busy"), await ring3.plug("idle")];
  await life.served(idle);
  const disk = await NbdClient.connect(socketOf(await life.served(busy)));
  let reading = true;
  const reader = (async () => {
    while (reading) await disk.read(0, BYTES);
  })();
  const of = (all: Rates[], { device }: { device: string }) => all.find(({ id }) => id === device)!;
  const look = async () => JSON.parse(await top("--json", "--count", "1", "--interval", "500ms")) as Rates[];

  /** One over which nothing has stood still for long. */
  const lookAtWork = () =>
    eventually("more than ten quick requests a second", async () => {
      const all = await look();
      const { requests, p99Us } = of(all, busy);
      return requests > 10 && p99Us! < 1_000_000 ? all : undefined;
    });

  const first = await lookAtWork();
  const { requests, bytesRead, failed, p50Us, p99Us } = of(first, busy);
  assert.deepEqual([bytesRead, failed], [requests * BYTES, 0]);
  assert.ok(p50Us! > 0 && p50Us! <= p99Us!, `${p50Us} and ${p99Us} µs`);
  const still = of(first, idle);
  assert.deepEqual([still.requests, still.p50Us, still.state], [0, null, "running"]);

  await life.kill(busy);
  assert.equal(of(await lookAtWork(), busy).restarts, 1);
  const lines = (await top("--count", "2", "--interval", "100ms")).trimEnd().split("\n");
  assert.equal(lines.length, 6);
  assert.match(lines[1]!, /^usb-busy.* running /);
  reading = false;
  await reader;
  await disk.close();
  life.close();
});
