// Runs in: driver host, in tests. Owns: nothing. The ways in which a host can break the rules, by name.

import { crc32 } from "node:zlib";
import { DEVICE_MEMORY_BYTES, type HostDeviceMemory } from "@ring3/channel/device-memory";
import { type COMPLETION, DRIVER_WORDS, SUBMISSION } from "@ring3/channel/layout";
import type { hostEdge } from "@ring3/control/host-edge";
import { Answer, type ServingPeer } from "@ring3/control/peer";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { native } from "@ring3/kernel/native";
import { mapFixed } from "@ring3/kernel/shm/memory";
import { BLOCK_DISCARD, BLOCK_FUA, BLOCK_MEDIUM_PRESENT, block } from "@ring3/sdk";
import { type Channel, garbage } from "./hostile-channel.fixture.ts";

export const CONTROL_FD = 3;

/** As usb-storage finds the simulated drive, so that the next incarnation is the same disk. */
const unit = {
  index: 0,
  properties: {
    sectorBytes: 512,
    maxTransferSectors: 2048,
    sectors: 8192,
    flags: BLOCK_MEDIUM_PRESENT | BLOCK_FUA | BLOCK_DISCARD,
    optimalTransferSectors: 2048,
    medium: 1,
  },
  operations: ["read", "write", "flush", "discard", "writeZeroes"],
};
/** How a host can break the rules; what is not said is as it should be. */
export interface Way {
  /** Instead of an answer to `probe`. */
  probe?(hand: Hand): unknown;
  /** Once a client has opened the unit. */
  opened?(channel: Channel, hand: Hand): void;
  /** Each time a client has rung. */
  requested?(channel: Channel, hand: Hand): void;
  open?(hand: Hand): unknown;
  close?(): unknown;
}

/** What a hostile host has in its hand. */
export interface Hand {
  readonly peer: ServingPeer<typeof hostEdge>;
  readonly memory: HostDeviceMemory;
  readonly stateFd: number;
  readonly grant: Descriptor;
}

/** channel/device-memory.ts: two copies of the state, each with sequence, length, checksum, version and bytes. */
const STATE_OFFSET = 4096;

export const answered = { units: [unit] };
const never = () => new Promise<never>(() => {});
/** To the manager, past all framing. */
const raw = (bytes: Uint8Array | string, fds: number[] = []) =>
  native.sendmsg(CONTROL_FD, [typeof bytes === "string" ? Buffer.from(bytes) : bytes], fds);
function frame(payload: string, fds: number[] = [], claimed = fds.length): number {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(Buffer.byteLength(payload), 0);
  header.writeUInt32LE(claimed, 4);
  return raw(Buffer.concat([header, Buffer.from(payload)]), fds);
}
const lying = (lies: Partial<Record<keyof typeof COMPLETION, number>>): Way => ({
  requested(channel) {
    const found = channel.read();
    if (found !== undefined) channel.complete(found, lies);
  },
});
const telling = (run: (hand: Hand) => unknown): Way => ({
  opened: (_, hand) => void run(hand),
});

export const ways: Readonly<Record<string, Way>> = {
  // rings and counters
  "garbage-words": {
    requested(channel) {
      for (let word = 0; word < 4096; word++) channel.words[word] = garbage();
      channel.ring();
    },
  },
  "completion-head": {
    opened: (channel) => channel.set(DRIVER_WORDS.completionHead, 65),
  },
  "event-head": {
    opened: (channel) => channel.set(DRIVER_WORDS.eventHead, 0x80000000),
  },
  "submission-tail": {
    requested: (channel) => channel.set(DRIVER_WORDS.submissionTail, 0x7fffffff),
  },
  "empty-entries": {
    requested: (channel) => channel.set(DRIVER_WORDS.completionHead, 3),
  },
  // completions
  "wrong-generation": lying({ generation: 77 }),
  "wrong-operation": lying({ operation: 9 }),
  "wrong-slot": lying({ tag: 4096 }),
  "wrong-sequence": lying({ sequence: 0xfffffff0 }),
  "too-long": lying({ length: block.slotBytes }),
  "far-too-long": lying({ length: 0xffffffff }),
  "unknown-outcome": lying({ outcome: 999 }),
  "another-slot": {
    requested(channel) {
      const found = channel.read();
      if (found !== undefined) channel.complete(found, { tag: (found[SUBMISSION.tag]! + 32) % 64 });
    },
  },
  twice: {
    requested(channel) {
      const found = channel.read();
      if (found === undefined) return;
      channel.complete(found);
      channel.complete(found);
    },
  },
  // events
  "unknown-event": { opened: (channel) => channel.emit(200) },
  "event-of-another": { opened: (channel) => channel.emit(2, [], 77) },
  "impossible-event": { opened: (channel) => channel.emit(1, [0xffffffff, 0xffffffff, 512, 16]) },
  // doorbells
  "doorbell-flood": {
    opened(channel) {
      setInterval(() => {
        while (channel.ring() > 0);
      }, 1);
    },
  },
  // control
  "garbage-frames": telling(() => raw("\x00\xff".repeat(500))),
  "no-json": telling(() => frame("no json")),
  "four-megabytes": telling(() => {
    let text = Buffer.from(`\0\0\x40\0\0\0\0\0${"[".repeat(4 << 20)}`);
    const push = () => {
      const sent = raw(text);
      if (sent > 0) text = text.subarray(sent);
      setTimeout(push, 1);
    };
    push();
  }),
  "unknown-notice": telling(() => frame(`{"notice":"surrender","params":{}}`)),
  "asks-the-manager": telling(() => frame(`{"id":1,"method":"probe","params":{}}`)),
  "unasked-answer": telling(() => frame(`{"id":99999,"result":{}}`)),
  prototype: telling(() => frame(`{"notice":"__proto__","params":{"constructor":{}}}`)),
  "descriptors-with-a-notice": telling(({ grant }) => frame(`{"notice":"disconnected"}`, [grant.fd])),
  "many-descriptors": telling(({ grant }) => raw("x", Array(200).fill(grant.fd))),
  "descriptors-without-a-frame": telling(({ grant }) => {
    for (let sent = 0; sent < 64; sent++)
      raw("\xff\x00\x00\x00\x10\x00\x00\x00"[sent % 8]!, [grant.fd, grant.fd]);
  }),
  "answers-with-descriptors": { probe: ({ grant }) => new Answer(answered, [grant.fd, grant.fd]) },
  "answers-nonsense": { probe: () => ({ units: "many" }) },
  "impossible-disk": {
    probe: () => ({ units: [{ ...unit, properties: { ...unit.properties, sectorBytes: 0 } }] }),
  },
  "impossible-change": telling(({ peer }) =>
    peer.notify("changed", { unit: 0, properties: { ...unit.properties, sectors: -1 } }),
  ),
  "says-gone": telling(({ peer }) => peer.notify("disconnected", {})),
  cries: telling(({ peer }) =>
    peer.notify("failed", {
      kind: "internal",
      message: "\x1b[2Jwolf\n",
      stack: `\x1b[31mwolf\x07\n${"x".repeat(65_000)}`,
    }),
  ),
  "closes-its-connection": telling(() => native.close(CONTROL_FD)),
  "refuses-channels": { open: () => Promise.reject(new Error("not today")) },
  "answers-no-open": { open: never },
  "answers-no-close": {
    requested(channel) {
      for (const submission of channel.submissions()) channel.complete(submission);
    },
    close: never,
  },
  "log-flood": {
    opened(_, { peer }) {
      const shout = () => {
        for (let line = 0; line < 200; line++)
          peer.notify("log", { level: "error", message: `\x1b[31m${"x".repeat(1500)}` });
        setTimeout(shout, 1);
      };
      shout();
    },
  },
  // time
  "hangs-with-a-pulse": { opened: (_, { memory }) => void setInterval(() => memory.beat(), 100) },
  "lies-about-progress": {
    opened(_, { memory }) {
      setInterval(() => {
        memory.beat();
        memory.completed();
      }, 100);
    },
  },
  "ignores-signals": {
    probe() {
      for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => {});
      return answered;
    },
  },
  // what it leaves to its successor
  "poisoned-state": {
    opened(_, { stateFd }) {
      const { buffer } = mapFixed(stateFd, DEVICE_MEMORY_BYTES);
      const text = Buffer.from("no JSON");
      Buffer.from(buffer).set(text, STATE_OFFSET + 16);
      new Uint32Array(buffer, STATE_OFFSET).set([0xfffffff0, text.length, crc32(text)]);
      process.exit(1);
    },
  },
};
