// Runs in: tests. Owns: a device's IN endpoint moved by hand, at the other end of usbfs and at the other end of a USB/IP stream.
import { manualClock } from "@ring3/core/clock";
import { socketPair } from "@ring3/kernel/socket/unix";
import type { UsbTransport } from "@ring3/kernel/usb/transport";
import { USBDEVFS_CAP_MMAP } from "@ring3/kernel/usbfs/constants";
import { ScriptedUsbfs } from "@ring3/kernel/usbfs/scripted-usbfs.fixture";
import { UsbfsTransport } from "@ring3/kernel/usbfs/transport";
import { TestServer } from "@ring3/kernel/usbip/test-server.fixture";
import { usbipTransport } from "@ring3/kernel/usbip/transport";

const EPIPE = 32; // asm-generic/errno-base.h
const ECONNRESET = 104; // asm-generic/errno.h

export interface Wire {
  readonly transport: UsbTransport;
  /** Lengths of the transfers that wait for the device, the oldest first, once there are `count`. */
  waiting(count: number): Promise<number[]>;
  /** How many transfers wait for the device now. */
  readonly inFlight: number;
  /** How many transfers there were in all. */
  readonly submitted: number;
  /** The oldest transfer ends with these bytes. */
  send(bytes: Uint8Array, errno?: number): void;
  /** The oldest transfer, an isochronous one: the bytes of each packet. */
  sendPackets(room: number, packets: readonly Uint8Array[]): void;
  unplug(): void;
  close(): Promise<void>;
}

export const wires: Record<string, () => Wire> = { usbfs, "USB/IP": usbip };

/** As many turns of the event loop as an answer may take. */
async function until(reached: () => boolean, what: string): Promise<void> {
  for (let turns = 0; !reached(); turns++) {
    if (turns === 1000) throw new Error(`not reached: ${what}`);
    await new Promise(setImmediate);
  }
}

export function usbfs(): Wire & { kernel: ScriptedUsbfs } {
  const kernel = new ScriptedUsbfs(USBDEVFS_CAP_MMAP);
  const transport = new UsbfsTransport(kernel, [0]);
  return {
    kernel,
    transport,
    async waiting(count) {
      await until(() => kernel.pending.length === count, `${count} URBs, there are ${kernel.pending.length}`);
      return kernel.pending.map(({ buffer }) => buffer.length);
    },
    get inFlight() {
      return kernel.pending.length;
    },
    get submitted() {
      return kernel.submitted.length;
    },
    send: (bytes, errno = 0) => kernel.complete(-errno, bytes),
    sendPackets(room, packets) {
      packets.forEach((bytes, index) => {
        kernel.pending[0]!.buffer.set(bytes, index * room);
      });
      const moved = packets.reduce((sum, { length }) => sum + length, 0);
      kernel.complete(
        0,
        moved,
        packets.flatMap(({ length }) => [length, 0]),
      );
    },
    unplug: () => kernel.unplug(),
    close: () => transport.close(),
  };
}

function usbip(): Wire {
  const [ours, theirs] = socketPair();
  const server = new TestServer(theirs);
  const transport = usbipTransport(ours, { devid: 0x0001_0002, speed: "high" }, manualClock());
  const pending: { seqnum: number; length: number }[] = [];
  let submitted = 0;
  async function serve(): Promise<never> {
    for (;;) {
      const { command, seqnum, length, endpoint, unlinks } = await server.command();
      if (command === 1 && endpoint === 0)
        server.retSubmit(seqnum, -EPIPE, 0); // a reset of the port: transport.ts
      else if (command === 1) {
        submitted++;
        pending.push({ seqnum, length });
      } else {
        const at = pending.findIndex((each) => each.seqnum === unlinks);
        if (at !== -1) pending.splice(at, 1);
        server.retUnlink(seqnum, at === -1 ? 0 : -ECONNRESET);
      }
    }
  }
  void serve();
  return {
    transport,
    async waiting(count) {
      await until(() => pending.length === count, `${count} URBs, there are ${pending.length}`);
      return pending.map(({ length }) => length);
    },
    get inFlight() {
      return pending.length;
    },
    get submitted() {
      return submitted;
    },
    send(bytes, errno = 0) {
      server.retSubmit(pending.shift()!.seqnum, -errno, bytes.length, bytes);
    },
    sendPackets(room, packets) {
      const bytes = Buffer.concat(packets);
      const descriptors = Buffer.alloc(packets.length * 16); // offset, length, actual length, status
      packets.forEach(({ length }, index) => {
        descriptors.writeUInt32BE(index * room, index * 16);
        descriptors.writeUInt32BE(room, index * 16 + 4);
        descriptors.writeUInt32BE(length, index * 16 + 8);
      });
      const { seqnum } = pending.shift()!;
      server.retSubmit(seqnum, 0, bytes.length, Buffer.concat([bytes, descriptors]), packets.length);
    },
    unplug: () => server.hangUp(),
    async close() {
      await transport.close();
      server.hangUp();
    },
  };
}
