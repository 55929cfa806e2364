// Runs in: manager. Owns: nothing. The file in the state directory that says which HID devices ring3 has taken. It is read as root, and paths in it are
// written to.

import { resolve } from "node:path";
import * as v from "valibot";

/** The kernel's names, for a HID device as for an input device, are never another's before it is started anew. */
export interface TakenHidNote {
  /** Which start of the kernel it is of. */
  readonly boot: string;
  /** By the kernel's name of the HID device: folders of the input devices that ring3 has silenced, in sysfs. */
  readonly taken: Readonly<Record<string, readonly string[]>>;
  /** By the same names: nodes that ring3 has closed to others, and their modes before. */
  readonly closed: Readonly<Record<string, ClosedNode>>;
  /** Folders of those that were to speak again and could not be told so yet. */
  readonly owed: readonly string[];
}

export interface ClosedNode {
  readonly node: string;
  readonly mode: number;
}

/** Throws where it is none. */
export function parseTakenHid(text: string, sysfs: string, dev: string): TakenHidNote {
  const below = (path: string) => path.startsWith(`${sysfs}/`) && resolve(path) === path;
  const inputs = v.array(v.pipe(v.string(), v.check(below, `expected a path below ${sysfs}`)));
  const isNode = (path: string) =>
    path.startsWith(`${dev}/`) && /^hidraw\d+$/.test(path.slice(dev.length + 1));
  const closed = v.strictObject({
    node: v.pipe(v.string(), v.check(isNode, `expected a hidraw node in ${dev}`)),
    mode: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0o777)),
  });
  const note = v.strictObject({
    boot: v.string(),
    taken: v.record(v.string(), inputs),
    closed: v.optional(v.record(v.string(), closed), {}), // one of before has none
    owed: inputs,
  });
  return v.parse(note, JSON.parse(text));
}
