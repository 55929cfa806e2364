import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { clientEdge } from "@ring3/control/client-edge";
import { Answer, type Handlers, type ServingPeer, servingPeer } from "@ring3/control/peer";
import { controlSocket } from "@ring3/control/state-directory";
import { DeviceError } from "@ring3/core/errors";
import { type Descriptor, pipe } from "@ring3/kernel/fd/descriptor";
import { createShared, mapPeer } from "@ring3/kernel/shm/memory";
import { FrameSocket, listen } from "@ring3/kernel/socket/frame-socket";
import { connectToManager } from "./connect.ts";
import type { ManagerNotices } from "./manager-connection.ts";

type Edge = typeof clientEdge;

const refuseAll = Object.fromEntries(
  Object.keys(clientEdge.methods).map((method) => [
    method,
    () => {
      throw new DeviceError("unsupported", method);
    },
  ]),
) as unknown as Handlers<Edge, Descriptor, ServingPeer<Edge>>;

/** A manager that does what `handlers` say and nothing else. */
function serve(
  handlers: Partial<Handlers<Edge, Descriptor, ServingPeer<Edge>>>,
  notices: ManagerNotices = {},
) {
  const directory = mkdtempSync(join(tmpdir(), "ring3-client-"));
  const told: unknown[] = [];
  const peers: ServingPeer<Edge>[] = [];
  const tells = {
    suspect: (params: unknown) => void told.push(params),
    progress: (params: unknown) => void told.push(params),
    replayed: (params: unknown) => void told.push(params),
    endpoint: (params: unknown) => void told.push(params),
    profile: (params: unknown) => void told.push(params),
  };
  const listener = listen(controlSocket(directory), 0o600, (stream) => {
    peers.push(servingPeer(clientEdge, new FrameSocket(stream), { ...refuseAll, ...handlers }, tells));
  });
  const manager = connectToManager(directory, notices);
  return {
    manager,
    told,
    peers,
    listener,
    [Symbol.dispose]() {
      manager.disconnect();
      for (const peer of peers) peer.close();
      listener.close();
      rmSync(directory, { recursive: true });
    },
  };
}

test("a question over the socket is answered, a refusal keeps its kind", async () => {
  using running = serve({ stop: ({ device }) => ({ device, state: "stopped", reason: "" }) });
  assert.deepEqual(await running.manager.ask("stop", { device: "usb-1-4:1.0" }), {
    device: "usb-1-4:1.0",
    state: "stopped",
    reason: "",
  });
  await assert.rejects(running.manager.ask("resume", { device: "x" }), { kind: "unsupported" });
});

test("open sends the client's memory and brings back the driver's, with two doorbells", async () => {
  const seen: number[] = [];
  using running = serve({
    open: (_, [memory]) => {
      seen.push(new Uint8Array(mapPeer(memory!.fd, 1 << 20).buffer)[0]!);
      memory!.close();
      const driver = createShared("driver", 4096);
      driver.seal();
      const bell = pipe();
      return new Answer(
        { incarnation: 3, properties: { sectors: 8 }, operations: ["read"], cancelMs: 1000, poll: false },
        [driver.fd, bell.read, bell.write],
      );
    },
  });
  const memory = createShared("client", 4096);
  new Uint8Array(memory.buffer)[0] = 42;
  memory.seal();
  const contract = { name: "block", version: 1, hash: "0123456789abcdef" };
  const { result, fds } = await running.manager.open(
    {
      channel: running.manager.nextChannel(),
      opening: 1,
      unit: "usb-1-4:1.0#0",
      mode: "write",
      contract,
    },
    memory.fd.fd,
  );
  assert.deepEqual([seen, result.incarnation, fds.length], [[42], 3, 3]);
  assert.equal(mapPeer(fds[0]!.fd, 1 << 20).size, 4096);
  for (const fd of fds) fd.close();
  memory.fd.close();
});

test("what is told and noticed crosses the socket in order", async () => {
  const heard: unknown[] = [];
  using running = serve(
    {
      subscribe: (_, __, peer) => {
        for (const incarnation of [1, 2]) peer.notify("ready", { unit: "u#0", incarnation });
        return { client: "us", channels: [] };
      },
    },
    { ready: ({ incarnation }) => heard.push(incarnation) },
  );
  running.manager.progress(1);
  running.manager.suspect({ channel: 1, kind: "heartbeat", text: "2 s" });
  await running.manager.ask("subscribe", { class: "block", formerly: null });
  assert.deepEqual(
    [heard, running.told],
    [
      [1, 2],
      [{ channel: 1 }, { channel: 1, kind: "heartbeat", text: "2 s" }],
    ],
  );
});

test("when ring3 ends, what is pending is rejected and the signal aborts", async () => {
  using running = serve({ status: () => new Promise(() => {}) });
  const pending = running.manager.ask("status", {});
  await assert.rejects(running.manager.ask("resume", { device: "x" }));
  running.listener.close();
  running.peers[0]!.close();
  await assert.rejects(pending, { kind: "disconnected" });
  assert.ok(running.manager.signal.aborted);
  await assert.rejects(running.manager.ask("status", {}), { kind: "disconnected" });
});

test("what a manager's death left unanswered is asked of the next, after that has been told of us", async () => {
  const asked: string[] = [];
  using running = serve({
    stop: ({ device }) => {
      asked.push(`stop of manager ${running.peers.length}`);
      if (running.peers.length === 1) return new Promise(() => {});
      return { device, state: "stopped", reason: "" };
    },
    subscribe: () => {
      asked.push(`subscribe of manager ${running.peers.length}`);
      return { client: "us", channels: [] };
    },
  });
  running.manager.onResumed = async (ask) => void (await ask("subscribe", { class: null, formerly: "us" }));
  const pending = running.manager.ask("stop", { device: "x" });
  await assert.rejects(running.manager.ask("resume", { device: "x" }));
  running.peers[0]!.close();
  assert.deepEqual(await pending, { device: "x", state: "stopped", reason: "" });
  assert.deepEqual(asked, ["stop of manager 1", "subscribe of manager 2", "stop of manager 2"]);
  assert.equal(running.manager.signal.aborted, false);
});

test("a manager that dies while it is told of us is one more, and a last one is not looked for for ever", async () => {
  let told = 0;
  using running = serve({
    status: (_, __, peer) => {
      told++;
      peer.close();
      return new Promise(() => {});
    },
  });
  running.manager.onResumed = async (ask) => void (await ask("status", {}));
  await assert.rejects(running.manager.ask("resume", { device: "x" }));
  running.peers[0]!.close();
  await assert.rejects(running.manager.ask("status", {}), /every connection to ring3 is closed at once/);
  assert.deepEqual([told, running.manager.signal.aborted], [6, true]);
});

test("who is dismissed does not come back", async () => {
  using running = serve({ status: () => new Promise(() => {}) });
  const pending = running.manager.ask("status", {});
  await assert.rejects(running.manager.ask("resume", { device: "x" }));
  running.peers[0]!.notify("dismissed", { reason: "it cried wolf" });
  running.peers[0]!.close();
  await assert.rejects(pending, { kind: "denied", message: /ring3 has hung up: it cried wolf/ });
  assert.equal(running.peers.length, 1);
});

test("no manager, and a socket file that nobody listens at, say how to start one", () => {
  const directory = mkdtempSync(join(tmpdir(), "ring3-client-"));
  assert.throws(() => connectToManager(directory), {
    kind: "disconnected",
    errno: 2,
    message: /is not running in .*: start it with "ring3 up"/,
  });
  writeFileSync(controlSocket(directory), "");
  assert.throws(() => connectToManager(directory), { kind: "disconnected", errno: 111 });
  rmSync(directory, { recursive: true });
});
