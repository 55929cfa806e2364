// Runs in: manager. Owns: which HID devices ring3 has taken, and what it keeps silent of theirs: the kernel's input devices. It is written down in the
// state directory before it is done, since the kernel keeps them silent whoever dies: so the next manager knows, and the next ring3 up.

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Log } from "@ring3/core/log";
import { printable } from "@ring3/core/log";
import { isInhibited, setInhibited } from "@ring3/kernel/hidraw/inhibit";

/** The kernel's names, for a HID device as for an input device, are never another's before it is started anew. */
type Taken = Record<string, readonly string[]>;

export interface TakenHidParts {
  readonly file: string;
  /** Which start of the kernel this is: /proc/sys/kernel/random/boot_id. */
  readonly boot: () => string;
  readonly log: Log;
}

export class TakenHid {
  readonly #parts: TakenHidParts;
  /** By the kernel's name of the HID device: folders of the input devices that ring3 has silenced, in sysfs. */
  readonly #taken: Map<string, readonly string[]>;

  constructor(parts: TakenHidParts) {
    this.#parts = parts;
    this.#taken = new Map(Object.entries(this.#written()));
  }

  has(kernelName: string): boolean {
    return this.#taken.has(kernelName);
  }

  /** What is silent already at somebody else's wish stays theirs. Throws DeviceError, and then has changed nothing. */
  take(kernelName: string, inputs: readonly string[]): void {
    const before = this.#taken.get(kernelName);
    const own = before?.filter((input) => inputs.includes(input)) ?? [];
    const more = inputs.filter((input) => !own.includes(input) && isInhibited(input) !== true);
    if (before === undefined || more.length > 0) {
      this.#taken.set(kernelName, [...own, ...more]);
      this.#write();
    }
    try {
      for (const input of [...own, ...more]) if (isInhibited(input) !== true) setInhibited(input, true);
    } catch (error) {
      this.#speak(more);
      if (before === undefined) this.#taken.delete(kernelName);
      else this.#taken.set(kernelName, own);
      this.#write();
      throw error;
    }
  }

  giveBack(kernelName: string): void {
    const inputs = this.#taken.get(kernelName);
    if (inputs === undefined) return;
    this.#speak(inputs);
    this.#taken.delete(kernelName);
    this.#write();
  }

  /** Whoever had taken them is no more. */
  giveBackAll(): void {
    for (const kernelName of [...this.#taken.keys()]) this.giveBack(kernelName);
  }

  /** Of devices that are there no more nothing is left to be done. */
  keep(present: ReadonlySet<string>): void {
    const gone = [...this.#taken.keys()].filter((kernelName) => !present.has(kernelName));
    for (const kernelName of gone) this.#taken.delete(kernelName);
    if (gone.length > 0) this.#write();
  }

  #speak(inputs: readonly string[]): void {
    for (const input of inputs)
      try {
        if (isInhibited(input) === true) setInhibited(input, false);
      } catch (error) {
        this.#parts.log.error((error as Error).message);
      }
  }

  #write(): void {
    const { file, boot } = this.#parts;
    const fresh = `${file}.new`;
    writeFileSync(fresh, JSON.stringify({ boot: boot(), taken: Object.fromEntries(this.#taken) }), {
      mode: 0o600,
    });
    renameSync(fresh, file);
  }

  #written(): Taken {
    const { file, boot, log } = this.#parts;
    try {
      const { boot: of, taken } = JSON.parse(readFileSync(file, "utf8"));
      return of === boot() ? taken : {};
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT")
        log.error(`${file} cannot be read, so nothing is given back: ${printable((error as Error).message)}`);
      return {};
    }
  }
}
