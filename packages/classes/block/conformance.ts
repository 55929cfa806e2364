// Runs in: node --test. Owns: what any block driver must do, whether its port is near (in the same process) or far (a client end).
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { Disk, fails, type OpenBlock, step } from "./conformance-disk.fixture.ts";
import { BLOCK_MEDIUM_PRESENT, BLOCK_READ_ONLY } from "./contract.ts";

export type { OpenBlock } from "./conformance-disk.fixture.ts";

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
      await fails(["invalid"], disk.write(30, other.subarray(1), { count: 2 }));
      await fails(["invalid"], disk.write(30, other, { count: 1 }));
      await fails(["invalid"], disk.read(30, 2, { length: data.length - 1 }));
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
      await disk.write(40, data, { fua: 1 });
      assert.deepEqual(await disk.read(40, 4), data);
    });

    test("a flush after a write, and one after a flush, succeed", async () => {
      await disk.write(50, disk.pattern(1, 10));
      await disk.flush();
      await disk.flush();
    });

    test("a discard leaves its neighbours alone, or is unsupported", async () => {
      const data = disk.pattern(24, 11);
      await disk.write(60, data);
      await disk.allowed("discard", disk.discard(68, 8));
      const [before, after] = [data.subarray(0, 8 * disk.sectorBytes), data.subarray(16 * disk.sectorBytes)];
      assert.deepEqual(await disk.read(60, 8), before);
      assert.deepEqual(await disk.read(76, 8), after);
    });

    for (const unmap of [0, 1]) {
      test(`zeroes written with unmap ${unmap} are read back as zeroes, or are unsupported`, async () => {
        const data = disk.pattern(24, 12);
        await disk.write(90, data);
        const done = await disk.allowed("writeZeroes", disk.zero(98, 8, { unmap }));
        data.fill(0, 8 * disk.sectorBytes, (8 + done * 8) * disk.sectorBytes);
        assert.deepEqual(await disk.read(90, 24), data);
      });
    }

    test("what was meant for another medium is refused with medium-changed, and nothing is changed", async () => {
      const data = disk.pattern(8, 14);
      const other = disk.pattern(8, 15);
      await disk.write(110, data);
      for (const medium of [disk.geometry.medium - 1, disk.geometry.medium + 1, 2 ** 32 - 1]) {
        const changed = ["medium-changed"] as const;
        await fails(changed, disk.read(110, 8, { medium }));
        await fails(changed, disk.write(110, other, { medium }));
        await fails(changed, disk.write(110, other, { medium, fua: 1 }));
        await fails(changed, disk.flush({ medium }));
        await fails([...changed, "unsupported"], disk.discard(110, 8, { medium }));
        await fails([...changed, "unsupported"], disk.zero(110, 8, { medium }));
      }
      assert.deepEqual(await disk.read(110, 8), data);
    });

    test("many requests at once are each answered with their own bytes", async () => {
      const lbas = Array.from({ length: 128 }, (_, index) => 120 + index);
      await Promise.all(lbas.map((lba) => disk.write(lba, disk.pattern(1, lba))));
      const read = await Promise.all(lbas.map((lba) => disk.read(lba, 1)));
      for (const [index, lba] of lbas.entries()) assert.deepEqual(read[index], disk.pattern(1, lba));
    });

    test("a request whose signal has aborted is cancelled", async () => {
      const signal = AbortSignal.abort();
      await fails(["cancelled"], disk.read(0, 1, { signal }));
    });

    test("an abort under way ends the request one way or the other, and the next one works", async () => {
      const data = disk.pattern(1, 13);
      await disk.write(0, data);
      const abort = new AbortController();
      const reading = disk.read(0, disk.largest, { signal: abort.signal });
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
      await fails(["read-only", "unsupported"], disk.discard(0, 8));
      await fails(["read-only", "unsupported"], disk.zero(0, 8));
      assert.deepEqual(await disk.read(0, 8), data);
    });

    test("a flush succeeds", () => disk.flush());
  });
}
