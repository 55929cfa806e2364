// Runs in: driver host, jailed. Owns: a LUN's requests: checked against its bounds and cut into commands.
import {
  BLOCK_DISCARD,
  BLOCK_MEDIUM_PRESENT,
  BLOCK_REMOVABLE,
  DeviceError,
  type Geometry,
  type Wait,
} from "@ring3/sdk";
import { read, synchronizeCache, synchronizeCache16, unmap, unmapList, write, writeSame16 } from "./cdb.ts";
import type { Lun } from "./lun.ts";
import type { Medium } from "./medium.ts";
import { isUnknownCommand } from "./sense.ts";

interface Range {
  readonly lba: number;
  readonly count: number;
  /** The number of the medium that is meant. */
  readonly medium: number;
}

const NO_BYTES = new Uint8Array(0);
const ZEROES = new Uint8Array(64 * 1024);
/** WRITE SAME and UNMAP without a limit of the device's own: small enough to be done within a try. */
const EXTENT_BYTES_MAX = 16 * 1024 * 1024;

export class Disk {
  readonly #lun: Lun;
  #writeSame = true;
  #synchronize = true;

  constructor(lun: Lun) {
    this.#lun = lun;
  }

  get geometry(): Geometry {
    return this.#lun.geometry;
  }

  /** Whether sectors can be given back to the device, by the medium that is in or by one that may come. */
  get mayDiscard(): boolean {
    return (this.geometry.flags & (BLOCK_DISCARD | BLOCK_REMOVABLE)) !== 0;
  }

  async read(range: Range, into: Uint8Array, wait: Wait): Promise<void> {
    const medium = this.#check("read", range, into.length);
    await this.#pieces(medium, range, into, (at, sectors, data) =>
      this.#lun.run(range.medium, read(at, sectors), data, wait),
    );
  }

  async write(range: Range, from: Uint8Array, fua: boolean, wait: Wait): Promise<void> {
    const medium = this.#check("write", range, from.length);
    this.#checkWritable(medium);
    const run = (): Promise<void> =>
      this.#pieces(medium, range, from, (at, sectors, data) =>
        this.#lun.run(range.medium, write(at, sectors, fua && medium.fua), data, wait),
      );
    if (fua && !medium.fua) await this.#throughCache(range.medium, run, wait);
    else await run();
  }

  /** All that was written before is on the medium afterwards. */
  async flush(number: number, wait: Wait): Promise<void> {
    const medium = this.#lun.present("flush", number);
    const cache = medium.writeCache ?? this.#synchronize;
    if (!cache || medium.readOnly) {
      await this.#lun.tell(number, wait);
      return;
    }
    try {
      await this.#lun.run(number, synchronizeCache(), NO_BYTES, wait);
    } catch (error) {
      if (!(error instanceof DeviceError) || error.kind !== "unsupported") throw error;
      // It told nothing of a cache and does not know the command: it has none (Linux: sd_sync_cache).
      if (medium.writeCache === undefined && isUnknownCommand(error)) this.#synchronize = false;
      else await this.#lun.run(number, synchronizeCache16(), NO_BYTES, wait);
    }
  }

  /** Before a rest, over which the device may lose its power: nothing is left that it could lose with it. */
  async settle(wait: Wait): Promise<void> {
    const { flags, medium } = this.geometry;
    if ((flags & BLOCK_MEDIUM_PRESENT) === 0) return;
    await this.flush(medium, wait);
    this.#lun.flushed();
  }

  async discard(range: Range, wait: Wait): Promise<void> {
    const medium = this.#check("discard", range);
    this.#checkWritable(medium);
    const { unmap: byUnmap, writeSame } = medium.provisioning;
    if (!byUnmap && !writeSame) throw new DeviceError("unsupported", "discard");
    const limit = byUnmap ? medium.limits.maxUnmap : medium.limits.maxWriteSame;
    await this.#extents(medium, range, limit, (at, sectors) => {
      if (!byUnmap)
        return this.#lun.run(range.medium, writeSame16(at, sectors, true), this.#sector(medium), wait);
      const list = unmapList(at, sectors);
      return this.#lun.run(range.medium, unmap(list.length), list, wait);
    });
  }

  async writeZeroes(range: Range, fua: boolean, unmapped: boolean, wait: Wait): Promise<void> {
    const medium = this.#check("write zeroes", range);
    this.#checkWritable(medium);
    const run = async (): Promise<void> => {
      if (!(await this.#zeroBySame(medium, range, unmapped, wait))) await this.#writeOut(medium, range, wait);
    };
    if (fua)
      await this.#throughCache(range.medium, run, wait); // WRITE SAME has no FUA bit
    else await run();
  }

  async #writeOut(medium: Medium, { lba, count, medium: number }: Range, wait: Wait): Promise<void> {
    for (let done = 0; done < count; ) {
      const sectors = Math.min(count - done, ZEROES.length / medium.sectorBytes);
      const data = ZEROES.subarray(0, sectors * medium.sectorBytes);
      await this.#lun.run(number, write(lba + done, sectors, false), data, wait);
      done += sectors;
    }
  }

  /** A change that is on the medium afterwards: the cache may have been lost before the flush, and then it is done once more. */
  async #throughCache(number: number, run: () => Promise<void>, wait: Wait): Promise<void> {
    for (let before = -1; before !== this.#lun.losses; ) {
      before = this.#lun.losses;
      await run();
      await this.flush(number, wait);
    }
  }

  /** False: the device does not know WRITE SAME (16). */
  async #zeroBySame(medium: Medium, range: Range, unmapped: boolean, wait: Wait): Promise<boolean> {
    const { writeSame, readsZeroes } = medium.provisioning;
    if (!this.#writeSame || (!writeSame && medium.limits.maxWriteSame === 0)) return false;
    const unmaps = unmapped && writeSame && readsZeroes;
    try {
      await this.#extents(medium, range, medium.limits.maxWriteSame, (at, sectors) =>
        this.#lun.run(range.medium, writeSame16(at, sectors, unmaps), this.#sector(medium), wait),
      );
      return true;
    } catch (error) {
      if (!(error instanceof DeviceError) || error.kind !== "unsupported") throw error;
      this.#writeSame = false;
      return false;
    }
  }

  #check(what: string, { lba, count, medium: number }: Range, bytes?: number): Medium {
    const medium = this.#lun.present(what, number);
    const { sectors, sectorBytes } = medium;
    if (count < 1 || lba + count > sectors)
      throw new DeviceError("out-of-range", `${what} of ${count} sectors from ${lba} of ${sectors}`);
    if (bytes !== undefined && bytes !== count * sectorBytes)
      throw new DeviceError(
        "invalid",
        `${what} of ${count} sectors of ${sectorBytes} bytes with ${bytes} bytes`,
      );
    return medium;
  }

  #checkWritable(medium: Medium): void {
    if (medium.readOnly) throw new DeviceError("read-only", `LUN ${this.#lun.number}`);
  }

  async #pieces(
    medium: Medium,
    { lba, count }: Range,
    data: Uint8Array,
    run: (lba: number, sectors: number, data: Uint8Array) => Promise<unknown>,
  ): Promise<void> {
    const { sectorBytes, limits } = medium;
    const most = Math.min(
      this.#lun.commandBytes / sectorBytes,
      limits.maxTransfer || Number.POSITIVE_INFINITY,
    );
    for (let done = 0; done < count; done += most) {
      const sectors = Math.min(most, count - done);
      await run(lba + done, sectors, data.subarray(done * sectorBytes, (done + sectors) * sectorBytes));
    }
  }

  async #extents(
    medium: Medium,
    { lba, count }: Range,
    limit: number,
    run: (lba: number, sectors: number) => Promise<unknown>,
  ): Promise<void> {
    const most = Math.min(limit || Number.POSITIVE_INFINITY, EXTENT_BYTES_MAX / medium.sectorBytes);
    for (let done = 0; done < count; done += most) await run(lba + done, Math.min(most, count - done));
  }

  #sector(medium: Medium): Uint8Array {
    return ZEROES.subarray(0, medium.sectorBytes);
  }
}
