// Runs in: tests. Owns: a process whose drivers' hosts are played, at the other ends of their connections.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { hostEdge } from "@ring3/control/host-edge";
import { type Handlers, type ServingPeer, servingPeer } from "@ring3/control/peer";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { FailureReason } from "@ring3/core/lifecycle";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { FrameSocket, socketPair } from "@ring3/kernel/socket/frame-socket";
import { code, codeBytes, noLegacy } from "./fake-host.fixture.ts";
import type { HostKind, HostListeners } from "./host-process.ts";
import { type Process, SharedHost } from "./shared-host.ts";

const driver = { name: "usb-storage", code, codeBytes, requests: [] };
const kind: HostKind = {
  memoryMb: 256,
  cpuPercent: undefined,
  tier: "standard",
  placement: "pooled:disks",
  class: "block",
  driver,
};
const open: { close(): void }[] = [];
after(() => {
  for (const each of open) each.close();
});

function setUp() {
  const log: string[] = [];
  const clock = manualClock();
  const fence = Promise.withResolvers<void>();
  const played = new Map<number, ReturnType<typeof play>>();
  /** Those that have not left, by the process's own word. */
  const occupied = new Set<number>();
  let listeners!: HostListeners;
  let stack = "";
  let refuses = false;
  let dies = false;
  const dead = () => {
    for (const { peer } of played.values()) peer.close();
  };
  const process: Process = {
    name: "host/0.1",
    pid: 7,
    fenced: fence.promise,
    adopt(adopter) {
      listeners = adopter;
      return undefined as never;
    },
    kill: () => void log.push("kill"),
    stack: async () => stack,
    ask: (async (method: string, { seat }: { seat: number }, fds: [Descriptor, Descriptor]) => {
      if (method === "seats" && dies) throw new DeviceError("disconnected", "played");
      if (method === "seats") return { result: { seats: [...occupied] }, fds: [] };
      const [stream, standby] = fds;
      standby.close();
      if (refuses) {
        stream.close();
        throw new DeviceError("disconnected", "played");
      }
      occupied.add(seat);
      played.set(
        seat,
        play(stream, () => occupied.delete(seat)),
      );
      return { result: {}, fds: [] };
    }) as unknown as Process["ask"],
  };
  const shared = new SharedHost(process, {
    clock,
    timeScale: 1,
    legacy: { ...noLegacy, drop: (name) => void log.push(`drop ${name}`) },
    emptied: () => log.push("emptied"),
  });
  /** A driver's seat; what it is told stands in the log. */
  const take = (name: string) =>
    shared.take(kind, {
      log() {},
      failed: ({ message }) => log.push(`${name} failed: ${message}`),
      disconnected() {},
      changed() {},
      dying() {},
      lost: ({ text, outside }) => log.push(`${name} lost${outside ? " from outside" : ""}: ${text}`),
    });
  return {
    shared,
    take,
    played,
    occupied,
    clock,
    dead,
    fence,
    /** What happened since the last call. */
    seen: () => log.splice(0),
    ends: (reason: FailureReason) => {
      dead();
      listeners.lost(reason);
    },
    throws: (message: string) => listeners.failed({ kind: "internal", message, stack: "" }),
    stands: (where: string) => {
      stack = where;
    },
    refuse: () => {
      refuses = true;
    },
    /** It answers nothing any more. */
    die: () => {
      dies = true;
    },
  };
}

type Unasked = Handlers<typeof hostEdge, Descriptor, ServingPeer<typeof hostEdge>>;

/** The host's side of one seat. */
function play(stream: Descriptor, leaves: () => void) {
  const never = () => new Promise<never>(() => {});
  const removed: string[] = [];
  const peer = servingPeer<typeof hostEdge, Descriptor>(
    hostEdge,
    new FrameSocket(stream),
    {
      ...(Object.fromEntries(
        Object.keys(hostEdge.methods).map((name) => [name, never]),
      ) as unknown as Unasked),
      load: (_: unknown, [fd]: Descriptor[]) => {
        fd!.close();
        return {};
      },
      remove: ({ requests }: { requests: string }) => {
        removed.push(requests);
        setImmediate(() => {
          peer.close();
          leaves();
        });
        return {};
      },
    },
    {},
  );
  open.push(peer);
  return { peer, removed };
}

const turns = () => new Promise((resolve) => setTimeout(resolve, 20));
const hang = { kind: "heartbeat", text: "no heartbeat for 1500 ms", outside: false } as const;

test("each driver has a seat of its own, in one process", async () => {
  const { take, played } = setUp();
  const [a, b] = [await take("a"), await take("b")];
  assert.deepEqual([a.name, b.name, a.pid, b.pid], ["seat/host/0.1.1", "seat/host/0.1.2", 7, 7]);
  assert.deepEqual([...played.keys()], [1, 2]);
});

test("one that leaves in order leaves the others alone; the last one's leaving is told", async () => {
  const { take, played, seen } = setUp();
  const [a, b] = [await take("a"), await take("b")];
  await a.remove("keep", 1000);
  a.kill("is told to");
  await a.fenced;
  assert.deepEqual([seen(), played.get(1)!.removed], [["drop seat/host/0.1.1"], ["keep"]]);
  await b.remove("fail", 1000);
  assert.deepEqual([seen(), played.get(2)!.removed], [["emptied"], ["fail"]]);
});

test("what a driver has said before its process ended is heard, however much and however soon that is proven", async () => {
  const { take, played, fence, seen, ends } = setUp();
  const [a] = [await take("a"), await take("b")];
  const { peer } = played.get(1)!;
  for (let line = 0; line < 200; line++)
    peer.notify("log", { level: "info", message: `${line}`, fields: {} });
  peer.notify("failed", { kind: "internal", message: "it broke", stack: "" });
  fence.resolve();
  ends({ kind: "exit", text: "code 1", outside: false });
  await a.fenced;
  await turns();
  const [first] = seen().filter((line) => line !== "kill");
  assert.equal(first, "a failed: it broke");
});

test("of one that cannot be ended no answer is waited for, and of the others it is", async () => {
  const { take } = setUp();
  const [a, b] = [await take("a"), await take("b")];
  const [asked, waits] = [a.ask("suspend", {}), b.ask("suspend", {})];
  a.forgo();
  await assert.rejects(asked, {
    kind: "timeout",
    message: /^suspend: the driver's process hangs and cannot be ended/,
  });
  assert.equal(await Promise.race([waits, turns().then(() => "waits")]), "waits");
  waits.catch(() => {}); // with the test
});

test("one that is killed takes the others with it, and they hear who it was and that it is not their fault", async () => {
  const { take, seen, fence, shared } = setUp();
  const [a] = [await take("a"), await take("b"), await take("c")];
  let fenced = false;
  void a.fenced.then(() => {
    fenced = true;
  });
  a.kill("usb-1:1.0 (usb-storage) failed: crash: it broke");
  const text = "its process was ended: usb-1:1.0 (usb-storage) failed: crash: it broke";
  assert.deepEqual(seen(), ["kill", `b lost from outside: ${text}`, `c lost from outside: ${text}`]);
  await turns();
  assert.deepEqual([fenced, shared.over], [false, true]);
  fence.resolve();
  await a.fenced;
});

test("what a driver threw is told before the end of its process, whatever is heard first", async () => {
  const { take, played, ends, seen } = setUp();
  await Promise.all([take("a"), take("b")]);
  played.get(2)!.peer.notify("failed", { kind: "internal", message: "it threw", stack: "" });
  ends({ kind: "exit", text: "code 1", outside: false });
  await turns();
  assert.deepEqual(seen(), ["kill", "b failed: it threw", "a lost: code 1", "b lost: code 1"]);
});

test("what no driver can be blamed for is every driver's", async () => {
  const { take, throws, seen } = setUp();
  await Promise.all([take("a"), take("b")]);
  throws("nobody's");
  assert.deepEqual(seen(), ["a failed: nobody's", "b failed: nobody's"]);
});

for (const [what, where, told] of [
  [
    "in a driver's code",
    "at read (sdk.ts:1:1)\n at spin (driver:usb-storage#2:5:1)\n at x (driver:usb-storage#1:1:1)",
    ["b"],
  ],
  ["in nobody's", "at read (sdk.ts:1:1)", ["a", "b"]],
  ["where it does not say", "", ["a", "b"]],
] as const)
  test(`a process that stands still ${what}: ${told.join(" and ")} failed, though each has missed its heartbeat`, async () => {
    const { take, stands, seen } = setUp();
    const [a, b] = [await take("a"), await take("b")];
    stands(where);
    a.blame(hang);
    b.blame(hang);
    await turns();
    assert.deepEqual(
      seen(),
      told.map((name) => `${name} lost: ${hang.text}`),
    );
  });

test("memory is everybody's", async () => {
  const { take, stands, seen } = setUp();
  const [a] = [await take("a"), await take("b")];
  stands("at x (driver:usb-storage#1:1:1)");
  a.blame({ kind: "memory", text: "holds 9 MB", outside: false });
  assert.deepEqual(seen(), ["a lost: holds 9 MB", "b lost: holds 9 MB"]);
});

test("who comes while the process ends hears why, and gets no seat", async () => {
  const { take, refuse, ends, seen } = setUp();
  await take("a");
  refuse();
  const coming = assert.rejects(take("b"), { kind: "disconnected" });
  await turns();
  ends({ kind: "signal", text: "SIGKILL", outside: true });
  await coming;
  assert.deepEqual(seen(), ["kill", "kill", "a lost from outside: SIGKILL", "b lost from outside: SIGKILL"]);
});

test("a driver that does not leave within its time is not gone", async () => {
  const { take, clock, seen } = setUp();
  const [a] = [await take("a"), await take("b")];
  const leaving = assert.rejects(a.remove("keep", 0), { kind: "timeout" });
  clock.advance(1);
  await leaving;
  assert.deepEqual(seen(), []);
  a.kill("did not let go of its device");
  assert.match(seen().join(), /^kill,b lost from outside/);
});

test("one that an earlier manager has asked to leave, and that has, is asked no more and has left", async () => {
  const { shared, seen } = setUp();
  const [control, theirs] = socketPair();
  const seat = shared.inherit(5, control);
  theirs.close();
  await seat.remove("keep", 1000);
  seat.kill("is told to");
  await seat.fenced;
  assert.deepEqual(seen(), ["emptied", "drop seat/host/0.1.5"]);
});

test("one whose connection has ended while it is still there has not left", async () => {
  const { shared, occupied, seen } = setUp();
  const [control, theirs] = socketPair();
  const seat = shared.inherit(5, control);
  occupied.add(5);
  theirs.close();
  await assert.rejects(seat.remove("keep", 1000), { kind: "protocol" });
  seat.kill("did not let go of its device");
  assert.deepEqual(seen(), ["kill"]);
});

test("of a process that is being ended nobody is asked to leave, and its end is told once", async () => {
  const { take, played, seen } = setUp();
  const [a, b] = [await take("a"), await take("b")];
  a.kill("failed");
  assert.equal(seen().length, 2);
  await b.remove("keep", 1000);
  b.kill("did not leave");
  assert.deepEqual([played.get(2)!.removed, seen()], [[], []]);
});

test("one whose process ends while it leaves is gone once that is proven, and the others hear how the process has ended", async () => {
  const { take, dead, die, ends, fence, seen } = setUp();
  const [a] = [await take("a"), await take("b")];
  die();
  let left = false;
  const leaving = a.remove("keep", 1000).then(() => {
    left = true;
  });
  dead();
  await turns();
  assert.equal(left, false);
  fence.resolve();
  await leaving;
  ends({ kind: "signal", text: "SIGKILL", outside: true });
  await turns();
  assert.ok(seen().includes("b lost from outside: SIGKILL"));
});

test("a seat that an earlier manager has given is had again, and hears what has happened before anybody had it", async () => {
  const { shared, ends } = setUp();
  const [control, theirs] = socketPair();
  const seat = shared.inherit(5, control);
  theirs.close();
  ends({ kind: "signal", text: "SIGKILL", outside: true });
  await turns();
  const heard: string[] = [];
  seat.adopt({ lost: ({ text }: FailureReason) => heard.push(text) } as unknown as HostListeners);
  assert.deepEqual(heard, ["SIGKILL"]);
});
