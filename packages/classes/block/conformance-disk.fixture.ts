// Runs in: node --test. Owns: a disk that the conformance suite is run on, and the requests that the suite makes.
import assert from "node:assert/strict";
import type { UnitPort } from "@ring3/core/contract";
import { DeviceError, type DeviceErrorKind } from "@ring3/core/errors";
import fc from "fast-check";
import { BLOCK_DISCARD, type Block, block } from "./contract.ts";

export interface OpenBlock {
  readonly port: UnitPort<Block>;
  close(): Promise<void>;
}

/** Sectors at the disk's start that the model test plays in. */
const MODEL_SECTORS = 64;

export async function fails(kinds: readonly DeviceErrorKind[], request: Promise<unknown>): Promise<void> {
  await assert.rejects(request, (error) => {
    assert.ok(error instanceof DeviceError, `expected a DeviceError, found ${String(error)}`);
    assert.ok(kinds.includes(error.kind), `expected ${kinds.join(" or ")}, found ${error.message}`);
    return true;
  });
}

export interface Step {
  readonly does: "read" | "write" | "writeZeroes" | "flush";
  readonly lba: number;
  readonly count: number;
  readonly fua: number;
  readonly seed: number;
}

export const step: fc.Arbitrary<Step> = fc.record({
  does: fc.constantFrom("read", "write", "write", "writeZeroes", "flush"),
  lba: fc.nat(MODEL_SECTORS - 16),
  count: fc.integer({ min: 1, max: 16 }),
  fua: fc.nat(1),
  seed: fc.nat(255),
});

export class Disk {
  readonly #open: () => Promise<OpenBlock>;
  #opened: OpenBlock | undefined;

  constructor(open: () => Promise<OpenBlock>) {
    this.#open = open;
  }

  async open(): Promise<void> {
    this.#opened = await this.#open();
  }

  async close(): Promise<void> {
    await this.#opened?.close();
  }

  get port(): UnitPort<Block> {
    return this.#opened!.port;
  }

  get geometry() {
    return this.port.properties;
  }

  get sectorBytes(): number {
    return this.geometry.sectorBytes;
  }

  /** Sectors of the largest request that driver and channel take. */
  get largest(): number {
    const { maxTransferSectors, sectors } = this.geometry;
    return Math.min(maxTransferSectors, sectors, Math.floor(block.slotBytes / this.sectorBytes));
  }

  /** Bytes that differ in every sector, and with every seed. */
  pattern(count: number, seed: number): Uint8Array {
    const words = new Uint32Array((count * this.sectorBytes) / 4);
    for (let index = 0; index < words.length; index++)
      words[index] = Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(seed + 1, 0x85ebca77); // odd multipliers spread bits
    return new Uint8Array(words.buffer);
  }

  write(lba: number, data: Uint8Array, options: { count?: number; fua?: number; medium?: number } = {}) {
    const { count = data.length / this.sectorBytes, fua = 0, medium = this.geometry.medium } = options;
    return this.port.request("write", { lba, count, fua, medium }, { data });
  }

  async read(
    lba: number,
    count: number,
    options: { medium?: number; length?: number; signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    const { medium = this.geometry.medium, length = count * this.sectorBytes, signal } = options;
    const given = signal === undefined ? { length } : { length, signal };
    return (await this.port.request("read", { lba, count, medium }, given)).data;
  }

  async flush({ medium = this.geometry.medium }: { medium?: number } = {}): Promise<void> {
    await this.port.request("flush", { medium });
  }

  discard(lba: number, count: number, { medium = this.geometry.medium }: { medium?: number } = {}) {
    return this.port.request("discard", { lba, count, medium });
  }

  zero(lba: number, count: number, options: { fua?: number; unmap?: number; medium?: number } = {}) {
    const { fua = 0, unmap = 0, medium = this.geometry.medium } = options;
    return this.port.request("writeZeroes", { lba, count, fua, unmap, medium });
  }

  /** 1 where an optional operation was done, 0 where it is unsupported and said so. */
  async allowed(name: "discard" | "writeZeroes", request: Promise<unknown>): Promise<number> {
    const byMedium = name === "writeZeroes" || (this.geometry.flags & BLOCK_DISCARD) !== 0;
    const able = this.port.supports(name) && byMedium;
    if (!able) await fails(["unsupported"], request);
    await Promise.allSettled([request]);
    if (able) await request;
    return able ? 1 : 0;
  }

  async play(steps: readonly Step[]): Promise<void> {
    const size = this.sectorBytes;
    const model = new Uint8Array(MODEL_SECTORS * size);
    await this.write(0, model);
    const does = {
      read: async ({ lba, count }: Step) => {
        assert.deepEqual(await this.read(lba, count), model.slice(lba * size, (lba + count) * size));
      },
      write: async ({ lba, count, fua, seed }: Step) => {
        const data = this.pattern(count, seed);
        await this.write(lba, data, { fua });
        model.set(data, lba * size);
      },
      writeZeroes: async ({ lba, count, fua, seed }: Step) => {
        const request = this.zero(lba, count, { fua, unmap: seed & 1 });
        const done = await this.allowed("writeZeroes", request);
        model.fill(0, lba * size, (lba + count * done) * size);
      },
      flush: () => this.flush(),
    };
    for (const next of steps) await does[next.does](next);
    assert.deepEqual(await this.read(0, MODEL_SECTORS), model);
  }
}
