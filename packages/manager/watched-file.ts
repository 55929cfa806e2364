// Runs in: manager. Owns: the watches on one file that people edit: editors rename another into its place, and its folder may be made only later.
import { existsSync, type FSWatcher, watch } from "node:fs";
import { dirname } from "node:path";
import type { Clock, Timer } from "@ring3/core/clock";
import type { Log } from "@ring3/core/log";
import { readTrusted } from "./trusted-file.ts";

/** Whoever writes it is done once nothing has happened for so long; or waits for no longer than that, where it is written to all the time. */
const QUIET_MS = 100;
const LATE_MS = 1000;

/** Its text; undefined: there is none; an error: it cannot be read, and why. */
export type Found = string | undefined | Error;

export interface FileSurroundings {
  /** Calls `changed` when anything happens to what is there, or in it; throws where it cannot be watched. */
  readonly watch: (path: string, changed: () => void) => { close(): void };
  readonly exists: (path: string) => boolean;
  readonly read: (file: string) => Found;
}

export class WatchedFile {
  readonly #file: string;
  readonly #surroundings: FileSurroundings;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #found: (found: Found) => void;
  #watches: { close(): void }[] = [];
  #unwatched = "";
  #quiet: Timer | undefined;
  #late: Timer | undefined;
  #closed = false;

  /** `found` is told what is there each time that it may be something else. */
  constructor(
    file: string,
    surroundings: FileSurroundings,
    clock: Clock,
    log: Log,
    found: (found: Found) => void,
  ) {
    this.#file = file;
    this.#surroundings = surroundings;
    this.#clock = clock;
    this.#log = log;
    this.#found = found;
  }

  /** Now, and from now on. */
  look(): void {
    if (this.#closed) return;
    this.#quiet?.cancel();
    this.#late?.cancel();
    this.#quiet = undefined;
    this.#late = undefined;
    this.#watch(); // first: what is written after it was read is seen
    this.#found(this.#surroundings.read(this.#file));
  }

  close(): void {
    this.#closed = true;
    this.#quiet?.cancel();
    this.#late?.cancel();
    this.#unwatch();
  }

  #watch(): void {
    this.#unwatch();
    const { watch, exists } = this.#surroundings;
    let folder = dirname(this.#file);
    while (!exists(folder) && folder !== dirname(folder)) folder = dirname(folder);
    try {
      this.#watches.push(watch(folder, () => this.#changed()));
      if (exists(this.#file)) this.#watches.push(watch(this.#file, () => this.#changed())); // it may be a link to elsewhere
      this.#unwatched = "";
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.#unwatched)
        this.#log.warn(`changes of ${this.#file} are seen only when "ring3 map" looks: ${message}`);
      this.#unwatched = message;
    }
  }

  #unwatch(): void {
    for (const watch of this.#watches.splice(0)) watch.close();
  }

  #changed(): void {
    if (this.#closed) return;
    this.#quiet?.cancel();
    this.#quiet = this.#clock.after(QUIET_MS, () => this.look());
    this.#late ??= this.#clock.after(LATE_MS, () => this.look());
  }
}

/** `charactersMax`: what is longer is not read. */
export const fileSurroundings = (charactersMax: number): FileSurroundings => ({
  watch(path, changed) {
    const watcher: FSWatcher = watch(path, changed);
    watcher.on("error", changed); // it is set up anew then
    return watcher;
  },
  exists: existsSync,
  read(file) {
    try {
      return readTrusted(file, charactersMax);
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "ENOENT" ? undefined : (error as Error);
    }
  },
});
