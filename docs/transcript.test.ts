// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { mismatch, parseCommands, parseStart } from "./transcript.ts";

const guide = [
  "# A guide",
  "```sh",
  "export PLACE=here",
  "./ring3 demo",
  "```",
  "Then:",
  "```console",
  "$ echo one \\",
  "    two",
  "one two",
  "$ true",
  "$ ls",
  "a",
  "…",
  "```",
  "```ts",
  "$ this is no command",
  "```",
].join("\n");

test("a guide gives what is to be started, and its commands with their lines", () => {
  assert.equal(parseStart(guide), "export PLACE=here\n./ring3 demo");
  assert.deepEqual(parseCommands(guide), [
    { number: 8, text: "echo one \\\n    two", expected: [{ number: 10, text: "one two" }] },
    { number: 11, text: "true", expected: [] },
    {
      number: 12,
      text: "ls",
      expected: [
        { number: 13, text: "a" },
        { number: 14, text: "…" },
      ],
    },
  ]);
});

test("output before any command is refused, with its line", () => {
  assert.throws(() => parseCommands("```console\nhello\n```"), /^Error: line 2: .*hello$/);
});

const expecting = (...lines: string[]) => ({
  number: 1,
  text: "command",
  expected: lines.map((text, index) => ({ number: index + 2, text })),
});

const fitting: [string[], string][] = [
  [[], ""],
  [["a"], "a\n"],
  [["a  b"], "a\tb\n"],
  [["pid …, up … s"], "pid 17, up 3 s\n"],
  [["start…"], "start\n"],
  [["…"], ""],
  [["…", "b", "…"], "a\nb\nc\nd\n"],
  [["…", "b", "c"], "b\nb\nc\n"],
  [["a.b", ""], "a.b\n\n"],
];
for (const [lines, output] of fitting)
  test(`${JSON.stringify(output)} is what ${JSON.stringify(lines)} says`, () => {
    assert.equal(mismatch(expecting(...lines), output), undefined);
  });

const END = "the end of the output";
const unfitting: [string[], string, number, string, string][] = [
  [["a", "b"], "a\nc\n", 3, "b", "c"],
  [["a.b"], "axb\n", 2, "a.b", "axb"],
  [["a"], "a\nmore\n", 3, END, "more"],
  [["a", "b"], "a\n", 3, "b", END],
  [[], "surprise\n", 2, END, "surprise"],
  [["…", "z"], "a\nb\n", 3, "z", "a"],
  [["pid … up"], "pid 17 down\n", 2, "pid … up", "pid 17 down"],
];
for (const [lines, output, number, expected, found] of unfitting)
  test(`${JSON.stringify(output)} is not what ${JSON.stringify(lines)} says: line ${number}`, () => {
    assert.deepEqual(mismatch(expecting(...lines), output), { number, expected, found });
  });
