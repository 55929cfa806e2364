// Runs in: driver host, jailed. Owns: a LUN's requests: checked against its bounds and cut into commands.
import { DeviceError, type Geometry, type Wait } from "@ring3/sdk";
import { read, synchronizeCache, unmap, unmapList, write, writeSame16 } from "./cdb.ts";
import type { Lun } from "./lun.ts";
import type { Medium } from "./medium.ts";

const NO_BYTES = new Uint8Array(0);
const ZEROES = new Uint8Array(64 * 1024);
/** WRITE SAME and UNMAP without a limit of the device's own: small enough to be done within a try. */
const EXTENT_BYTES_MAX = 64 * 1024 * 1024;

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

  /** Whether sectors of the medium can be given back to the device. */
  get canDiscard(): boolean {
    const { unmap: byUnmap, writeSame } = this.#lun.provisioning;
    return byUnmap || writeSame;
  }

  async read(lba: number, count: number, into: Uint8Array, wait: Wait): Promise<void> {
    const medium = this.#check("read", lba, count, into.length);
    const generation = this.#lun.generation;
    await this.#pieces(medium, lba, count, into, (at, sectors, data) =>
      this.#lun.run(generation, read(at, sectors), data, wait),
    );
  }

  async write(lba: number, count: number, from: Uint8Array, fua: boolean, wait: Wait): Promise<void> {
    const medium = this.#check("write", lba, count, from.length);
    const generation = this.#lun.generation;
    this.#checkWritable(medium);
    await this.#pieces(medium, lba, count, from, (at, sectors, data) =>
      this.#lun.run(generation, write(at, sectors, fua && medium.fua), data, wait),
    );
    if (fua && !medium.fua) await this.#flush(medium, generation, wait);
  }

  /** All that was written before is on the medium afterwards. */
  async flush(wait: Wait): Promise<void> {
    await this.#flush(this.#lun.present("flush"), this.#lun.generation, wait);
  }

  async #flush(medium: Medium, generation: number, wait: Wait): Promise<void> {
    if (!medium.writeCache || !this.#synchronize || medium.readOnly) {
      await this.#lun.tell(generation, wait);
      return;
    }
    try {
      await this.#lun.run(generation, synchronizeCache(), NO_BYTES, wait);
    } catch (error) {
      // It told nothing of a cache and does not know the command: it has none (Linux: sd_sync_cache).
      if (!(error instanceof DeviceError) || error.kind !== "unsupported") throw error;
      this.#synchronize = false;
    }
  }

  async discard(lba: number, count: number, wait: Wait): Promise<void> {
    const medium = this.#check("discard", lba, count);
    const generation = this.#lun.generation;
    this.#checkWritable(medium);
    const { unmap: byUnmap, writeSame } = medium.provisioning;
    if (!byUnmap && !writeSame) throw new DeviceError("unsupported", "discard");
    const limit = byUnmap ? medium.limits.maxUnmap : medium.limits.maxWriteSame;
    await this.#extents(medium, lba, count, limit, (at, sectors) => {
      if (!byUnmap)
        return this.#lun.run(generation, writeSame16(at, sectors, true), this.#sector(medium), wait);
      const list = unmapList(at, sectors);
      return this.#lun.run(generation, unmap(list.length), list, wait);
    });
  }

  async writeZeroes(lba: number, count: number, fua: boolean, unmapped: boolean, wait: Wait): Promise<void> {
    const medium = this.#check("write zeroes", lba, count);
    const generation = this.#lun.generation;
    this.#checkWritable(medium);
    const same = await this.#zeroBySame(medium, generation, lba, count, unmapped, wait);
    for (let done = 0; !same && done < count; ) {
      const sectors = Math.min(count - done, ZEROES.length / medium.sectorBytes);
      const data = ZEROES.subarray(0, sectors * medium.sectorBytes);
      await this.#lun.run(generation, write(lba + done, sectors, fua && medium.fua), data, wait);
      done += sectors;
    }
    if (fua && (same || !medium.fua)) await this.#flush(medium, generation, wait); // WRITE SAME has no FUA bit
  }

  /** False: the device does not know WRITE SAME (16). */
  async #zeroBySame(
    medium: Medium,
    generation: number,
    lba: number,
    count: number,
    unmapped: boolean,
    wait: Wait,
  ): Promise<boolean> {
    const { writeSame, readsZeroes } = medium.provisioning;
    if (!this.#writeSame || (!writeSame && medium.limits.maxWriteSame === 0)) return false;
    try {
      await this.#extents(medium, lba, count, medium.limits.maxWriteSame, (at, sectors) =>
        this.#lun.run(
          generation,
          writeSame16(at, sectors, unmapped && writeSame && readsZeroes),
          this.#sector(medium),
          wait,
        ),
      );
      return true;
    } catch (error) {
      if (!(error instanceof DeviceError) || error.kind !== "unsupported") throw error;
      this.#writeSame = false;
      return false;
    }
  }

  #check(what: string, lba: number, count: number, bytes?: number): Medium {
    const medium = this.#lun.present(what);
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
    lba: number,
    count: number,
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
    lba: number,
    count: number,
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
