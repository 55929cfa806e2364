// Runs in: tests. Owns: a ring3 and one NBD client that asks now and then.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DriversLife, eventually, socketOf } from "./drivers-life.fixture.ts";
import { NbdClient } from "./nbd-client.ts";
import { RunningRing3 } from "./running-ring3.fixture.ts";

/** "0" or "0-1", proc_pid_status(5). */
const allowed = (pid: number) =>
  /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))![1]!;

test("a reflector and the driver that it asks are put on one processor, and explain says so; with affinity off they are not", async () => {
  const all = allowed(process.pid);
  for (const affinity of ["share", "off"]) {
    await using ring3 = await RunningRing3.start({ config: `affinity: ${affinity}\n` });
    const life = await DriversLife.of(ring3);
    const drive = await ring3.plug("shared");
    const client = await NbdClient.connect(socketOf(await life.served(drive)), assert.fail);
    const { reflectors } = JSON.parse((await ring3.cli("status", "--json")).out);
    const explained = async (): Promise<string> =>
      JSON.parse((await ring3.cli("explain", drive.device, "--json")).out).processors;
    const { hostPid } = await ring3.device(drive.device);
    const pids = [reflectors[0].pid, hostPid!];
    const ask = async () => {
      for (let read = 0; read < 20; read++) await client.read(0, 4096);
      await sleep(20);
    };
    const together = () => pids.map(allowed).every((list) => /^\d+$/.test(list) && list === allowed(pids[0]));
    if (affinity === "share" && availableParallelism() > 1) {
      await eventually("one processor for both", async () => {
        await ask();
        return together() || undefined;
      });
      assert.match(await explained(), new RegExp(`^on processor ${allowed(pids[0])}, with its reflector`));
    } else {
      for (const until = performance.now() + 2500; performance.now() < until; ) await ask();
      assert.deepEqual(pids.map(allowed), [all, all]);
    }
    await client.close();
    life.close();
  }
});
