// Runs in: node --test. Owns: a console of a manager that the test plays, a Chromium that looks at it, and devices with the worst names there are.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { CrashSummary } from "@ring3/control/crash";
import type { DeviceStatus } from "@ring3/control/status";
import { type Browser, chromium, type Page } from "playwright-core";
import { PlayedManager, playedDevice } from "./played-manager.fixture.ts";
import { RunningConsole } from "./running-console.fixture.ts";

/** Sets `hacked` wherever it is taken for markup. */
const MARKUP = `<img src=x onerror="globalThis.hacked=1"><script>globalThis.hacked=1</script>"'>{{1+1}}\${1}&lt;`;
const LINK = "javascript:globalThis.hacked=1";
/** No real manager lets these through; the page must not lean on that. */
const REVERSED = "\u202egnp.evird";
const CONTROLS = "a\u0000b\u0007c\u001b[31md\r\ne\u2028f\ufeffg\u{1f4a9}\ud800";
const LONG = "W".repeat(10_000);

const names: Readonly<Record<string, Partial<DeviceStatus>>> = {
  markup: {
    id: `usb-1-${MARKUP}`,
    name: MARKUP,
    alias: MARKUP,
    identity: MARKUP,
    driver: MARKUP,
    reason: MARKUP,
  },
  link: { id: LINK, name: LINK, reason: LINK },
  reversed: { id: `usb-2${REVERSED}`, name: REVERSED, reason: REVERSED },
  controls: { id: "usb-3-controls", name: CONTROLS, alias: CONTROLS, identity: CONTROLS, reason: CONTROLS },
  long: { id: `usb-4-${"W".repeat(240)}`, name: LONG, alias: "W".repeat(256), identity: LONG, reason: LONG },
  nothing: { id: "usb-5-nothing", name: "", identity: "" },
  words: {
    id: "usb-6-words",
    name: "__proto__",
    alias: "constructor",
    driver: "toString",
    reason: "hasOwnProperty",
  },
};
const devices = Object.values(names).map((each) =>
  playedDevice({
    state: "failed",
    ...each,
    units: [
      {
        id: `${each.id!.slice(0, 250)}#0`,
        endpoints: [{ kind: "nbd", address: `${each.name}'; rm -rf / #` }],
      },
    ],
  }),
);

const summaryOf = (id: string, text: string, index: number): CrashSummary => ({
  ...{ id: `${index}`, time: 1e12 + index, incarnation: 1, sandbox: "standard" },
  device: { id, name: text, identity: { vendor: "1209", product: "0001", serial: text } },
  driver: { name: text.slice(0, 250) || "none", version: "1", class: "block" },
  reason: { kind: "crash", text, outside: false },
});

let manager: PlayedManager;
let console: RunningConsole;
let browser: Browser;
let page: Page;
const complaints: string[] = [];

before(async () => {
  const worst = devices.map(({ id: device, name }) => ({ device, text: name.slice(0, 2000) }));
  manager = new PlayedManager(devices, {
    history: ({ device }) => ({
      passages: worst.map(({ text }, index) => ({
        ...{ device, timeMs: 1e12 + index, state: "failed" as const, reason: text, incarnation: index },
        ...{ fenced: true, hostPid: null },
      })),
      steps: worst.map(({ text }, index) => ({
        ...{ device, timeMs: 1e12 + index, sinceMs: index, incarnation: worst.length - 1 },
        ...{ step: "failed" as const, detail: text, requests: null },
      })),
    }),
    inFlight: ({ device }) => ({
      device,
      requests: worst.map(({ text }) => ({
        ...{ operation: text.slice(0, 250) || "none", client: text, ageMs: 1, bytes: 512 },
      })),
    }),
    explain: ({ device: id }) => {
      const { name, identity, reason, driver } = devices.find((device) => device.id === id)!;
      const text = name.slice(0, 250) || "none";
      const ranking = [{ driver: text, version: text, score: 0, matched: [name], missed: [reason] }];
      return {
        ...{
          id,
          identity,
          name,
          state: "failed" as const,
          reason,
          driver,
          ranking,
          kernelDriver: text,
          takeRule: name,
        },
        ...{
          holders: [{ node: name, how: text, where: name }],
          jail: null,
          placement: name,
          processors: name,
        },
        ...{ missing: [name], next: [name], steps: [], inFlight: [] },
      };
    },
    crashes: ({ device: id }) => ({
      reports: worst.map(({ text }, index) => summaryOf(id!, text, index)),
    }),
    crash: ({ id }) => {
      const { text } = worst[Number(id)]!;
      const name = text.slice(0, 250) || "none";
      return {
        ...summaryOf("usb-1", text, Number(id)),
        stack: [text],
        inFlight: [{ operation: name, channel: 1, slot: 0, ageUs: 1 }],
        recorder: [{ ageUs: 1, kind: "log", text }],
        resources: null,
      };
    },
    logs: ({ device }) => ({
      entries: worst.map(({ text }) => ({
        time: 0,
        level: "error" as const,
        source: device ?? "",
        message: text,
      })),
    }),
  });
  console = await RunningConsole.start(manager.directory, "control");
  browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"], // its own sandbox needs a user that is not root; it sees nothing but this page
  });
  page = await browser.newPage({ viewport: { width: 360, height: 740 } });
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", ({ message }) => complaints.push(message));
  page.on("dialog", (dialog) => complaints.push(dialog.message()));
  await page.goto(console.url);
});
after(async () => {
  await browser?.close();
  await console?.stop();
  manager?.[Symbol.dispose]();
});

/** The page is its own: nothing of it has come from a name, and nothing sticks out. */
async function isWhole(where: string): Promise<void> {
  const { hacked, strangers, links, wide } = await page.evaluate<{
    hacked: unknown;
    strangers: string[];
    links: string[];
    wide: number;
  }>(`({
    hacked: globalThis.hacked ?? null,
    strangers: [...document.querySelectorAll("main img, main script, main iframe, main object, [onerror], [onload]")].map(({ outerHTML }) => outerHTML),
    links: [...document.querySelectorAll("a")].map((a) => a.protocol).filter((protocol) => protocol !== "http:"),
    wide: document.documentElement.scrollWidth,
  })`);
  assert.deepEqual({ hacked, strangers, links }, { hacked: null, strangers: [], links: [] }, where);
  assert.ok(wide <= 360, `${where} is ${wide} pixels wide`);
  assert.deepEqual(complaints, [], where);
}

test("the list shows the worst names as text, and nothing sticks out at 360 pixels", async () => {
  await page.getByRole("heading", { level: 1, name: "Devices" }).waitFor();
  for (const device of devices.slice(0, 2)) await page.getByText(device.name).first().waitFor();
  await page.getByText(LONG.slice(0, 20)).first().waitFor();
  await isWhole("the list");
});

for (const [what, { id }] of Object.entries(names))
  test(`so does the page of a device whose name is ${what}`, async () => {
    await page.evaluate(`location.hash = ${JSON.stringify(`#/${encodeURIComponent(id!)}`)}`);
    const heading = page.getByRole("heading", { level: 1 });
    await heading.getByText("failed").waitFor();
    await page.getByText("What it is").waitFor();
    await page.getByText("Why it is so").waitFor();
    await page.locator("section[aria-labelledby=crashes] summary").first().waitFor();
    const closed = page.locator("details:not([open]) > summary");
    while ((await closed.count()) > 0) await closed.first().click();
    await page
      .getByText(/^What it did last, in time/)
      .first()
      .waitFor();
    await page.locator(".log").getByText("globalThis.hacked").first().waitFor();
    await isWhole(what);
  });

test("a name that turns its text round turns nothing behind it", async () => {
  await page.evaluate(`location.hash = ${JSON.stringify(`#/${encodeURIComponent(names.reversed!.id!)}`)}`);
  const word = page.getByRole("heading", { level: 1 }).getByText("failed");
  await word.waitFor();
  const ends = `(() => {
    const node = [...document.querySelectorAll("h1 *")].find(({ textContent, children }) => textContent.includes("failed") && children.length === 0).firstChild;
    const at = (index) => { const range = document.createRange(); range.setStart(node, index); range.setEnd(node, index + 1); return range.getBoundingClientRect().left; };
    const start = node.data.indexOf("failed");
    return [at(start), at(start + 5)];
  })()`;
  const [first, last] = await page.evaluate<[number, number]>(ends);
  assert.ok(first < last, "it reads deliaf");
});
