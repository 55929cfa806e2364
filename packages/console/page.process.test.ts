// Runs in: node --test. Owns: a console of a manager that the test plays, and a Chromium that looks at the tree of its devices.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { DeviceStatus } from "@ring3/control/status";
import { type Browser, chromium, type Page } from "playwright-core";
import { PlayedManager, playedDevice } from "./played-manager.fixture.ts";
import { RunningConsole } from "./running-console.fixture.ts";

const MARKUP = '<img src=x onerror="globalThis.hacked=1">';
const nobody: Partial<DeviceStatus> = { state: "unmatched", driver: null, class: null, incarnation: 0 };
const devices = [
  playedDevice({ id: "usb-1-4:1.0", name: `Hub ${MARKUP}`, ...nobody }),
  playedDevice({ id: "usb-1-4.10:1.0", name: "Drive" }),
  playedDevice({ id: "usb-1-4.9:1.0", name: "Keyboard" }),
  playedDevice({ id: "usb-1-4.9:1.1", name: "Keyboard" }),
  playedDevice({
    id: "usb-2-1:1.0",
    name: "Card reader",
    units: [0, 1].map((lun) => ({
      id: `usb-2-1:1.0#${lun}`,
      endpoints: [{ kind: "ublk", address: `/dev/ublkb${lun}${MARKUP}` }],
    })),
  }),
  ...[5, 6, 7, 8].map((port) => playedDevice({ id: `usb-3-${port}:1.0`, name: `Mouse ${port}` })),
  playedDevice({ id: "hid-0005:054c:0ce6-a0", bus: "hid", name: "Pad", state: "quarantined", reason: "why" }),
];

let manager: PlayedManager;
let console: RunningConsole;
let browser: Browser;
let page: Page;
const complaints: string[] = [];

before(async () => {
  manager = new PlayedManager(devices, {});
  console = await RunningConsole.start(manager.directory);
  browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"], // its own sandbox needs a user that is not root; it sees nothing but this page
  });
  page = await browser.newPage();
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  await page.goto(console.url);
  await page.getByRole("link", { name: "Drive" }).waitFor();
});
after(async () => {
  await browser?.close();
  await console?.stop();
  manager?.[Symbol.dispose]();
});

/** The first cell's text of each row of the tree, two spaces for each step to the right. */
const drawn = () =>
  page.evaluate<string[]>(`[...document.querySelectorAll("tbody th")].map((cell) => {
    const font = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const steps = Math.round(parseFloat(getComputedStyle(cell).paddingInlineStart) / font / 1.25);
    return "  ".repeat(steps) + [...cell.childNodes].filter((node) => !node.popover).map((node) => node.textContent).join(" ");
  })`);

test("what hangs from what is seen: buses, hubs, devices of several interfaces, units", async () => {
  assert.deepEqual(await drawn(), [
    "HID",
    "Pad hid-0005:054c:0ce6-a0",
    "USB",
    `Hub ${MARKUP} usb-1-4`,
    "  Keyboard usb-1-4.9",
    "    Keyboard usb-1-4.9:1.0",
    "    Keyboard usb-1-4.9:1.1",
    "  Drive usb-1-4.10:1.0",
    "Card reader usb-2-1:1.0",
    `  #0 /dev/ublkb0${MARKUP}`,
    `  #1 /dev/ublkb1${MARKUP}`,
    "Mouse 5 usb-3-5:1.0",
    "Mouse 6 usb-3-6:1.0",
    "Mouse 7 usb-3-7:1.0",
    "Mouse 8 usb-3-8:1.0",
  ]);
});

test("what needs attention stands before the tree", async () => {
  const [attention, tree] = await Promise.all(
    ["Needs attention", "All devices"].map((name) => page.getByRole("region", { name }).boundingBox()),
  );
  assert.ok(attention!.y + attention!.height <= tree!.y);
});

test("what is looked for is left, with the way to it", async () => {
  await page.getByRole("searchbox").fill("drive");
  await page.getByText("Mouse 5").waitFor({ state: "detached" });
  assert.deepEqual(await drawn(), ["USB", `Hub ${MARKUP} usb-1-4`, "  Drive usb-1-4.10:1.0"]);
  await page.getByRole("searchbox").fill("nobody");
  await page.getByText("No device fits “nobody”.").waitFor();
});

test("the browser has complained about nothing, and nothing was taken for markup", async () => {
  assert.deepEqual(complaints, []);
  assert.equal(await page.evaluate("globalThis.hacked ?? null"), null);
});
