import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "@ring3/core/errors";
import fc from "fast-check";
import * as v from "valibot";
import { defineEdge } from "./edge.ts";
import { CountedDescriptor, memoryPair } from "./memory-transport.ts";
import { Answer, callingPeer, maxServed, servingPeer } from "./peer.ts";

const edge = defineEdge({
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

function connect() {
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

const settled = () => new Promise((resolve) => setImmediate(resolve));

function reasonOf(signal: AbortSignal): string {
  return (signal.reason as DeviceError).message;
}

test("a call is answered with the handler's result", async () => {
  const { client } = connect();
  assert.deepEqual(await client.call("double", { n: 21 }), { result: { n: 42 }, fds: [] });
});

test("answers in any order reach the calls they belong to", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc
        .uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 40 })
        .chain((keys) => fc.tuple(fc.constant(keys), fc.shuffledSubarray(keys, { minLength: keys.length }))),
      async ([keys, order]) => {
        const { client, held } = connect();
        const calls = keys.map((key) => client.call("later", { key }));
        await settled();
        for (const key of order) held.get(key)!();
        assert.deepEqual(
          (await Promise.all(calls)).map(({ result }) => result.key),
          keys,
        );
      },
    ),
    { numRuns: 50 },
  );
});

test("a DeviceError of a handler keeps kind, errno and words over the connection", async () => {
  const { client } = connect();
  await assert.rejects(client.call("fail", { kind: "busy" }), (error: DeviceError) => {
    assert.deepEqual(
      [error instanceof DeviceError, error.kind, error.errno, error.message],
      [true, "busy", 7, new DeviceError("busy", "read of usb-1-4:1.0").message],
    );
    return true;
  });
});

test("any other error of a handler arrives as internal", async () => {
  const { client } = connect();
  await assert.rejects(client.call("bug", {}), { kind: "internal", message: /^x is not a function/ });
});

test("close rejects every pending call as disconnected, on both sides' initiative", async () => {
  const here = connect();
  const mine = [here.client.call("later", { key: "a" }), here.client.call("later", { key: "b" })];
  here.client.close();
  for (const call of mine) await assert.rejects(call, { kind: "disconnected" });
  const there = connect();
  const theirs = there.client.call("later", { key: "a" });
  there.server.close();
  await assert.rejects(theirs, { kind: "disconnected" });
  assert.ok(there.client.signal.aborted);
});

test("a call on a closed connection is rejected and what it gave is closed", async () => {
  const { client } = connect();
  client.close();
  const gift = new CountedDescriptor(3);
  await assert.rejects(client.call("swap", { refuse: false }, [gift]), { kind: "disconnected" });
  assert.equal(gift.open, false);
});

test("notices and tells arrive in order", async () => {
  const { client, server, news, hints } = connect();
  for (const n of [1, 2, 3]) {
    server.notify("news", { n });
    client.tell("hint", { n: n * 10 });
  }
  await settled();
  assert.deepEqual(
    [news, hints],
    [
      [1, 2, 3],
      [10, 20, 30],
    ],
  );
});

test("a notice that no frame can carry ends that connection and throws nothing", async () => {
  const { server, client, far } = connect();
  far.send = () => {
    throw new DeviceError("invalid", "frame of 9 MB");
  };
  server.notify("news", { n: 1 });
  server.notify("news", { n: 2 });
  await settled();
  assert.match(reasonOf(server.signal), /^tell "news"/);
  assert.ok(client.signal.aborted);
});

test("a given descriptor is closed once sent, a lent one is left alone, a received one belongs to the handler", async () => {
  const { client, given, kept, near } = connect();
  const gift = new CountedDescriptor(7);
  const { fds } = await client.call("swap", { refuse: false }, [gift, 8]);
  assert.deepEqual(
    [gift.open, given.open, kept().map((fd) => fd.fd), kept().map((fd) => fd.open)],
    [false, false, [1007, 1008], [true, true]],
  );
  assert.deepEqual(fds, near.received);
  assert.equal(fds[0]!.open, true);
});

test("descriptors of a handler that throws are closed", async () => {
  const { client, kept } = connect();
  await assert.rejects(client.call("swap", { refuse: true }, [8]), { kind: "denied" });
  assert.deepEqual(
    kept().map((fd) => fd.open),
    [false],
  );
});

test("too many or too few descriptors with a request are refused and closed", async () => {
  const { client, far } = connect();
  await assert.rejects(client.call("swap", { refuse: false }), {
    kind: "invalid",
    message: /expected 1 to 2 descriptors, found 0/,
  });
  await assert.rejects(client.call("double", { n: 1 }, [4]), {
    kind: "invalid",
    message: /expected 0 descriptors, found 1/,
  });
  assert.deepEqual(
    far.received.map((fd) => fd.open),
    [false],
  );
});

test("wrong params are refused with the path, what was expected and what was found", async () => {
  const { client } = connect();
  await assert.rejects(client.call("double", { n: "x" } as never), {
    kind: "invalid",
    message: /^double: params\.n: expected number, found "x"/,
  });
  await assert.rejects(client.call("double", { n: 1, m: 2 } as never), {
    message: /params\.m: expected no such field/,
  });
});

test("an unknown method, or one of Object.prototype, is unsupported and the connection lives on", async () => {
  const { client } = connect();
  for (const method of ["nope", "toString", "__proto__", "constructor"]) {
    await assert.rejects(client.call(method as never, {} as never), { kind: "unsupported" });
  }
  assert.deepEqual((await client.call("double", { n: 1 })).result, { n: 2 });
});

test("more unanswered requests than allowed are told busy", async () => {
  const { client, held } = connect();
  const calls = Array.from({ length: maxServed }, (_, n) => client.call("later", { key: String(n) }));
  await assert.rejects(client.call("later", { key: "one more" }), { kind: "busy" });
  for (const release of held.values()) release();
  assert.equal((await Promise.all(calls)).length, maxServed);
});

const hostile: [name: string, frame: string, reason: RegExp][] = [
  [
    "an answer nobody asked for",
    '{"id":99,"result":{}}',
    /expected an answer to a request in flight, found id 99/,
  ],
  ["a result of the wrong shape", '{"id":1,"result":{"key":5}}', /later\.key: expected string, found 5/],
  [
    "an error of an unknown kind",
    '{"id":1,"error":{"kind":"nice","message":""}}',
    /an error with kind and message/,
  ],
  ["an unknown notice", '{"notice":"hello","params":{}}', /expected a known notice, found "hello"/],
  [
    "a notice of the wrong shape",
    '{"notice":"news","params":{"n":"1"}}',
    /news\.n: expected number, found "1"/,
  ],
  ["an array", "[1]", /expected a JSON object, found an array/],
  ["an id of zero", '{"id":0,"result":{}}', /positive integer id/],
  [
    "an answer that is also a refusal",
    '{"id":1,"result":{},"error":{"kind":"io","message":""}}',
    /a request, an answer or a notice/,
  ],
  ["broken JSON", '{"id":', /UTF-8 JSON/],
  ["nothing", "", /UTF-8 JSON/],
  [
    "deep nesting",
    `{"notice":"news","params":${"[".repeat(2_000_000)}${"]".repeat(2_000_000)}}`,
    /at most 32 levels/,
  ],
  ["4 MiB of text", `"${"x".repeat(4 * 1024 * 1024 - 2)}"`, /expected a JSON object, found string/],
];

for (const [name, frame, reason] of hostile) {
  test(`${name} ends the connection, fails the pending call and closes the frame's descriptors`, async () => {
    const { client, near } = connect();
    const pending = client.call("later", { key: "a" });
    const fds = near.deliver(frame, 2);
    await assert.rejects(pending, { kind: "disconnected" });
    assert.match(reasonOf(client.signal), reason);
    assert.deepEqual(
      fds.map((fd) => fd.open),
      [false, false],
    );
  });
}

test("an answer with descriptors that the edge does not name ends the connection", async () => {
  const { client, near } = connect();
  const pending = client.call("later", { key: "a" });
  const fds = near.deliver('{"id":1,"result":{"key":"a"}}', 1);
  await assert.rejects(pending, { kind: "disconnected" });
  assert.deepEqual(
    [fds[0]!.open, /expected 0 descriptors in the answer to later, found 1/.test(reasonOf(client.signal))],
    [false, true],
  );
});

test("a frame after the end is dropped and its descriptors closed", () => {
  const { client, near } = connect();
  client.close();
  assert.deepEqual(
    near.deliver('{"notice":"news","params":{"n":1}}', 1).map((fd) => fd.open),
    [false],
  );
});

test("random bytes and random JSON never reach a handler and never leave a descriptor open", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc.json({ maxDepth: 8 }).map((text) => new TextEncoder().encode(text)),
      ),
      (frame) => {
        const { far, hints, held } = connect();
        const fds = far.deliver(frame, 1);
        assert.deepEqual([fds[0]!.open, hints, held.size], [false, [], 0]);
      },
    ),
  );
});

test("a listener that throws ends the connection as internal", async () => {
  const [near, far] = memoryPair();
  const client = callingPeer(edge, near, {
    news() {
      throw new Error("bug");
    },
  });
  near.deliver('{"notice":"news","params":{"n":1}}');
  await settled();
  assert.equal((client.signal.reason as DeviceError).kind, "internal");
  far.close();
});
