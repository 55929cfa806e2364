// Runs in: driver host, as the driver of `ring3 torture`. Owns: what it leaks. Too much of what there is, and garbage in the device's memory:
// heartbeat, state and recorder.

import { integer } from "@ring3/core/chance";
import { channel } from "../escape/channel.ts";
import { call } from "../escape/probe.ts";
import type { Faults } from "./fault.ts";

const CHUNK_BYTES = 2 << 20;
const CONTROL = 3; // host/main.ts
const DESCRIPTORS = 2000;
const STATE_WORD = 1024; // channel/device-memory.ts; the recorder lies behind the state
const leaked: unknown[] = [];
const leak = () => leaked.push(new Uint8Array(CHUNK_BYTES).fill(1));

function garbage(random: () => number, words: Uint32Array): void {
  for (let word = 0; word < words.length; word++) words[word] = integer(random, 2 ** 32);
}
const deviceMemory = () => new Uint32Array(channel.device().buffer);

export const memory: Faults = {
  "out-of-memory"() {
    for (;;) leak();
  },
  "out-of-heap"() {
    for (;;) leaked.push({ leaked: [leaked.length] });
  },
  "leak-memory": () => void setInterval(leak, 1),
  /** The jail lets it have none. */
  "leak-descriptors"() {
    for (let made = 0; made < DESCRIPTORS; made++)
      if (call("dup", CONTROL) >= 0) throw new Error("a new descriptor");
  },
  /** Any number but the one before is a heartbeat. */
  "garbage-heartbeat": ({ random }) => void Atomics.store(channel.device(), 0, integer(random, 2 ** 32)),
  /** Whatever it beats and counts, its memory does not show it. */
  "stopped-heartbeat"() {
    const { add } = Atomics;
    const device = channel.device().buffer;
    const some = (words: Uint32Array<ArrayBuffer>, word: number, value: number) =>
      words.buffer === device ? 0 : add(words, word, value);
    Object.assign(Atomics, { add: some });
  },
  "garbage-state"({ random }) {
    garbage(random, deviceMemory().subarray(STATE_WORD));
    process.exit(1);
  },
};
