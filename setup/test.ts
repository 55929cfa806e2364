// Runs in: make test, Node. Runs the stages named as arguments, or all of them, and closes with each one's totals.
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Totals } from "./totals.ts";

const root = resolve(import.meta.dirname, "..");
const scratch = mkdtempSync(join(tmpdir(), "ring3-test-"));

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): boolean {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  if (error) console.error(`${command}: ${error.message}`);
  return status === 0;
}

/** What a stage is told to have come to where it could not tell itself. */
const broken = (why: string): Totals => ({ passed: 0, failed: 1, skipped: 0, failures: [why] });

/** Programs that say yes or no: each counts as one test. */
function judges(commands: readonly (readonly string[])[]): Totals {
  const refused = commands.filter((command) => !run(process.execPath, command));
  const passed = commands.length - refused.length;
  return {
    passed,
    failed: refused.length,
    skipped: 0,
    failures: refused.map((command) => command.join(" ")),
  };
}

/** What a child left in its totals file; a child that died without one has failed. */
function totalsOf(file: string, ok: boolean): Totals {
  try {
    const totals: Totals = JSON.parse(readFileSync(file, "utf8"));
    return ok || totals.failed > 0
      ? totals
      : { ...totals, failed: 1, failures: ["no test failed, and the run did"] };
  } catch {
    return broken("it ended before it had counted its tests");
  }
}

function nodeTest(stage: string, files: string[], timeoutMs: number, env: NodeJS.ProcessEnv = {}): Totals {
  if (files.length === 0) {
    return broken("no test file found");
  }
  const file = join(scratch, stage);
  const reporters = ["--test-reporter=spec", "--test-reporter-destination=stdout"];
  reporters.push("--test-reporter=./setup/totals.ts", `--test-reporter-destination=${file}`);
  const options = ["--test", "--test-concurrency=2", `--test-timeout=${timeoutMs}`, ...reporters];
  return totalsOf(file, run(process.execPath, [...options, ...files.toSorted()], env));
}

const exclude = ["**/node_modules/**", "lab/tests/**", "lab/counts/**"];
const tests = (...patterns: string[]) => globSync(patterns, { cwd: root, exclude });
const processTests = tests("{packages,drivers,sims,examples,docs}/**/*.process.test.ts");
const unitTests = tests(
  "{packages,drivers,sims,lab,setup,bench,fuzz,simulation,examples,docs}/**/*.test.ts",
).filter((file) => !processTests.includes(file));

/** The addon's own tests once more, on the build with both sanitizers. Node itself is not built with them, so their runtime is preloaded. */
function sanitized(): Totals {
  const { stdout } = spawnSync("cc", ["-print-file-name=libasan.so"], { encoding: "utf8" });
  return nodeTest("asan", tests("packages/kernel/**/*.test.ts"), 120_000, {
    RING3_ADDON: join(root, "build/kernel-asan.node"),
    LD_PRELOAD: stdout.trim(),
    // V8 frees nothing at exit; a failed check ends the process, so that the test fails.
    ASAN_OPTIONS: "detect_leaks=0:abort_on_error=1",
    UBSAN_OPTIONS: "halt_on_error=1:print_stacktrace=1",
  });
}

function lab(): Totals {
  const file = join(scratch, "lab");
  return totalsOf(
    file,
    run(process.execPath, ["--disable-warning=ExperimentalWarning", "lab/main.ts", "--totals", file]),
  );
}

const tsc = "node_modules/typescript/bin/tsc";
const stages: Record<string, () => Totals> = {
  check: () =>
    judges([
      ["node_modules/@biomejs/biome/bin/biome", "check", "--error-on-warnings"],
      [tsc, "-p", "tsconfig.json"],
      [tsc, "-p", "drivers/tsconfig.json"],
      [tsc, "-p", "packages/console/ui/tsconfig.json"],
    ]),
  unit: () => nodeTest("unit", unitTests, 120_000),
  process: () => nodeTest("process", processTests, 300_000),
  asan: sanitized,
  lab,
};

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(stages);
const lines: string[] = [];
let failed = 0;
let skipped = 0;
for (const name of wanted) {
  const stage = stages[name];
  if (!stage) throw new Error(`no stage ${name}; there are ${Object.keys(stages).join(", ")}`);
  console.log(`\n== ${name}`);
  const start = Date.now();
  const totals = stage();
  failed += totals.failed;
  skipped += totals.skipped;
  lines.push(
    `${name}: ${totals.passed} passed, ${totals.failed} failed${totals.skipped ? `, ${totals.skipped} skipped` : ""}`,
    ...totals.failures.map((failure) => `  ✖ ${failure}`),
  );
  console.log(`${name}: ${((Date.now() - start) / 1000).toFixed(1)} s`);
}
rmSync(scratch, { recursive: true });
console.log(`\n${lines.join("\n")}`);
if (skipped > 0 && process.env.CI === "true") console.error("CI=true: a skipped test is a failed one");
process.exitCode = failed > 0 || (skipped > 0 && process.env.CI === "true") ? 1 : 0;
