// Runs in: reflector and CLI. Owns: nothing. In the mapping file: what several of its parts share.
import * as v from "valibot";
import { duration } from "./fields.ts";

export const between = (least: number, most: number) => {
  const form = `a number from ${least} to ${most}`;
  return v.pipe(v.number(form), v.minValue(least, form), v.maxValue(most, form));
};
export const durationUpTo = (most: number, least = 0) => {
  const form = `a duration from "${least}ms" to "${most}ms"`;
  return v.pipe(duration, v.minValue(least, form), v.maxValue(most, form));
};
export const named = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z][A-Za-z0-9_-]{0,62}$/, "a name of letters, digits, _ and -"),
);

/** For an issue of a rule between fields: where the one is that is at fault. */
export const pathItem = <T extends object>(input: T, key: string): v.ObjectPathItem => ({
  type: "object",
  origin: "value",
  input: input as Record<string, unknown>,
  key,
  value: (input as Record<string, unknown>)[key],
});
