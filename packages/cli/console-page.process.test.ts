// Runs in: node --test. Owns: a ring3 with a disk, a pad, a keyboard and a mouse, and a Chromium that looks at each: what is drawn, and who can use it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connect, gamepadClass } from "@ring3/client";
import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import {
  addressOf,
  Console,
  go,
  HandsOn,
  hashOf,
  lookAt,
  moved,
  startBrowser,
  until,
  violations,
} from "./console.fixture.ts";
import { socketOf } from "./drivers-life.fixture.ts";
import { NbdClient } from "./nbd-client.ts";
import { RunningRing3 } from "./running-ring3.fixture.ts";

let ring3: RunningRing3;
let disk: string;
let keyboard: HandsOn;
let mouse: HandsOn;
let pad: HandsOn;
let padDevice: string;
let control: Console;
let browser: Browser;
let context: BrowserContext;
let page: Page;
const complaints: string[] = [];

before(async () => {
  ring3 = await RunningRing3.start();
  disk = (await ring3.plug("p1")).device;
  keyboard = await HandsOn.start(ring3, "keyboard", "--model", "keyboard");
  mouse = await HandsOn.start(ring3, "keyboard", "--model", "mouse");
  pad = await HandsOn.start(ring3, "gamepad", "--model", "dualsense");
  const { devices } = await ring3.status();
  padDevice = devices.find(({ driver }) => driver === "dualsense")!.id;
  control = await Console.start(ring3, "--control");
  browser = await startBrowser();
  [context, page] = await lookAt(browser, control.url, complaints);
});

after(async () => {
  await browser?.close();
  await control?.stop();
  for (const each of [keyboard, mouse, pad]) each?.stop();
  await ring3?.stop();
});

interface Focused {
  readonly kind: string;
  readonly text: string;
  /** The words that describe it, where they can be seen. */
  readonly meaning: string | null;
}
const focused = (): Promise<Focused> =>
  page.evaluate(`{
    const { tagName, textContent, ariaDescribedByElements } = document.activeElement;
    const [described] = ariaDescribedByElements ?? [];
    ({ kind: tagName, text: textContent, meaning: described?.checkVisibility() ? described.textContent : null });
  }`);

const shows = (device: string) => async (name: RegExp) => {
  await go(page, hashOf(device));
  await page.getByRole("img", { name }).waitFor();
};
const done = (text: string | RegExp) =>
  page.getByRole("region", { name: "What was done last" }).getByText(text);

const radii = async (circles: Locator) =>
  Promise.all((await circles.all()).map(async (circle) => Number(await circle.getAttribute("r"))));

test("keys that are down are lit in the drawing of a keyboard, and told with their times", async () => {
  await shows(keyboard.device)(/^Keyboard\. Down: nothing$/);
  assert.equal(await page.locator(".key").count(), 104);
  await keyboard.does("key a down");
  await page.getByRole("img", { name: "Keyboard. Down: A", exact: true }).waitFor();
  await keyboard.does("key leftshift down");
  await page.getByRole("img", { name: "Keyboard. Down: A, LEFTSHIFT" }).waitFor();
  assert.deepEqual(await page.locator(".key.lit").allTextContents(), ["A", "Shift"]);
  await done(/\d:\d\d:\d\d\.\d{3}(\s[AP]M)? LEFTSHIFT down$/).waitFor();
  await keyboard.does("release all");
  await page.getByText("Nothing is down.").waitFor();
  await done("LEFTSHIFT up").waitFor();
  assert.equal(await page.locator(".key.lit").count(), 0);
});

test("a key that is not in the drawing is told in words", async () => {
  await shows(keyboard.device)(/^Keyboard/);
  await keyboard.does("key 102nd down");
  await page.getByText("Not in the drawing: 102ND.").waitFor();
  await keyboard.does("release all");
  await page.getByText("Nothing is down.").waitFor();
});

test("a mouse's buttons, way and wheel are drawn and told", async () => {
  await shows(mouse.device)(/^Mouse\. Down: nothing/);
  await mouse.does("button left down");
  await page.getByRole("img", { name: /^Mouse\. Down: left\./ }).waitFor();
  const drawn = () => page.locator(".trail").getAttribute("points");
  const before = await drawn();
  await mouse.does("move 40 -25");
  await page.getByRole("img", { name: /Moved last: 40, -25$/ }).waitFor();
  assert.notEqual(await drawn(), before);
  await done("moved 40 right, 25 up").waitFor();
  await mouse.does("wheel 1");
  await done(/wheel 1 up/).waitFor();
  await mouse.does("release all");
  await page.getByRole("img", { name: /^Mouse\. Down: nothing/ }).waitFor();
});

test("what a pad's motors and lights do is drawn and told", async () => {
  await go(page, hashOf(padDevice));
  await page.getByText("It does not rumble.").waitFor();
  const lit = page.locator(".pad .motor .lit");
  assert.deepEqual(await radii(lit), [0, 0]);
  await using client = await connect({ stateDir: ring3.directory });
  const port = await client.open(`${padDevice}#0`, gamepadClass, "write");
  await port.request("rumble", { strong: 65_535, weak: 32_768, durationMs: 60_000 });
  await page.getByText("It rumbles: strong motor 100 %, weak motor 50 %.").waitFor();
  const [strong, weak] = await radii(lit);
  assert.ok(weak! > 0 && strong! > weak!, `${strong}, ${weak}`);
  await port.request("rumble", { strong: 0, weak: 0, durationMs: 0 });
  await page.getByText("It does not rumble.").waitFor();
  await port.request("light", { red: 200, green: 10, blue: 0 });
  await port.request("player", { number: 2 });
  await page.getByText("Its light is red 200, green 10, blue 0 of 255.").waitFor();
  await page.getByText("Its lights say player 2.").waitFor();
  assert.equal(await page.locator(".pad .light").getAttribute("fill"), "rgb(200 10 0)");
  await port.close();
});

test("a picture that is held stays as it was, and goes on when it is let go", async () => {
  await shows(keyboard.device)(/Down: nothing$/);
  const other = await context.newPage(); // not held, and told the same words
  await other.goto(page.url());
  const told = (down: string) =>
    other.getByRole("img", { name: `Keyboard. Down: ${down}`, exact: true }).waitFor();
  await told("nothing");
  const hold = page.getByRole("button", { name: "Hold this picture" });
  await hold.click();
  for (const [step, down] of [
    ["key b down", "B"],
    ["release all", "nothing"],
    ["key c down", "C"],
  ] as const) {
    await keyboard.does(step);
    await told(down);
  }
  await moved(page); // with words that came behind those of the keys
  assert.equal(await page.locator(".key.lit").count(), 0);
  await hold.click();
  await page.getByRole("img", { name: "Keyboard. Down: C" }).waitFor();
  await done(/B (is )?down/).waitFor(); // it was heard all the while
  await keyboard.does("release all");
  await other.close();
});

test("for who wants little to move, what moves all the while is drawn once a second", async () => {
  const [calm, page] = await lookAt(browser, addressOf(control.url), complaints, {
    storageState: await context.storageState(),
    reducedMotion: "reduce",
  });
  await go(page, hashOf(mouse.device));
  await page.getByRole("img", { name: /^Mouse/ }).waitFor();
  await page.evaluate(`{
    globalThis.drawn = 0;
    new MutationObserver(() => drawn++).observe(document.querySelector(".trail"), { attributes: true });
  }`);
  const began = performance.now();
  let moves = 0;
  while (moves <= 10 || performance.now() - began < 2500) {
    await mouse.does("20ms move 2 0");
    moves++;
  }
  const drawn = await page.evaluate<number>("drawn");
  const seconds = (performance.now() - began) / 1000;
  assert.ok(drawn >= 1 && drawn <= seconds + 1, `drawn ${drawn} times in ${seconds} s`);
  await calm.close();
});

test("a disk says how much it does while somebody reads and writes it", async () => {
  await go(page, hashOf(disk));
  await page.getByText("It does nothing now.").waitFor();
  const client = await NbdClient.connect(socketOf(await ring3.device(disk)), assert.fail);
  const reads = page.getByText(
    /^Reads [\d.]+ [kM]B a second, writes [\d.]+ [kM]B a second, in [\d.,]+ requests a second\.$/,
  );
  const seen = reads.waitFor().then(() => true);
  const block = new Uint8Array(4096);
  for (let ended = false; !ended; ended = await Promise.race([seen, false])) {
    await client.read(0, 65_536);
    await client.write(0, block);
  }
  await page.getByText(/In [1-9]\d* of the last \d+ seconds something was asked of it/).waitFor();
  assert.ok((await page.locator(".work-strip rect.read[height]:not([height='0'])").count()) > 0);
  await client.close();
  await page.getByText("It does nothing now.").waitFor();
});

test("whoever follows a link is at the heading of the page that it leads to, and the title says which", async () => {
  await go(page, "#/");
  await page.getByRole("heading", { level: 1, name: "Devices" }).waitFor();
  await until(page, 'document.title === "Devices · ring3"');
  await page.getByRole("row").filter({ hasText: disk }).getByRole("link").press("Enter");
  await until(page, 'document.activeElement?.tagName === "H1"');
  const { text } = await focused();
  assert.match(text, /running$/);
  assert.equal(await page.title(), `${text.replace(/ running$/, "")}, ${disk} · ring3`);
  await page.goBack();
  await until(page, 'document.activeElement?.textContent === "Devices"');
  assert.equal(await page.title(), "Devices · ring3");
});

/** With the key Tab alone, from the heading on. */
async function tabbed(): Promise<Focused[]> {
  const met: Focused[] = [];
  await page.locator("h1").focus();
  for (;;) {
    await page.keyboard.press("Tab");
    const now = await focused();
    if (now.kind === "BODY" || met.length > 100) return met;
    met.push(now);
  }
}

test("with keys alone every action is reached, and what it means is read", async () => {
  await go(page, hashOf(disk));
  await page.getByRole("button", { name: "Stop" }).waitFor();
  const met = await tabbed();
  for (const name of ["Restart", "Suspend", "Stop"]) {
    const action = met.find(({ text }) => text === name);
    assert.ok((action?.meaning ?? "").length > 20, `${name}: ${JSON.stringify(action)}`);
  }
});

test("every word that is underlined is explained by keys alone", async () => {
  for (const hash of ["#/", hashOf(disk)]) {
    await go(page, hash);
    const terms = page.locator("button.term");
    await terms.first().waitFor();
    for (const term of await terms.all()) {
      await term.press("Enter");
      const meaning = page.locator(".meaning:popover-open");
      assert.ok(((await meaning.textContent()) ?? "").length > 20, `${await term.textContent()}`);
      await page.keyboard.press("Escape");
      assert.equal(await meaning.count(), 0);
    }
  }
});

test("a button keeps the focus while it works, and what came of it has the focus where the button went", async () => {
  await go(page, hashOf(disk));
  const restart = page.getByRole("button", { name: "Restart" });
  await restart.press("Enter");
  await page.getByText("It is running.", { exact: true }).waitFor();
  await page.getByText("The driver before it ended so: restarted on request.").waitFor();
  assert.match((await focused()).text, /^Restart/);
  assert.equal(await restart.getAttribute("aria-disabled"), "false");
  await page.getByRole("button", { name: "Stop" }).press("Enter");
  await until(page, 'document.activeElement?.textContent.startsWith("It is stopped")');
  await page.getByRole("button", { name: "Start", exact: true }).press("Enter");
  await until(page, 'document.activeElement?.textContent.startsWith("It is running")');
});

test("while one action is under way another is not begun", async () => {
  await go(page, hashOf(disk));
  let asked = 0;
  const [begun, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await page.route("**/api/devices/**/restart", async (route) => {
    asked++;
    begun.resolve();
    await answered.promise;
    await route.fulfill({ json: { state: "running" } });
  });
  const restart = page.getByRole("button", { name: /^Restart/ });
  await restart.click();
  await page.locator('button[aria-disabled="true"]').first().waitFor();
  await restart.click({ force: true });
  await begun.promise;
  answered.resolve();
  await page.getByText(/^It is running/).waitFor();
  assert.equal(asked, 1);
  await page.unroute("**/api/devices/**/restart");
});

test("the log is scrolled by keys", async () => {
  for (let round = 0; round < 6; round++) await ring3.manager.ask("restart", { device: disk });
  await go(page, hashOf(disk));
  const log = page.getByRole("region", { name: "Log" }).locator(".log");
  await until(page, "document.querySelectorAll('.log p').length > 20");
  await log.focus();
  await page.keyboard.press("End");
  await until(page, "document.querySelector('.log').scrollTop > 50");
});

test("what to do is said where there is no such device", async () => {
  await go(page, "#/nowhere");
  await page.getByText("There is no such device").waitFor();
  await page.getByText("ring3 status").waitFor();
});

test("what to run is said where there is no device at all", async () => {
  await using empty = await RunningRing3.start();
  const its = await Console.start(empty);
  const [other, page] = await lookAt(browser, its.url, complaints);
  await page.getByText("ring3 sees no device").waitFor();
  await page.getByText("ring3 sim gamepad").waitFor();
  assert.deepEqual(await violations(page), []);
  await other.close();
  await its.stop();
});

const looks = [
  ["light", { colorScheme: "light", viewport: { width: 1100, height: 800 } }],
  ["dark", { colorScheme: "dark", viewport: { width: 1100, height: 800 } }],
  ["at 360 pixels", { viewport: { width: 360, height: 740 } }],
  ["on a wall", { viewport: { width: 2560, height: 1440 } }],
] as const;
for (const [look, options] of looks)
  test(`no rule for people with disabilities is broken by any class's page (${look}), and nothing is cut off`, async () => {
    const [other, page] = await lookAt(browser, addressOf(control.url), complaints, {
      ...options,
      storageState: await context.storageState(),
    });
    const drawings = [
      [keyboard.device, ".keyboard"],
      [mouse.device, ".mouse"],
      [padDevice, ".pad"],
      [disk, ".work-strip"],
    ] as const;
    await keyboard.does("key a down");
    for (const [device, drawing] of drawings) {
      await go(page, hashOf(device));
      await page.locator(drawing).waitFor();
      await page.getByText("Why it is so").waitFor();
      assert.deepEqual(await violations(page), [], device);
      const wide = await page.evaluate<number>("document.documentElement.scrollWidth");
      assert.ok(wide <= options.viewport.width, `${device} is ${wide} pixels wide`);
    }
    await keyboard.does("release all");
    await other.close();
  });

test("the browser has complained about nothing", () => {
  assert.deepEqual(complaints, []);
});
