// Runs in: node --test. Owns: a keeper with processes that are not there, and the manager's end of its connection.
import assert from "node:assert/strict";
import { openSync, readFileSync } from "node:fs";
import { afterEach, test } from "node:test";
import { keeperEdge } from "@ring3/control/keeper-edge";
import { type CallingPeer, callingPeer } from "@ring3/control/peer";
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

function setUp(watchMs?: number, giveBack?: ProcessSpec) {
  const clock = manualClock();
  const processes: { spec: ProcessSpec; killed: boolean; exit: (exit: Exit) => void }[] = [];
  const ends: [boolean, string][] = [];
  const spawn = (spec: ProcessSpec, exited: (exit: Exit) => void) => {
    if (spec.file === "missing") throw new DeviceError("io", "start missing");
    const isManager = spec.file === "manager";
    const exit = (exit: Exit) => {
      exited(exit);
      if (isManager) managers.at(-1)!.close(); // the keeper hears of it in either order
    };
    const process = { spec, killed: false, exit };
    processes.push(process);
    const kill = () => {
      process.killed = true;
      queueMicrotask(() => exit({ code: null, signal: "SIGKILL" }));
    };
    return { pid: 100 + processes.length, kill };
  };
  const told: string[] = [];
  const said: string[] = [];
  const watched: number[] = [];
  const exits: string[] = [];
  let stops = 0;
  type Manager = CallingPeer<typeof keeperEdge, Descriptor>;
  const managers: Manager[] = [];
  const prepare = (number: number, deaths: number) => {
    const [ours, theirs] = socketPair();
    const manager = callingPeer<typeof keeperEdge, Descriptor>(keeperEdge, new FrameSocket(theirs), {
      exited: ({ name, signal }) => exits.push(`${name} ${signal}`),
      stop: () => {
        stops++;
      },
      watch: ({ everyMs }) => watched.push(everyMs),
    });
    managers.push(manager);
    open.push(manager);
    const spec = { ...managerSpec, args: [String(number), String(deaths)] };
    return { spec, transport: new FrameSocket(ours), started() {} };
  };
  const service = { tell: (state: string) => void told.push(state), watchMs };
  const ended = (inOrder: boolean, reason: string) => ends.push([inOrder, reason]);
  const keeper = new Keeper<Descriptor>(
    spawn,
    clock,
    service,
    prepare,
    ended,
    (text) => said.push(text),
    giveBack,
  );
  keeper.start();
  const start = (name: string, file = "host") =>
    managers
      .at(-1)!
      .call("spawn", { name, file, args: ["a"], uid: 7, stdio: 1 }, [
        new Descriptor(openSync("/dev/null", "r")),
      ]);
  /** The manager that there is now has served, and dies. */
  const managerDies = async () => {
    managers.at(-1)!.tell("serving", {});
    await settle();
    processes.findLast(({ spec }) => spec.file === "manager")!.exit({ code: null, signal: "SIGKILL" });
    await settle();
  };
  return {
    keeper,
    clock,
    processes,
    ends,
    managers,
    manager: managers[0]!,
    managerDies,
    exits,
    said,
    stops: () => stops,
    start,
    told,
    watched,
  };
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
  await settle();
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

test("a manager that ends before it has ever served ends ring3: nobody could use it", async () => {
  const { start, processes, ends } = setUp();
  await start("host/1");
  processes[0]!.exit({ code: 1, signal: null });
  await settle();
  assert.equal(processes[1]!.killed, true);
  assert.deepEqual(ends, [[false, "the manager ended with code 1"]]);
});

test("a manager that dies is replaced at once, its processes live on, and the new one hears of their ends", async () => {
  const { start, processes, ends, exits, said, managers, managerDies, clock } = setUp();
  await start("host/1");
  await managerDies();
  clock.advance(0);
  assert.deepEqual([ends, said], [[], ["the manager ended with SIGKILL; another takes its place"]]);
  assert.deepEqual(
    processes.map(({ spec, killed }) => [spec.file, spec.args[0], killed]),
    [
      ["manager", "0", false],
      ["host", "a", false],
      ["manager", "1", false],
    ],
  );
  const { result } = await managers[1]!.call("children", {});
  assert.deepEqual(result.children, [{ name: "host/1", pid: 102 }]);
  processes[1]!.exit({ code: null, signal: "SIGSEGV" });
  await settle();
  assert.deepEqual(exits, ["host/1 SIGSEGV"]);
});

test("what a manager has kept, the next one inherits: text, descriptors, and nothing that was dropped", async () => {
  const { managers, managerDies, clock } = setUp();
  const first = managers[0]!;
  await first.call("hold", { name: "device/a" }, [new Descriptor(openSync("/proc/self/status", "r"))]);
  first.tell("note", { name: "device/a", note: "old" });
  first.tell("note", { name: "client/b", note: "b" });
  first.tell("note", { name: "device/a", note: "new" });
  first.tell("drop", { name: "client/b" });
  first.tell("note", { name: "client/c", note: "c" });
  await managerDies();
  clock.advance(0);
  const inherit = (index: number) => managers[1]!.call("inherit", { index });
  const { result, fds } = await inherit(0);
  assert.deepEqual(result, { record: { name: "device/a", note: "new" } });
  assert.match(readFileSync(fds[0]!.fd, "latin1"), /^Name:/); // ours to read, as it was theirs
  fds[0]!.close();
  assert.deepEqual((await inherit(1)).result, { record: { name: "client/c", note: "c" } });
  assert.deepEqual((await inherit(2)).result, { record: null });
});

test("what a manager has said last is heard, though its end is told first; nobody waits for ever for the end of its words", async () => {
  const { start, managers, processes, managerDies, clock } = setUp();
  managers[0]!.tell("serving", {});
  managers[0]!.tell("note", { name: "device/a", note: "last words" });
  processes[0]!.exit({ code: null, signal: "SIGKILL" });
  await settle();
  clock.advance(0);
  const { result } = await managers[1]!.call("inherit", { index: 0 });
  assert.deepEqual(result, { record: { name: "device/a", note: "last words" } });
  managers[1]!.close = () => {}; // somebody else has its connection too
  await managerDies();
  clock.advance(29_999);
  assert.equal(processes.length, 2);
  clock.advance(1);
  clock.advance(250); // it has lived for no time at all
  assert.deepEqual(processes.at(-1)!.spec.args, ["2", "2"]);
  await start("host/1");
});

test("managers that keep dying are waited for longer each time, and told how many; after five in a row all ends", async () => {
  const { start, processes, ends, managerDies, clock } = setUp();
  await start("host/1");
  for (const [deaths, delay] of [0, 250, 500, 1000, 2000].entries()) {
    await managerDies();
    if (delay > 0) clock.advance(delay - 1);
    assert.equal(processes.length, 2 + deaths);
    clock.advance(1);
    assert.deepEqual(processes.at(-1)!.spec.args, [String(deaths + 1), String(deaths + 1)]);
  }
  await managerDies();
  assert.deepEqual(ends, [[false, "the manager ended with SIGKILL, the 6th in a row"]]);
  assert.equal(processes[1]!.killed, true);
});

test("a manager that has lived for two seconds is the first of a new row", async () => {
  const { processes, managerDies, clock } = setUp();
  for (let death = 0; death < 8; death++) {
    clock.advance(2000);
    await managerDies();
    clock.advance(0);
  }
  assert.deepEqual(processes.at(-1)!.spec.args, ["8", "1"]);
});

test("stop while there is no manager: everything is killed, and it is said that it was not in order", async () => {
  const { keeper, start, processes, ends, managerDies, clock } = setUp();
  await start("host/1");
  await managerDies();
  clock.advance(0);
  await managerDies();
  keeper.stop();
  await settle();
  assert.equal(processes[1]!.killed, true);
  assert.deepEqual(ends, [[false, "there was no manager to stop it in order"]]);
  clock.advance(60_000);
  assert.equal(processes.length, 3); // nobody is started any more
});

const giveBack: ProcessSpec = { ...managerSpec, file: "give back" };

test("where no manager can be kept alive, what is in the kernel is given back when nobody runs any more", async () => {
  const { start, processes, ends, managerDies, clock } = setUp(undefined, giveBack);
  await start("host/1");
  for (const delay of [0, 250, 500, 1000, 2000]) {
    await managerDies();
    clock.advance(delay);
  }
  await managerDies();
  assert.deepEqual([processes[1]!.killed, processes.at(-1)!.spec, ends], [true, giveBack, []]);
  processes.at(-1)!.exit({ code: 0, signal: null });
  assert.deepEqual(ends, [[false, "the manager ended with SIGKILL, the 6th in a row"]]);
  clock.advance(60_000);
  assert.equal(processes.at(-1)!.killed, false);
});

test("a stop that was not in order gives back too, and waits ten seconds for that; one in order does not", async () => {
  for (const [code, expected] of [
    [1, [managerSpec.file, giveBack.file]],
    [0, [managerSpec.file]],
  ] as const) {
    const { keeper, processes, ends, clock } = setUp(undefined, giveBack);
    keeper.stop();
    processes[0]!.exit({ code, signal: null });
    await settle();
    clock.advance(9_999);
    assert.deepEqual([processes.map(({ spec }) => spec.file), ends.length], [expected, code === 0 ? 1 : 0]);
    clock.advance(1);
    await settle();
    assert.deepEqual(ends, [[code === 0, code === 0 ? "" : "the manager ended with code 1"]]);
  }
});

test("where nothing can be started any more, it is said that nothing is given back", async () => {
  const { processes, ends, said } = setUp(undefined, { ...giveBack, file: "missing" });
  processes[0]!.exit({ code: 1, signal: null });
  await settle();
  assert.match(said.join(), /^nothing is given back to the kernel before the next start: start missing/);
  assert.deepEqual(ends, [[false, "the manager ended with code 1"]]);
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
