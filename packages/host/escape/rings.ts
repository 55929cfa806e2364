// Runs in: driver host, as the hostile driver of `ring3 probe`. Owns: nothing. Lies in the channel, the heartbeat and the control connection.
// What becomes of them is judged from outside: the host is replaced, and its successor answers rightly.

import { COMPLETION, DESCRIPTOR_WORDS, DRIVER_WORDS } from "@ring3/channel/layout";
import { block } from "@ring3/sdk";
import { channel, layout } from "./channel.ts";
import { call, type Group, type Inside, type Probe, word } from "./probe.ts";

const CONTROL = 3; // host/main.ts
const HEARTBEAT_WORD = 0; // channel/device-memory.ts
const PROGRESS_WORD = 16;
/** By the client's doorbell the lie is looked at; whoever has to act on it kills this process meanwhile. */
const LOOKED_AT_MS = 3000;

/** `lie`, and a ring of the bell: the manager ends the driver for it. */
function lying(name: string, lie: (inside: Inside) => unknown): Probe {
  return {
    name,
    denied: ["died: malformed"],
    async run(inside) {
      lie(inside);
      channel.ring();
      await inside.ctx.sleep(LOOKED_AT_MS);
      return "believed";
    },
  };
}

const counter = (name: keyof typeof DRIVER_WORDS, by: number) => () => {
  Atomics.add(channel.own(), DRIVER_WORDS[name], by);
};
const random = (): number => crypto.getRandomValues(new Uint32Array(1))[0]!;

const ROUNDS = 2_000_000;
/** A valid entry and an invalid one in turn, while the client reads it: whichever it has copied is what it checks and acts on. */
function rewriting(): void {
  const { entries, size } = layout.driver.completions;
  const own = channel.own();
  channel.complete();
  const at = entries + ((own[DRIVER_WORDS.completionHead]! - 1) & (size - 1)) * DESCRIPTOR_WORDS;
  const tag = own[at + COMPLETION.tag]!;
  for (let round = 0; round < ROUNDS; round++) {
    own[at + COMPLETION.length] = round & 1 ? 0xffffffff : 0;
    own[at + COMPLETION.tag] = round & 2 ? 0xffff : tag;
    if (round === ROUNDS / 20) channel.ring();
  }
}

const inRings: readonly Probe[] = [
  lying("garbage in every word", () => {
    const own = channel.own();
    for (let word = 0; word < layout.driver.dataOffset / 4; word++) own[word] = random();
  }),
  lying("completion index beyond the ring", counter("completionHead", 65)),
  lying("completion index backwards", counter("completionHead", -1)),
  lying("event index beyond the ring", counter("eventHead", 0x7fffffff)),
  lying("completions that were never written", counter("completionHead", 3)),
  lying("events that were never written", counter("eventHead", 3)),
  lying("a forged reply of another generation", () => channel.complete({ generation: 77 })),
  lying("a forged reply of another operation", () =>
    channel.complete({ operation: block.operations.read.nr }),
  ),
  lying("a forged reply of no operation", () => channel.complete({ operation: 200 })),
  lying("a forged reply for a slot that is free", () => channel.complete({ tag: 40 })),
  lying("a forged reply for a slot beyond all", () => channel.complete({ tag: 4096 })),
  lying("a forged reply of an old sequence", () => channel.complete({ sequence: 0xfffffff0 })),
  lying("a forged reply of no sequence", () => channel.complete({ sequence: 0 })),
  lying("a forged reply longer than was asked for", () => channel.complete({ length: 1 })),
  lying("a forged reply of 4 GiB", () => channel.complete({ length: 0xffffffff })),
  lying("a forged reply with an unknown outcome", () => channel.complete({ outcome: 999 })),
  lying("a reply twice", () => {
    channel.complete();
    channel.complete();
  }),
  lying("an unknown event", ({ ctx }) => channel.emit(200, ctx.incarnation)),
  lying("an event of another generation", () => channel.emit(block.events.powerLost.nr, 77)),
  lying("an event with a number beyond 2^53", ({ ctx }) =>
    channel.emit(block.events.mediumChanged.nr, ctx.incarnation, [0xffffffff, 0xffffffff, 512, 16]),
  ),
  lying("a doorbell rung without end", () => {
    setInterval(() => {
      for (let ring = 0; ring < 64 && channel.ring() > 0; ring++); // and the event loop turns: not for its hang is it to be ended
    }, 1);
  }),
];

const overTime: readonly Probe[] = [
  lying("a reply rewritten while it is read, and a wrong one behind it", () => {
    rewriting();
    channel.complete({ generation: 77 });
  }),
  {
    name: "a hang with a forged heartbeat",
    denied: ["died: deadline"],
    deadlineMs: 300,
    run() {
      for (;;) Atomics.add(channel.device(), HEARTBEAT_WORD, 1);
    },
  },
  {
    name: "no answer, with forged progress",
    denied: ["died: deadline"],
    deadlineMs: 300,
    run() {
      setInterval(() => Atomics.add(channel.device(), PROGRESS_WORD, 1), 10);
      return new Promise(() => {});
    },
  },
  {
    name: "an event flood",
    denied: ["unharmed"],
    run({ ctx }) {
      for (let round = 0; round < 20_000; round++) ctx.emit("powerLost", undefined);
      return "unharmed";
    },
  },
];

/** length, descriptors: control's frames, kernel/socket/frames.ts */
export function frame(text: string, descriptors = 0): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  const whole = new Uint8Array(8 + bytes.length);
  new DataView(whole.buffer).setUint32(0, bytes.length, true);
  new DataView(whole.buffer).setUint32(4, descriptors, true);
  whole.set(bytes, 8);
  return whole;
}

const said = (name: string, bytes: Uint8Array): Probe =>
  lying(`to the manager: ${name}`, () => call("write", CONTROL, bytes, bytes.length));

/** Frames of its own, past the limit that the host keeps for its driver's log. */
const flooding: Probe = {
  name: "to the manager: log lines without end",
  denied: ["unharmed"],
  check: "logs",
  run() {
    const line = frame(
      JSON.stringify({ notice: "log", params: { level: "error", message: "x".repeat(1000) } }),
    );
    for (let sent = 0, at = 0; sent < 5000; sent += at === 0 ? 1 : 0) {
      const left = line.subarray(at);
      const answer = call("write", CONTROL, left, left.length);
      if (answer < 0 && word(answer) !== "EAGAIN") return word(answer);
      at = (at + Math.max(answer, 0)) % line.length;
      if (answer < 0 && at === 0) sent++; // full, between two lines
    }
    return "unharmed";
  },
};

const onControl: readonly Probe[] = [
  flooding,
  said("garbage", crypto.getRandomValues(new Uint8Array(1000)).fill(0xff, 0, 8)),
  said("no JSON", frame("no json")),
  said("an unknown notice", frame(`{"notice":"surrender","params":{}}`)),
  said("a notice named __proto__", frame(`{"notice":"__proto__","params":{"constructor":{}}}`)),
  said("an answer that nobody waits for", frame(`{"id":99999,"result":{}}`)),
  said("descriptors that do not come", frame(`{"notice":"disconnected","params":{}}`, 1)),
  said("a question", frame(`{"id":1,"method":"stop","params":{"device":"usb-victim:1.0"}}`)),
  lying("closes its control connection", () => call("close", CONTROL)),
];

export const rings: Group = { name: "rings", probes: [...inRings, ...overTime, ...onControl] };
