// Runs in: `ring3 bench --save`. Owns: docs/benchmarks/: what was measured last of each benchmark, and on which machine.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Result } from "./benchmark.ts";
import { plot } from "./plot.ts";
import { type Machine, machine } from "./processor.ts";

interface Saved extends Result {
  readonly machine: Machine;
}

const folder = join(import.meta.dirname, "..", "docs", "benchmarks");

export function save(result: Result): void {
  mkdirSync(folder, { recursive: true });
  const saved: Saved = { ...result, machine: machine() };
  writeFileSync(join(folder, `${result.name}.json`), `${JSON.stringify(saved, undefined, 2)}\n`);
  writeFileSync(join(folder, "ratios.svg"), plot(allSaved()));
}

function allSaved(): Saved[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .toSorted()
    .map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")) as Saved);
}
