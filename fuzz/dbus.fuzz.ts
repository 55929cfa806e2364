// Runs in: fuzzing.
import assert from "node:assert/strict";
import { recorded } from "../packages/kernel/dbus/recorded.fixture.ts";
import { BusStream, MESSAGE_MAX } from "../packages/kernel/dbus/stream.ts";
import { bytesOf, type Target } from "./target.ts";

const { greeting, ...messages } = recorded;

/** The first byte says in which pieces the others arrive, and how many descriptors with the last. */
const seed = (how: number, ...parts: Uint8Array[]) =>
  new Uint8Array(Buffer.concat([Uint8Array.of(how), greeting, ...parts]));

export default {
  what: "greeting and messages of a message bus, from its daemon and from whoever may send over it",
  seeds: [
    ...Object.entries(messages).map(([name, bytes]) => seed(name === "lock" ? 1 : 0, bytes)),
    seed(0x40, ...Object.values(messages).filter((message) => message !== messages.lock)),
    seed(0xfd, messages.prepareForSleep, messages.lock),
  ],
  words: ["a{sv}", "(us)", "v", "aaaaaaaa", "REJECTED", "\r\n", "l\u0004\u0001\u0001"].map(bytesOf),
  run([how = 0, ...rest]) {
    const discarded: number[] = [];
    const stream = new BusStream<number>((descriptor) => discarded.push(descriptor));
    const sent: number[] = [];
    const owned: number[] = [];
    const piece = how < 4 ? rest.length : (how >> 2) + 1;
    let taken = 0;
    try {
      for (let at = 0; at < rest.length; at += piece) {
        const last = at + piece >= rest.length;
        const descriptors = last ? Array.from({ length: how & 3 }, (_, index) => index) : [];
        sent.push(...descriptors);
        for (const message of stream.push(Uint8Array.from(rest.slice(at, at + piece)), descriptors)) {
          taken++;
          owned.push(...message.descriptors);
          assert.equal(message.descriptors.length, message.descriptorCount);
          assert.ok(JSON.stringify(message.body, plain).length < 16 * MESSAGE_MAX);
        }
      }
    } finally {
      stream.end();
      assert.deepEqual([...owned, ...discarded].toSorted(), sent); // each has one end
    }
    return taken > 0;
  },
} satisfies Target;

const plain = (_: string, value: unknown) => (typeof value === "bigint" ? String(value) : value);
