// Runs in: the simulation. Owns: what is on one medium, and what has to be.

/** Few, so that requests overlap. */
export const SECTORS = 24;
export const SECTOR_BYTES = 512;

/** Of each sector the stamp of a write (ledger.ts); 0 at first. */
export class Medium {
  readonly number: number;
  /** In sectors; only the first SECTORS are used. */
  readonly size: number;
  /** In the disk's cache, and so what is read. */
  readonly cached = new Int32Array(SECTORS);
  readonly durable = new Int32Array(SECTORS);
  /** The newest that was executed, whatever became of it. */
  readonly executed = new Int32Array(SECTORS);
  /** What a read has to find at least. */
  readonly floor = new Int32Array(SECTORS);

  /** After each loss of power, what a read had to find at least. */
  readonly losses: Int32Array[] = [];

  constructor(number: number, size: number) {
    this.number = number;
    this.size = size;
  }

  flush(): void {
    this.durable.set(this.cached);
  }

  losePower(): void {
    this.cached.set(this.durable);
    for (let at = 0; at < SECTORS; at++) this.floor[at] = Math.min(this.floor[at]!, this.durable[at]!);
    this.losses.push(this.floor.slice());
  }
}
