// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { keeperEdge } from "@ring3/control/keeper-edge";
import { type CountedDescriptor, memoryPair } from "@ring3/control/memory-transport";
import { type FrameTransport, type ServingPeer, servingPeer } from "@ring3/control/peer";
import { manualClock } from "@ring3/core/clock";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { type Exited, Processes } from "./processes.ts";

const exit: Exited = { name: "host/1.1", pid: 4711, code: null, signal: "SIGKILL" };
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A second manager, and a keeper with one child of the first one's. `asked`: the keeper answers who its children are. */
function setUp(asked: (peer: ServingPeer<typeof keeperEdge>) => void = () => {}) {
  const [near, far] = memoryPair();
  const refuse = async (): Promise<never> => {
    throw new Error("not asked here");
  };
  const keeper: ServingPeer<typeof keeperEdge> = servingPeer<typeof keeperEdge, CountedDescriptor>(
    keeperEdge,
    far,
    {
      spawn: refuse,
      hold: refuse,
      inherit: () => ({ record: null }),
      children: () => {
        queueMicrotask(() => queueMicrotask(() => asked(keeper)));
        return { children: [{ name: exit.name, pid: exit.pid }] };
      },
    },
    { kill() {}, note() {}, drop() {}, serving() {}, alive() {}, patience() {} },
  );
  const transport = near as unknown as FrameTransport<Descriptor>; // no descriptor goes along
  const processes = new Processes(
    transport,
    manualClock(),
    2,
    () => {},
    () => {},
  );
  return { keeper, processes };
}

test("a child that ends after it was taken over is told of once", async () => {
  const { keeper, processes } = setUp();
  await processes.inherit();
  const exits: Exited[] = [];
  processes.takeOver(exit, (told) => exits.push(told));
  keeper.notify("exited", exit);
  await settled();
  assert.deepEqual(exits, [exit]);
});

test("a child that ended before it was taken over is told of then", async () => {
  const { keeper, processes } = setUp();
  await processes.inherit();
  keeper.notify("exited", exit);
  await settled();
  const exits: Exited[] = [];
  processes.takeOver(exit, (told) => exits.push(told));
  await settled();
  assert.deepEqual(exits, [exit]);
});

test("a child whose end is told of together with the keeper's answer that names it is told of when it is taken over", async () => {
  const { keeper, processes } = setUp((peer) => peer.notify("exited", exit));
  await processes.inherit();
  const exits: Exited[] = [];
  processes.takeOver(exit, (told) => exits.push(told));
  await settled();
  assert.deepEqual(exits, [exit]);
  keeper.close();
});
