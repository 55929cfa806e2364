// Runs in: tests. Owns: a ring3 whose driver of disks is waited for awake, and one application of it.
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { blockClass, connect } from "@ring3/client";
import { DriversLife } from "./drivers-life.fixture.ts";
import { RunningRing3 } from "./running-ring3.fixture.ts";

const usbStorage = fileURLToPath(new URL("../../build/drivers/usb-storage/", import.meta.url));

/** From the third on, the state, which stands behind the name (proc_pid_stat(5)). */
const fieldsOf = (pid: number) =>
  readFileSync(`/proc/${pid}/stat`, "latin1").split(")").at(-1)!.trim().split(" ");

/** Whether its main thread has or wants a processor, however many others want it too. */
const isAwake = (pid: number) => fieldsOf(pid)[0] === "R";

/** In user and kernel mode together, the 14th and 15th, in hundredths of a second (USER_HZ, asm-generic/param.h). */
const cpuMs = (pid: number) => 10 * (Number(fieldsOf(pid)[11]) + Number(fieldsOf(pid)[12]));

/** A driver that polls goes to sleep a second after the last news (native/waiting.c): for so long it is surely to stay awake. */
const POLLED_MS = 900;

/** How many of a hundred looks found it awake since `news` began. Where this process stood still then, there are new ones. */
async function awakePercent(pid: number, news: () => Promise<unknown>): Promise<number> {
  for (;;) {
    const [end, looks] = [performance.now() + POLLED_MS, [] as boolean[]];
    await news();
    for (;;) {
      const awake = isAwake(pid);
      if (performance.now() > end) break;
      looks.push(awake);
      await sleep(10);
    }
    if (looks.length >= 10) return (100 * looks.filter(Boolean).length) / looks.length;
  }
}

/** How much of a processor it has used, over that time or longer: who waits for one that others have, uses none. */
async function usedPercent(pid: number, ms: number): Promise<number> {
  const [began, before] = [performance.now(), cpuMs(pid)];
  await sleep(ms);
  return (100 * (cpuMs(pid) - before)) / (performance.now() - began);
}

test("polled, a driver answers, is replaced when it dies, and sleeps once nothing was asked for a second", async () => {
  const drivers = mkdtempSync(join(tmpdir(), "ring3-polled-"));
  const folder = join(drivers, "usb-storage");
  cpSync(usbStorage, folder, { recursive: true });
  const manifest = join(folder, "driver.json");
  const polled = { ...JSON.parse(readFileSync(manifest, "utf8")), latency: "poll" };
  writeFileSync(manifest, JSON.stringify(polled));
  await using ring3 = await RunningRing3.start({ args: ["--drivers", drivers] });
  rmSync(drivers, { recursive: true });
  const life = await DriversLife.of(ring3);
  const drive = await ring3.plug("polled");
  const { units } = await life.served(drive);
  using client = await connect({ stateDir: ring3.directory });
  await using disk = await client.open(units[0]!.id, blockClass, "write");
  const { medium } = disk.properties;
  const read = () => disk.request("read", { lba: 0, count: 8, medium }, { length: 4096 });

  const data = new Uint8Array(4096).fill(7);
  await disk.request("write", { lba: 0, count: 8, fua: 1, medium }, { data });
  await life.kill(drive);
  assert.deepEqual((await read()).data, data);

  const { hostPid } = await ring3.device(drive.device);
  const polling = await awakePercent(hostPid!, read);
  await sleep(1500);
  const resting = await usedPercent(hostPid!, 500);
  assert.ok(polling >= 90, `awake at ${polling} of 100 looks while it is to stay awake`);
  assert.ok(resting <= 10, `${resting} % of a processor while it is to sleep`);
  life.close();
});
