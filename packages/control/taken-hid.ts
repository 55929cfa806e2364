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
  /** Folders of those that were to speak again and could not be told so yet. */
  readonly owed: readonly string[];
}

/** Throws where it is none. */
export function parseTakenHid(text: string, sysfs: string): TakenHidNote {
  const below = (path: string) => path.startsWith(`${sysfs}/`) && resolve(path) === path;
  const inputs = v.array(v.pipe(v.string(), v.check(below, `expected a path below ${sysfs}`)));
  const note = v.strictObject({ boot: v.string(), taken: v.record(v.string(), inputs), owed: inputs });
  return v.parse(note, JSON.parse(text));
}
