import assert from "node:assert/strict";
import { test } from "node:test";
import { type Line, lit } from "@ring3/core/picture";
import { plain } from "../text.ts";
import { frameText, type Shown } from "./frame.ts";

const shown = (number: number, lines: readonly Line[], driver = true): Shown => ({
  unit: `usb-pad:1.0#${number}`,
  name: `Pad ${number}`,
  incarnation: 3,
  driver,
  died: !driver,
  lines,
});
const MANY_ROWS = 100;
const linesOf = (text: string) => text.split("\n").map((line) => line.trimEnd());

test("two units stand beside each other in 80 columns, a third below, each with its name and its driver", () => {
  const units = [shown(0, [["a"]]), shown(1, [["b"]], false), shown(2, [["c"]])];
  assert.deepEqual(linesOf(frameText(units, 80, MANY_ROWS, plain)), [
    `${"usb-pad:1.0#0".padEnd(40)}usb-pad:1.0#1`,
    `${"Pad 0".padEnd(40)}Pad 1`,
    `${"driver start #3".padEnd(40)}driver down, released`,
    `${"a".padEnd(40)}b`,
    "",
    "usb-pad:1.0#2",
    "Pad 2",
    "driver start #3",
    "c",
  ]);
  assert.equal(linesOf(frameText(units, 78, MANY_ROWS, plain)).length, 14);
});

test("a narrow terminal gets the beginnings of the lines, a low one the first of them", () => {
  const units = [shown(0, [["ab", lit("cdef"), "gh"], ["second"], ["third"]])];
  const paint = (colour: string, text: string) => `<${colour} ${text}>`;
  assert.deepEqual(linesOf(frameText(units, 5, 5, paint)).slice(3), ["ab<yellow cde>", "and 2"]);
});
