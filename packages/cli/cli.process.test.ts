// Runs in: tests. Owns: a whole ring3 of its own, with simulated drives, used only through the command line.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Explanation } from "@ring3/control/explanation";
import { type DeviceStatus, parseStatus, type Status } from "@ring3/control/status";
import { eventually } from "./drivers-life.fixture.ts";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));
const blockClient = fileURLToPath(new URL("../../examples/block-client/main.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "ring3-process-"));
const directory = join(folder, "state");
const env = { ...process.env, RING3_STATE_DIR: directory, NODE_TEST_CONTEXT: undefined };

/** A verb that stays, its output line by line. */
class Running {
  readonly child: ChildProcess;
  readonly #lines: Interface;
  readonly #read: AsyncIterator<string>;
  errors = "";

  constructor(...args: string[]) {
    this.child = spawn(process.execPath, [main, ...args], { env, stdio: "pipe" });
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.errors += text;
    });
    this.#lines = createInterface({ input: this.child.stdout! });
    this.#read = this.#lines[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const { value, done } = await this.#read.next();
    if (done) throw new Error(`the output ended: ${this.errors}`);
    return value;
  }

  async say(text: string, answer: RegExp): Promise<void> {
    this.child.stdin!.write(`${text}\n`);
    for (let line = await this.line(); !answer.test(line); line = await this.line());
  }

  async end(signal?: NodeJS.Signals): Promise<number | null> {
    if (this.child.exitCode !== null) return this.child.exitCode;
    if (signal !== undefined) this.child.kill(signal);
    const [code] = (await once(this.child, "close")) as [number | null];
    return code;
  }
}

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

async function run(
  file: string,
  args: readonly string[],
  input: Uint8Array = new Uint8Array(0),
): Promise<Ended & { bytes: Buffer }> {
  const child = spawn(process.execPath, [file, ...args], { env });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  child.stdin.end(input);
  const [code] = (await once(child, "close")) as [number | null];
  const bytes = Buffer.concat(out);
  return { code, out: bytes.toString(), err: Buffer.concat(err).toString(), bytes };
}

const ring3 = (...args: string[]): Promise<Ended> => run(main, args);

async function statusNow(): Promise<Status> {
  return parseStatus(JSON.parse((await ring3("status", "--json")).out));
}

async function deviceNow(): Promise<DeviceStatus> {
  const found = (await statusNow()).devices.find(({ id }) => id === device);
  assert.ok(found !== undefined, `no device ${device}`);
  return found;
}

/** Once its endpoint is there: it is running a moment before. */
const served = (): Promise<DeviceStatus> =>
  eventually(`an endpoint of ${device}`, async () => {
    const found = await deviceNow();
    return found.units[0]?.endpoints[0] === undefined ? undefined : found;
  });

let up: Running;
let sim: Running;
let device: string;

before(async () => {
  const configuration = join(folder, "ring3.yaml");
  writeFileSync(configuration, "limits: { replug_grace: 30s }\n"); // a verb that looks for what is gone may start slowly
  up = new Running("up", "--config", configuration);
  assert.equal(await up.line(), "ready");
  sim = new Running("sim", "usb-drive", "--image", join(folder, "disk.img"), "--create", "16M");
  device = await sim.line();
  assert.equal((await ring3("wait", device)).code, 0);
  await served();
});

after(async () => {
  await sim.end("SIGTERM");
  await up.end("SIGTERM");
  rmSync(folder, { recursive: true });
});

test("status --json is what the design says, the device running with one endpoint", async () => {
  const { keeperPid, devices } = await statusNow();
  const [found] = devices;
  assert.equal(keeperPid, up.child.pid);
  assert.deepEqual(
    [devices.length, found!.id, found!.driver, found!.class, found!.state, found!.incarnation],
    [1, device, "usb-storage", "block", "running", 1],
  );
  assert.match(found!.units[0]!.endpoints[0]!.address, /^nbd\+unix:\/\/\/.+\?socket=.+/);
});

test("a second ring3 in the same state directory is refused and names the first", async () => {
  const { code, err } = await ring3("up");
  assert.deepEqual([code, err.includes(`process ${up.child.pid}`)], [1, true]);
});

test("explain says which driver and why", async () => {
  const explained = JSON.parse((await ring3("explain", device, "--json")).out) as Explanation;
  assert.deepEqual(
    [explained.driver, explained.ranking[0]!.matched.includes("interface.protocol: 0x50")],
    ["usb-storage", true],
  );
});

test("a prefix that two devices have is refused and lists both", async () => {
  const other = new Running(
    "sim",
    "usb-drive",
    "--image",
    join(folder, "other.img"),
    "--create",
    "1M",
    "--port",
    "other",
  );
  const second = await other.line();
  const { code, err } = await ring3("explain", "usb-");
  assert.equal(code, 1);
  assert.ok(err.includes(device) && err.includes(second), err);
  assert.equal(await other.end("SIGTERM"), 0);
});

test("a simulated device of several interfaces prints the id of each, and nothing before them", async () => {
  const pad = new Running("sim", "gamepad", "--model", "xbox-360", "--port", "pad");
  pad.child.stdin!.write("press south\n"); // answered while it is still being attached
  const lines = await Promise.all([pad.line(), pad.line(), pad.line(), pad.line(), pad.line()]);
  const ids = [0, 1, 2, 3].map((number) => `usb-pad:1.${number}`);
  assert.deepEqual(lines, [...ids, '{"ok":true,"command":"press"}']);
  assert.equal(await pad.end("SIGTERM"), 0);
});

test("the first that is printed of several interfaces is the one that has a driver", async () => {
  for (const [model, expected] of [
    ["dualshock4", ["1.3", "1.0", "1.1", "1.2"]],
    ["dualsense", ["1.3", "1.0", "1.1", "1.2"]],
  ] as const) {
    const pad = new Running("sim", "gamepad", "--model", model, "--port", "several");
    const lines = await Promise.all(expected.map(() => pad.line()));
    assert.deepEqual(
      lines,
      expected.map((number) => `usb-several:${number}`),
    );
    assert.equal(await pad.end("SIGTERM"), 0);
  }
});

test("what is wrong with a simulated device's options is told with its options, and ends with 2", async () => {
  const { code, err } = await ring3("sim", "gamepad", "--model", "xbox-306");
  assert.equal(code, 2);
  assert.match(err, /^gamepad: --model: expected xbox-360 or .*, found "xbox-306"\ngamepad --listen /);
});

test("wait for a device that never comes ends with 1", async () => {
  const { code, err } = await ring3("wait", "nothing", "--timeout", "100ms");
  assert.deepEqual([code, /no device "nothing" appeared within 100ms/.test(err)], [1, true]);
});

test("stop takes the driver away, start and restart bring it back", async () => {
  assert.equal((await ring3("stop", device)).out, `${device} is stopped\n`);
  assert.equal((await deviceNow()).hostPid, null);
  assert.equal((await ring3("start", device)).out, `${device} is running\n`);
  assert.equal((await ring3("restart", device)).out, `${device} is running\n`);
  assert.ok((await deviceNow()).incarnation >= 3);
});

test("a driver that is killed is replaced at the same address", async () => {
  const before = await served();
  const follow = new Running("logs", device, "--follow", "--json");
  await follow.line();
  process.kill(before.hostPid!, "SIGKILL");
  for (
    let line = await follow.line();
    !line.includes(`"incarnation":${before.incarnation + 1}`);
    line = await follow.line()
  );
  await follow.end("SIGTERM");
  await ring3("wait", device);
  const now = await served();
  assert.deepEqual([now.incarnation, now.units], [before.incarnation + 1, before.units]);
});

test("unplug takes the device away, plug brings it back under its id", async () => {
  await sim.say("unplug", /"command":"unplug"/);
  assert.equal((await ring3("wait", device, "--state", "gone")).code, 0);
  await sim.say("plug", /"command":"plug"/);
  assert.equal((await ring3("wait", device)).code, 0);
});

test("an application reads back what it wrote, straight through the driver", async () => {
  const bytes = Buffer.from(
    Array.from({ length: 512 * 2100 }, (_, index) => (index * 7 + (index >> 9)) & 0xff),
  );
  const { units } = await deviceNow();
  const unit = units[0]!.id;
  assert.match((await run(blockClient, ["list"])).out, new RegExp(`^${unit}  32768 sectors of 512 bytes`));
  const written = await run(blockClient, ["write", unit, "100"], bytes);
  assert.deepEqual([written.code, written.err], [0, "2100 sectors written from 100\n"]);
  const read = await run(blockClient, ["read", unit, "100", "2100"]);
  assert.deepEqual([read.code, read.bytes.equals(bytes)], [0, true]);
  const beyond = await run(blockClient, ["read", unit, "32768", "1"]);
  assert.deepEqual([beyond.code, /out of range/.test(beyond.err)], [1, true]);
});

test("logs are one line an entry", async () => {
  const { code, out } = await ring3("logs", device);
  assert.equal(code, 0);
  for (const line of out.trimEnd().split("\n"))
    assert.match(line, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} (debug|info |warn |error) \S+ /);
});

test("a wrong configuration is refused with file, line, expected and found", async () => {
  const file = join(folder, "wrong.yaml");
  writeFileSync(file, "aliases:\n  stick: { srial: x }\n");
  const { code, err } = await ring3("up", "--state-dir", join(folder, "another"), "--config", file);
  assert.equal(code, 1);
  assert.ok(
    err.includes(
      `${file}:2:12: aliases.stick.srial: expected one of the fields device, usb, serial, found "srial"`,
    ),
    err,
  );
});

test("the demo has a device of every class, says what to try, and leaves nothing behind", async () => {
  const directory = join(folder, "demo");
  const demo = new Running("demo", "--state-dir", directory);
  const said: string[] = [];
  const says = async (what: RegExp) => {
    for (;;) {
      const found = said.map((line) => what.exec(line)).find((match) => match !== null);
      if (found !== undefined) return found;
      said.push(await demo.line());
    }
  };
  await says(/^ {2}DISK='nbd\+unix:/);
  const pad = (await says(/^ {2}\.\/ring3 watch (usb-pad:\S+)/))[1]!;
  for (const id of ["usb-sim1:1.0", "usb-mouse:1.0", pad])
    await says(new RegExp(`^${id} running, start #1, driver process \\d+$`));
  const watch = new Running("watch", pad, "--state-dir", directory);
  const moves = new Set<number>();
  while (moves.size < 3) {
    const { event, data } = JSON.parse(await watch.line());
    if (event === "state") moves.add(data.leftX);
  }
  const unplugs = (await says(/^ {2}kill -USR2 (\d+)/))[1]!;
  process.kill(Number(unplugs), "SIGUSR2");
  await says(new RegExp(`^${pad} gone`));
  assert.equal(await watch.end(), 1);
  process.kill(Number(unplugs), "SIGUSR2");
  said.length = 0;
  await says(new RegExp(`^${pad} running, start #1`));
  assert.equal(await demo.end("SIGINT"), 0);
  assert.equal((await ring3("status", "--state-dir", directory)).code, 1);
});

test("the demo of a class has no others, and of one that there is none says which there are", async () => {
  const directory = join(folder, "demo-input");
  const demo = new Running("demo", "input", "--state-dir", directory);
  for (let line = await demo.line(); !line.includes("./ring3 watch usb-mouse:1.0"); line = await demo.line())
    assert.doesNotMatch(line, /usb-pad|usb-sim1/);
  assert.equal(await demo.end("SIGTERM"), 0);
  const { code, err } = await ring3("demo", "gamepda");
  assert.deepEqual(
    [code, /did you mean "gamepad"\?; there are: block, gamepad, input$/m.test(err)],
    [2, true],
  );
});

test("SIGTERM ends ring3 in order with 0; the simulated device ends with 1 and says why", async () => {
  assert.equal(await up.end("SIGTERM"), 0);
  assert.deepEqual([await sim.end(), /ended/.test(sim.errors)], [1, true]);
  assert.equal((await ring3("status")).code, 1);
});

test("up --json says that it is ready as JSON", async () => {
  const up = new Running("up", "--json", "--state-dir", join(folder, "json"));
  assert.deepEqual(JSON.parse(await up.line()), { ready: true });
  assert.equal(await up.end("SIGTERM"), 0);
});
