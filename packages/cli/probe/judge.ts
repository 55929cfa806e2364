// Runs in: CLI. Owns: nothing. Whether a probe was denied, by its outcome. Pure.
import type { Probe } from "./catalogue.ts";

/**
 * undefined: denied; else why it counts as escaped. An outcome is a word, and behind a colon or semicolon what somebody says about it; both "died"
 * and the manager's own word for its reason count: "died: malformed: event of generation 77".
 */
export function escapeOf({ denied }: Pick<Probe, "denied">, outcome: string): string | undefined {
  const fits = (expected: string) =>
    outcome.startsWith(expected) && /^([:;]|$)/.test(outcome.slice(expected.length));
  if (denied.some(fits)) return undefined;
  return `${outcome}; denied would be ${denied.join(" or ")}`;
}
