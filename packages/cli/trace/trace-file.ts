// Runs in: CLI. Owns: the file that a trace is written to, piece by piece: however long it becomes, little of it is kept.
import { closeSync, openSync, writeSync } from "node:fs";
import { TraceText } from "@ring3/client/trace/trace-text";
import type { TraceEvent } from "@ring3/client/trace/tracks";
import { sentence } from "@ring3/control/sentence";

export class TraceFile {
  readonly path: string;
  readonly #fd: number;
  readonly #text = new TraceText((piece) => this.#write(piece));

  /** Whose use of the device it shows is nobody else's business. Throws where it cannot be written. */
  constructor(path: string) {
    this.path = path;
    this.#fd = this.#try(() => openSync(path, "w", 0o600));
  }

  get events(): number {
    return this.#text.events;
  }

  add(event: TraceEvent): void {
    this.#text.add(event);
  }

  /** What stands beside the events. */
  end(otherData: Readonly<Record<string, string | number>>): void {
    this.#text.end(otherData);
    closeSync(this.#fd);
  }

  #write(piece: string): void {
    const bytes = Buffer.from(piece);
    for (let done = 0; done < bytes.length; ) done += this.#try(() => writeSync(this.#fd, bytes, done));
  }

  #try<T>(write: () => T): T {
    try {
      return write();
    } catch (error) {
      throw sentence(
        "io",
        `write the trace to ${this.path}: ${(error as Error).message}; name another file with --output`,
        { cause: error },
      );
    }
  }
}
