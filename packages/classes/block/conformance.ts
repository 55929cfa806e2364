// Runs in: node --test. Owns: what any block driver must do, whether its port is near (in the same process) or far (a client end).
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { UnitPort } from "@ring3/core/contract";
import { DeviceError, type DeviceErrorKind } from "@ring3/core/errors";
import fc from "fast-check";
import { BLOCK_MEDIUM_PRESENT, BLOCK_READ_ONLY, type Block, block } from "./contract.ts";

export interface OpenBlock {
  readonly port: UnitPort<Block>;
  close(): Promise<void>;
}

/** Sectors at the disk's start that the model test plays in. */
const MODEL_SECTORS = 64;

/**
 * Registers the suite. `open` is called once; the disk must be writable, have at least 256 sectors, and be nobody's: it is overwritten.
 */
export function blockConformance(name: string, open: () => Promise<OpenBlock>): void {
  describe(name, () => {
    const disk = new Disk(open);
    before(() => disk.open());
    after(() => disk.close());

    test("geometry is sane", () => {
      const { sectorBytes, sectors, maxTransferSectors, flags } = disk.geometry;
      assert.ok(
        sectorBytes >= 512 && Number.isInteger(Math.log2(sectorBytes)),
        `${sectorBytes} bytes a sector`,
      );
      assert.ok(sectors >= 256, `${sectors} sectors`);
      assert.ok(maxTransferSectors >= 1, `${maxTransferSectors} sectors at a time`);
      assert.equal(flags & (BLOCK_MEDIUM_PRESENT | BLOCK_READ_ONLY), BLOCK_MEDIUM_PRESENT);
    });

    for (const [where, at] of [
      ["begin", () => 0],
      ["middle", () => Math.floor(disk.geometry.sectors / 2)],
      ["end", () => disk.geometry.sectors - 8],
    ] as const) {
      test(`8 sectors written at the ${where} are read back`, async () => {
        const data = disk.pattern(8, where.length);
        await disk.write(at(), data);
        assert.deepEqual(await disk.read(at(), 8), data);
      });
    }

    test("a single sector is written without its neighbours", async () => {
      const around = disk.pattern(3, 1);
      const single = disk.pattern(1, 2);
      await disk.write(10, around);
      await disk.write(11, single);
      around.set(single, disk.geometry.sectorBytes);
      assert.deepEqual(await disk.read(10, 3), around);
    });

    test("the last sector is written and read", async () => {
      const data = disk.pattern(1, 3);
      await disk.write(disk.geometry.sectors - 1, data);
      assert.deepEqual(await disk.read(disk.geometry.sectors - 1, 1), data);
    });

    test("the largest transfer is written and read", async () => {
      const data = disk.pattern(disk.largest, 4);
      await disk.write(0, data);
      assert.deepEqual(await disk.read(0, disk.largest), data);
    });

    test("a buffer at an odd address is written as any other", async () => {
      const data = disk.pattern(2, 5);
      const odd = new Uint8Array(data.length + 3).subarray(3);
      odd.set(data);
      await disk.write(20, odd);
      assert.deepEqual(await disk.read(20, 2), data);
    });

    test("data that is not as long as its count of sectors is refused, and nothing is written", async () => {
      const data = disk.pattern(2, 6);
      await disk.write(30, data);
      const other = disk.pattern(2, 7);
      await fails(["invalid"], disk.write(30, other.subarray(1), 2));
      await fails(["invalid"], disk.write(30, other, 1));
      await fails(["invalid"], disk.port.request("read", { lba: 30, count: 2 }, { length: data.length - 1 }));
      assert.deepEqual(await disk.read(30, 2), data);
    });

    test("what lies beyond the end is refused with out-of-range", async () => {
      const { sectors } = disk.geometry;
      await fails(["out-of-range"], disk.read(sectors, 1));
      await fails(["out-of-range"], disk.read(sectors - 1, 2));
      await fails(["out-of-range"], disk.write(sectors, disk.pattern(1, 8)));
      await fails(["out-of-range"], disk.write(sectors - 1, disk.pattern(2, 8)));
      await fails(["out-of-range"], disk.read(2 ** 52, 1));
    });

    test("a count of 0 is refused", async () => {
      await fails(["invalid", "out-of-range"], disk.read(0, 0));
      await fails(["invalid", "out-of-range"], disk.write(0, new Uint8Array(0)));
    });

    test("a write with FUA is read back", async () => {
      const data = disk.pattern(4, 9);
      await disk.port.request("write", { lba: 40, count: 4, fua: 1 }, { data });
      assert.deepEqual(await disk.read(40, 4), data);
    });

    test("a flush after a write, and one after a flush, succeed", async () => {
      await disk.write(50, disk.pattern(1, 10));
      await disk.port.request("flush", {});
      await disk.port.request("flush", {});
    });

    test("a discard leaves its neighbours alone, or is unsupported", async () => {
      const data = disk.pattern(24, 11);
      await disk.write(60, data);
      await disk.allowed("discard", disk.port.request("discard", { lba: 68, count: 8 }));
      const [before, after] = [data.subarray(0, 8 * disk.sectorBytes), data.subarray(16 * disk.sectorBytes)];
      assert.deepEqual(await disk.read(60, 8), before);
      assert.deepEqual(await disk.read(76, 8), after);
    });

    for (const unmap of [0, 1]) {
      test(`zeroes written with unmap ${unmap} are read back as zeroes, or are unsupported`, async () => {
        const data = disk.pattern(24, 12);
        await disk.write(90, data);
        const request = disk.port.request("writeZeroes", { lba: 98, count: 8, fua: 0, unmap });
        const done = await disk.allowed("writeZeroes", request);
        data.fill(0, 8 * disk.sectorBytes, (8 + done * 8) * disk.sectorBytes);
        assert.deepEqual(await disk.read(90, 24), data);
      });
    }

    test("many requests at once are each answered with their own bytes", async () => {
      const lbas = Array.from({ length: 128 }, (_, index) => 120 + index);
      await Promise.all(lbas.map((lba) => disk.write(lba, disk.pattern(1, lba))));
      const read = await Promise.all(lbas.map((lba) => disk.read(lba, 1)));
      for (const [index, lba] of lbas.entries()) assert.deepEqual(read[index], disk.pattern(1, lba));
    });

    test("a request whose signal has aborted is cancelled", async () => {
      const signal = AbortSignal.abort();
      await fails(
        ["cancelled"],
        disk.port.request("read", { lba: 0, count: 1 }, { length: disk.sectorBytes, signal }),
      );
    });

    test("an abort under way ends the request one way or the other, and the next one works", async () => {
      const data = disk.pattern(1, 13);
      await disk.write(0, data);
      const abort = new AbortController();
      const { signal } = abort;
      const options = { length: disk.largest * disk.sectorBytes, signal };
      const reading = disk.port.request("read", { lba: 0, count: disk.largest }, options);
      abort.abort();
      const [outcome] = await Promise.allSettled([reading]);
      const kinds = { fulfilled: "cancelled", rejected: (outcome as PromiseRejectedResult).reason?.kind };
      assert.equal(kinds[outcome.status], "cancelled");
      assert.deepEqual(await disk.read(0, 1), data);
    });

    test("random requests leave the disk as a plain array would be", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 24, size: "max" }), (steps) => disk.play(steps)),
        { numRuns: 12 },
      );
    });
  });
}

/** Registers the suite for a disk whose medium cannot be written. */
export function readOnlyConformance(name: string, open: () => Promise<OpenBlock>): void {
  describe(name, () => {
    const disk = new Disk(open);
    before(() => disk.open());
    after(() => disk.close());

    test("geometry says read-only", () =>
      assert.equal(disk.geometry.flags & BLOCK_READ_ONLY, BLOCK_READ_ONLY));

    test("writes are refused with read-only, and nothing is written", async () => {
      const data = await disk.read(0, 8);
      const inverse = data.map((byte) => byte ^ 0xff);
      await fails(["read-only"], disk.write(0, inverse));
      await fails(["read-only", "unsupported"], disk.port.request("discard", { lba: 0, count: 8 }));
      const zeroes = { lba: 0, count: 8, fua: 0, unmap: 0 };
      await fails(["read-only", "unsupported"], disk.port.request("writeZeroes", zeroes));
      assert.deepEqual(await disk.read(0, 8), data);
    });

    test("a flush succeeds", async () => {
      await disk.port.request("flush", {});
    });
  });
}

async function fails(kinds: readonly DeviceErrorKind[], request: Promise<unknown>): Promise<void> {
  await assert.rejects(request, (error) => {
    assert.ok(error instanceof DeviceError, `expected a DeviceError, found ${String(error)}`);
    assert.ok(kinds.includes(error.kind), `expected ${kinds.join(" or ")}, found ${error.message}`);
    return true;
  });
}

interface Step {
  readonly does: "read" | "write" | "writeZeroes" | "flush";
  readonly lba: number;
  readonly count: number;
  readonly fua: number;
  readonly seed: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  does: fc.constantFrom("read", "write", "write", "writeZeroes", "flush"),
  lba: fc.nat(MODEL_SECTORS - 16),
  count: fc.integer({ min: 1, max: 16 }),
  fua: fc.nat(1),
  seed: fc.nat(255),
});

class Disk {
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

  write(lba: number, data: Uint8Array, count = data.length / this.sectorBytes): Promise<unknown> {
    return this.port.request("write", { lba, count, fua: 0 }, { data });
  }

  async read(lba: number, count: number): Promise<Uint8Array> {
    const { data } = await this.port.request("read", { lba, count }, { length: count * this.sectorBytes });
    return data;
  }

  /** 1 where an optional operation was done, 0 where it is unsupported and said so. */
  async allowed(name: "discard" | "writeZeroes", request: Promise<unknown>): Promise<number> {
    if (!this.port.supports(name)) await fails(["unsupported"], request);
    await Promise.allSettled([request]);
    if (this.port.supports(name)) await request;
    return this.port.supports(name) ? 1 : 0;
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
        await this.port.request("write", { lba, count, fua }, { data });
        model.set(data, lba * size);
      },
      writeZeroes: async ({ lba, count, fua, seed }: Step) => {
        const request = this.port.request("writeZeroes", { lba, count, fua, unmap: seed & 1 });
        const done = await this.allowed("writeZeroes", request);
        model.fill(0, lba * size, (lba + count * done) * size);
      },
      flush: async () => {
        await this.port.request("flush", {});
      },
    };
    for (const next of steps) await does[next.does](next);
    assert.deepEqual(await this.read(0, MODEL_SECTORS), model);
  }
}
