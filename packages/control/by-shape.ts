// Runs in: every process. Owns: nothing. A value that may be written in more than one way.
import * as v from "valibot";

/** A schema for each way there is: a text, a list, an object. What is none of these is held against the first. */
export interface Shapes<T> {
  readonly text: v.GenericSchema<unknown, T>;
  readonly list?: v.GenericSchema<unknown, T>;
  readonly object?: v.GenericSchema<unknown, T>;
}

/** Chosen by what is written and not by what fits, so that a mistake is named where it is. `options` are for JSON Schema: any of these. */
export function byShape<T>(shapes: Shapes<T>) {
  const { text, list = text, object = text } = shapes;
  const chosen = (value: unknown) =>
    Array.isArray(value) ? list : typeof value === "object" && value !== null ? object : text;
  return Object.assign(v.lazy(chosen), { options: Object.values<v.GenericSchema>({ ...shapes }) });
}
