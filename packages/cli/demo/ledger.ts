// Runs in: CLI, in the demo. Owns: what each block of a disk is to hold, over drivers and unpluggings, so that a write that was acknowledged and lost is found.
import type { Block, OpenUnit } from "@ring3/client";

export const BLOCK_SECTORS = 8;

type Disk = Pick<OpenUnit<Block>, "properties" | "request">;

export class Ledger {
  readonly #checked: (ms: number, asWritten: boolean) => void;
  /** By block, the number of the write that it holds; of one whose last write has failed nobody knows. */
  readonly #held = new Map<number, number>();
  #writes = 0;

  /** `checked`: a block was read and compared, and how long that took, with the writing where it was written just before. */
  constructor(checked: (ms: number, asWritten: boolean) => void) {
    this.#checked = checked;
  }

  /** One block after the other: what the last round wrote there is compared before it is overwritten, what is written now at once. */
  async step(disk: Disk): Promise<void> {
    const { sectorBytes, sectors, medium } = disk.properties;
    const number = this.#writes++;
    const block = number % Math.floor(sectors / BLOCK_SECTORS);
    const lba = block * BLOCK_SECTORS;
    const length = BLOCK_SECTORS * sectorBytes;
    const compare = async (written: number, began: number) => {
      const { data } = await disk.request("read", { lba, count: BLOCK_SECTORS, medium }, { length });
      this.#checked(performance.now() - began, Buffer.compare(data, patternOf(written, length)) === 0);
    };
    const before = this.#held.get(block);
    if (before !== undefined) await compare(before, performance.now());
    const began = performance.now();
    this.#held.delete(block);
    const data = patternOf(number, length);
    await disk.request("write", { lba, count: BLOCK_SECTORS, fua: 0, medium }, { data });
    this.#held.set(block, number);
    await compare(number, began);
  }
}

/** Of each write another. */
function patternOf(number: number, length: number): Uint8Array {
  const words = new Uint32Array(length / 4);
  for (let index = 0; index < words.length; index++) words[index] = Math.imul(number + 1, 0x9e3779b1) ^ index;
  return new Uint8Array(words.buffer);
}
