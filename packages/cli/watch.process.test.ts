// Runs in: tests. Owns: a whole ring3 with simulated devices that `ring3 watch` looks at.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { simulateUsb } from "@ring3/sdk/test/simulated-usb";
import { eventually } from "./drivers-life.fixture.ts";
import { RunningRing3, repository } from "./running-ring3.fixture.ts";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));

const ring3 = await RunningRing3.start();
after(() => ring3.stop());

async function plug(kind: string, port: string, ...args: string[]) {
  const sim = await simulateUsb(`${repository}sims/${kind}/main.ts`, args);
  const { socket, busid } = sim;
  const { devices } = await ring3.manager.ask("attach", { transport: "usbip", socket, busid, port });
  const device = devices[0]!;
  await ring3.reached(device, "running");
  const say = async (line: string) => assert.equal((await sim.command(line)).ok, true, line);
  return { device, sim, say };
}

interface Line {
  readonly unit: string;
  readonly event?: string;
  readonly driver?: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly timestampUs: number;
}

/** `ring3 watch`, its output piped. */
class Watching {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  errors = "";

  constructor(device: string, ...args: string[]) {
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
    this.#child = spawn(process.execPath, [main, "watch", device, "--state-dir", ring3.directory, ...args], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.errors += text;
    });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** The next line that fits; those before it are left out. */
  async line(what: string, fits: (line: Line) => boolean): Promise<Line> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error(`the output ended before ${what}: ${this.errors}`);
      const line = JSON.parse(value) as Line;
      if (fits(line)) return line;
    }
  }

  async end(signal?: NodeJS.Signals): Promise<number | null> {
    if (signal !== undefined) this.#child.kill(signal);
    const closed = this.#child.exitCode === null ? once(this.#child, "close") : undefined;
    for (let next = await this.#lines.next(); !next.done; next = await this.#lines.next());
    await closed;
    return this.#child.exitCode;
  }
}

const state = (buttons: number) => (line: Line) => line.event === "state" && line.data!.buttons === buttons;

test("what is pressed is a line each, over the driver's death too, until the pad is unplugged", async () => {
  const { device, sim, say } = await plug("gamepad", "pad", "--model", "generic");
  await using _ = sim;
  const watching = new Watching(device);
  await say("press button-1");
  const pressed = await watching.line("a press", state(1));
  assert.deepEqual(
    [pressed.unit, pressed.timestampUs, typeof pressed.data!.leftX],
    [`${device}#0`, pressed.data!.timestampUs, "number"],
  );
  await say("release button-1");
  const released = await watching.line("a release", state(0));
  assert.ok(released.timestampUs > pressed.timestampUs);

  process.kill((await ring3.device(device)).hostPid!, "SIGKILL");
  const down = await watching.line("a death", ({ driver }) => driver !== undefined);
  const up = await watching.line("a start", ({ driver }) => driver !== undefined);
  assert.deepEqual([down.driver, up.driver], ["down", "up"]);
  assert.ok(down.timestampUs > released.timestampUs && up.timestampUs >= down.timestampUs);
  await say("press button-2");
  await watching.line("a press with the next driver", state(2));

  await say("unplug");
  await ring3.manager.ask("detach", { port: "pad" });
  assert.equal(await watching.end(), 1);
  assert.match(watching.errors, /^ring3 watch: there is nothing more to watch: usb-pad:1\.0#0: .*\n$/);
});

test("a keyboard's keys are Linux's codes; Ctrl-C ends it with 0", async () => {
  const { device, sim, say } = await plug("keyboard", "keys", "--model", "keyboard");
  await using _ = sim;
  const watching = new Watching(device, "--json");
  await say("key a down");
  const isDown = ({ event, data }: Line) => event === "keys" && (data!.pressed as number[])[0] === 30; // KEY_A
  assert.equal((await watching.line("a key", isDown)).unit, `${device}#0`);
  assert.deepEqual([await watching.end("SIGINT"), watching.errors], [0, ""]);
});

/** On a terminal of 80 columns and 24 rows. */
async function onTerminal(device: string) {
  const command = `stty cols 80 rows 24; exec ${process.execPath} ${main} watch ${device} --state-dir ${ring3.directory}`;
  const child = spawn("script", ["--quiet", "--return", "--command", command, "/dev/null"], {
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, TERM: "xterm", NO_COLOR: "1" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let written = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    written += text;
  });
  return { child, written: () => written };
}

test("on a terminal a pad is a picture of 80 columns at most, that says when its driver is dead", async () => {
  const { device, sim, say } = await plug("gamepad", "drawn", "--model", "generic");
  await using _ = sim;
  const { child, written } = await onTerminal(device);
  const frame = () => stripVTControlCharacters(written().split("\x1b[H").at(-1)!);
  const shows = (what: string) => eventually(what, () => (frame().includes(what) ? true : undefined));
  await shows("driver start #1");
  await say("press button-1");
  await shows("[south]");
  for (const line of frame().split("\n")) assert.ok(line.trimEnd().length <= 80, line);
  process.kill((await ring3.device(device)).hostPid!, "SIGKILL");
  await shows("driver down, released; driver start #2");
  child.stdin.write("\x03"); // as Ctrl-C is typed
  const [code] = (await once(child, "close")) as [number];
  assert.deepEqual([code, written().endsWith("\x1b[?25h")], [0, true]);
});

test("an unknown device is told with the nearest, one without a unit with its state", async () => {
  const { device, sim } = await plug("gamepad", "stopped", "--model", "generic");
  await using _ = sim;
  const unknown = await ring3.cli("watch", "usb-stoped:1.0");
  assert.equal(unknown.code, 1);
  assert.match(unknown.err, /^ring3 watch: device "usb-stoped:1\.0": .*did you mean usb-stopped:1\.0\?/);
  assert.equal((await ring3.cli("stop", device)).code, 0);
  const { code, err } = await ring3.cli("watch", device);
  assert.deepEqual(
    [code, err],
    [1, `ring3 watch: ${device} is stopped and has no unit now; "ring3 explain ${device}" says more\n`],
  );
});
