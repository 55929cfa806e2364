// Runs in: make simulate and tests. Owns: simulation/found/: seeds that once broke an invariant, each tried again in make test.
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import * as v from "valibot";

/** Counts up when the same seed comes to mean something else: other faults, other chances, other programs. */
export const FORMAT = 2;

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const fixture = v.strictObject({
  format: v.literal(FORMAT),
  seed: whole,
  faults: whole,
  /** What was wrong then, for people. */
  found: v.string(),
});
export type Fixture = v.InferOutput<typeof fixture>;

const FOLDER = join(import.meta.dirname, "found");

/** Throws where a file is none of these, or of another format. */
export function readFixture(file: string): Fixture {
  const name = relative(process.cwd(), file);
  let value: { format?: unknown };
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`${name}: no fixture of the simulation: ${(error as Error).message}`);
  }
  if (value?.format !== FORMAT)
    throw new Error(
      `${name}: a fixture of format ${value?.format}, this simulation has format ${FORMAT}: its seed means something else now; ` +
        "find the mistake with the simulation of that format, or delete the file",
    );
  const parsed = v.safeParse(fixture, value);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw new Error(
    `${name}: ${v.getDotPath(issue) ?? "fixture"}: expected ${issue.expected}, found ${issue.received}`,
  );
}

export function foundSeeds(): Fixture[] {
  return globSync("*.json", { cwd: FOLDER })
    .toSorted()
    .map((file) => readFixture(join(FOLDER, file)));
}

/** Returns the file's name. */
export function keep(seed: number, faults: number, found: string): string {
  const file = join(FOLDER, `${seed}.json`);
  mkdirSync(FOLDER, { recursive: true });
  const kept: Fixture = { format: FORMAT, seed, faults, found };
  writeFileSync(file, `${JSON.stringify(kept, null, 2)}\n`);
  return relative(process.cwd(), file);
}
