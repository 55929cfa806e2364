import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceError } from "@ring3/core/errors";
import fc from "fast-check";
import { memoryPair } from "./memory-transport.ts";
import { connect, edge, reasonOf, settled } from "./peer.fixture.ts";
import { callingPeer } from "./peer.ts";

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
