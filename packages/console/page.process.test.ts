// Runs in: node --test. Owns: a console of a manager that the test plays, and a Chromium that looks at the tree of its devices, and at one of them while all comes in an order that no real manager can be held to.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { DeviceStatus } from "@ring3/control/status";
import { type Browser, chromium, type Page } from "playwright-core";
import { PlayedManager, playedDevice } from "./played-manager.fixture.ts";
import { RunningConsole } from "./running-console.fixture.ts";

const MARKUP = '<img src=x onerror="globalThis.hacked=1">';
const nobody: Partial<DeviceStatus> = { state: "unmatched", driver: null, class: null, incarnation: 0 };
const UNJAILED = "usb-3-6:1.0";
const drive = playedDevice({ id: "usb-1-4.10:1.0", name: "Drive", incarnation: 3 });
const devices = [
  playedDevice({ id: "usb-1-4:1.0", name: `Hub ${MARKUP}`, ...nobody }),
  drive,
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
  playedDevice({ id: "usb-2-2:1.0", name: "Declined", ...nobody, hostPid: null }),
  ...[5, 6, 7, 8].map((port) => playedDevice({ id: `usb-3-${port}:1.0`, name: `Mouse ${port}` })),
  playedDevice({ id: "hid-0005:054c:0ce6-a0", bus: "hid", name: "Pad", state: "quarantined", reason: "why" }),
];

let manager: PlayedManager;
/** Answers the restart that was asked for. */
let restarted = () => {};
let console: RunningConsole;
let browser: Browser;
let page: Page;
const complaints: string[] = [];

before(async () => {
  manager = new PlayedManager(devices, {
    restart: async ({ device }) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      restarted = resolve;
      await promise;
      return { device, state: "running", reason: "restarted on request" };
    },
    inFlight: ({ device }) => ({ device, requests: [] }),
    explain: ({ device: id }) => {
      const { identity, name, state, reason, driver } = devices.find((device) => device.id === id)!;
      const match = { version: "1.0.0", score: 3, matched: ["class 08"], missed: ["declined it: no disk"] };
      return {
        ...{ id, identity, name, state, reason, driver, ranking: [{ driver: "usb-storage", ...match }] },
        ...{
          kernelDriver: null,
          takeRule: null,
          holders: [],
          placement: null,
          processors: null,
          missing: [],
        },
        ...{ next: ["install a driver", `ring3 restart ${id}`], steps: [], inFlight: [] },
        jail:
          id === UNJAILED
            ? null
            : { tier: "standard", systemCalls: ["read"], requests: ["USBDEVFS_REAPURB"] },
      };
    },
  });
  console = await RunningConsole.start(manager.directory, "control");
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

const look = (id: string) =>
  page.evaluate(`location.hash = ${JSON.stringify(`#/${encodeURIComponent(id)}`)}`);
const heading = (state: string) => page.getByRole("heading", { level: 1 }).getByText(state).waitFor();
const become = async (change: Partial<DeviceStatus>) => {
  manager.tell("device", { ...drive, ...change });
  await heading(change.state!);
};
const buttons = () => page.locator("section.actions button").allTextContents();
const focus = () => page.evaluate<string>("document.activeElement.textContent");

test("while a driver is restarted no button comes or goes, and what came of it is said as long as it is so, whichever word is heard first", async () => {
  const reason = "restarted on request";
  await look(drive.id);
  await heading("running");
  await page.getByRole("button", { name: "Restart" }).press("Enter");
  await become({ state: "stopped", reason, hostPid: null });
  await page
    .getByText("Its driver ends, and another takes its place. Because: restarted on request.")
    .waitFor();
  assert.deepEqual(await buttons(), ["Restart …", "Suspend", "Stop"]);
  restarted();
  const said = page.getByText("It is running.", { exact: true });
  await said.waitFor(); // before the page has heard so
  await become({ state: "starting", reason, hostPid: null, incarnation: 4 });
  assert.deepEqual(await buttons(), ["Restart", "Suspend", "Stop"]);
  await become({ state: "running", reason, incarnation: 4 });
  await page.getByText("The driver before it ended so: restarted on request.").waitFor();
  assert.equal(await said.count(), 1);
  assert.equal(await focus(), "Restart");
  await become({ state: "stopped", reason: "stopped on request", hostPid: null, incarnation: 4 });
  await said.waitFor({ state: "detached" });
  assert.deepEqual(await buttons(), ["Start"]);
  await become({ state: "running", incarnation: 5 });
});

test("a trace goes on while the driver is restarted, and none is offered where there is no driver", async () => {
  const answered = Promise.withResolvers<void>();
  await page.route("**/trace", async (route) => {
    await answered.promise;
    await route.fulfill({ json: {} });
  });
  await look(drive.id);
  await heading("running");
  await page.getByRole("button", { name: "Trace 10 seconds" }).click();
  const going = page.getByRole("button", { name: "Trace 10 seconds …" });
  await going.waitFor();
  await become({ state: "stopped", reason: "restarted on request", hostPid: null, incarnation: 5 });
  await going.waitFor();
  answered.resolve();
  await page.getByText("open it at https://ui.perfetto.dev").waitFor();
  await look("usb-2-2:1.0");
  await heading("unmatched");
  assert.equal(await page.getByRole("button", { name: /^Trace/ }).count(), 0);
  await look(drive.id);
  await become({ state: "running", incarnation: 6 });
});

test("what a device has in flight comes and goes without moving what is below it", async () => {
  await look(drive.id);
  await page.getByText("Its driver has none in hand.").waitFor();
  const top = async () =>
    (await page.getByRole("heading", { name: "The last two minutes" }).boundingBox())!.y;
  const before = await top();
  const request = { operation: "read", client: "the block reflector", ageMs: 1, bytes: 512 };
  manager.tell("inFlight", { device: drive.id, requests: Array.from({ length: 32 }, () => request) });
  await page.locator("table.inflight tbody tr").nth(31).waitFor();
  assert.equal(await top(), before);
  await become({ state: "failed", hostPid: null, incarnation: 6, reason: "signal: SIGKILL" });
  await page.getByText("It has no driver now, and so none in hand.").waitFor();
  assert.equal(await page.locator("table.inflight tbody tr").count(), 0);
  await become({ state: "running", incarnation: 7 });
});

test("what helps is a list, with commands to copy; what a driver was given is said", async () => {
  await look(drive.id);
  const why = page.getByRole("region", { name: "Why it is so" });
  await why.getByRole("listitem").filter({ hasText: "install a driver" }).waitFor();
  const command = why.getByRole("listitem").filter({ hasText: `ring3 restart ${drive.id}` });
  await command.getByRole("button", { name: "Copy" }).waitFor();
  await why.getByText("What its driver may do").click();
  await why.getByText("interface 0 of configuration 1 of the USB device at 1-4.10").waitFor();
});

test("a driver without a jail is warned of, and one with a jail is not", async () => {
  await look(UNJAILED);
  const warning = page.getByText("Its driver runs without a jail (ring3 up --insecure-no-sandbox)");
  await warning.waitFor();
  await look(drive.id);
  await page.getByText("What its driver may do").waitFor();
  assert.equal(await warning.count(), 0);
});

test("the page of a device that nobody drives offers and claims nothing of a driver", async () => {
  await look("usb-2-2:1.0");
  await heading("unmatched");
  await page.getByText("Which drivers are for it").click();
  await page.getByText("usb-storage 1.0.0: fits by class 08; declined it: no disk").waitFor();
  assert.deepEqual(await page.locator(".actions button").count(), 0);
  assert.deepEqual(await page.getByRole("heading", { level: 2 }).allTextContents(), ["Log", "Why it is so"]);
  assert.deepEqual(await page.getByText("in a process of its own").count(), 0);
});

test("a driver that fails again and again is named, with what to do, and its row says when it failed last", async () => {
  await look("");
  const row = page.getByRole("row").filter({ hasText: "Mouse 7" });
  await row.waitFor();
  const passage = {
    device: "usb-3-7:1.0",
    state: "failed",
    reason: "signal: SIGSEGV",
    incarnation: 1,
  } as const;
  for (const before of [20, 10, 0])
    manager.tell("passage", { ...passage, timeMs: Date.now() - before, fenced: true, hostPid: null });
  const attention = page.getByRole("region", { name: "Needs attention" });
  await attention.getByText("Its driver usb-storage has failed 3 times within a minute.").waitFor();
  await row.getByText(/^failed at \d/).waitFor();
  manager.tell("deviceGone", { id: "usb-3-7:1.0" });
  await row.waitFor({ state: "detached" });
  manager.tell("device", playedDevice({ id: "usb-3-7:1.0", name: "Mouse 7" }));
  await row.getByText("running").waitFor();
  assert.equal(await row.getByText("failed").count(), 0, "another one, of which nothing is known");
});

test("reflectors are listed, and the end of one is seen", async () => {
  await page.getByText(`block: process ${process.pid}.`).waitFor();
  const message = "the block reflector ended (SIGKILL); it is started again in 0 ms";
  manager.tell("log", { time: Date.now(), level: "error", source: "manager", message });
  await page.getByText(/block: was process \d+, and at .* ended \(SIGKILL\); it is started again/).waitFor();
});

test("the browser has complained about nothing, and nothing was taken for markup", async () => {
  assert.deepEqual(complaints, []);
  assert.equal(await page.evaluate("globalThis.hacked ?? null"), null);
});
