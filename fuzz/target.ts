// Runs in: make fuzz and tests. Owns: nothing. What a trust edge gives to be fuzzed, and how one input is judged.
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { DeviceError } from "@ring3/core/errors";

export interface Target {
  /** What is read there, and from whom. */
  readonly what: string;
  /** Whole, valid inputs to begin with. */
  readonly seeds: readonly Uint8Array[];
  /** Pieces that valid inputs have. */
  readonly words?: readonly Uint8Array[];
  /**
   * Takes the input as the edge does. True: it was taken for valid. A DeviceError, or false, is a refusal; anything else that is thrown is a
   * finding, and so is not ending.
   */
  run(input: Uint8Array): boolean | Promise<boolean>;
}

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

export const targetNames: readonly string[] = globSync("*.fuzz.ts", { cwd: import.meta.dirname })
  .map((file) => basename(file, ".fuzz.ts"))
  .toSorted();

export async function loadTarget(name: string): Promise<Target> {
  return ((await import(join(import.meta.dirname, `${name}.fuzz.ts`))) as { default: Target }).default;
}

/** Inputs that once were findings, by their files' names; each is tried again in `make test`. */
export function foundInputs(name: string): ReadonlyMap<string, Uint8Array> {
  const folder = join(import.meta.dirname, "found", name);
  return new Map(
    globSync("*", { cwd: folder })
      .toSorted()
      .map((file) => [file, readFileSync(join(folder, file))]),
  );
}

export type Verdict = "taken" | "refused";

/** Throws what is a finding. */
export async function judge(target: Target, input: Uint8Array): Promise<Verdict> {
  try {
    const taken = target.run(input);
    return (typeof taken === "boolean" ? taken : await taken) ? "taken" : "refused";
  } catch (error) {
    if (error instanceof DeviceError && error.kind !== "internal") return "refused";
    throw error;
  }
}
