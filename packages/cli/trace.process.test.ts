// Runs in: tests. Owns: a whole ring3 with a simulated drive that is used while `ring3 trace` looks.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { blockClass, connect } from "@ring3/client";
import { readTrace, type SliceRead, type TraceRead } from "@ring3/client/trace/read-trace.fixture";
import { DriversLife, eventually, pause, socketOf } from "./drivers-life.fixture.ts";
import { NbdClient } from "./nbd-client.ts";
import { RunningRing3 } from "./running-ring3.fixture.ts";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));
const BYTES = 4096;
const SECRET = "no byte of a user's";

/** Traces a drive while `meanwhile` runs, which begins when the trace does and may look into the file that it writes. */
async function traced(
  ring3: RunningRing3,
  device: string,
  meanwhile: (file: string) => Promise<void>,
): Promise<TraceRead & { summary: Record<string, number | string> }> {
  const file = join(ring3.folder, "trace.json");
  const args = [main, "trace", device, "--output", file, "--json", "--state-dir", ring3.directory];
  const tracing = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const out = text(tracing.stdout);
  await eventually("the trace's file", () => existsSync(file) || undefined);
  await meanwhile(file);
  tracing.kill("SIGINT");
  const [code] = await once(tracing, "close");
  assert.equal(code, 0);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  return { ...readTrace(file), summary: JSON.parse(await out) };
}

/** A ring of records holds more than a second of what is done then: a trace that stands still for so long loses none. */
const EVERY_MS = 20;

/** Works until told to stop. */
function busy(work: () => Promise<unknown>) {
  let [going, done] = [true, 0];
  const working = (async () => {
    for (; going; done++) {
      await work();
      await pause(EVERY_MS);
    }
  })();
  return {
    /** Resolves once it has done so much more. */
    more(count: number) {
      const enough = done + count;
      return eventually(`work ${enough}`, () => done >= enough || undefined);
    },
    async stop() {
      going = false;
      await working;
    },
  };
}

/** The device's states in a file that is still being written: every 64 KiB, so long as there is work. */
const statesIn = (file: string) =>
  [...readFileSync(file, "utf8").matchAll(/"name":"(\w+)","cat":"states"/g)].map(([, state]) => state);

const layers = ["application", "the block reflector", "driver host", "kernel surface"];
const layerOf = ({ process }: SliceRead) => layers.find((layer) => process.startsWith(layer))!;
const within = (inner: SliceRead, outer: SliceRead) =>
  assert.ok(
    outer.ts <= inner.ts && inner.end <= outer.end,
    `${JSON.stringify(inner)} within ${JSON.stringify(outer)}`,
  );

test("each request is one chain from application to device, also over its driver's death, and no byte of it is told", async () => {
  await using ring3 = await RunningRing3.start();
  const life = await DriversLife.of(ring3);
  const drive = await ring3.plug("d");
  const disk = await NbdClient.connect(socketOf(await life.served(drive)));
  const data = Buffer.from(SECRET.repeat(BYTES)).subarray(0, BYTES);
  const works = [
    busy(() => disk.read(0, BYTES)),
    busy(() => disk.read(BYTES, BYTES)),
    busy(() => disk.write(2 * BYTES, data)),
  ];
  const trace = await traced(ring3, drive.device, async () => {
    const { device } = drive;
    await Promise.all(works.map((work) => work.more(25)));
    const { hostPid, incarnation } = await ring3.device(device);
    drive.process.kill("SIGSTOP"); // so that the driver has requests in hand when it dies
    await eventually("a request of each in the driver's hand", async () => {
      const { requests } = await ring3.manager.ask("inFlight", { device, follow: false });
      return requests.length === works.length || undefined;
    });
    process.kill(hostPid!, "SIGKILL");
    drive.process.kill("SIGCONT");
    await life.restarted(drive, incarnation);
    await Promise.all(works.map((work) => work.more(2)));
    await eventually("its health", async () => {
      const last = (await ring3.manager.ask("history", { device })).passages.at(-1)!;
      return (last.state === "running" && last.reason === "") || undefined;
    });
  });
  for (const work of works) await work.stop();

  const { lost, refused } = trace.summary;
  assert.deepEqual([lost, refused, trace.other.lost, trace.other.refused], [0, 0, 0, 0]);
  assert.ok(!trace.text.includes(SECRET.slice(0, 8)), "bytes of a user's");
  const chains = trace.flows.filter(
    (flow) => flow[0]!.args.outcome === "done" && flow[0]!.process.startsWith("application"),
  );
  const whole = chains.filter((flow) => flow[1]!.args.sent === 1);
  assert.ok(whole.length > 50, `${whole.length} requests`);
  for (const [at, flow] of whole.entries()) {
    const [application, reflector, host, ...others] = flow as [
      SliceRead,
      SliceRead,
      SliceRead,
      ...SliceRead[],
    ];
    assert.equal(others.at(-1), reflector);
    const transfers = others.slice(0, -1);
    assert.deepEqual([application, reflector, host].map(layerOf), layers.slice(0, 3), `flow ${at}`);
    assert.deepEqual([...new Set(transfers.map(layerOf))], ["kernel surface"], `flow ${at}`);
    assert.equal(application.args.bytes, BYTES);
    assert.equal(application.name === "write", application.args.offset === 2 * BYTES);
    assert.deepEqual([reflector.name, host.name], [application.name, application.name]);
    assert.ok(
      transfers.length >= 3 && transfers.some(({ args }) => args.moved === BYTES),
      "command, data, status",
    );
    within(reflector, application);
    within(host, reflector);
    for (const transfer of transfers) within(transfer, host);
  }
  assert.ok(["read", "write"].every((name) => whole.some((flow) => flow[0]!.name === name)));

  const handlers = trace.slices.filter(
    ({ category, process, args }) =>
      category === "requests" && process.includes("incarnation 2") && args.outcome === "done",
  );
  assert.ok(handlers.some(({ args }) => Number(args.waitedUs) > 0));
  handlers.sort((a, b) => a.ts - b.ts);
  for (const [at, { ts }] of handlers.entries())
    assert.ok(at === 0 || handlers[at - 1]!.end <= ts, "its handlers run one at a time");

  const again = chains.filter((flow) => flow[1]!.args.sent === 2);
  const hostsOf = (flow: readonly SliceRead[]) =>
    flow
      .filter((slice) => layerOf(slice) === "driver host")
      .map(({ process }) => /incarnation (\d+)/.exec(process)![1]);
  assert.ok(again.length > 0, "a request was in hand when the driver died");
  for (const flow of again) assert.deepEqual(hostsOf(flow).at(-1), "2");
  assert.ok(again.some((flow) => hostsOf(flow).join() === "1,2"));
  assert.deepEqual(
    trace.instants.filter(({ process }) => process.startsWith("manager")).map(({ name }) => name),
    ["running", "failed", "starting", "running", "running"],
  );
  life.close();
  await disk.close();
});

test("an application with a channel of its own, a rest and a manager's death are in a trace", async () => {
  await using ring3 = await RunningRing3.start();
  const life = await DriversLife.of(ring3);
  const drive = await ring3.plug("d");
  await life.served(drive);
  using application = await connect({ stateDir: ring3.directory });
  const unit = await application.open(`${drive.device}#0`, blockClass, "read");
  const { medium } = unit.properties;
  const work = busy(() => unit.request("read", { lba: 0, count: 8, medium }, { length: BYTES }));
  const trace = await traced(ring3, drive.device, async (file) => {
    await work.more(1);
    await ring3.manager.ask("suspend", { device: drive.device });
    await ring3.manager.ask("resume", { device: drive.device });
    await eventually("its rest in the file", () => statesIn(file).length >= 3 || undefined); // what only the manager knows is lost with it
    await ring3.killManager();
    await eventually("the next manager in the file", () => statesIn(file).length >= 4 || undefined);
    await work.more(2); // the first may have begun before
  });
  await work.stop();
  await unit.close();

  assert.equal(trace.other.refused, 0);
  const chains = trace.flows.filter((flow) => flow[0]!.args.outcome === "done" && flow.length > 2);
  for (const [request, host, ...others] of chains as [SliceRead, SliceRead, ...SliceRead[]][]) {
    assert.equal(request.process, `application (process ${process.pid})`);
    assert.equal(
      host.process.startsWith("driver host of usb-storage, incarnation 1 (process "),
      true,
      host.process,
    );
    assert.equal(others.at(-1), request);
    within(host, request);
  }
  const states = trace.instants.filter(({ process }) => process.startsWith("manager"));
  assert.deepEqual(
    states.map(({ name }) => name),
    ["running", "suspended", "running", "running"],
  );
  const [first, last] = [states[2]!.ts, states[3]!.ts];
  assert.ok(
    chains.some((flow) => flow[0]!.ts < first) && chains.some((flow) => flow[0]!.ts > last),
    "before and after",
  );
  life.close();
});

test("what cannot be traced is refused with what to do", async () => {
  await using ring3 = await RunningRing3.start();
  const drive = await ring3.plug("d");
  await ring3.reached(drive.device, "running");
  const refused = async (code: number, pattern: RegExp, ...args: string[]) => {
    const ended = await ring3.cli("trace", ...args);
    assert.deepEqual([ended.code, ended.out], [code, ""]);
    assert.match(ended.err, pattern);
  };
  await refused(1, /device "usb-nowhere": there is none of that name\. Known: usb-d:1\.0/, "usb-nowhere");
  await refused(2, /--for: expected a duration.*"soon"/, drive.device, "--for", "soon");
  await refused(
    1,
    /write the trace to \/proc\/no\/file: ENOENT.*--output/,
    drive.device,
    "--output",
    "/proc/no/file",
  );
  await ring3.manager.ask("stop", { device: drive.device });
  await refused(1, /it is stopped, and no driver runs; to change that: ring3 start usb-d:1\.0/, drive.device);
});

test("a trace ends with its device, and is whole", async () => {
  await using ring3 = await RunningRing3.start({ config: "limits: { replug_grace: 1ms }\n" });
  const drive = await ring3.plug("d");
  await ring3.reached(drive.device, "running");
  const file = join(ring3.folder, "trace.json");
  const tracing = ring3.cli("trace", drive.device, "--output", file);
  await eventually("the trace's file", () => existsSync(file) || undefined);
  await drive.say("unplug");
  const { code, err, out } = await tracing;
  assert.equal(code, 1);
  assert.match(err, /it ended early: .*usb-d:1\.0/);
  assert.match(out, /0 requests of usb-d:1\.0 in .*trace\.json/);
  const { instants } = readTrace(file);
  assert.ok(instants.some(({ name }) => name === "gone"));
});
