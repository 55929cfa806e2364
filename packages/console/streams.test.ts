// Runs in: node --test. Owns: a manager that the test plays, and a folder for its socket.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { clientEdge } from "@ring3/control/client-edge";
import { callingPeer, type Handlers, type ServingPeer, servingPeer } from "@ring3/control/peer";
import { controlSocket } from "@ring3/control/state-directory";
import { DeviceError } from "@ring3/core/errors";
import { type Descriptor, duplicate } from "@ring3/kernel/fd/descriptor";
import { FrameSocket } from "@ring3/kernel/socket/frame-socket";
import { listen } from "@ring3/kernel/socket/unix";
import { consoleEdge } from "./edge.ts";
import { consoleStreams } from "./streams.ts";

type Edge = typeof clientEdge;

const settled = () => new Promise((resolve) => setImmediate(resolve));
const openDescriptors = () => readdirSync("/proc/self/fd").length;
/** The manager sees an end a turn later. */
async function closedBut(before: number): Promise<void> {
  for (let turn = 0; openDescriptors() > before && turn < 100; turn++) await settled();
  assert.equal(openDescriptors(), before);
}
const never = new AbortController().signal;

/** `renounce`: its answer to the connection of that number (from 1). */
function setUp(renounce: (connection: number) => object | Promise<object> = () => ({})) {
  const directory = mkdtempSync(join(tmpdir(), "ring3-console-"));
  const peers: ServingPeer<Edge>[] = [];
  const asked: string[] = [];
  const listener = listen(controlSocket(directory), 0o600, (stream) => {
    const number = peers.length + 1;
    const handlers = {
      renounce: () => {
        asked.push(`${number} renounces`);
        return renounce(number);
      },
      status: () => {
        asked.push(`${number} asks`);
        throw new DeviceError("busy", "played");
      },
    } as unknown as Handlers<Edge, Descriptor, ServingPeer<Edge>>;
    peers.push(servingPeer(clientEdge, new FrameSocket(stream), handlers, {} as never));
  });
  const heard: unknown[] = [];
  const streams = (control: boolean, signal = never) =>
    consoleStreams(
      directory,
      control,
      {
        begin: () => ({ token: "a".repeat(32), key: "b".repeat(64), control, demo: false }),
        fault: () => ({ followed: [] }),
      },
      {
        listening: (listening) => void heard.push(listening),
        refused: () => {},
        used: () => {},
      },
      signal,
    );
  return {
    asked,
    heard,
    listener,
    streams,
    [Symbol.dispose]() {
      for (const peer of peers) peer.close();
      listener.close();
      rmSync(directory, { recursive: true });
    },
  };
}

test("without control both connections to the manager have renounced before anybody has them", async () => {
  using manager = setUp();
  const { link, theirs, release } = await manager.streams(false);
  assert.deepEqual(manager.asked, ["1 renounces", "2 renounces"]);
  assert.equal(theirs.length, 3);
  release();
  link.close();
});

test("with control the first may act, the one that opens units only looks", async () => {
  using manager = setUp();
  const { link, release } = await manager.streams(true);
  assert.deepEqual(manager.asked, ["2 renounces"]);
  release();
  link.close();
});

test("in their order: a link to us, one connection to observe, one to open units; all of them live", async () => {
  using manager = setUp();
  const { link, theirs, release } = await manager.streams(false);
  const [ours, observe, units] = theirs.map((fd) => new FrameSocket(duplicate(fd)));
  release(); // as when the server has its own
  const server = callingPeer(consoleEdge, ours!, {});
  assert.deepEqual((await server.call("begin", {})).result.control, false);
  server.tell("listening", { port: 8080 });
  for (const stream of [observe, units]) {
    const peer = callingPeer(clientEdge, stream!, {});
    await assert.rejects(peer.call("status", {}), { kind: "busy" });
    peer.close();
  }
  assert.deepEqual(manager.asked.slice(2), ["1 asks", "2 asks"]);
  assert.deepEqual(manager.heard, [{ port: 8080 }]);
  server.close();
  link.close();
});

for (const refused of [1, 2])
  test(`a manager that lets connection ${refused} not renounce gets no server: nothing is left open`, async () => {
    using manager = setUp((number) => {
      if (number === refused) throw new DeviceError("unsupported", "renounce");
      return {};
    });
    await settled();
    const before = openDescriptors();
    await assert.rejects(manager.streams(false), { kind: "unsupported" });
    await closedBut(before);
  });

test("a manager that does not answer is not waited for any longer than wanted", async () => {
  using manager = setUp(() => new Promise(() => {}));
  const ending = new AbortController();
  const before = openDescriptors();
  const streams = manager.streams(false, ending.signal);
  await settled();
  ending.abort();
  await assert.rejects(streams);
  await closedBut(before);
});

test("where nobody listens there is nothing to be had", async () => {
  using manager = setUp();
  manager.listener.close();
  const before = openDescriptors();
  await assert.rejects(manager.streams(false), { message: /control.sock: ENOENT/ });
  assert.equal(openDescriptors(), before);
});
