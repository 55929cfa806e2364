// Runs in: make simulate, Node: `[--faults N] [--from S]`, `--seed S`, `--mutants`. Owns: simulation/found/, where it leaves the seeds that it finds.
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { bundle } from "./bundle.ts";
import { keep } from "./found.ts";
import { invariants } from "./ledger.ts";
import { mutants } from "./mutants.ts";
import { FAULTS, runSeeds } from "./run.ts";
import { findMutant } from "./search.ts";
import type { Result } from "./world.ts";

const USAGE = `usage: make simulate [FAULTS=n] [FROM=seed] · make simulate SEED=n · make simulate MUTANTS=1
  --faults N   so many faults, over as many seeds as that takes; 1000000 where nothing else is said
  --from S     the first seed
  --seed S     this one alone, with all that happens
  --mutants    plants mistakes into the code, one after the other, and says how soon each was found`;
const ALL = 1_000_000;
const SEED_MAX = 0x7fff_ffff;

function refuse(text: string): never {
  console.error(`simulate: ${text}\n${USAGE}`);
  process.exit(2);
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least || value > most)
    refuse(`--${name}: expected a whole number from ${least} to ${most}, found "${text}"`);
  return value;
}

function parsed() {
  const text = { type: "string" } as const;
  const options = {
    faults: text,
    from: text,
    seed: text,
    mutants: { type: "boolean", default: false },
  } as const;
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    return refuse((error as Error).message);
  }
}

const seconds = (began: number): string => ((performance.now() - began) / 1000).toFixed(1);

function report({ seed, violations }: Result): void {
  for (const { invariant, text, step } of violations)
    console.log(`seed ${seed}, step ${step}: ${invariants[invariant]}:\n  ${text}`);
}

async function replay(seed: number): Promise<void> {
  await runSeeds({
    bundle: await bundle(),
    workers: 1,
    next: once(seed),
    trace: (line) => console.log(line),
    result(result) {
      report(result);
      console.log(
        `seed ${seed}: ${result.steps} steps, ${result.requests} requests, ${result.violations.length} broken`,
      );
      process.exitCode = result.violations.length === 0 ? 0 : 1;
    },
  });
}

function once(seed: number): () => number | undefined {
  const left = [seed];
  return () => left.shift();
}

async function campaign(faults: number, from: number): Promise<void> {
  const began = performance.now();
  const kinds = new Map<string, number>();
  const sums = { faults: 0, steps: 0, requests: 0, seeds: 0, started: 0 };
  const workers = availableParallelism();
  console.log(`seeds from ${from}, until ${faults} faults`);
  await runSeeds({
    bundle: await bundle(),
    workers,
    // A seed that breaks an invariant ends there, with fewer.
    next: () =>
      sums.faults + (sums.started - sums.seeds) * FAULTS < faults ? from + sums.started++ : undefined,
    result(result) {
      sums.seeds++;
      sums.steps += result.steps;
      sums.requests += result.requests;
      for (const [name, count] of Object.entries(result.faults)) {
        kinds.set(name, (kinds.get(name) ?? 0) + count);
        sums.faults += count;
      }
      if (result.violations.length === 0) return;
      report(result);
      const file = keep(result.seed, FAULTS, result.violations[0]!.text);
      console.log(`  kept as ${file}; all that happened: make simulate SEED=${result.seed}`);
      process.exitCode = 1;
    },
  });
  for (const [name, count] of [...kinds].toSorted((a, b) => b[1] - a[1]))
    console.log(`${String(count).padStart(8)} ${name}`);
  for (const text of Object.values(invariants)) console.log(`checked: ${text}`);
  console.log(
    `${sums.faults} faults, ${sums.steps} steps, ${sums.requests} requests, ${sums.seeds} seeds, ${Object.keys(invariants).length} invariants, ` +
      `${seconds(began)} s on ${workers} processors`,
  );
}

async function findMutants(): Promise<void> {
  for (const mutant of mutants) {
    const began = performance.now();
    const { seed, seeds, violation } = await findMutant(mutant);
    const found = violation === undefined ? "NOT FOUND" : `found by seed ${seed}: ${violation.invariant}`;
    console.log(`${mutant.name}: ${found}, after ${seeds} seeds and ${seconds(began)} s`);
    if (violation === undefined) process.exitCode = 1;
  }
}

const { faults, from, seed, mutants: planted } = parsed();
if (seed !== undefined) await replay(whole("seed", seed, 0, SEED_MAX));
else if (planted) await findMutants();
else
  await campaign(
    faults === undefined ? ALL : whole("faults", faults, 1, SEED_MAX),
    from === undefined ? Date.now() & 0xfff_ffff : whole("from", from, 0, SEED_MAX),
  );
