// Runs in: driver host, jailed. Owns: one claimed interface. Each LUN that is a disk becomes a unit.
import { type Block, block, type Context, DeviceError, defineDriver } from "@ring3/sdk";
import type { Disk } from "./disk.ts";
import { openDisks } from "./luns.ts";
import { rehearsal } from "./rehearsal.ts";

const disksOf = new WeakMap<Context<Block>, readonly Disk[]>();

export default defineDriver(block, {
  rehearsal,
  async probe({ usb }, ctx) {
    const disks = await openDisks(usb, ctx);
    disksOf.set(ctx, disks);
    return disks.map((disk) => ({
      // A getter: another medium has another size, and a number of its own.
      get properties() {
        return disk.geometry;
      },
      read: (range, call) => disk.read(range, call.data, call),
      write: (range, call) => disk.write(range, call.data, range.fua !== 0, call),
      flush: ({ medium }, call) => disk.flush(medium, call),
      writeZeroes: (range, call) => disk.writeZeroes(range, range.fua !== 0, range.unmap !== 0, call),
      ...(disk.mayDiscard ? { discard: (range, call) => disk.discard(range, call) } : {}),
    }));
  },

  /** What cannot be flushed is no reason to go on working: it is as unflushed as it was, and clients hear of it if it is lost. */
  async suspend(ctx) {
    using limit = ctx.limit(Number.POSITIVE_INFINITY);
    for (const disk of disksOf.get(ctx)!)
      await disk.settle(limit).catch((error) => {
        limit.signal.throwIfAborted();
        if (!(error instanceof DeviceError) || error.kind === "disconnected") throw error;
        ctx.log.warn(`not flushed before the rest: ${error.message}`);
      });
  },
});
