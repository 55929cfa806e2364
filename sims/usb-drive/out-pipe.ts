// Runs in: the usb-drive sim. Owns: the bulk OUT endpoint: its halt bit and the URBs queued on it.
import { splitChunks } from "../usbip/byte-queue.ts";
import { ENOMEM, EPIPE, ESHUTDOWN } from "../usbip/codec.ts";
import type { Urb } from "../usbip/urb.ts";

/** What a wait on a pipe ends with when the function behind it is reset. A value, so that no stack is recorded. */
export const aborted = Symbol("aborted");

const MAX_QUEUED_BYTES = 64 * 1048576;

/** Bytes of one OUT URB, handed to the function. It owes the URB `accept` or `refuse`. */
export interface Piece {
  readonly chunks: readonly Uint8Array[];
  readonly length: number;
  /** The URB ends here. */
  readonly last: boolean;
  /** ... and with a short packet, which ends a data stage (USB 2.0 §5.8.3). */
  readonly short: boolean;
  accept(): void;
  /** Halts the pipe at the first byte of this piece. */
  refuse(): void;
}

export class OutPipe {
  readonly #packetBytes: number;
  #urbs: Urb[] = [];
  #consumed = 0; // bytes taken of the first URB
  #queuedBytes = 0;
  #halted = false;
  #waiter: { max: number; resolve: (piece: Piece) => void; reject: (reason: unknown) => void } | undefined;

  constructor(packetBytes: number) {
    this.#packetBytes = packetBytes;
  }

  get halted(): boolean {
    return this.#halted;
  }

  submit(urb: Urb): void {
    if (this.#halted) {
      urb.complete(EPIPE, 0);
    } else if (this.#queuedBytes + urb.length > MAX_QUEUED_BYTES) {
      urb.complete(ENOMEM, 0);
    } else {
      this.#urbs.push(urb);
      this.#queuedBytes += urb.length;
      this.#wake();
    }
  }

  /** At most `max` bytes of the URB at the head of the queue. One caller at a time. */
  take(max: number): Promise<Piece> {
    return new Promise((resolve, reject) => {
      this.#waiter = { max, resolve, reject };
      this.#wake();
    });
  }

  halt(): void {
    this.#halted = true;
    const consumed = this.#consumed;
    const [first, ...rest] = this.#urbs;
    this.detach();
    first?.complete(EPIPE, consumed);
    for (const urb of rest) urb.complete(EPIPE, 0);
  }

  clearHalt(): void {
    this.#halted = false;
    this.#wake();
  }

  /** Ends the wait of `take`. What is queued stays. */
  abort(): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.reject(aborted);
  }

  /** A reset of the device ends what was queued. */
  flush(): void {
    const urbs = this.#urbs;
    this.detach();
    for (const urb of urbs) urb.complete(ESHUTDOWN, 0);
  }

  unlink(urb: Urb): void {
    const at = this.#urbs.indexOf(urb);
    if (at >= 0) this.#remove(at);
  }

  /** The stream died: what it sent and nobody took is discarded. */
  detach(): void {
    this.#urbs = [];
    this.#consumed = 0;
    this.#queuedBytes = 0;
  }

  #remove(at: number): void {
    this.#queuedBytes -= this.#urbs[at]!.length;
    this.#urbs.splice(at, 1);
    if (at === 0) this.#consumed = 0;
  }

  #wake(): void {
    const urb = this.#urbs[0];
    const waiter = this.#waiter;
    if (urb === undefined || waiter === undefined || this.#halted) return;
    this.#waiter = undefined;
    const start = this.#consumed;
    const length = Math.min(waiter.max, urb.length - start);
    const last = start + length === urb.length;
    const whole = start === 0 && last;
    const chunks = whole ? urb.data : splitChunks(splitChunks(urb.data, start)[1], length)[0];
    this.#consumed += length;
    if (last) this.#remove(0);
    waiter.resolve({
      chunks,
      length,
      last,
      short: last && (urb.length === 0 || urb.length % this.#packetBytes !== 0),
      accept: () => {
        if (last) urb.complete(0, urb.length);
      },
      refuse: () => {
        if (last) urb.complete(EPIPE, start);
        else this.#consumed = start;
        this.halt();
      },
    });
  }
}
