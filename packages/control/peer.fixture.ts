// Runs in: tests. Owns: an edge with one method of every kind, and both its sides in memory.

import { DeviceError } from "@ring3/core/errors";
import * as v from "valibot";
import { defineEdge } from "./edge.ts";
import { CountedDescriptor, memoryPair } from "./memory-transport.ts";
import { Answer, callingPeer, servingPeer } from "./peer.ts";

export const edge = defineEdge({
  name: "test",
  methods: {
    double: { params: v.strictObject({ n: v.number() }), result: v.strictObject({ n: v.number() }) },
    later: { params: v.strictObject({ key: v.string() }), result: v.strictObject({ key: v.string() }) },
    fail: { params: v.strictObject({ kind: v.picklist(["stall", "busy"]) }), result: v.strictObject({}) },
    bug: { params: v.strictObject({}), result: v.strictObject({}) },
    swap: {
      params: v.strictObject({ refuse: v.boolean() }),
      result: v.strictObject({}),
      fds: [1, 2],
      answerFds: 1,
    },
  },
  tells: { hint: v.strictObject({ n: v.number() }) },
  notices: { news: v.strictObject({ n: v.number() }) },
});

export function connect() {
  const [near, far] = memoryPair();
  const news: number[] = [];
  const hints: number[] = [];
  const held = new Map<string, () => void>();
  const given = new CountedDescriptor(50);
  let kept: CountedDescriptor[] = [];
  const server = servingPeer(
    edge,
    far,
    {
      double: ({ n }) => ({ n: n * 2 }),
      later: ({ key }) => new Promise((resolve) => held.set(key, () => resolve({ key }))),
      fail: ({ kind }) => {
        throw new DeviceError(kind, "read of usb-1-4:1.0", { errno: 7 });
      },
      bug: () => {
        throw new TypeError("x is not a function");
      },
      swap: ({ refuse }, fds) => {
        kept = fds;
        if (refuse) throw new DeviceError("denied", "swap");
        return new Answer({}, [given]);
      },
    },
    { hint: ({ n }) => hints.push(n) },
  );
  const client = callingPeer(edge, near, { news: ({ n }) => news.push(n) });
  return { near, far, server, client, news, hints, held, given, kept: () => kept };
}

export const settled = () => new Promise((resolve) => setImmediate(resolve));

export function reasonOf(signal: AbortSignal): string {
  return (signal.reason as DeviceError).message;
}
