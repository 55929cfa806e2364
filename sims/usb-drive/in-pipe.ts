// Runs in: the usb-drive sim. Owns: the bulk IN endpoint: its halt bit and the URBs queued on it.

import { EOVERFLOW, EPIPE, ESHUTDOWN } from "../usbip/codec.ts";
import type { Urb } from "../usbip/urb.ts";
import { giveBuffer } from "./buffers.ts";
import { aborted } from "./out-pipe.ts";

/** Bytes on their way to the host; from a file, they are a promise. */
export type Source = (offset: number, length: number) => Uint8Array | Promise<Uint8Array>;

/** An IN URB to which bytes were assigned. */
interface Slot {
  readonly urb: Urb;
  readonly parts: Uint8Array[];
  filled: number;
  missing: number; // parts still being read
  closed: boolean; // takes no more bytes
  errno: number;
}

interface Segment {
  readonly length: number;
  readonly source: Source;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
  offset: number; // assigned to URBs
  missing: number; // parts still being read
}

export class InPipe {
  readonly #packetBytes: number;
  #free: Urb[] = [];
  #slots: Slot[] = [];
  #segment: Segment | undefined;
  #halted = false;

  constructor(packetBytes: number) {
    this.#packetBytes = packetBytes;
  }

  get halted(): boolean {
    return this.#halted;
  }

  submit(urb: Urb): void {
    if (this.#halted) {
      this.#slots.push(closedSlot(urb, EPIPE));
      this.#settle();
    } else {
      this.#free.push(urb);
      this.#pump();
    }
  }

  /**
   * Sends `length` bytes in packets, the last one short unless it is full; then a URB with room goes on with the next
   * send, as on a bus. Reads for all queued URBs run at the same time. Resolves once each byte has been assigned and read.
   */
  send(length: number, source: Source): Promise<void> {
    if (length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#segment = { length, source, resolve, reject, offset: 0, missing: 0 };
      this.#pump();
    });
  }

  /** Every URB that has not got a short packet or its fill ends with a stall. */
  halt(): void {
    this.#halted = true;
    const open = this.#slots.at(-1);
    if (open !== undefined && !open.closed) {
      open.closed = true;
      open.errno = EPIPE;
    }
    this.#slots.push(...this.#free.map((urb) => closedSlot(urb, EPIPE)));
    this.#free = [];
    this.#settle();
  }

  clearHalt(): void {
    this.#halted = false;
    this.#pump();
  }

  /** Ends the wait of `send`; bytes not assigned yet are dropped. Queued URBs stay. */
  abort(): void {
    const segment = this.#segment;
    this.#segment = undefined;
    segment?.reject(aborted);
  }

  /** Bytes assigned to the URB are lost, as they were on the bus already. */
  unlink(urb: Urb): void {
    this.#free = this.#free.filter((each) => each !== urb);
    this.#slots = this.#slots.filter((slot) => slot.urb !== urb);
    this.#settle();
  }

  flush(): void {
    const urbs = [...this.#slots.map((slot) => slot.urb), ...this.#free];
    this.detach();
    for (const urb of urbs) urb.complete(ESHUTDOWN, 0);
  }

  detach(): void {
    this.#free = [];
    this.#slots = [];
  }

  #pump(): void {
    const segment = this.#segment;
    if (segment === undefined || this.#halted) return;
    while (segment.offset < segment.length) {
      const slot = this.#openSlot();
      if (slot === undefined) break;
      this.#assign(segment, slot);
    }
    this.#finish(segment);
    this.#settle();
  }

  #openSlot(): Slot | undefined {
    const last = this.#slots.at(-1);
    if (last !== undefined && !last.closed) return last;
    const urb = this.#free.shift();
    if (urb === undefined) return undefined;
    const slot: Slot = { urb, parts: [], filled: 0, missing: 0, closed: false, errno: 0 };
    this.#slots.push(slot);
    return slot;
  }

  #assign(segment: Segment, slot: Slot): void {
    const left = segment.length - segment.offset;
    const room = slot.urb.length - slot.filled;
    const tail = room % this.#packetBytes;
    const babble = left > room && tail !== 0; // the packet that does not fit is lost, the URB overflows
    const length = babble ? room - tail : Math.min(room, left);
    if (length > 0) this.#read(segment, slot, length);
    segment.offset += length;
    slot.filled += length;
    if (babble) {
      segment.offset += Math.min(this.#packetBytes, segment.length - segment.offset);
      slot.errno = EOVERFLOW;
    }
    const short = segment.offset === segment.length && segment.length % this.#packetBytes !== 0;
    slot.closed = babble || short || slot.filled === slot.urb.length;
  }

  #read(segment: Segment, slot: Slot, length: number): void {
    const part = slot.parts.length;
    const bytes = segment.source(segment.offset, length);
    if (bytes instanceof Uint8Array) {
      slot.parts.push(bytes);
      return;
    }
    slot.parts.push(new Uint8Array(0));
    slot.missing++;
    segment.missing++;
    void bytes.then((read) => {
      slot.parts[part] = read;
      slot.missing--;
      segment.missing--;
      this.#finish(segment);
      this.#settle();
    });
  }

  #finish(segment: Segment): void {
    if (segment !== this.#segment || segment.offset < segment.length || segment.missing > 0) return;
    this.#segment = undefined;
    segment.resolve();
  }

  /** URBs are answered in the order they came. */
  #settle(): void {
    for (let slot = this.#slots[0]; slot?.closed && slot.missing === 0; slot = this.#slots[0]) {
      this.#slots.shift();
      const parts = slot.parts;
      slot.urb.complete(slot.errno, slot.filled, parts, () => parts.forEach(giveBuffer));
    }
  }
}

function closedSlot(urb: Urb, errno: number): Slot {
  return { urb, parts: [], filled: 0, missing: 0, closed: true, errno };
}
