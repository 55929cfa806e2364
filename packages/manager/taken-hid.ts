// Runs in: manager. Owns: which HID devices ring3 has taken, and what it keeps silent of theirs: the kernel's input devices. It is written down in the
// state directory before it is done, since the kernel keeps them silent whoever dies: so the next manager knows, and the next ring3 up.

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { parseTakenHid, type TakenHidNote } from "@ring3/control/taken-hid";
import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { Log } from "@ring3/core/log";
import { printable } from "@ring3/core/log";
import { isInhibited, setInhibited } from "@ring3/kernel/hidraw/inhibit";

export interface TakenHidParts {
  readonly file: string;
  /** Which start of the kernel this is: /proc/sys/kernel/random/boot_id. */
  readonly boot: () => string;
  readonly log: Log;
  /** "/sys" unless given: what is elsewhere is no input device, whoever has written it down. */
  readonly sysfs?: string;
  /** The kernel's, unless given. */
  readonly setInhibited?: typeof setInhibited;
}

export class TakenHid {
  readonly #parts: TakenHidParts;
  readonly #taken: Map<string, readonly string[]>;
  readonly #owed: Set<string>;
  /** What is in the file is not how it is. */
  #stale = false;
  readonly #inhibit: typeof setInhibited;

  constructor(parts: TakenHidParts) {
    this.#parts = parts;
    this.#inhibit = parts.setInhibited ?? setInhibited;
    const { taken = {}, owed = [] } = this.#written() ?? {};
    this.#taken = new Map(Object.entries(taken));
    this.#owed = new Set(owed);
  }

  has(kernelName: string): boolean {
    return this.#taken.has(kernelName);
  }

  /** What is silent already at somebody else's wish stays theirs. Where it throws it has changed nothing. */
  take(kernelName: string, inputs: readonly string[]): void {
    const before = this.#taken.get(kernelName);
    const owed = inputs.filter((input) => this.#owed.has(input));
    const own = inputs.filter((input) => before?.includes(input) || owed.includes(input));
    const more = inputs.filter((input) => !own.includes(input) && isInhibited(input) !== true);
    try {
      if (before === undefined || owed.length + more.length > 0) {
        this.#taken.set(kernelName, [...own, ...more]);
        for (const input of owed) this.#owed.delete(input);
        this.#write();
      }
      for (const input of [...own, ...more]) if (isInhibited(input) !== true) this.#silence(input);
    } catch (error) {
      for (const input of owed) this.#owed.add(input);
      this.#speak(more);
      if (before === undefined) this.#taken.delete(kernelName);
      else this.#taken.set(kernelName, before);
      this.#note();
      throw error;
    }
  }

  /** One that has gone meanwhile says nothing. */
  #silence(input: string): void {
    try {
      this.#inhibit(input, true);
    } catch (error) {
      if (!(error instanceof DeviceError && error.kind === "disconnected")) throw error;
    }
  }

  giveBack(kernelName: string): void {
    this.#giveBack((name) => name === kernelName);
  }

  /** Whoever had taken them is no more. */
  giveBackAll(): void {
    this.#giveBack(() => true);
  }

  /** Those that no driver has, or will have, and nobody else would give back. */
  giveBackBut(kept: ReadonlySet<string>): void {
    this.#giveBack((name) => !kept.has(name));
  }

  /** When `end` has come, whichever way; after `withinMs` at the latest: who waits for it may be killed then. */
  async giveBackAfter(end: () => Promise<void>, withinMs: number, clock: Clock): Promise<void> {
    const late = clock.after(withinMs, () => this.giveBackAll());
    try {
      await end();
    } finally {
      late.cancel();
      this.giveBackAll();
    }
  }

  /** Of devices that are there no more nothing is left to be done; what could not be done before is tried again. */
  keep(present: ReadonlySet<string>): void {
    const gone = [...this.#taken.keys()].filter((kernelName) => !present.has(kernelName));
    for (const kernelName of gone) this.#taken.delete(kernelName);
    const owed = this.#owed.size;
    this.#speak([...this.#owed]);
    if (gone.length > 0 || this.#owed.size < owed || this.#stale) this.#note();
  }

  #giveBack(whether: (kernelName: string) => boolean): void {
    const names = [...this.#taken.keys()].filter(whether);
    const inputs = names.flatMap((kernelName) => this.#taken.get(kernelName)!);
    const owed = this.#owed.size;
    this.#speak([...this.#owed, ...inputs]);
    for (const kernelName of names) this.#taken.delete(kernelName);
    if (names.length > 0 || owed > 0) this.#note();
  }

  /** One that cannot be told so just now (its file is root's until udev has given it to ring3's group) is owed it. */
  #speak(inputs: readonly string[]): void {
    for (const input of inputs)
      try {
        if (isInhibited(input) === true) this.#inhibit(input, false);
        this.#owed.delete(input);
      } catch (error) {
        if (error instanceof DeviceError && error.kind === "disconnected") this.#owed.delete(input);
        else if (!this.#owed.has(input)) {
          this.#owed.add(input);
          this.#parts.log.error(`${(error as Error).message}; it is tried again`);
        }
      }
  }

  /** Where it is done already: that it cannot be written down undoes nothing. */
  #note(): void {
    try {
      this.#write();
    } catch (error) {
      if (!this.#stale)
        this.#parts.log.error(
          `which HID devices are taken cannot be written down: ${(error as Error).message}`,
        );
      this.#stale = true;
    }
  }

  #write(): void {
    const { file, boot } = this.#parts;
    const fresh = `${file}.new`;
    const written: TakenHidNote = {
      boot: boot(),
      taken: Object.fromEntries(this.#taken),
      owed: [...this.#owed],
    };
    writeFileSync(fresh, JSON.stringify(written), { mode: 0o600 });
    renameSync(fresh, file);
    this.#stale = false;
  }

  #written(): TakenHidNote | undefined {
    const { file, boot, log, sysfs = "/sys" } = this.#parts;
    try {
      const written = parseTakenHid(readFileSync(file, "utf8"), sysfs);
      return written.boot === boot() ? written : undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT")
        log.error(`${file} cannot be read, so nothing is given back: ${printable((error as Error).message)}`);
      return undefined;
    }
  }
}
