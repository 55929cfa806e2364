// Runs in: driver host, jailed. Owns: one claimed interface. Each LUN that is a disk becomes a unit.
import { block, defineDriver } from "@ring3/sdk";
import { openDisks } from "./luns.ts";
import { rehearsal } from "./rehearsal.ts";

export default defineDriver(block, {
  rehearsal,
  async probe({ usb }, ctx) {
    const disks = await openDisks(usb, ctx);
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
});
