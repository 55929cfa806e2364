// Runs in: CLI, in the demo. Owns: a program that uses a disk all the while and counts: each block that it writes it reads again, at once and a round later, and compares.
import { type Block, blockClass, connect, type OpenUnit, type Ring3 } from "@ring3/client";
import { Ledger } from "./ledger.ts";

/** What it has found so far. */
export interface Verified {
  readonly blocks: number;
  /** Blocks that were not as they were written, and requests that failed though nobody had stopped the disk. */
  readonly lost: number;
  /** The longest that one block took, in milliseconds: a driver's death is a pause. */
  readonly longestMs: number;
}

/** A little work, for a machine that has other things to do. */
const PAUSE_MS = 5;
/** Before a disk that is not there is looked for again. */
const AWAY_MS = 200;

export class Workload {
  readonly #ledger = new Ledger((ms, asWritten) => this.#count(ms, !asWritten));
  #verified: Verified = { blocks: 0, lost: 0, longestMs: 0 };
  #stopped = false;
  #ring3: Ring3 | undefined;

  get verified(): Verified {
    return this.#verified;
  }

  /** Until it is stopped; a disk that is unplugged is waited for. `wasStopped`: a person has stopped the disk, whose requests fail then. */
  async run(stateDir: string, unit: string, wasStopped: () => Promise<boolean>): Promise<void> {
    this.#ring3 = await connect({ stateDir });
    while (!this.#stopped) {
      const disk = await this.#ring3.open(unit, blockClass, "write").catch(() => undefined); // it is not there yet, or not again
      if (disk !== undefined)
        await this.#use(disk)
          .catch(async () => {
            if (!this.#stopped && !(await wasStopped())) this.#count(0, true);
          })
          .finally(() => disk.close().catch(() => {}));
      await pause(AWAY_MS);
    }
  }

  async #use(disk: OpenUnit<Block>): Promise<void> {
    while (!this.#stopped) {
      await this.#ledger.step(disk);
      await pause(PAUSE_MS);
    }
  }

  #count(ms: number, lost: boolean): void {
    const { blocks, longestMs } = this.#verified;
    this.#verified = {
      blocks: blocks + 1,
      lost: this.#verified.lost + (lost ? 1 : 0),
      longestMs: Math.max(longestMs, ms),
    };
  }

  stop(): void {
    this.#stopped = true;
    this.#ring3?.close();
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
