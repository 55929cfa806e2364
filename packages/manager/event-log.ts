// Runs in: manager. Owns: the event log: the latest entries in memory, all of them in a file that is rotated.

import {
  appendFileSync,
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
} from "node:fs";
import type { LogEntry } from "@ring3/core/log";

const KEPT_ENTRIES = 2000;
/** As JSON; what is kept fits into one frame of a control connection (4 MiB, kernel/socket). */
const KEPT_BYTES = 2 * 2 ** 20;
const FILE_MAX_BYTES = 8 * 2 ** 20;

export class EventLog {
  readonly #file: string | undefined;
  readonly #kept: { entry: LogEntry; bytes: number }[] = [];
  #keptBytes = 0;
  readonly #followers = new Set<(entry: LogEntry) => void>();
  /** Open for as long as it can be written: opening it for each entry is most of what an entry costs. */
  #fd: number | undefined;
  #bytes = 0;
  /** Why the last entry is not in the file; those in memory go on. */
  #fileError: string | undefined;

  /** `goOn`: what an earlier manager has written there is kept as this one's. Without a file there is no more than what is kept. */
  constructor(file?: string, goOn = false) {
    this.#file = file;
    if (goOn && file !== undefined && existsSync(file)) this.#restore(file);
  }

  /** A death may have cut the last line short. */
  #restore(file: string): void {
    for (const line of readFileSync(file, "utf8").split("\n").slice(0, -1)) {
      try {
        this.#keep(JSON.parse(line) as LogEntry, Buffer.byteLength(line) + 1);
      } catch {
        // half a line, which was continued by the next entry: neither can be read
      }
    }
  }

  add(entry: LogEntry): void {
    const line = `${JSON.stringify(entry)}\n`;
    this.#keep(entry, Buffer.byteLength(line));
    if (this.#file !== undefined) this.#write(line, this.#file);
    for (const follow of this.#followers) follow(entry);
  }

  #keep(entry: LogEntry, bytes: number): void {
    this.#kept.push({ entry, bytes });
    this.#keptBytes += bytes;
    while (this.#kept.length > KEPT_ENTRIES || this.#keptBytes > KEPT_BYTES)
      this.#keptBytes -= this.#kept.shift()!.bytes;
  }

  /** The kept entries of one device, or of all; oldest first. */
  entries(device: string | null): LogEntry[] {
    return this.#kept.map(({ entry }) => entry).filter((entry) => concerns(entry, device));
  }

  follow(device: string | null, run: (entry: LogEntry) => void): () => void {
    const follower = (entry: LogEntry) => {
      if (concerns(entry, device)) run(entry);
    };
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /** A full disk must not stop a device: the entry is lost to the file only, which is said once. */
  #write(line: string, file: string): void {
    try {
      this.#fd ??= this.#open(file);
      if (this.#bytes + line.length > FILE_MAX_BYTES) {
        renameSync(file, `${file}.1`);
        this.#close();
        this.#fd = this.#open(file);
      }
      appendFileSync(this.#fd, line);
      this.#bytes += Buffer.byteLength(line);
      this.#fileError = undefined;
    } catch (error) {
      if (this.#fileError === undefined)
        process.stderr.write(`ring3: event log ${file}: ${(error as Error).message}\n`);
      this.#fileError = (error as Error).message;
      this.#close();
    }
  }

  #open(file: string): number {
    const fd = openSync(file, "a", 0o600);
    this.#bytes = fstatSync(fd).size;
    return fd;
  }

  #close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/** Sources are "manager/usb-1-4:1.0" and below it. */
function concerns({ source }: LogEntry, device: string | null): boolean {
  return device === null || source.split("/").includes(device);
}
