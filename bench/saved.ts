// Runs in: `ring3 bench --save`. Owns: docs/benchmarks/: what was measured last of each benchmark, and on which machine.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Result, Rows } from "./benchmark.ts";
import { plot } from "./plot.ts";
import type { Machine } from "./processor.ts";

interface Saved extends Result {
  readonly machine: Machine;
}

const folder = join(import.meta.dirname, "..", "docs", "benchmarks");

export function save(result: Saved): void {
  write(result);
  writeFileSync(join(folder, "ratios.svg"), plot(allSaved()));
}

/** Has no ratio, and no place in the picture. */
export function saveTable(table: { readonly name: string } & Rows): void {
  write(table);
}

function write(saved: { readonly name: string }): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${saved.name}.json`), `${JSON.stringify(saved, undefined, 2)}\n`);
}

function allSaved(): Saved[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .toSorted()
    .map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")) as Saved | Rows)
    .filter((saved) => "ratio" in saved);
}
