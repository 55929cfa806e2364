import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "@ring3/core/errors";
import fc from "fast-check";
import { CountedDescriptor } from "./memory-transport.ts";
import { connect, reasonOf, settled } from "./peer.fixture.ts";
import { maxServed } from "./peer.ts";

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
