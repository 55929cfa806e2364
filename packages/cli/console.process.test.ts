// Runs in: node --test. Owns: a ring3, a simulated drive and a pad, a console, and a Chromium that looks at it.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import {
  addressOf,
  Console,
  go as goTo,
  HandsOn,
  hashOf,
  lookAt as lookAtPage,
  moved,
  startBrowser,
  until,
  violations,
} from "./console.fixture.ts";
import { eventually } from "./drivers-life.fixture.ts";
import { RunningRing3 } from "./running-ring3.fixture.ts";

let ring3: RunningRing3;
let pad: HandsOn;
let device: string;
let control: Console;
let looks: Console;
let browser: Browser;
let context: BrowserContext;
let page: Page;
/** What the browser has complained about. */
const complaints: string[] = [];

const lookAt = (url: string, options: BrowserContextOptions = {}) =>
  lookAtPage(browser, url, complaints, options);

before(async () => {
  ring3 = await RunningRing3.start();
  const drive = await ring3.plug("c1");
  device = drive.device;
  pad = await HandsOn.start(ring3, "gamepad", "--model", "xbox-360");
  control = await Console.start(ring3, "--control");
  looks = await Console.start(ring3);
  browser = await startBrowser();
  [context, page] = await lookAt(control.url);
});

after(async () => {
  await browser?.close();
  await control?.stop();
  await looks?.stop();
  pad?.stop();
  await ring3?.stop();
});

const go = (hash: string, on = page) => goTo(on, hash);
const deviceHash = () => hashOf(device);

test("the page lists every device with its driver and state, and each has a page of its own", async () => {
  const row = page.getByRole("row").filter({ hasText: device });
  await row.getByText("running").waitFor();
  await row.getByText("usb-storage").waitFor();
  await row.getByRole("link").click();
  await page.getByRole("heading", { level: 1 }).getByText("running").waitFor();
  await page.getByText(/nbdinfo 'nbd\+unix/).waitFor();
});

/** Until the page shows the next driver, in milliseconds. */
async function killSeen(): Promise<number> {
  const { hostPid, incarnation } = await ring3.device(device);
  const killed = performance.now();
  process.kill(hostPid!, "SIGKILL");
  await page.getByText(`Start #${incarnation + 1}, served from`).waitFor();
  return performance.now() - killed;
}

test("a driver that is killed is seen within a second: its death, the gap, and the next one", async () => {
  await go(deviceHash());
  await page.getByText(/^Start #1, served from/).waitFor();
  const times: number[] = [];
  while (times.length < 3 && !times.some((ms) => ms < 1000)) times.push(await killSeen()); // tests beside it may have the processors
  assert.ok(Math.min(...times) < 1000, `${times.join(", ")} ms`);
  await page
    .getByText(/ms without a driver$/)
    .first()
    .waitFor();
  assert.deepEqual(
    await page.evaluate(
      '[...document.querySelector(".timeline > li").children].map(({ tagName }) => tagName)',
    ),
    ["DETAILS", "P"],
    "the gap before a driver stands between it and the one before, which is below",
  );
  await page.getByText("failed: signal: the process was ended by SIGKILL").first().waitFor();
  await page.getByText(/start #1: signal, the process was ended by SIGKILL/).waitFor(); // its crash report
});

test("plots move", async () => {
  await go(deviceHash());
  await moved(page);
});

test("what is pressed on a pad is seen on its drawing, over its driver's death", async () => {
  await go("#/");
  await page.getByRole("row").filter({ hasText: "xbox-360" }).getByRole("link").click();
  const drawing = page.getByRole("img", { name: /^Pressed: / });
  await drawing.waitFor();
  await pad.does("press south");
  await page.getByRole("img", { name: "Pressed: south" }).waitFor();
  const { devices } = await ring3.status();
  process.kill(devices.find(({ driver }) => driver === "xbox-360")!.hostPid!, "SIGKILL");
  await page.getByText(/^Start #2, served from/).waitFor();
  await page.getByRole("img", { name: "Pressed: south" }).waitFor();
  await pad.does("release south");
  await page.getByRole("img", { name: "Pressed: nothing" }).waitFor();
});

test("what a pad tells is counted second by second", async () => {
  const events = page.locator("figcaption", { hasText: "Events a second" }).locator(".now");
  await eventually("a second with events", async () => {
    await pad.does("press south");
    await pad.does("release south");
    return (await events.textContent()) !== "0" || undefined;
  });
});

test("eight tabs look at one pad, though a browser has six connections; one that is closed takes it from nobody", async () => {
  const tabs = await Promise.all(Array.from({ length: 8 }, () => context.newPage()));
  const pads = [page, ...tabs].map((tab) => tab.getByRole("img", { name: "Pressed: east" }));
  await Promise.all(tabs.map((tab) => tab.goto(page.url())));
  await pad.does("press east");
  await Promise.all(pads.map((pad) => pad.waitFor()));
  await Promise.all(tabs.map((tab) => tab.close()));
  await pad.does("release east");
  await page.getByRole("img", { name: "Pressed: nothing" }).waitFor();
});

test("a device is stopped and started with buttons, and what came of it is said", async () => {
  await go(deviceHash());
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByText("It is stopped").waitFor();
  assert.equal((await ring3.device(device)).state, "stopped");
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.getByText(/^It is running\.$/).waitFor();
});

test("what came of an action is said no longer than it is so", async () => {
  const said = page.getByText(/^It is running\.$/);
  await page.getByRole("button", { name: "Restart" }).click();
  await said.waitFor();
  assert.equal((await ring3.cli("stop", device)).code, 0);
  await page.getByRole("heading", { level: 1 }).getByText("stopped").waitFor();
  await said.waitFor({ state: "detached" });
  assert.equal((await ring3.cli("start", device)).code, 0);
  await page.getByRole("heading", { level: 1 }).getByText("running").waitFor();
});

test("a page that cannot listen says why, in the console's words", async () => {
  const { cookies } = await context.storageState();
  const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  const left = new AbortController();
  const listen = () =>
    fetch(`${addressOf(control.url)}api/events`, { headers: { cookie }, signal: left.signal });
  const streams: Response[] = []; // one that nobody holds is ended with its garbage
  const full = async () => {
    while (streams.at(-1)?.status !== 503) streams.push(await listen());
  };
  await go(deviceHash());
  const unit = page.getByRole("region", { name: `Unit ${device}#0` });
  await unit.getByText("It does nothing now.").waitFor(); // it has a stream
  await full();
  await go("#/");
  await eventually("a free stream, which it had", async () => {
    const stream = await listen();
    return stream.ok ? streams.push(stream) : undefined;
  });
  await go(deviceHash());
  await unit.getByText("64 pages listen already; close some").waitFor();
  const [other, refused] = await lookAt(addressOf(control.url), {
    storageState: await context.storageState(),
  });
  await refused.getByText("64 pages listen already; close some").waitFor();
  assert.ok(streams.length > 40, `${streams.length}`);
  left.abort();
  await refused.getByText("live, with control").waitFor();
  await other.close();
  await unit.getByText("It does nothing now.").waitFor();
  assert.equal(await unit.getByText("64 pages").count(), 0);
  complaints.splice(0); // the browser tells of each 503
});

test("a console without control has no buttons, and does nothing even where it is asked", async () => {
  const [context, page] = await lookAt(looks.url);
  await page.goto(`${addressOf(looks.url)}${deviceHash()}`);
  await page.getByText("ring3 console --control").waitFor();
  assert.equal(await page.getByRole("button", { name: "Stop" }).count(), 0);
  const path = `/api/devices/${encodeURIComponent(device)}/stop`;
  const status = await page.evaluate(`fetch("${path}", { method: "POST" }).then(({ status }) => status)`);
  assert.equal(status, 403);
  assert.equal((await ring3.device(device)).state, "running");
  await context.close();
  complaints.splice(0); // the browser tells of each 403
});

test("all its JavaScript is 120 kB at most, compressed", () => {
  const folder = fileURLToPath(new URL("../../build/console-ui/assets/", import.meta.url));
  const scripts = readdirSync(folder).filter((file) => file.endsWith(".js"));
  const bytes = scripts.reduce((sum, file) => sum + gzipSync(readFileSync(`${folder}${file}`)).length, 0);
  assert.ok(bytes > 10_000 && bytes <= 120_000, `${bytes} bytes`);
});

test("a second browser with the same address stands at the door", async () => {
  const [context, page] = await lookAt(control.url);
  await page.getByRole("heading", { name: "This browser is not let in" }).waitFor();
  await context.close();
  complaints.splice(0);
});

/** `away`, in the page, resolves once the page says so, were it only for a moment. */
const lookOutForAway = () =>
  page.evaluate(`{
    const { promise, resolve } = Promise.withResolvers();
    globalThis.away = promise;
    const status = document.querySelector(".connection");
    const look = () => status.textContent.startsWith("The console does not answer") && resolve();
    new MutationObserver(look).observe(status, { childList: true, characterData: true, subtree: true });
  }`);

test("the console's server is killed: another takes its place, and the page goes on by itself", async () => {
  await go("#/");
  const before = control.server();
  await lookOutForAway();
  process.kill(before, "SIGKILL");
  await page.evaluate("away");
  await page.getByText("live, with control").waitFor();
  assert.notEqual(control.server(), before);
  complaints.splice(0); // of the connection that ended
});

test("the manager is killed: the page goes on by itself, and knows each driver and gap that there was", async () => {
  await go(deviceHash());
  await until(page, 'document.querySelectorAll(".timeline .gap").length > 1');
  const drivers = () => page.locator(".timeline :is(summary, .gap)").allTextContents();
  const known = await drivers();
  await go("#/");
  await lookOutForAway();
  process.kill((await ring3.status()).manager.pid, "SIGKILL");
  await page.evaluate("away");
  await page.getByText("live, with control").waitFor();
  const row = page.getByRole("row").filter({ hasText: device });
  await row.getByText("running").waitFor();
  await go(deviceHash());
  await page.getByText("ring3's manager died, and another took its place").waitFor();
  assert.deepEqual(await drivers(), known);
  complaints.splice(0);
});

for (const colorScheme of ["light", "dark"] as const)
  test(`no rule for people with disabilities is broken (${colorScheme}), and nothing is cut off at 360 pixels`, async () => {
    const state = await context.storageState();
    const [other, page] = await lookAt(addressOf(control.url), {
      colorScheme,
      storageState: state,
      viewport: { width: 360, height: 740 },
      reducedMotion: "reduce",
    });
    for (const hash of ["#/", deviceHash(), "#/nowhere"]) {
      await go(hash, page);
      await page.getByRole("heading", { level: 1 }).waitFor();
      if (hash === deviceHash()) await page.getByText("Why it is so").waitFor();
      assert.deepEqual(await violations(page), [], hash);
      const wide = await page.evaluate<number>("document.documentElement.scrollWidth");
      assert.ok(wide <= 360, `${hash} is ${wide} pixels wide`);
    }
    await other.close();
  });

test("the browser has complained about nothing", () => {
  assert.deepEqual(complaints, []);
});
