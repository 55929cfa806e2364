// Runs in: CLI. Owns: the file that a trace is written to, piece by piece: however long it becomes, little of it is kept.
import { closeSync, openSync, writeSync } from "node:fs";
import { sentence } from "@ring3/control/sentence";
import type { TraceEvent } from "./tracks.ts";

const PIECE = 65_536;

/** A JSON Object Format file (Trace Event Format, "JSON Object Format"). */
export class TraceFile {
  readonly path: string;
  events = 0;
  readonly #fd: number;
  #piece = '{"displayTimeUnit":"ns","traceEvents":[';

  /** Whose use of the device it shows is nobody else's business. Throws where it cannot be written. */
  constructor(path: string) {
    this.path = path;
    this.#fd = this.#try(() => openSync(path, "w", 0o600));
  }

  add(event: TraceEvent): void {
    this.#piece += `${this.events++ === 0 ? "\n" : ",\n"}${JSON.stringify(event)}`;
    if (this.#piece.length >= PIECE) this.#write();
  }

  /** What stands beside the events. */
  end(otherData: Readonly<Record<string, string | number>>): void {
    this.#piece += `\n],"otherData":${JSON.stringify(otherData)}}\n`;
    this.#write();
    closeSync(this.#fd);
  }

  #write(): void {
    const bytes = Buffer.from(this.#piece);
    this.#piece = "";
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
