// Runs in: make fuzz, Node: `[--inputs N] [--seed S] [TARGET …]`. Owns: fuzz/found/, where it leaves the inputs that it finds.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { inputOf } from "./input.ts";
import { fuzz } from "./run.ts";
import { loadTarget, targetNames } from "./target.ts";

const USAGE = "usage: make fuzz [INPUTS=n] [SEED=n] [TARGET=name]";
const INPUTS = 1_000_000;

function refuse(text: string): never {
  console.error(`fuzz: ${text}\n${USAGE}`);
  process.exit(2);
}

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least || value > 0x7fff_ffff)
    refuse(`--${name}: expected a whole number from ${least} to 2147483647, found "${text}"`);
  return value;
}

function parsed() {
  try {
    return parseArgs({
      options: { inputs: { type: "string" }, seed: { type: "string" } },
      allowPositionals: true,
    });
  } catch (error) {
    return refuse((error as Error).message);
  }
}

const { values, positionals } = parsed();
const inputs = values.inputs === undefined ? INPUTS : whole("inputs", values.inputs, 1);
const seed = values.seed === undefined ? (Date.now() & 0x7fff_ffff) >>> 0 : whole("seed", values.seed, 0);
for (const name of positionals)
  if (!targetNames.includes(name))
    refuse(`there is no target "${name}"; there are ${targetNames.join(", ")}`);

/** Runs one target to its end, and keeps what it finds. */
async function run(target: string): Promise<void> {
  const began = performance.now();
  const { taken, refused, finding } = await fuzz({ target, seed, from: 0, to: inputs });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${target}: ${taken + refused} inputs, ${taken} taken, ${refused} refused, ${seconds} s`);
  if (finding === undefined) return;
  const { seeds, words = [] } = await loadTarget(target);
  const input = inputOf(seed, finding.index, seeds, words);
  const folder = join(import.meta.dirname, "found", target);
  const file = join(folder, createHash("sha256").update(input).digest("hex").slice(0, 16));
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, input);
  console.log(`  input ${finding.index}: ${finding.error}`);
  console.log(`  kept as ${relative(process.cwd(), file)}: "make test" tries it again`);
  process.exitCode = 1;
}

const wanted = positionals.length > 0 ? positionals : [...targetNames];
console.log(`seed ${seed}: ${inputs} inputs for each of ${wanted.join(", ")}`);
const lane = async (): Promise<void> => {
  for (let target = wanted.shift(); target !== undefined; target = wanted.shift()) await run(target);
};
await Promise.all(Array.from({ length: availableParallelism() }, lane));
