// Runs in: tests. Owns: one ring3 with a driver, bundled from TypeScript, that can be made to crash and to hang; its crash reports.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { blockClass, connect, type Ring3 } from "@ring3/client";
import { type CrashReport, parseCrashReport } from "@ring3/control/crash";
import { eventually, pause } from "./drivers-life.fixture.ts";
import { RunningRing3, repository, run } from "./running-ring3.fixture.ts";

const source = `import { block, defineDriver } from "@ring3/sdk";

const properties = { ...block.properties!.create(), sectorBytes: 512, maxTransferSectors: 2048, sectors: 8192, flags: 16 };

function spin(): never {
  for (let turns = 0; ; turns++) if (turns < 0) throw new Error("never");
}

export default defineDriver(block, {
  probe({ usb }, ctx) {
    return {
      properties,
      concurrency: 64,
      async read({ lba }, call) {
        if (lba === 1) await usb.raw.controlIn({ requestType: 0x80, request: 0, value: 0, index: 0 }, new Uint8Array(2));
        if (lba === 13) spin();
        if (lba === 14) {
          ctx.log.warn("about to fail");
          setTimeout(() => {
            throw new TypeError("no such sector");
          }, 1);
          await new Promise(() => {});
        }
        call.data.fill(lba);
      },
      write() {},
      flush() {},
    };
  },
});
`;

const folder = mkdtempSync(join(tmpdir(), "r3-crashes-"));
const NAME = "crashing";
let ring3: RunningRing3;
let client: Ring3;
let device: string;

before(async () => {
  const driver = join(folder, NAME);
  mkdirSync(driver);
  writeFileSync(join(driver, "driver.ts"), source);
  const match = [{ usb: { vendor: "0x1209", product: "0x0001", serial: NAME } }];
  const manifest = { name: NAME, version: "1.2.3", sdk: "^0.1.0", class: "block", match, grants: ["usb"] };
  writeFileSync(join(driver, "driver.json"), JSON.stringify(manifest));
  const bundled = await run(process.execPath, [join(repository, "setup/bundle.ts"), driver]);
  assert.equal(bundled.code, 0, bundled.err);
  ring3 = await RunningRing3.start({ args: ["--drivers", folder] });
  client = await connect({ stateDir: ring3.directory });
  ({ device } = await ring3.plug(NAME, "--serial", NAME));
  await ring3.reached(device, "running");
});

after(async () => {
  client.close();
  await ring3.stop();
  rmSync(folder, { recursive: true });
});

/** Reads a sector until its driver has died of it, and takes it back; gives the report of that death. */
async function diesReading(lba: number): Promise<CrashReport> {
  const before = (await reports()).length;
  const unit = await client.open(`${device}#0`, blockClass, "read");
  const { medium } = unit.properties;
  await unit.request("read", { lba: 1, count: 1, medium }, { length: 512 });
  const abort = new AbortController();
  const doomed = unit.request("read", { lba, count: 1, medium }, { length: 512, signal: abort.signal });
  doomed.catch(() => {});
  const id = await eventually("a crash report", async () => (await reports())[before]?.id);
  abort.abort();
  await unit.close();
  const { out, code } = await ring3.cli("crashes", id, "--json");
  assert.equal(code, 0);
  return parseCrashReport(out);
}

async function reports(): Promise<Omit<CrashReport, "recorder">[]> {
  return JSON.parse((await ring3.cli("crashes", "--json")).out);
}

test("without a crash there is nothing to list, and nothing to show", async () => {
  assert.equal((await ring3.cli("crashes")).out, "no crashes\n");
  const { code, err } = await ring3.cli("crashes", "17");
  assert.deepEqual(
    [code, err],
    [1, "ring3 crashes: crashes 17: there is no report of that name; see: ring3 crashes\n"],
  );
});

test("a driver that throws: what, where in its sources, what it had in hand and what it did last", async () => {
  const report = await diesReading(14);
  assert.equal(report.reason.kind, "crash");
  assert.match(report.reason.text, /^TypeError: no such sector at .*\(driver\.ts:20:19\)$/);
  assert.equal(report.stack[0], "TypeError: no such sector");
  assert.deepEqual(
    report.inFlight.map(({ operation }) => operation),
    ["read"],
  );
  assert.deepEqual(
    report.recorder.slice(-6).map(({ kind }) => kind),
    ["request", "submit", "reap", "answer", "request", "log"],
  );
  assert.match(report.recorder.at(-4)!.text, /^transfer \d+: 2 bytes moved$/);
  assert.equal(report.recorder.at(-1)!.text, "about to fail");
  assert.deepEqual([report.driver.version, report.device.id, report.sandbox], ["1.2.3", device, "standard"]);
});

test("a driver that loops: the line of its sources that it stood at", async () => {
  const report = await diesReading(13);
  assert.equal(report.reason.kind, "heartbeat");
  assert.match(report.stack[1]!, /^at spin \(driver\.ts:6:\d+\)$/);
  assert.match(report.stack[2]!, /read .*\(driver\.ts:16:\d+\)$/);
  assert.equal(report.inFlight.length, 1);
  assert.ok(report.resources!.cpuMs > 100, `${report.resources!.cpuMs}`);
});

test("a driver that is killed: the signal, and no stack", async () => {
  const before = (await reports()).length;
  const { hostPid, incarnation } = await ring3.reached(device, "running");
  process.kill(hostPid!, "SIGKILL");
  const report = await eventually("a crash report", async () => (await reports())[before]);
  assert.deepEqual(
    [report.reason, report.stack, report.incarnation],
    [{ kind: "signal", text: "the process was ended by SIGKILL", outside: true }, [], incarnation],
  );
});

test("for people: a list with what to copy, a page of 80 columns", async () => {
  const [first] = await reports();
  const list = (await ring3.cli("crashes")).out;
  assert.match(list, new RegExp(`^  ${first!.id}$`, "m"));
  const page = (await ring3.cli("crashes", first!.id)).out;
  assert.match(page, /^Where it stood\n {2}TypeError: no such sector\n {2}at /m);
  assert.match(page, /^Requests in hand\n {2}read on slot \d+ of channel \d+, -/m);
  for (const line of `${list}${page}`.split("\n")) assert.ok(line.length <= 80, line);
});

test("only ring3's user can read them", () => {
  assert.equal(statSync(join(ring3.directory, "crashes")).mode & 0o077, 0);
});

/** Attaches to the process, says so, and detaches at the end of its input: what of a debugger matters here, ptrace(2). */
const holder = `#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
int main(int count, char **words) {
  pid_t pid = atoi(words[count - 1]);
  if (ptrace(PTRACE_ATTACH, pid, 0, 0) < 0) return perror("attach"), 1;
  waitpid(pid, 0, __WALL);
  puts("held");
  fflush(stdout);
  while (getchar() != EOF) {}
  return ptrace(PTRACE_DETACH, pid, 0, 0) < 0;
}`;

test("a driver that a debugger holds is left alone, and goes on", async () => {
  const program = join(folder, "holder");
  writeFileSync(`${program}.c`, holder);
  assert.equal((await run("cc", ["-o", program, `${program}.c`])).code, 0);
  const { hostPid, incarnation } = await ring3.reached(device, "running");
  const unit = await client.open(`${device}#0`, blockClass, "read");
  const { medium } = unit.properties;
  const tracer = spawn(program, [String(hostPid)], { stdio: ["pipe", "pipe", "inherit"] });
  const detached = once(tracer, "exit");
  await once(tracer.stdout, "data");
  const asked = unit.request("read", { lba: 5, count: 1, medium }, { length: 512, deadlineMs: 2000 });
  await pause(5000); // thrice what its heartbeat may stand still, twice what the request has
  assert.equal((await ring3.device(device)).incarnation, incarnation);
  tracer.stdin.end();
  assert.deepEqual(await detached, [0, null]);
  const { data } = await asked;
  assert.ok(data.every((byte) => byte === 5));
  await unit.close();
  assert.equal((await ring3.device(device)).incarnation, incarnation);
});
