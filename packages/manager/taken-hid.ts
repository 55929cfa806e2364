// Runs in: manager. Owns: which HID devices ring3 has taken, what it keeps silent of theirs, the kernel's input devices, and which nodes it has closed to
// others. It is written down in the state directory before it is done, since so it stays whoever dies: so the next manager knows, and the next ring3 up.

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { type ClosedNode, parseTakenHid, type TakenHidNote } from "@ring3/control/taken-hid";
import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { Log } from "@ring3/core/log";
import { printable } from "@ring3/core/log";
import { isInhibited, setInhibited } from "@ring3/kernel/hidraw/inhibit";
import { isNodeOf, nodeMode, setNodeMode } from "@ring3/kernel/hidraw/node-mode";

/** Everybody's but the owner's. */
const OTHERS = 0o077;

export interface TakenHidParts {
  readonly file: string;
  /** Which start of the kernel this is: /proc/sys/kernel/random/boot_id. */
  readonly boot: () => string;
  readonly log: Log;
  /** "/sys" unless given: what is elsewhere is no input device, whoever has written it down. */
  readonly sysfs?: string;
  /** "/dev" unless given; the same of nodes. */
  readonly dev?: string;
  /** The kernel's, unless given. */
  readonly setInhibited?: typeof setInhibited;
  readonly setNodeMode?: typeof setNodeMode;
}

export class TakenHid {
  readonly #parts: TakenHidParts;
  readonly #taken: Map<string, readonly string[]>;
  readonly #closed: Map<string, ClosedNode>;
  /** Devices of whose nodes it was told that they are open to others. */
  readonly #open = new Set<string>();
  readonly #owed: Set<string>;
  /** What is in the file is not how it is. */
  #stale = false;
  readonly #inhibit: typeof setInhibited;
  readonly #setMode: typeof setNodeMode;

  constructor(parts: TakenHidParts) {
    this.#parts = parts;
    this.#inhibit = parts.setInhibited ?? setInhibited;
    this.#setMode = parts.setNodeMode ?? setNodeMode;
    const { taken = {}, closed = {}, owed = [] } = this.#written() ?? {};
    this.#taken = new Map(Object.entries(taken));
    this.#closed = new Map(Object.entries(closed));
    this.#owed = new Set(owed);
  }

  has(kernelName: string): boolean {
    return this.#taken.has(kernelName);
  }

  /** What is silent already at somebody else's wish stays theirs. Where it throws it has changed nothing. `node`: if it has one. */
  take(kernelName: string, inputs: readonly string[], node?: string): void {
    this.#silenceAll(kernelName, inputs);
    if (node !== undefined) this.#close(kernelName, node);
  }

  #silenceAll(kernelName: string, inputs: readonly string[]): void {
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

  /** A program that speaks to the device itself would meet it twice. Ring3's own user need not be the node's owner: it is told then, and nothing more. */
  #close(kernelName: string, node: string): void {
    const mode = nodeMode(node) ?? 0;
    if ((mode & OTHERS) === 0) return;
    // Where it was closed before, somebody has opened it since. Another number is another node: the kernel's driver is another.
    const before = this.#closed.get(kernelName);
    const isClosed = before?.node === node;
    try {
      if (!isClosed) {
        this.#closed.set(kernelName, { node, mode });
        this.#write();
      }
      this.#setMode(node, mode & ~OTHERS);
    } catch (error) {
      if (!isClosed) {
        this.#closed.delete(kernelName);
        this.#note();
      }
      if (this.#open.has(kernelName)) return;
      this.#open.add(kernelName);
      this.#parts.log.warn(
        `${node} stays open to others, who may meet the device twice: ${(error as Error).message}; run ring3 as root, or have a rule of udev's keep others out (GROUP, MODE, TAG-="uaccess")`,
      );
    }
  }

  #reopen(kernelName: string): void {
    const closed = this.#closed.get(kernelName);
    if (closed === undefined) return;
    const { node, mode } = closed;
    try {
      if (isNodeOf(node, kernelName, this.#parts.sysfs)) this.#setMode(node, mode);
      this.#closed.delete(kernelName);
    } catch (error) {
      this.#parts.log.error(`${(error as Error).message}; it is tried again`);
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
    const known = new Set([...this.#taken.keys(), ...this.#closed.keys()]);
    const gone = [...known].filter((kernelName) => !present.has(kernelName));
    for (const kernelName of gone) {
      this.#taken.delete(kernelName);
      this.#closed.delete(kernelName);
      this.#open.delete(kernelName);
    }
    const owed = this.#owed.size + this.#closed.size;
    this.#speak([...this.#owed]);
    for (const kernelName of [...this.#closed.keys()])
      if (!this.#taken.has(kernelName)) this.#reopen(kernelName);
    if (gone.length > 0 || this.#owed.size + this.#closed.size < owed || this.#stale) this.#note();
  }

  #giveBack(whether: (kernelName: string) => boolean): void {
    const names = [...this.#taken.keys()].filter(whether);
    const inputs = names.flatMap((kernelName) => this.#taken.get(kernelName)!);
    const owed = this.#owed.size;
    this.#speak([...this.#owed, ...inputs]);
    for (const kernelName of names) {
      this.#reopen(kernelName);
      this.#taken.delete(kernelName);
    }
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
      closed: Object.fromEntries(this.#closed),
      owed: [...this.#owed],
    };
    writeFileSync(fresh, JSON.stringify(written), { mode: 0o600 });
    renameSync(fresh, file);
    this.#stale = false;
  }

  #written(): TakenHidNote | undefined {
    const { file, boot, log, sysfs = "/sys", dev = "/dev" } = this.#parts;
    try {
      const written = parseTakenHid(readFileSync(file, "utf8"), sysfs, dev);
      return written.boot === boot() ? written : undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT")
        log.error(`${file} cannot be read, so nothing is given back: ${printable((error as Error).message)}`);
      return undefined;
    }
  }
}
