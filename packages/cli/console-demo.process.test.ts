// Runs in: node --test. Owns: a `ring3 demo`, and a Chromium in which each of its buttons is pressed: what the page says of what it did, and that nothing is lost.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { go, hashOf, lookAt, startBrowser, until } from "./console.fixture.ts";
import { onLine } from "./lines.ts";

const cli = fileURLToPath(new URL("./main.ts", import.meta.url));
const DEVICE = "usb-work:1.0";
let folder: string;
let demo: ChildProcess;
let browser: Browser;
let context: BrowserContext;
let page: Page;
const complaints: string[] = [];

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "r3-"));
  demo = spawn(process.execPath, [cli, "demo", "--state-dir", join(folder, "state")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await new Promise<string>((resolve) =>
    onLine(demo.stdout!, (line) => {
      const found = /http:\/\/127\.0\.0\.1:\d+\/\?token=\S+/.exec(line);
      if (found !== null) resolve(found[0]);
    }),
  );
  browser = await startBrowser();
  [context, page] = await lookAt(browser, url, complaints);
});
after(async () => {
  await context?.close();
  await browser?.close();
  demo.kill("SIGINT");
  assert.deepEqual(await once(demo, "exit"), [0, null]);
  rmSync(folder, { recursive: true });
});

const lives = () => page.locator(".timeline > li");
const checked = async () => {
  await go(page, "#/");
  const [, blocks, lost] = /: ([\d,.]+) blocks checked.*?(\d+) lost/s.exec(
    await page.locator("p", { hasText: " lost" }).innerText(),
  )!;
  return { blocks: blocks!, lost: Number(lost) };
};

for (const { button, steps, why } of [
  {
    button: "Crash its driver",
    steps: ["failed", "fenced", "probed", "running", "replayed"],
    why: /SIGKILL/,
  },
  {
    button: "Hang its driver",
    steps: ["failed", "killed", "fenced", "running", "replayed"],
    why: /heartbeat/,
  },
  { button: "Unplug it", steps: ["running"], why: /^gone/ },
])
  test(`${button}: step by step, with a gap and its reason in the time line, and nothing is lost`, async () => {
    await go(page, hashOf(DEVICE));
    await page.getByRole("heading", { level: 1 }).getByText("running").waitFor();
    await lives().first().waitFor();
    const before = await lives().count();
    await page.getByRole("button", { name: button }).click();
    await until(page, `document.querySelectorAll(".timeline > li").length === ${before + 1}`);
    const [newest] = await lives().all();
    await newest!.locator(".gap").waitFor();
    for (const step of steps)
      await page.locator(`section[aria-labelledby=recovery] [data-step=${step}]`).first().waitFor();
    assert.match(await lives().nth(1).locator(".why").innerText(), why);
    await page.getByRole("heading", { level: 1 }).getByText("running").waitFor();
    assert.equal((await checked()).lost, 0);
  });

test("Feed it garbage: the driver sees through it, and nothing is lost", async () => {
  await go(page, hashOf(DEVICE));
  await page.getByRole("button", { name: "Feed it garbage" }).click();
  await page.getByText("Feed it garbage: done.").waitFor();
  const followed = await page.getByRole("list", { name: "What followed" }).innerText();
  assert.match(followed, /^\+0 ms.*another command's tag.*\+.*CSW tag.*\+\d[.\d]* s.*seen through it/s);
  const { blocks } = await checked();
  await until(page, `!document.body.innerText.includes(${JSON.stringify(`${blocks} blocks`)})`); // it works on
  assert.equal((await checked()).lost, 0);
});

test("Suspend and resume by hand: step by step too, and nothing is lost", async () => {
  await go(page, hashOf(DEVICE));
  for (const [button, steps] of Object.entries({
    Suspend: ["suspending", "suspended"],
    Resume: ["resuming", "resumed"],
  })) {
    await page.getByRole("button", { name: button }).click();
    for (const step of steps)
      await page.locator(`section[aria-labelledby=recovery] [data-step=${step}]`).waitFor();
  }
  assert.equal((await checked()).lost, 0);
});

test("Stop and start by hand: what failed meanwhile is nobody's loss", async () => {
  await go(page, hashOf(DEVICE));
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("heading", { level: 1 }).getByText("stopped").waitFor();
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.getByRole("heading", { level: 1 }).getByText("running").waitFor();
  const { blocks } = await checked();
  await until(page, `!document.body.innerText.includes(${JSON.stringify(`${blocks} blocks`)})`);
  assert.equal((await checked()).lost, 0);
});

test("the browser has nothing to say against it", () => {
  assert.deepEqual(complaints, []);
});
