// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { keeperEdge } from "@ring3/control/keeper-edge";
import { type CountedDescriptor, memoryPair } from "@ring3/control/memory-transport";
import { type FrameTransport, servingPeer } from "@ring3/control/peer";
import { manualClock } from "@ring3/core/clock";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { settled } from "./fake-host.fixture.ts";
import { Processes } from "./processes.ts";

test("a process that ended before it was taken over has ended for who takes it over, once", async () => {
  const [near, far] = memoryPair();
  const unasked = () => assert.fail("nothing is asked");
  const keeper = servingPeer<typeof keeperEdge, CountedDescriptor>(
    keeperEdge,
    far,
    { spawn: unasked, hold: unasked, inherit: unasked, children: unasked },
    { kill() {}, note() {}, drop() {}, serving() {}, alive() {}, patience() {} },
  );
  const transport = near as unknown as FrameTransport<Descriptor>;
  const processes = new Processes(transport, manualClock(), 1, assert.fail, assert.fail);
  keeper.notify("exited", { name: "host/0.1", pid: 7, code: null, signal: "SIGKILL" });
  await settled();
  const ends: (string | null)[] = [];
  processes.takeOver({ name: "host/0.1", pid: 7 }, ({ signal }) => ends.push(signal));
  await settled();
  assert.deepEqual(ends, ["SIGKILL"]);
});
