// Runs in: CLI, in the demo. Owns: a program that uses a disk all the while and counts: each block that it writes it reads again, and compares.
import { type Block, blockClass, connect, type OpenUnit, type Ring3 } from "@ring3/client";

/** What it has found so far. */
export interface Verified {
  readonly blocks: number;
  /** Blocks that were not as they were written, and requests that failed though nobody had stopped the disk. */
  readonly lost: number;
  /** The longest that one block took, in milliseconds: a driver's death is a pause. */
  readonly longestMs: number;
}

const BLOCK_SECTORS = 8;
/** A little work, for a machine that has other things to do. */
const PAUSE_MS = 5;
/** Before a disk that is not there is looked for again. */
const AWAY_MS = 200;

export class Workload {
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
    const { sectorBytes, sectors, medium } = disk.properties;
    const blocks = Math.floor(sectors / BLOCK_SECTORS);
    for (let number = 0; !this.#stopped; number++) {
      const lba = (number % blocks) * BLOCK_SECTORS;
      const data = patternOf(number, BLOCK_SECTORS * sectorBytes);
      const began = performance.now();
      await disk.request("write", { lba, count: BLOCK_SECTORS, fua: 0, medium }, { data });
      const read = await disk.request("read", { lba, count: BLOCK_SECTORS, medium }, { length: data.length });
      this.#count(performance.now() - began, Buffer.compare(read.data, data) !== 0);
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

/** Of each block another. */
function patternOf(number: number, length: number): Uint8Array {
  const words = new Uint32Array(length / 4);
  for (let index = 0; index < words.length; index++) words[index] = Math.imul(number + 1, 0x9e3779b1) ^ index;
  return new Uint8Array(words.buffer);
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
