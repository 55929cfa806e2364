import assert from "node:assert/strict";
import { test } from "node:test";
import { bar, beside, field, type Line, lit, widthOf, wrap } from "./picture.ts";

const text = (line: Line) => line.map((span) => (typeof span === "string" ? span : `<${span.lit}>`)).join("");
const texts = (lines: readonly Line[]) => lines.map(text);

test("a mark lies where it is, and in the field where it lies outside", () => {
  assert.deepEqual(
    texts(
      field(3, 2, [
        { x: 0, y: 0, text: "a" },
        { x: 0.5, y: 0.99, text: "b" },
        { x: 7, y: -7, text: "c" },
      ]),
    ),
    ["┌───┐", "│<a> <c>│", "│ <b> │", "└───┘"],
  );
  assert.deepEqual(texts(field(2, 1, [{ x: Number.NaN, y: Number.NaN, text: "d" }]))[1], "│<d> │");
});

test("a bar is as full as its part says, from nothing to all", () => {
  assert.deepEqual(
    [-1, 0, 0.5, 1, 9, Number.NaN].map((part) => text(bar(part, 4))),
    ["<>····", "<>····", "<██>··", "<████>", "<████>", "<>····"],
  );
});

test("blocks beside each other keep their columns, whatever is lit in them", () => {
  const block: Line[] = [["a", lit("bc")], ["d"]];
  assert.deepEqual(texts(beside(block, [["x"], ["y"], ["z"]])), ["a<bc> x", "d   y", "    z"]);
});

test("words go on in the next line where they find no room, and one that is too long stands alone", () => {
  assert.deepEqual(texts(wrap(["aaa", lit("bb"), "cccccc", "d"], 5)), ["aaa<bb>", "cccccc", "d"]);
  assert.equal(widthOf(["aaa", lit("bb")]), 5);
});
