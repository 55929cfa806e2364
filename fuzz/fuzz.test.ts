// Runs in: node --test. Owns: a short run of each target, what was found before, and targets with mistakes that are to be found.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { inputOf } from "./input.ts";
import { fuzz } from "./run.ts";
import { foundInputs, judge, loadTarget, targetNames } from "./target.ts";

const SEED = 20261126;
const INPUTS = 10_000;

describe("each trust edge", { concurrency: 2 }, () => {
  for (const name of targetNames)
    test(`${name}: ${INPUTS} inputs, some taken and some refused, none of them a finding`, async () => {
      const { taken, refused, finding } = await fuzz({ target: name, seed: SEED, from: 0, to: INPUTS });
      assert.deepEqual([finding, taken + refused], [undefined, INPUTS]);
      assert.ok(taken > INPUTS / 50 && refused > INPUTS / 50, `${taken} taken, ${refused} refused`);
    });
});

for (const name of targetNames)
  test(`${name}: most seeds are taken, and no input that was a finding once is one now`, async () => {
    const target = await loadTarget(name);
    let taken = 0;
    for (const seed of target.seeds) if ((await judge(target, seed)) === "taken") taken++;
    assert.ok(taken > target.seeds.length / 2, `${taken} of ${target.seeds.length}`);
    for (const [file, input] of foundInputs(name)) await assert.doesNotReject(judge(target, input), file);
  });

for (const [mistake, error, hangMs] of [
  ["throws", /TypeError/, 20_000],
  ["hangs", /not done within 500 ms/, 500],
  ["grows", /memory/, 20_000],
] as const)
  test(`a parser that ${mistake} is found, and its input can be made again`, async () => {
    const order = { target: `planted/${mistake}`, seed: SEED };
    const { finding } = await fuzz({ ...order, from: 0, to: 100_000 }, hangMs);
    assert.match(finding!.error, error);
    const again = await fuzz({ ...order, from: finding!.index, to: finding!.index + 1 }, hangMs);
    assert.equal(again.finding!.index, finding!.index);
  });

test("an input is made of its number alone", async () => {
  const { seeds, words = [] } = await loadTarget("usbip");
  const inputs = Array.from({ length: 1000 }, (_, index) => inputOf(SEED, index, seeds, words));
  assert.deepEqual(inputOf(SEED, 700, seeds, words), inputs[700]);
  assert.ok(new Set(inputs.map((input) => Buffer.from(input).toString("hex"))).size > 700);
  assert.notDeepEqual(inputOf(SEED + 1, 700, seeds, words), inputs[700]);
});

for (const [args, reason] of [
  [["--seed", "x"], /--seed: expected a whole number from 0 to 2147483647, found "x"/],
  [["--inputs", "0"], /--inputs: expected a whole number from 1 to 2147483647, found "0"/],
  [["nothing"], /there is no target "nothing"; there are button-mapping, configuration, control-frames/],
  [["--fast"], /Unknown option '--fast'/],
] as const)
  test(`${args.join(" ")} is wrong usage`, () => {
    const { status, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, "main.ts"), ...args], {
      encoding: "utf8",
    });
    assert.deepEqual([status, reason.test(stderr)], [2, true], stderr);
    assert.match(stderr, /usage: make fuzz/);
  });
