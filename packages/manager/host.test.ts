// Runs in: tests. A driver host's end, as its manager hears of it on several descriptors.
import assert from "node:assert/strict";
import { test } from "node:test";
import { hostEdge } from "@ring3/control/host-edge";
import { type Handlers, type ServingPeer, servingPeer } from "@ring3/control/peer";
import { manualClock } from "@ring3/core/clock";
import { type Descriptor, pipe } from "@ring3/kernel/fd/descriptor";
import { FrameSocket, socketPair } from "@ring3/kernel/socket/frame-socket";
import { noLegacy } from "./fake-host.fixture.ts";
import { Host } from "./host.ts";

test("what a driver has thrown is why it failed, also where the end of its process is read first", async () => {
  const [control, theirs] = socketPair();
  const [errors, status] = [pipe(), pipe()];
  const clearing = new Set<Promise<void>>();
  const host = new Host(
    {
      ...{ legacy: noLegacy, clock: manualClock(), timeScale: 1, cgroups: undefined, users: undefined },
      ...{ thread: () => undefined, clearing },
    },
    64,
    undefined,
    { control, errors: errors.read, status: status.read },
  );
  const heard: string[] = [];
  host.adopt({
    ...{ log() {}, disconnected() {}, changed() {}, dying() {} },
    failed: ({ message }) => heard.push(`failed: ${message}`),
    lost: ({ text }) => heard.push(`lost: ${text}`),
  });
  const unasked = {} as Handlers<typeof hostEdge, Descriptor, ServingPeer<typeof hostEdge>>;
  const peer = servingPeer<typeof hostEdge, Descriptor>(hostEdge, new FrameSocket(theirs), unasked, {});
  peer.notify("failed", { kind: "internal", message: "it broke", stack: "" });
  host.reaped({ code: 1, signal: null }); // in the same turn
  peer.close();
  for (const { write } of [errors, status]) write.close();
  host.abandon();
  await Promise.all(clearing);
  assert.deepEqual(heard, ["failed: it broke", "lost: the process ended with code 1"]);
});
