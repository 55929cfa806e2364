// Runs in: node --test. Owns: a keeper with processes that are not there, and the manager's end of its connection.
import assert from "node:assert/strict";
import { openSync } from "node:fs";
import { afterEach, test } from "node:test";
import { keeperEdge } from "@ring3/control/keeper-edge";
import { callingPeer } from "@ring3/control/peer";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { Descriptor } from "@ring3/kernel/fd/descriptor";
import { FrameSocket, socketPair } from "@ring3/kernel/socket/frame-socket";
import { type Exit, Keeper, type ProcessSpec } from "./keeper.ts";

const managerSpec: ProcessSpec = { file: "manager", args: [], uid: undefined, gid: undefined, stdio: [] };
const open: { close(): void }[] = [];
afterEach(() => {
  for (const end of open.splice(0)) end.close();
});

function setUp(watchMs?: number) {
  const clock = manualClock();
  const processes: { spec: ProcessSpec; killed: boolean; exit: (exit: Exit) => void }[] = [];
  const ends: [boolean, string][] = [];
  const spawn = (spec: ProcessSpec, exited: (exit: Exit) => void) => {
    if (spec.file === "missing") throw new DeviceError("io", "start missing");
    const process = { spec, killed: false, exit: exited };
    processes.push(process);
    const kill = () => {
      process.killed = true;
      queueMicrotask(() => exited({ code: null, signal: "SIGKILL" }));
    };
    return { pid: 100 + processes.length, kill };
  };
  const [ours, theirs] = socketPair();
  const told: string[] = [];
  const service = { tell: (state: string) => void told.push(state), watchMs };
  const keeper = new Keeper<Descriptor>(spawn, clock, service, (inOrder, reason) =>
    ends.push([inOrder, reason]),
  );
  const watched: number[] = [];
  const exits: string[] = [];
  let stops = 0;
  const manager = callingPeer<typeof keeperEdge, Descriptor>(keeperEdge, new FrameSocket(theirs), {
    exited: ({ name, signal }) => exits.push(`${name} ${signal}`),
    stop: () => {
      stops++;
    },
    watch: ({ everyMs }) => watched.push(everyMs),
  });
  open.push(manager);
  keeper.start(managerSpec, new FrameSocket(ours));
  const start = (name: string, file = "host") =>
    manager.call("spawn", { name, file, args: ["a"], uid: 7, stdio: 1 }, [
      new Descriptor(openSync("/dev/null", "r")),
    ]);
  return { keeper, clock, processes, ends, manager, exits, stops: () => stops, start, told, watched };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise(setImmediate);
}

test("a process is started as asked for, and its end told", async () => {
  const { start, processes, exits } = setUp();
  const { result } = await start("host/1");
  assert.deepEqual([result.pid, processes[1]!.spec.uid, processes[1]!.spec.args], [102, 7, ["a"]]);
  processes[1]!.exit({ code: null, signal: "SIGSEGV" });
  await settle();
  assert.deepEqual(exits, ["host/1 SIGSEGV"]);
});

test("a program that cannot be started is the asker's error and nobody's end", async () => {
  const { start, ends } = setUp();
  await assert.rejects(start("host/1", "missing"), /start missing/);
  await start("host/2");
  assert.deepEqual(ends, []);
});

test("a name that is taken is refused until its process has ended", async () => {
  const { start, processes } = setUp();
  await start("host/1");
  await assert.rejects(start("host/1"), /such a process runs/);
  processes[1]!.exit({ code: 0, signal: null });
  await start("host/1");
});

test("stop: the manager is told, and all is in order once everybody has ended", async () => {
  const { keeper, start, processes, ends, stops } = setUp();
  await start("host/1");
  keeper.stop();
  await settle();
  assert.equal(stops(), 1);
  processes[1]!.exit({ code: 0, signal: null });
  processes[0]!.exit({ code: 0, signal: null });
  assert.deepEqual(ends, [[true, ""]]);
});

test("a manager that does not stop in time is killed, and everybody with it", async () => {
  const { keeper, clock, start, processes, ends } = setUp();
  await start("host/1");
  keeper.stop();
  clock.advance(15_000);
  await settle();
  assert.deepEqual(
    processes.map(({ killed }) => killed),
    [true, true],
  );
  assert.deepEqual(ends, [[false, "the manager did not stop within 15 s"]]);
});

test("a manager has as long to stop as it has said that it needs", async () => {
  const { keeper, clock, processes, manager } = setUp();
  manager.tell("patience", { ms: 90_000 });
  await settle();
  keeper.stop();
  clock.advance(89_999);
  assert.equal(processes[0]!.killed, false);
  clock.advance(1);
  assert.equal(processes[0]!.killed, true);
});

test("a manager that dies unasked takes everybody along, and the reason is said", async () => {
  const { start, processes, ends } = setUp();
  await start("host/1");
  processes[0]!.exit({ code: null, signal: "SIGKILL" });
  await settle();
  assert.equal(processes[1]!.killed, true);
  assert.deepEqual(ends, [[false, "the manager ended with SIGKILL"]]);
});

test("the service manager hears when ring3 serves, that its manager lives, and that it stops", async () => {
  const { keeper, manager, told, watched } = setUp(30_000);
  manager.tell("serving", {});
  await settle();
  assert.deepEqual([told, watched], [["READY=1"], [10_000]]);
  manager.tell("alive", {});
  await settle();
  keeper.stop();
  assert.deepEqual(told, ["READY=1", "WATCHDOG=1", "STOPPING=1"]);
});

test("where nobody watches, the manager is not asked for signs of life", async () => {
  const { manager, watched } = setUp();
  manager.tell("serving", {});
  await settle();
  assert.deepEqual(watched, []);
});
