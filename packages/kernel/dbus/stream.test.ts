// Runs in: tests. What a bus daemon writes, however it arrives; descriptors are numbers here.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { marshaled } from "./message.fixture.ts";
import { recorded } from "./recorded.fixture.ts";
import { BusStream, MESSAGE_MAX } from "./stream.ts";

const { greeting, ...messages } = recorded;
const { lock, prepareForSleep, delay } = messages;
const members = ["", "NameAcquired", "", "", "", "MethodCalled", "", "PrepareForSleep"];
const bytesOf = (text: string) => new TextEncoder().encode(text);

function stream() {
  const discarded: number[] = [];
  const bus = new BusStream<number>((descriptor) => discarded.push(descriptor));
  return {
    discarded,
    bus,
    push: (bytes: Uint8Array, descriptors: number[] = []) =>
      [...bus.push(bytes, descriptors)].map(({ member, descriptors: own }) => [member, ...own]),
  };
}

function greeted() {
  const bus = stream();
  assert.deepEqual(bus.push(greeting), []);
  return bus;
}

test("cut anywhere, it is the same", () => {
  const others = Object.values(messages).filter((message) => message !== lock);
  const whole = Buffer.concat([greeting, ...others]);
  fc.assert(
    fc.property(fc.array(fc.nat(whole.length), { maxLength: 12 }), (cuts) => {
      const bus = stream();
      const places = [0, ...cuts.toSorted((a, b) => a - b), whole.length];
      const seen = places.slice(1).flatMap((end, index) => bus.push(whole.subarray(places[index], end)));
      assert.deepEqual(
        seen,
        members.toSpliced(6, 1).map((member) => [member]),
      );
    }),
  );
});

test("descriptors belong to the message that their read ends with, whole or not", () => {
  const { push, discarded } = greeted();
  assert.deepEqual(push(Buffer.concat([prepareForSleep, lock]), [7]), [["PrepareForSleep"], ["", 7]]);
  assert.deepEqual(push(Buffer.concat([prepareForSleep, lock.subarray(0, 20)]), [8]), [["PrepareForSleep"]]);
  assert.deepEqual(push(Buffer.concat([lock.subarray(20), delay])), [["", 8], [""]]);
  assert.deepEqual(discarded, []);
});

test("descriptors that no message speaks of, and a message whose descriptors are missing, end the stream", () => {
  for (const [bytes, descriptors] of [
    [prepareForSleep, [7]],
    [lock, []],
    [lock, [7, 8]],
  ] as const) {
    const { bus, push, discarded } = greeted();
    assert.throws(() => push(bytes, [...descriptors]), { kind: "protocol" });
    bus.end();
    assert.deepEqual(discarded, descriptors);
  }
});

test("a stranger's long message is passed over with its descriptors, in pieces too, and costs no memory", () => {
  const long = marshaled({ body: [["s", "x".repeat(MESSAGE_MAX)]] });
  for (const size of [long.length, 4096, 777]) {
    const { push, discarded } = greeted();
    for (let at = 0; at < long.length; at += size)
      assert.deepEqual(push(long.subarray(at, at + size), [at]), []);
    assert.deepEqual(push(prepareForSleep), [["PrepareForSleep"]]);
    assert.equal(discarded.length, Math.ceil(long.length / size));
  }
});

test("a length that no message may have ends the stream", () => {
  const endless = prepareForSleep.slice();
  new DataView(endless.buffer).setUint32(4, 0xffff_ffff, true);
  assert.throws(() => greeted().push(endless), { kind: "protocol", message: /4294967/ });
});

for (const [answer, kind, reason] of [
  ["REJECTED EXTERNAL\r\n", "denied", /REJECTED EXTERNAL/],
  ["HTTP/1.1 400 Bad Request\r\n", "protocol", /HTTP/],
  ["DATA\r\nOK me\r\n", "protocol", /OK me/],
  ["DATA\r\nOK 0123456789abcdef0123456789abcdef\r\nERROR\r\n", "protocol", /ERROR/],
  ["x".repeat(1000), "protocol", /"x+"/],
] as const)
  test(`who answers the greeting with ${answer.slice(0, 24).trim()} is no bus for us`, () => {
    assert.throws(() => stream().push(bytesOf(answer)), { kind, message: reason });
  });
