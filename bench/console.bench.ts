// Runs in: benchmarks. What the console costs the manager with ten pages open, and how a browser fares with many devices.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { cpuMs } from "@ring3/kernel/process/pidfd";
import { pause } from "../packages/cli/drivers-life.fixture.ts";
import type { Benchmark, Round } from "./benchmark.ts";
import { pages } from "./console-pages.ts";
import { type Idle, idle } from "./idle.ts";

const PAGES = 10;
const DEVICES = 8;
const LISTED = 200;
const ROUND_S = 5;
/** Of one processor. */
const SHARE_MAX = 0.02;
const FRAMES = 50;
const USABLE_MS = 1000;

const MANAGER = `${PAGES} pages`;
const MOVES = `${LISTED} devices`;
const OPENS = `${LISTED} devices, opened`;

const program = fileURLToPath(new URL("../build/console.cjs", import.meta.url));

/** What the browsers of ten people ask for: half of them look at all devices, the others at one device each, and what it does. */
async function openPages({ directory, devices }: Idle): Promise<AsyncDisposable> {
  const child = spawn(process.execPath, [program, directory, "0"], { stdio: ["ignore", "pipe", "inherit"] });
  const [url] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const { headers } = await fetch(url, { redirect: "manual" });
  const [cookie] = headers.get("Set-Cookie")!.split(";") as [string];
  const ended = new AbortController();
  const { signal } = ended;
  const ask = async (path: string) => {
    const response = await fetch(new URL(path, url), { headers: { cookie }, signal });
    if (!response.ok) throw new Error(`console: ${path} was answered with ${response.status}`);
    return response;
  };
  const listen = async (path: string) => {
    const { body } = await ask(path);
    void body!.pipeTo(new WritableStream()).catch(() => {}); // it is ended by us
  };
  const lookAt = async (device: string) => {
    const named = `/api/devices/${encodeURIComponent(device)}`;
    for (const part of ["past", "explain", "log", "crashes"]) await (await ask(`${named}/${part}`)).text();
    await listen(`/api/live?${new URLSearchParams({ unit: `${device}#0` })}`);
    const look = async () => {
      while (!signal.aborted) {
        await (await ask(`${named}/requests`)).text();
        await pause(1000);
      }
    };
    return look().catch((error) => {
      if (!signal.aborted) throw error;
    });
  };
  await Promise.all(Array.from({ length: PAGES }, () => listen("/api/events")));
  const looks = devices.slice(0, PAGES / 2).map(lookAt);
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await Promise.all(looks);
      child.kill("SIGTERM");
      await once(child, "close");
    },
  };
}

async function* run(): AsyncIterable<readonly Round[]> {
  await using ring3 = await idle(DEVICES);
  await using many = await pages(LISTED);
  const share = async () => {
    const before = cpuMs(ring3.manager);
    await pause(ROUND_S * 1000);
    return (cpuMs(ring3.manager) - before) / 1000 / ROUND_S;
  };
  for (;;) {
    const without = await share();
    let costs = 0;
    {
      await using _ = await openPages(ring3);
      await pause(1000);
      costs = Math.max(0, (await share()) - without);
    }
    const { usableMs, framesPerSecond } = await many.look(ROUND_S);
    yield [
      { variant: MANAGER, ours: costs * 100, peer: SHARE_MAX * 100 },
      { variant: MOVES, ours: framesPerSecond, peer: FRAMES },
      { variant: OPENS, ours: usableMs, peer: USABLE_MS },
    ];
  }
}

export default {
  what: `what the console takes of the manager's processor with ${PAGES} pages open, half of them a device's, against ${SHARE_MAX * 100} % of one; frames a second of a page with ${LISTED} devices, and how soon it is usable`,
  unit: "%",
  rounds: 7,
  settings: [
    { variant: MANAGER, pinned: null, goal: "<= 1" },
    { variant: MOVES, pinned: null, goal: ">= 1", unit: "frames/s" },
    { variant: OPENS, pinned: null, goal: "<= 1", unit: "ms" },
  ],
  run,
} satisfies Benchmark;
