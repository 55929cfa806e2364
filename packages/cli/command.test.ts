import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { type Command, commonOptions, helpText, readArgs, UsageError, wrapped } from "./command.ts";

const command: Command = {
  summary: "tests",
  usage: "DEVICE [--take] [--state STATE]",
  options: {
    take: { type: "boolean", help: "take it" },
    state: { type: "string", default: "running", value: "STATE", help: "which" },
  },
  words: [1, 1],
  run: async () => {},
};
const sim: Command = { ...command, handsOn: true, options: { port: { type: "string", help: "where" } } };

test("words, options and defaults are told apart", () => {
  const { values, words } = readArgs(command, ["usb-1", "--take", "--state-dir", "/x", "--json"]);
  assert.deepEqual(
    [words, { ...values }],
    [["usb-1"], { take: true, state: "running", "state-dir": "/x", json: true }],
  );
});

const wrong: [argv: string[], message: RegExp][] = [
  [[], /^too few arguments$/],
  [["a", "b"], /^unexpected argument "b"$/],
  [["a", "--tkae"], /^unknown option --tkae; did you mean --take\?$/],
  [["a", "--unlike-anything"], /^unknown option --unlike-anything$/],
  [["a", "--state"], /argument missing/],
  [["a", "--take=yes"], /does not take an argument/],
];

for (const [argv, message] of wrong) {
  test(`"${argv.join(" ")}" is wrong usage`, () => {
    assert.throws(
      () => readArgs(command, argv),
      (error: Error) => error instanceof UsageError && message.test(error.message),
    );
  });
}

test("--help needs no arguments", () => assert.equal(readArgs(command, ["--help"]).values.help, true));

test("options that a simulated device has are handed on with their values, ours are not", () => {
  const { values, words, rest } = readArgs(sim, [
    "usb-drive",
    "--image",
    "f.img",
    "--port",
    "9-1",
    "--read-only",
    "--sector=4096",
    "--json",
    "--fault",
    "hang@3",
  ]);
  assert.deepEqual(words, ["usb-drive"]);
  assert.deepEqual(rest, ["--image", "f.img", "--read-only", "--sector=4096", "--fault", "hang@3"]);
  assert.deepEqual({ ...values }, { port: "9-1", json: true });
});

test("text is broken at column 80, behind its label", () => {
  const lines = wrapped("  --label  ", "word ".repeat(60).trim()).split("\n");
  assert.ok(lines.every((line) => line.length <= 80));
  assert.ok(lines.slice(1).every((line) => line.startsWith("           word")));
});

const verbs = readdirSync(new URL("./commands/", import.meta.url)).map((file) => file.replace(".ts", ""));

for (const verb of verbs) {
  test(`the help of ${verb} fits 80 columns and names the options every verb has`, async () => {
    const help = helpText(verb, ((await import(`./commands/${verb}.ts`)) as { default: Command }).default);
    assert.deepEqual(
      help.split("\n").filter((line) => line.length > 80),
      [],
    );
    for (const option of Object.keys(commonOptions)) assert.ok(help.includes(`--${option}`));
  });
}
