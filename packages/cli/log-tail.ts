// Runs in: CLI. Owns: how far the event log has been read, over managers: what one says before it is asked to tell is not missed.
import { isDeepStrictEqual } from "node:util";
import type { ManagerConnection } from "@ring3/client/manager-connection";
import type { LogEntry } from "@ring3/core/log";

export class LogTail {
  readonly #device: string | null;
  readonly #tell: (entry: LogEntry) => void;
  #last: LogEntry | undefined;
  /** Told before the older ones have come. */
  #early: LogEntry[] | undefined = [];

  /** `device`: as in `ring3 logs`; null: of everything. `tell` gets each entry once, in order. */
  constructor(device: string | null, tell: (entry: LogEntry) => void) {
    this.#device = device;
    this.#tell = tell;
  }

  /** The connection's `log` notices. */
  readonly heard = (entry: LogEntry): void => {
    if (this.#early === undefined) this.#next(entry);
    else this.#early.push(entry);
  };

  /** Reads on from the last entry told, at this manager or at one that has taken a dead one's place. `follow`: later entries come as notices. */
  async read(ask: ManagerConnection["ask"], follow: boolean): Promise<void> {
    this.#early = [];
    const { entries } = await ask("logs", { device: this.#device, follow });
    for (const entry of [...this.#untold(entries), ...(this.#early ?? [])]) this.#next(entry);
    this.#early = undefined;
  }

  /** The last one told may be in no file: it was rotated away, or could not be written. */
  #untold(entries: readonly LogEntry[]): readonly LogEntry[] {
    const last = this.#last;
    const told = entries.findLastIndex((entry) => isDeepStrictEqual(entry, last));
    return last === undefined || told >= 0
      ? entries.slice(told + 1)
      : entries.filter(({ time }) => time > last.time);
  }

  #next(entry: LogEntry): void {
    this.#last = entry;
    this.#tell(entry);
  }
}
