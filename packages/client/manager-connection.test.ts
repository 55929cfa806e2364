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
import { connectToManager, type ManagerNotices } from "./manager-connection.ts";

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
    endpoint: (params: unknown) => void told.push(params),
  };
  const listener = listen(controlSocket(directory), 0o600, (stream) => {
    peers.push(servingPeer(clientEdge, new FrameSocket(stream), { ...refuseAll, ...handlers }, tells));
  });
  const manager = connectToManager(directory, notices);
  return {
    manager,
    told,
    peers,
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
      return new Answer({ incarnation: 3, properties: { sectors: 8 }, operations: ["read"] }, [
        driver.fd,
        bell.read,
        bell.write,
      ]);
    },
  });
  const memory = createShared("client", 4096);
  new Uint8Array(memory.buffer)[0] = 42;
  memory.seal();
  const contract = { name: "block", version: 1, hash: "0123456789abcdef" };
  const { result, fds } = await running.manager.open(
    {
      channel: running.manager.nextChannel(),
      replaces: null,
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
        return {};
      },
    },
    { ready: ({ incarnation }) => heard.push(incarnation) },
  );
  running.manager.progress(1);
  running.manager.suspect({ channel: 1, kind: "heartbeat", text: "2 s" });
  await running.manager.ask("subscribe", { class: "block" });
  assert.deepEqual(
    [heard, running.told],
    [
      [1, 2],
      [{ channel: 1 }, { channel: 1, kind: "heartbeat", text: "2 s" }],
    ],
  );
});

test("a manager that goes rejects what is pending and aborts the signal", async () => {
  using running = serve({ status: () => new Promise(() => {}) });
  const pending = running.manager.ask("status", {});
  await assert.rejects(running.manager.ask("resume", { device: "x" }));
  running.peers[0]!.close();
  await assert.rejects(pending, { kind: "disconnected" });
  assert.ok(running.manager.signal.aborted);
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
