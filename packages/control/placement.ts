// Runs in: manager and CLI. Owns: nothing. Where a driver runs, as driver.json and ring3.yaml say it.
import * as v from "valibot";

const POOLED = "pooled:";
const form = '"isolated", "inline" or "pooled:NAME", with a name of small letters, digits and dashes';

export const placement = v.pipe(
  v.string(form),
  v.regex(/^(?:isolated|inline|pooled:[a-z][a-z0-9-]{0,30})$/, form),
  v.description(
    "isolated: a process of its own for each device. pooled:NAME: one process, and one fate, for all devices of all drivers that name this pool. inline: in a reflector of its own, without isolation",
  ),
);

/** The pool's name; undefined: it is in none. */
export function poolOf(placement: string): string | undefined {
  return placement.startsWith(POOLED) ? placement.slice(POOLED.length) : undefined;
}
