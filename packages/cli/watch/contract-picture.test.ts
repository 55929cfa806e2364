import assert from "node:assert/strict";
import { test } from "node:test";
import { defineContract, event } from "@ring3/core/contract";
import { type Line, widthOf } from "@ring3/core/picture";
import { array, struct, u32 } from "@ring3/core/struct";
import { contractPicture } from "./contract-picture.ts";

const text = (line: Line) => line.map((span) => (typeof span === "string" ? span : `<${span.lit}>`)).join("");
const sample = defineContract({
  name: "sample",
  version: 1,
  properties: struct({ size: u32, words: array(u32, 3) }),
  operations: {},
  events: {
    moved: event({ nr: 1, data: struct({ to: u32, inner: struct({ a: u32, b: u32 }) }), overflow: "latest" }),
    ended: event({ nr: 2, overflow: "drop-and-count" }),
  },
});

test("a unit of any class is shown by its contract: properties, and of each event how often and what last", () => {
  const { take, release, lines } = contractPicture(sample, { size: 7, words: [1, 2, 3] });
  assert.deepEqual(lines().map(text), [
    " size                    7",
    " words                   1 2 3",
    " moved                   not told",
    " ended                   not told",
  ]);
  take.moved({ to: 1, inner: { a: 1, b: 2 } });
  take.moved({ to: 5, inner: { a: 3, b: 4 } });
  take.ended({});
  release();
  assert.deepEqual(lines().slice(2).map(text), [
    " moved                   <told 2 times>",
    "   to                    5",
    "   inner                 { a 3, b 4 }",
    " ended                   <told 1 times>",
  ]);
  for (const line of lines()) assert.ok(widthOf(line) <= 80);
});
