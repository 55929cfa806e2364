// Runs in: a sim of an input device. Owns: one IN endpoint: its halt bit, the reports that wait and the URBs that wait for them.
import { EOVERFLOW, EPIPE, ESHUTDOWN } from "../usbip/codec.ts";
import type { Pipe } from "../usbip/endpoint-zero.ts";
import type { Urb, UrbStream } from "../usbip/urb.ts";

const MAX_WAITING = 64; // packets that a host which is slow gets late rather than never

interface Packet {
  readonly bytes: Uint8Array;
  /** A newer one says all that it does. */
  readonly state: boolean;
}

export class InPipe implements Pipe {
  readonly #packetBytes: number;
  #packets: Packet[] = [];
  #urbs: Urb[] = [];
  /** What the first URB has got, of a report longer than a packet. */
  #got: Uint8Array[] = [];
  #halted = false;
  /** The host asks again and again. */
  #polled = false;
  /** Packets that no host has taken in time. */
  lost = 0;

  constructor(packetBytes: number) {
    this.#packetBytes = packetBytes;
  }

  get halted(): boolean {
    return this.#halted;
  }

  /** The host has taken all there was. */
  get empty(): boolean {
    return this.#packets.length === 0;
  }

  /** The host waits for a report. */
  get wanted(): boolean {
    return this.#urbs.length > 0;
  }

  /** What the host must hear. */
  send(message: Uint8Array): void {
    this.#push(message, false);
  }

  /** What is so at present: to a host that has not asked for a while only the newest is told. */
  report(state: Uint8Array): void {
    if (!this.#polled) this.#packets = this.#packets.filter((packet) => !packet.state);
    this.#push(state, true);
  }

  #push(report: Uint8Array, state: boolean): void {
    for (let at = 0; at === 0 || at < report.length; at += this.#packetBytes)
      this.#packets.push({ bytes: report.slice(at, at + this.#packetBytes), state });
    this.#pump();
    const over = Math.max(0, this.#packets.length - MAX_WAITING);
    this.#packets.splice(0, over);
    this.lost += over;
  }

  submit(urb: Urb): void {
    if (this.#halted) {
      urb.complete(EPIPE, 0);
      return;
    }
    this.#polled = true;
    this.#urbs.push(urb);
    this.#pump();
  }

  unlink(urb: Urb): void {
    if (this.#urbs[0] === urb) this.#got = [];
    this.#urbs = this.#urbs.filter((each) => each !== urb);
    this.#polled &&= this.wanted;
  }

  /** Who has asked on this stream does not any more. */
  detach(stream: UrbStream): void {
    for (const urb of this.#urbs.filter((each) => each.stream === stream)) this.unlink(urb);
  }

  /** The function starts anew: what it had to say is void. */
  clear(): void {
    this.#packets = [];
    this.#halted = false;
  }

  halt(): void {
    this.#halted = true;
    this.#endAll(EPIPE);
  }

  clearHalt(): void {
    this.#halted = false;
    this.#pump();
  }

  /** A reset of the device ends what was queued. */
  flush(): void {
    this.#endAll(ESHUTDOWN);
  }

  #endAll(errno: number): void {
    const urbs = this.#urbs;
    this.#urbs = [];
    this.#got = [];
    this.#polled = false;
    for (const urb of urbs) urb.complete(errno, 0);
  }

  /** A URB ends with a packet that is not full, or when it is full itself (USB 2.0 §5.7.3). */
  #pump(): void {
    while (!this.#halted && this.#packets.length > 0 && this.#urbs.length > 0) {
      const urb = this.#urbs[0]!;
      const packet = this.#packets.shift()!.bytes;
      const filled = this.#got.reduce((sum, part) => sum + part.length, 0);
      if (packet.length > urb.length - filled) {
        this.#end(urb, EOVERFLOW, filled);
        continue;
      }
      this.#got.push(packet);
      const total = filled + packet.length;
      if (packet.length < this.#packetBytes || total === urb.length) this.#end(urb, 0, total);
    }
  }

  #end(urb: Urb, errno: number, length: number): void {
    const got = this.#got;
    this.#urbs.shift();
    this.#got = [];
    urb.complete(errno, length, got);
  }
}
