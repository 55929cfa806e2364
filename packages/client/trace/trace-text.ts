// Runs in: CLI and console. Owns: how the events of a trace become the text of its file, piece by piece. Pure.
import type { TraceEvent } from "./tracks.ts";

/** Characters that are worth a write. */
const PIECE = 65_536;

/** A JSON Object Format file (Trace Event Format, "JSON Object Format"). */
export class TraceText {
  events = 0;
  readonly #give: (piece: string) => void;
  #piece = '{"displayTimeUnit":"ns","traceEvents":[';

  /** `give` gets the file's text in its order. */
  constructor(give: (piece: string) => void) {
    this.#give = give;
  }

  add(event: TraceEvent): void {
    this.#piece += `${this.events++ === 0 ? "\n" : ",\n"}${JSON.stringify(event)}`;
    if (this.#piece.length >= PIECE) this.#flush();
  }

  /** What stands beside the events. */
  end(otherData: Readonly<Record<string, string | number>>): void {
    this.#piece += `\n],"otherData":${JSON.stringify(otherData)}}\n`;
    this.#flush();
  }

  #flush(): void {
    this.#give(this.#piece);
    this.#piece = "";
  }
}

/** Of a device's id: what any file may be called. */
export const traceName = (device: string): string => `trace-${device.replace(/[^A-Za-z0-9.-]/g, "_")}.json`;
