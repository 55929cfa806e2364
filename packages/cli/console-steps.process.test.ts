// Runs in: node --test. Owns: a ring3, a simulated drive, a console with control and one without, and a Chromium that looks at the drive's page.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { connectToManager, traceDevice } from "@ring3/client/connect";
import { readTrace } from "@ring3/client/trace/read-trace.fixture";
import type { RequestItem } from "@ring3/client/trace-item";
import { type Browser, chromium, type Page } from "playwright-core";
import { DriversLife, eventually, pause, socketOf } from "./drivers-life.fixture.ts";
import { onLine } from "./lines.ts";
import { NbdClient } from "./nbd-client.ts";
import { cli, type Drive, RunningRing3 } from "./running-ring3.fixture.ts";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));
const BYTES = 4096;
const READS = 3;

let ring3: RunningRing3;
let drive: Drive;
let life: DriversLife;
let disk: NbdClient;
let browser: Browser;
let page: Page;
let looking: Page;
const consoles: ChildProcess[] = [];

async function pageOf(...args: string[]): Promise<Page> {
  const child = spawn(process.execPath, [main, "console", "--state-dir", ring3.directory, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  consoles.push(child);
  const url = await new Promise<string>((resolve) => onLine(child.stdout!, resolve));
  const page = await (await browser.newContext({ acceptDownloads: true })).newPage();
  await page.goto(url);
  await page.evaluate(`location.hash = ${JSON.stringify(`#/${encodeURIComponent(drive.device)}`)}`);
  await page.getByRole("heading", { level: 1 }).getByText("running").waitFor();
  return page;
}

before(async () => {
  ring3 = await RunningRing3.start();
  life = await DriversLife.of(ring3);
  drive = await ring3.plug("s");
  disk = await NbdClient.connect(socketOf(await life.served(drive)));
  browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
  page = await pageOf("--control");
  looking = await pageOf();
});

afterEach(() => void drive.process.kill("SIGCONT"));

after(async () => {
  await browser?.close();
  for (const child of consoles) {
    child.kill("SIGTERM");
    await once(child, "exit");
  }
  life?.close();
  await ring3?.stop();
});

const path = () => `/api/devices/${encodeURIComponent(drive.device)}`;
const rows = (on: Page) => on.locator("table.inflight tbody tr");
/** "1.2 s", "870 ms" */
const msOf = (text: string) => Number.parseFloat(text.replace(/^\+/, "")) * (text.endsWith("ms") ? 1 : 1000);

test("requests in a driver's hand are seen with their age, and those that its death left are seen replayed, step by step", async () => {
  await page.getByText("Its driver has none in hand.").waitFor();
  const sent: RequestItem[] = [];
  const connection = connectToManager(ring3.directory);
  const feed = traceDevice(connection, drive.device, (item) => {
    if (item.type === "request") sent.push(item);
  });
  await feed.start(() => {});
  await pause(200); // until the reflector records
  drive.process.kill("SIGSTOP");
  const asked = performance.now();
  const reads = Array.from({ length: READS }, (_, at) => disk.read(at * BYTES, BYTES));

  for (const on of [page, looking]) {
    await rows(on)
      .nth(READS - 1)
      .waitFor();
    assert.equal(await rows(on).count(), READS);
  }
  const ageOf = async () => msOf((await rows(page).first().locator("td").nth(2).textContent())!);
  const first = await ageOf();
  await eventually("an age that grows", async () => ((await ageOf()) >= first + 900 ? true : undefined));
  const [cells, passed] = [
    await rows(page).first().locator("td").allTextContents(),
    performance.now() - asked,
  ];
  assert.deepEqual([cells[0], cells[1], cells[3]], ["read", "the block reflector", "4.1 kB"]);
  assert.ok(msOf(cells[2]!) <= passed, `${cells[2]} of ${passed} ms`);

  const { hostPid, incarnation } = await ring3.device(drive.device);
  process.kill(hostPid!, "SIGKILL");
  drive.process.kill("SIGCONT");
  const list = page.locator("section:has(#recovery) .recovery");
  assert.equal(await list.getAttribute("aria-live"), "polite");
  await list.locator('[data-step="replayed"]').waitFor();
  for (const read of reads) assert.equal((await read).length, BYTES);
  await life.restarted(drive, incarnation);
  const steps = await list
    .locator("li")
    .evaluateAll((all) => all.map((li) => (li as unknown as { dataset: { step: string } }).dataset.step));
  assert.deepEqual(steps.slice(0, 3), ["failed", "killed", "fenced"]);
  assert.deepEqual(steps.slice(-3), ["probed", "running", "replayed"]);
  assert.equal(steps.filter((step) => ["spare", "expected", "cold"].includes(step)).length, 1, steps.join());
  assert.ok(steps.includes("opened"));
  const times = (await list.locator("li .number").allTextContents()).map(msOf);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
  assert.ok(times[0] === 0 && times.at(-1)! > 0, times.join());

  await feed.stop();
  connection.disconnect();
  const tags = Map.groupBy(
    sent.filter(({ kind }) => kind === "send"),
    ({ a, b }) => `${a}/${b}`,
  );
  const again = [...tags.values()].filter(({ length }) => length > 1).length;
  assert.equal(again, READS, "by the client end's own record");
  await list.getByText(`Replayed ${again} requests of the block reflector`).waitFor();
  await page.locator(".timeline").getByText(`Replayed ${again} requests of the block reflector`).waitFor();
  await page.getByText("Its driver has none in hand.").waitFor();
});

test("the command line says the same", async () => {
  const { out } = await cli("explain", drive.device, "--json", "--state-dir", ring3.directory);
  const { steps, inFlight } = JSON.parse(out) as {
    steps: { step: string; requests: number | null }[];
    inFlight: object[];
  };
  assert.equal(steps[0]!.step, "failed");
  assert.equal(steps.find(({ step }) => step === "replayed")!.requests, READS);
  assert.deepEqual(inFlight, []);
  const people = await cli("explain", drive.device, "--state-dir", ring3.directory);
  assert.match(people.out, /\+0\.0 ms {2}failed: signal: .*SIGKILL/);
  assert.match(people.out, /replayed: 3 requests of the block reflector \(start #2\)/);
});

test("a trace is made with a button and kept as a file that its viewer reads; one at a time", async () => {
  let going = true;
  const working = (async () => {
    while (going) {
      await disk.read(0, BYTES);
      await pause(5);
    }
  })();
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Trace 10 seconds" }).click();
  await page.getByRole("button", { name: "Trace 10 seconds …" }).waitFor();
  const status = await page.evaluate(
    `fetch("${path()}/trace", { method: "POST" }).then(({ status }) => status)`,
  );
  assert.equal(status, 409);
  const file = await download;
  going = false;
  await working;
  assert.equal(file.suggestedFilename(), `trace-${drive.device.replace(/[^A-Za-z0-9.-]/g, "_")}.json`);
  const saved = join(ring3.folder, "trace.json");
  await file.saveAs(saved);
  const { flows, other } = readTrace(saved);
  assert.deepEqual([other.device, other.refused, other.left], [drive.device, 0, 0]);
  const whole = flows.filter((flow) => flow.some(({ process }) => process.startsWith("kernel surface")));
  assert.ok(whole.length > 50, `${whole.length} requests from program to device`);
  await page.getByText("open it at https://ui.perfetto.dev or chrome://tracing").waitFor();
});

test("a page that leaves ends its trace", async () => {
  await page.getByRole("button", { name: "Trace 10 seconds" }).click();
  await page.getByRole("button", { name: "Trace 10 seconds …" }).waitFor();
  const left = performance.now();
  await page.goto("about:blank");
  await page.goBack();
  /** The status, or that there was none within a moment: it is being made. */
  const another = `Promise.race([
    fetch("${path()}/trace", { method: "POST", signal: AbortSignal.timeout(1500) }).then(({ status }) => status, () => "made"),
  ])`;
  await eventually("room for another", async () =>
    (await page.evaluate(another)) === "made" ? true : undefined,
  );
  assert.ok(performance.now() - left < 9000, "long before its ten seconds are over");
});

test("a console without control has no such button, and makes none", async () => {
  assert.equal(await looking.getByRole("button", { name: "Trace 10 seconds" }).count(), 0);
  const status = await looking.evaluate(
    `fetch("${path()}/trace", { method: "POST" }).then(({ status }) => status)`,
  );
  assert.equal(status, 403);
});
