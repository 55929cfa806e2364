// Runs in: CLI. Owns: nothing. Whether a probe was denied, by its outcome. Pure.
import type { Probe } from "./catalogue.ts";

/**
 * undefined: denied; else why it counts as escaped. An outcome is a word, and behind a colon what somebody says about it; both "died"
 * and the manager's own word for its reason count: "died: malformed: event of generation 77".
 */
export function escapeOf({ denied }: Pick<Probe, "denied">, outcome: string): string | undefined {
  if (denied.some((expected) => outcome === expected || outcome.startsWith(`${expected}:`))) return undefined;
  return `${outcome}; denied would be ${denied.join(" or ")}`;
}
