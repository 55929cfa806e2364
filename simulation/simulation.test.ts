// Runs in: node --test. Owns: a short run of the simulation, the seeds that were found before, and mistakes that are to be found.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { bundle } from "./bundle.ts";
import { struck } from "./faults.ts";
import { FORMAT, foundSeeds, readFixture } from "./found.ts";
import { invariants } from "./ledger.ts";
import { mutants } from "./mutants.ts";
import { runSeeds } from "./run.ts";
import { findMutant } from "./search.ts";
import type { Result } from "./world.ts";

const folder = mkdtempSync(join(tmpdir(), "ring3-simulation-"));
after(() => rmSync(folder, { recursive: true }));
const sound = await bundle();

async function run(
  seeds: readonly number[],
  faults: number,
  trace?: (line: string) => void,
): Promise<Result[]> {
  const left = [...seeds];
  const results: Result[] = [];
  const result = (each: Result) => void results.push(each);
  const next = () => left.shift();
  await runSeeds({
    bundle: sound,
    faults,
    workers: 2,
    next,
    result,
    ...(trace === undefined ? {} : { trace }),
  });
  return results.toSorted((a, b) => a.seed - b.seed);
}

test("ten machines with a thousand faults each: every invariant holds, and most kinds of faults have struck", async () => {
  const results = await run(
    Array.from({ length: 10 }, (_, index) => 20261126 + index),
    1000,
  );
  assert.deepEqual(
    results.flatMap(({ seed, violations }) => violations.map((violation) => ({ seed, ...violation }))),
    [],
  );
  const kinds = new Set(results.flatMap(({ faults }) => Object.keys(faults)));
  const missed = Object.keys(struck).filter((name) => !kinds.has(name));
  assert.ok(missed.length <= 2, `never struck: ${missed.join(", ")}`);
  assert.ok(results.every(({ requests }) => requests > 50));
});

test("no seed that was found once breaks an invariant now", async () => {
  for (const { seed, faults, found } of foundSeeds()) {
    const [result] = await run([seed], faults);
    assert.deepEqual(result!.violations, [], `${seed}: ${found}`);
  }
});

test("the same seed is the same run, looked at or not", async () => {
  const traces: string[][] = [];
  const results: Result[] = [];
  for (let time = 0; time < 2; time++) {
    const lines: string[] = [];
    results.push(...(await run([7], 400, (line) => lines.push(line))));
    traces.push(lines);
  }
  assert.ok(traces[0]!.length > 200);
  assert.deepEqual(traces[0], traces[1]);
  assert.deepEqual((await run([7], 400))[0], results[0]);
});

test("each invariant has a mistake planted against it, whose place in the code is there once", () => {
  for (const { name, file, from } of mutants)
    assert.equal(readFileSync(join(import.meta.dirname, "..", file), "utf8").split(from).length, 2, name);
  const against = new Set(mutants.map((mutant) => mutant.against));
  assert.deepEqual(new Set(Object.keys(invariants)), against);
});

for (const name of [
  "the fence is not waited for",
  "overlapping writes go together",
  "a driver may answer twice",
])
  test(`a planted mistake is found: ${name}`, async () => {
    const { violation } = await findMutant(mutants.find((mutant) => mutant.name === name)!);
    assert.ok(violation !== undefined);
  });

test("a mistake whose place in the code is gone is an error, not a search in vain", async () => {
  const [first] = mutants;
  await assert.rejects(bundle({ ...first!, from: "this stands nowhere" }), /expected once, found 0 times/);
});

for (const [text, reason] of [
  [
    `{ "format": ${FORMAT + 1}, "seed": 1, "faults": 10, "found": "" }`,
    new RegExp(`a fixture of format ${FORMAT + 1}, this simulation has format ${FORMAT}`),
  ],
  [`{ "format": ${FORMAT}, "seed": "x", "faults": 10, "found": "" }`, /seed: expected number, found "x"/],
  ["seed 1", /no fixture of the simulation/],
] as const)
  test(`a fixture ${text} is refused`, () => {
    const file = join(folder, "fixture.json");
    writeFileSync(file, text);
    assert.throws(() => readFixture(file), reason);
  });

for (const [args, reason] of [
  [["--seed", "x"], /--seed: expected a whole number from 0 to 2147483647, found "x"/],
  [["--faults", "0"], /--faults: expected a whole number from 1 to 2147483647, found "0"/],
  [["--from", "-1"], /'--from' argument is ambiguous|--from: expected a whole number/],
  [["--fast"], /Unknown option '--fast'/],
] as const)
  test(`${args.join(" ")} is wrong usage`, () => {
    const main = join(import.meta.dirname, "main.ts");
    const { status, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });
    assert.deepEqual([status, reason.test(stderr)], [2, true], stderr);
    assert.match(stderr, /usage: make simulate/);
  });
