// Runs in: make lab, `npm run lab [FILE…]`. Boots each machine that the test files name, once, and runs them in it.
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Totals } from "../setup/totals.ts";
import { BrokenBoot, bootAndRun, type Outcome } from "./boot.ts";
import { machineOf } from "./machines.ts";
import { type Prepared, prepare, Unprepared } from "./prepare.ts";
import type { Report } from "./report.ts";

const root = resolve(import.meta.dirname, "..");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { totals: { type: "string" }, keep: { type: "string" } },
});

const named = positionals.map((path) => resolve(path));
const files =
  named.length > 0
    ? named
    : globSync("lab/tests/**/*.test.ts", { cwd: root })
        .toSorted()
        .map((path) => resolve(root, path));
const byMachine = Map.groupBy(files, (file) => machineOf(readFileSync(file, "utf8")));

const totals: Totals = { passed: 0, failed: 0, skipped: 0, failures: [] };
const start = performance.now();
const elapsed = (): string => `${((performance.now() - start) / 1000).toFixed(1)} s`;

function show(report: Report): void {
  switch (report.type) {
    case "ready":
      console.log(
        `lab: guest is up after ${elapsed()} (${(report.uptimeMs / 1000).toFixed(1)} s since its kernel started)`,
      );
      break;
    case "output":
      process.stdout.write(report.text);
      break;
    case "kept":
      if (values.keep) writeFileSync(join(values.keep, report.name), report.text);
      break;
    case "test": {
      const mark = { passed: "✔", failed: "✖", skipped: "﹣" }[report.status];
      console.log(
        `${"  ".repeat(report.nesting)}${mark} ${basename(report.file, ".test.ts")}: ${report.name} (${Math.round(report.ms)} ms)`,
      );
      if (!report.error) break;
      console.log(report.error.replace(/^/gm, "    "));
      totals.failures.push(`${basename(report.file)}: ${report.name}: ${report.error.split("\n", 1)[0]}`);
      break;
    }
  }
}

/**
 * QEMU 7.2 may run code that the kernel has just changed on its other processor (guest/steady.ts), and a kernel changes most of it
 * while it boots: it panics once in a long while. Nothing of ring3 has run by then, so such a guest is booted again, and that is told.
 */
const BOOTS = 3;

function prepareOrEnd(): Prepared {
  try {
    return prepare();
  } catch (error) {
    if (!(error instanceof Unprepared)) throw error;
    console.error(`lab: ${error.message}`);
    process.exit(1);
  }
}

async function run(machine: string, tests: string[]): Promise<Outcome> {
  for (let boot = 1; ; boot++) {
    try {
      return await bootAndRun(machine, tests, prepared, show);
    } catch (error) {
      if (!(error instanceof BrokenBoot)) throw error;
      const trouble = `the guest's kernel broke while it booted, ${boot} of ${BOOTS}: ${error.message}`;
      if (boot === BOOTS) return { passed: 0, failed: 0, skipped: 0, trouble };
      console.error(`lab: machine ${machine}: ${trouble}\nlab: booting it again`);
    }
  }
}

const prepared = prepareOrEnd();
/** Side by side: a guest's tests wait most of the time, or keep one processor busy. */
await Promise.all(
  [...byMachine].map(async ([machine, tests]) => {
    console.log(`lab: machine ${machine}: ${tests.map((file) => relative(root, file)).join(", ")}`);
    const outcome = await run(machine, tests);
    totals.passed += outcome.passed;
    totals.failed += outcome.failed;
    totals.skipped += outcome.skipped;
    if (outcome.trouble === undefined) return;
    totals.failed += 1;
    totals.failures.push(`machine ${machine}: ${outcome.trouble}`);
    console.error(`lab: machine ${machine}: ${outcome.trouble}`);
  }),
);
if (values.totals) writeFileSync(values.totals, JSON.stringify(totals));
else
  console.log(
    `${totals.passed} passed, ${totals.failed} failed${totals.skipped ? `, ${totals.skipped} skipped` : ""}`,
  );
console.log(`lab: ${elapsed()}`);
process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0;
