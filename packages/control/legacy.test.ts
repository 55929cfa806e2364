// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ClientRecord, decodeRecord, encodeRecord, legacyVersion, recordName } from "./legacy.ts";

const record: ClientRecord = {
  name: "process 4711",
  uid: 1000,
  reflector: null,
  openings: [
    {
      device: "usb-1-4:1.0",
      unit: 0,
      mode: "write",
      opening: 1,
      channel: 7,
      at: { host: "host/0.3", channel: 12 },
      failures: 2,
    },
  ],
};
const name = recordName("client", "token");

test("a record comes back as it was written", () => {
  assert.deepEqual(decodeRecord("client", name, encodeRecord("client", record)), record);
});

const { openings: _, ...half } = record;
for (const [what, note, expected] of [
  ["no text", null, /it has no text/],
  ["no JSON", "{", /no JSON/],
  ["null", "null", /version undefined, this ring3 has 6/],
  ["another version", JSON.stringify({ version: legacyVersion + 1, record }), /version 7, this ring3 has 6/],
  [
    "a missing field",
    JSON.stringify({ version: legacyVersion, record: half }),
    /client.openings: expected .*found nothing/,
  ],
  [
    "an unknown field",
    JSON.stringify({ version: legacyVersion, record: { ...record, more: 1 } }),
    /client.more: expected no such field/,
  ],
] as const)
  test(`a record of ${what} is refused, and named`, () => {
    assert.throws(() => decodeRecord("client", name, note), {
      kind: "invalid",
      message: new RegExp(`^record client/token of an earlier manager: .*${expected.source}`),
    });
  });
