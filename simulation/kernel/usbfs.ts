// Runs in: the simulation. Owns: a usbfs descriptor of a simulated kernel and the URBs in flight on it.
import { OpenFile, WRITABLE } from "./file.ts";
import type { Process } from "./process.ts";

// asm-generic/errno-base.h, asm-generic/errno.h
const ENOENT = 2; // unlinked synchronously: what discarding does (usb_kill_urb)
const ENODEV = 19;
const EINVAL = 22;
const EEXIST = 17;
const ESHUTDOWN = 108;

const SETUP_BYTES = 8; // USB 2.0 §9.3

/** One control transfer, as a device sees it. */
export interface Transfer {
  readonly request: number;
  readonly value: number;
  readonly index: number;
  /** To the device, or room for what comes from it. */
  readonly data: Uint8Array;
}

/** What a transfer comes to: 0 or a negative errno, and the bytes moved. */
export interface Reply {
  readonly status: number;
  readonly bytes: number;
}

/** The device's end of the wire. */
export interface UsbEnd {
  /** Every process that ever had a descriptor of it. */
  readonly touchedBy: Set<Process>;
  /** Calls `done` when the device has answered, unless it was taken back or ended before. */
  begin(transfer: Transfer, done: (reply: Reply) => void): Pending;
}

export interface Pending {
  /** Takes it back; the device may have executed it all the same. False: the controller hangs, it cannot be taken back. */
  cancel(): boolean;
  /** The descriptor is closed: nothing of it is executed from here on. */
  end(): void;
}

export class UsbfsFile extends OpenFile {
  readonly kind = "usbfs";
  readonly device: UsbEnd;
  readonly #closed: (file: UsbfsFile) => void;
  /** The device was unplugged: one that is plugged in afterwards is another enumeration. */
  #gone = false;
  readonly #flying = new Map<number, Pending>();
  readonly #done: [id: number, status: number, bytes: number][] = [];

  constructor(device: UsbEnd, closed: (file: UsbfsFile) => void) {
    super();
    this.device = device;
    this.#closed = closed;
  }

  ready(): number {
    return this.#done.length > 0 || this.#gone ? WRITABLE : 0;
  }

  submit(id: number, buffer: Uint8Array): number {
    if (this.#gone) return -ENODEV;
    if (this.#flying.has(id)) return -EEXIST;
    const view = new DataView(buffer.buffer, buffer.byteOffset, SETUP_BYTES);
    const transfer = {
      request: view.getUint8(1),
      value: view.getUint16(2, true),
      index: view.getUint16(4, true),
      data: buffer.subarray(SETUP_BYTES),
    };
    const pending = this.device.begin(transfer, ({ status, bytes }) => {
      this.#flying.delete(id);
      this.#done.push([id, status, bytes]);
      this.changed();
    });
    this.#flying.set(id, pending);
    return 0;
  }

  discard(id: number): number {
    const pending = this.#flying.get(id);
    if (pending === undefined) return -EINVAL;
    if (!pending.cancel()) return 0;
    this.#flying.delete(id);
    this.#done.push([id, -ENOENT, 0]);
    this.changed();
    return 0;
  }

  reap(out: Int32Array): number {
    const done = this.#done.shift();
    if (done === undefined) return this.#gone ? -ENODEV : 0;
    out.set([...done, 0]);
    return 1;
  }

  /** Unplugged: all that is in flight comes back. */
  unplugged(): void {
    this.#gone = true;
    for (const [id, pending] of this.#flying) {
      pending.end();
      this.#done.push([id, -ESHUTDOWN, 0]);
    }
    this.#flying.clear();
    this.changed();
  }

  override given(process: Process): void {
    this.device.touchedBy.add(process);
  }

  override released(): void {
    for (const pending of this.#flying.values()) {
      pending.cancel();
      pending.end();
    }
    this.#flying.clear();
    this.#closed(this);
  }
}
