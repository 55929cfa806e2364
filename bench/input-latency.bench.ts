// Runs in: benchmarks. What it costs an input report to come through a jailed driver, a channel and the endpoint that writes its events, against a
// program in C that reads the same reports and writes the same events.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { RunningRing3 } from "../packages/cli/running-ring3.fixture.ts";
import type { Benchmark, Round } from "./benchmark.ts";
import { CProgram } from "./c-program.ts";
import { sidesOf } from "./requests.ts";

const LATENCY_S = 2;
const FLOOD_HZ = 8000; // a high-speed device's interrupt endpoint at its fastest, USB 2.0 §5.7.4
const FLOOD_S = 3;
const PORT = "bench";

/** A process that says a line at a time, from "ready" on. */
class Speaker implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(under: readonly string[], ...line: string[]) {
    const [command, ...args] = [...under, ...line];
    this.#child = spawn(command!, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  say(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  async hear(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`${this.#child.spawnargs.join(" ")} ended`);
    return value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "close");
  }
}

async function* run(pinned: string | null): AsyncIterable<readonly Round[]> {
  const { asks, answers } = sidesOf(pinned);
  using program = new CProgram("input-latency");
  const [socket, pipe] = [join(program.folder, "pad.sock"), join(program.folder, "events")];
  execFileSync("mkfifo", [pipe]);
  await using pad = new Speaker(asks, program.path, "serve", socket, pipe);
  await pad.hear();
  await using ring3 = await RunningRing3.start({ under: answers, config: "endpoints: { input: none }\n" });
  const plug = { transport: "usbip", socket, busid: "1-1", port: PORT } as const;
  const { devices } = await ring3.manager.ask("attach", plug);
  const device = devices[0]!;
  await ring3.reached(device, "running");
  const endpoint = join(import.meta.dirname, "input-latency-endpoint.ts");
  const node = [process.execPath, "--disable-warning=ExperimentalWarning", endpoint];
  await using ours = new Speaker(answers, ...node, ring3.directory, `${device}#0`, pipe);
  await ours.hear();
  const latency = async () => {
    pad.say(`latency ${LATENCY_S}`);
    return Number(await pad.hear());
  };
  const peer = async () => {
    await using loop = new Speaker(answers, program.path, "loop", socket, pipe);
    await loop.hear();
    return await latency();
  };
  await latency(); // what is hot is compiled
  for (;;) {
    const turn: Round[] = [{ variant: "latency", ours: await latency(), peer: await peer() }];
    pad.say(`flood ${FLOOD_HZ} ${FLOOD_S}`);
    const [sent, delivered] = (await pad.hear()).split(" ").map(Number);
    turn.push({ variant: "8,000 a second", ours: delivered!, peer: sent! });
    yield turn;
  }
}

export default {
  what: "an input report to the events that are written for it, a pipe standing in for /dev/uinput, against the same in C; and 8,000 a second",
  unit: "µs",
  rounds: 9,
  settings: [
    { variant: "latency", pinned: "0,1", goal: "<= 2" },
    { variant: "8,000 a second", pinned: "0,1", goal: ">= 1", unit: "reports" },
    { variant: "latency", pinned: "0", goal: "<= 2" },
    { variant: "latency", pinned: null, goal: "<= 2" },
    { variant: "8,000 a second", pinned: null, goal: ">= 1", unit: "reports" },
  ],
  run,
} satisfies Benchmark;
