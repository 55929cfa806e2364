// Runs in: driver host, jailed. Owns: one claimed interface. Each LUN that is a disk becomes a unit.
import { block, defineDriver } from "@ring3/sdk";
import { openDisks } from "./luns.ts";

export default defineDriver(block, {
  async probe({ usb }, ctx) {
    const disks = await openDisks(usb, ctx);
    return disks.map((disk) => ({
      // A getter: another medium has another size.
      get properties() {
        return disk.geometry;
      },
      // The pipe runs one command at a time by itself; here every request is to be seen as it arrives, so that one that
      // came before a change of the medium is not mistaken for one after it.
      concurrency: block.slots,
      read: ({ lba, count }, call) => disk.read(lba, count, call.data, call),
      write: ({ lba, count, fua }, call) => disk.write(lba, count, call.data, fua !== 0, call),
      flush: (_, call) => disk.flush(call),
      writeZeroes: ({ lba, count, fua, unmap }, call) =>
        disk.writeZeroes(lba, count, fua !== 0, unmap !== 0, call),
      ...(disk.canDiscard ? { discard: ({ lba, count }, call) => disk.discard(lba, count, call) } : {}),
    }));
  },
});
