// Runs in: benchmarks. Owns: a console's server over made-up devices that all change every second, and a Chromium that looks at it.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { getRequestListener } from "@hono/node-server";
import type { ManagerConnection } from "@ring3/client/manager-connection";
import { createApp } from "@ring3/console/server/app";
import { Feed } from "@ring3/console/server/feed";
import { readFiles } from "@ring3/console/server/files";
import { Guard } from "@ring3/console/server/guard";
import { Picture } from "@ring3/console/server/picture";
import type { DeviceMetrics } from "@ring3/control/metrics";
import type { DeviceStatus, Status } from "@ring3/control/status";
import { HISTOGRAM_BUCKETS } from "@ring3/core/histogram";
import { type Browser, chromium } from "playwright-core";

const token = "0".repeat(32);

export interface Pages extends AsyncDisposable {
  /** Of a page that is opened now and lists all devices: until it does so, and its frames a second from then on, the least of any second. */
  look(seconds: number): Promise<{ readonly usableMs: number; readonly framesPerSecond: number }>;
}

const device = (index: number): DeviceStatus => ({
  id: `usb-bench${index}:1.0`,
  alias: null,
  identity: "1209:0001 0000",
  name: `Device number ${index}`,
  bus: "usb",
  driver: "usb-storage",
  class: "block",
  placement: "isolated",
  sandbox: "standard",
  state: "running",
  reason: "",
  incarnation: 1,
  restarts: 0,
  hostPid: 1000 + index,
  units: [],
});

const metricsOf = ({ id, alias, driver, state, restarts }: DeviceStatus, turn: number): DeviceMetrics => ({
  ...{ id, alias, driver, state, restarts },
  requests: turn * turn * 100,
  failed: 0,
  bytesRead: turn * turn * 100_000,
  bytesWritten: turn * 5000,
  events: turn * turn * 50,
  latencies: Array.from({ length: HISTOGRAM_BUCKETS }, (_, bucket) => (bucket % 7) * turn),
  process: { pid: 1000, cpuMs: turn * (turn % 9), privateBytes: 12_000_000 + turn * 4096 },
});

export async function pages(devices: number): Promise<Pages> {
  const statuses = Array.from({ length: devices }, (_, index) => device(index));
  const status: Status = {
    keeperPid: 1,
    manager: { pid: 2, uptimeMs: 0 },
    reflectors: [],
    devices: statuses,
  };
  const feed: Feed = new Feed("bench", () => picture.whole());
  const picture = new Picture(
    { status },
    (event, value) => feed.add(event, value),
    () => Date.now(),
  );
  let turn = 0;
  const beat = setInterval(() => {
    turn++;
    picture.metrics({ nowMs: performance.now(), devices: statuses.map((each) => metricsOf(each, turn)) });
    const changed = statuses[turn % devices]!;
    picture.device({ ...changed, incarnation: turn + 1, restarts: turn });
  }, 1000);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const guard = new Guard({ port, token, key: "0".repeat(64), used: () => guard.renew(token) });
  const nobody = (async () => ({})) as unknown as ManagerConnection["ask"];
  const files = readFiles(join(import.meta.dirname, "../build/console-ui"));
  const app = createApp({
    ...{ guard, feed, picture, files, ask: nobody, control: false, fault: undefined },
    async *live() {},
    inFlight: { of: async (device) => ({ device, requests: [] }) },
    trace: async () => ({ name: "", json: "" }),
  });
  server.on("request", getRequestListener(app.fetch));
  const browser: Browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
  return {
    async look(seconds) {
      const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
      const began = performance.now();
      await page.goto(`http://127.0.0.1:${port}/?token=${token}`);
      await page.getByText(`Device number ${devices - 1}`, { exact: true }).waitFor();
      const usableMs = performance.now() - began;
      const framesPerSecond = await page.evaluate<number>(leastOfSeconds(seconds));
      await page.close();
      return { usableMs, framesPerSecond };
    },
    async [Symbol.asyncDispose]() {
      clearInterval(beat);
      await browser.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

const leastOfSeconds = (seconds: number) => `new Promise((resolve) => {
  const counts = [];
  let frames = 0;
  const end = performance.now();
  const frame = (now) => {
    frames++;
    if (now - end >= 1000 * (counts.length + 1)) {
      counts.push(frames);
      frames = 0;
    }
    if (counts.length < ${seconds}) requestAnimationFrame(frame);
    else resolve(Math.min(...counts));
  };
  requestAnimationFrame(frame);
})`;
