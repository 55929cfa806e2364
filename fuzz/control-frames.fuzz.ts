// Runs in: fuzzing.
import assert from "node:assert/strict";
import { DeviceError } from "@ring3/core/errors";
import { clientEdge } from "../packages/control/client-edge.ts";
import { hostEdge } from "../packages/control/host-edge.ts";
import { keeperEdge } from "../packages/control/keeper-edge.ts";
import { MemoryEnd } from "../packages/control/memory-transport.ts";
import { callingPeer, type Handlers, servingPeer } from "../packages/control/peer.ts";
import { DESCRIPTORS_MAX, encodeHeader, FrameDecoder } from "../packages/kernel/socket/frames.ts";
import { bytesOf, type Target } from "./target.ts";

const refuseAll = <E extends typeof clientEdge | typeof keeperEdge>(edge: E) =>
  Object.fromEntries(
    Object.keys(edge.methods).map((method) => [
      method,
      () => {
        served++;
        throw new DeviceError("unsupported", method);
      },
    ]),
  ) as unknown as Handlers<E, never, never>;
let served = 0;
const heard = () => {
  served++;
};
const tells = { suspect: heard, progress: heard, replayed: heard, endpoint: heard, profile: heard };
const nothing = () => {};

/** In an input's first byte: the rest is one message, and its frame is right. */
const WHOLE = 0x10;

/** By the input's first byte: who reads. */
const readers: readonly ((end: MemoryEnd) => { readonly signal: AbortSignal })[] = [
  (end) => servingPeer(clientEdge, end as never, refuseAll(clientEdge) as never, tells),
  (end) =>
    servingPeer(keeperEdge, end as never, refuseAll(keeperEdge) as never, {
      kill: heard,
      note: heard,
      drop: heard,
      patience: heard,
      serving: heard,
      alive: heard,
    }),
  (end) => {
    const notices = { log: heard, failed: heard, changed: heard, disconnected: heard };
    const peer = callingPeer<typeof hostEdge, never>(hostEdge, end as never, notices);
    void peer.call("remove", { requests: "fail" }).then(heard, nothing);
    return peer;
  },
  (end) => {
    const peer = callingPeer<typeof clientEdge, never>(clientEdge, end as never, {
      unitAdded: heard,
      lost: heard,
    });
    void peer.call("status", {}).then(heard, nothing);
    return peer;
  },
];

const frame = (value: object | string, descriptors = 0) => {
  const payload = bytesOf(typeof value === "string" ? value : JSON.stringify(value));
  return Buffer.concat([encodeHeader(payload.length, descriptors), payload]);
};
const seed = (reader: number, ...frames: Uint8Array[]) =>
  new Uint8Array(Buffer.concat([Uint8Array.of(reader), ...frames]));
const contract = { name: "block", version: 1, hash: "0123456789abcdef" };

const seeds: readonly Uint8Array[] = [
  seed(
    0,
    frame({ id: 1, method: "status", params: {} }),
    frame({ id: 2, method: "stop", params: { device: "usb-1:1.0" } }),
  ),
  seed(
    0,
    frame(
      {
        id: 1,
        method: "open",
        params: { channel: 1, replaces: null, unit: "usb-1:1.0#0", mode: "write", contract },
      },
      1,
    ),
  ),
  seed(0, frame({ tell: "suspect", params: { channel: 1, kind: "deadline", text: "slow" } })),
  seed(0, frame({ notice: "progress", params: { channel: 1 } })),
  seed(
    1,
    frame(
      { id: 1, method: "spawn", params: { name: "host/1", file: "/usr/bin/true", args: ["a"], stdio: 1 } },
      1,
    ),
  ),
  seed(1, frame({ notice: "kill", params: { name: "host/1" } })),
  seed(
    2,
    frame({ id: 1, result: {} }),
    frame({ notice: "log", params: { level: "info", message: "found" } }),
  ),
  seed(2, frame({ notice: "failed", params: { kind: "internal", message: "oh", stack: "at probe" } })),
  seed(2, frame({ id: 1, error: { kind: "io", message: "remove", errno: 5 } })),
  seed(
    3,
    frame({
      notice: "lost",
      params: {
        channel: 1,
        incarnation: 1,
        beatMs: 500,
        final: false,
        kind: "driver-restarted",
        text: "",
        outside: true,
        shared: false,
      },
    }),
  ),
  seed(
    3,
    frame({
      id: 1,
      result: { keeperPid: 1, manager: { pid: 2, uptimeMs: 3 }, reflectors: [], devices: [] },
    }),
  ),
];

export default {
  what: "frames and messages of the control connections, from applications, driver hosts and the manager",
  seeds: seeds.flatMap((seed) => [seed, Uint8Array.of(seed[0]! | WHOLE, ...seed.subarray(1))]),
  words: [
    '"id":',
    '"method":',
    '"params":',
    '"notice":',
    "null",
    "{}",
    "[]",
    "1e999",
    "\\u0000",
    '"__proto__":',
  ].map(bytesOf),
  async run(input) {
    if (input.length < 2) return false;
    served = 0;
    const end = new MemoryEnd();
    const { signal } = readers[input[0]! % readers.length]!(end);
    const stream = input.subarray(1);
    try {
      // Half of them as they come; of the others the frames' lengths are right again, so that it is the messages that are looked at.
      for (const { payload, claimed } of (input[0]! & WHOLE) === 0 ? cut(stream) : framed(stream))
        end.deliver(payload, claimed);
    } finally {
      for (let turn = 0; turn < 6; turn++) await Promise.resolve();
    }
    if (signal.aborted) assert.ok(signal.reason instanceof DeviceError, String(signal.reason));
    assert.ok(
      end.received.every(({ open }) => !open),
      "a descriptor of a frame that was refused is open",
    );
    return served > 0;
  },
} satisfies Target;

interface Received {
  readonly payload: Uint8Array;
  readonly claimed: number;
}

/** In pieces of the sizes that their first bytes say, each with the descriptors that a frame there would claim. */
function* cut(stream: Uint8Array): Generator<Received> {
  const decoder = new FrameDecoder<number>();
  for (let at = 0; at < stream.length; ) {
    const piece = stream.subarray(at, at + 1 + (stream[at]! % 251));
    const descriptors = Array.from(
      { length: decoder.midFrame ? 0 : Math.min(piece[4] ?? 0, DESCRIPTORS_MAX) },
      (_, index) => index,
    );
    at += piece.length;
    for (const frame of decoder.push(piece, descriptors))
      yield { payload: frame.payload, claimed: frame.descriptors.length };
  }
}

/** What begins with the first brace as one message, in a whole frame, with as many descriptors as the header claims. */
function* framed(stream: Uint8Array): Generator<Received> {
  const begin = stream.indexOf("{".charCodeAt(0));
  if (begin >= 0)
    yield { payload: stream.subarray(begin), claimed: Math.min(stream[4] ?? 0, DESCRIPTORS_MAX) };
}
