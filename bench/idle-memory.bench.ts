// Runs in: benchmarks. What an idle driver host holds for itself alone, with another one running beside it.
import { readFileSync } from "node:fs";
import { idle } from "./idle.ts";
import type { Benchmark, Round } from "./main.ts";

const GOAL_MB = 15;

/** Private_Clean and Private_Dirty, proc_pid_smaps(5). */
function privateMb(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1").matchAll(
    /^Private_(?:Clean|Dirty): *(\d+) kB/gm,
  );
  return [...fields].reduce((sum, [, kb]) => sum + Number(kb), 0) / 1024;
}

async function* run(): AsyncIterable<Round> {
  const found = await idle(2, async ({ hosts }) => hosts.map(privateMb));
  for (const ours of found) yield { ours, peer: GOAL_MB };
}

export default {
  what: `private memory of an idle host, against the ${GOAL_MB} MB that it may have`,
  unit: "MB",
  goal: "<= 1",
  run,
} satisfies Benchmark;
