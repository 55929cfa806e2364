// Runs in: reflector. Owns: one NBD client's socket, bytes that have arrived and are not used yet, and what waits to be sent.
import { DeviceError } from "@ring3/core/errors";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { native } from "@ring3/kernel/native";
import { type Watch, watch } from "@ring3/kernel/poll/watch";
import type { NegotiationStream } from "./endpoint-nbd-negotiation.ts";

const EAGAIN = 11; // asm-generic/errno-base.h
/** Several hundred requests; a large write's payload goes past it, straight to where it belongs. */
const INPUT_BYTES = 16_384;
/** native.sendmsg takes no more at once. */
const BUFFERS_A_CALL = 64;
/** Replies that the client may leave unread before no more of its requests are read. */
const UNSENT_MAX = 4 * 1024 * 1024;

interface Outgoing {
  bytes: Uint8Array;
  /** Called once the bytes are sent or dropped: they lie in a slot. */
  release: (() => void) | undefined;
  /** Bytes that have left their slot for private memory. */
  spilled: number;
}

export class NbdStream implements NegotiationStream {
  readonly #socket: Descriptor;
  readonly #watch: Watch;
  readonly #input = new Uint8Array(INPUT_BYTES);
  #start = 0;
  #end = 0;
  #inputEnded = false;
  /** The last read left room: there is no more until the socket says so. */
  #drained = false;
  #closed = false;
  #watchingInput = true;
  #onReadable: (() => void) | undefined;

  #queue: Outgoing[] = [];
  #unsent = 0;
  #flushPlanned = false;
  /** The socket takes no more until it says so. */
  #blocked = false;
  #onSent: { below: number; resolve: () => void }[] = [];

  /** What has arrived: for decoding at the offset that `take` answers. */
  readonly view = new DataView(this.#input.buffer);
  /** Changes whenever the socket took or gave a byte. */
  progress = 0;

  /** Owns `socket` from now on. */
  constructor(socket: Descriptor) {
    this.#socket = socket;
    this.#watch = watch(socket.fd, { readable: true }, (ready) => {
      if (ready.writable && this.#blocked) {
        this.#blocked = false;
        this.#setEvents();
        this.#flush();
      }
      if (ready.readable) this.#wakeReader();
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  // Arriving

  /** Waits until `length` bytes can be taken; false if the stream ends before. At most INPUT_BYTES. */
  async need(length: number): Promise<boolean> {
    while (this.#end - this.#start < length) {
      if (this.#start > 0) {
        this.#input.copyWithin(0, this.#start, this.#end);
        this.#end -= this.#start;
        this.#start = 0;
      }
      const received = await this.#receive(() => this.#input.subarray(this.#end));
      if (received === 0) return false;
      this.#end += received;
    }
    return true;
  }

  /** For a caller in a hurry: is `need(length)` true at once? */
  has(length: number): boolean {
    return this.#end - this.#start >= length;
  }

  /** Where in `view` the next `length` bytes lie, until the next `need`. */
  take(length: number): number {
    const at = this.#start;
    this.#start += length;
    return at;
  }

  /**
   * Some of the next bytes, into `target()`, which must not be empty. It is asked anew after each wait, since what it
   * named before may be gone by then. 0: the stream has ended.
   */
  async receiveInto(target: () => Uint8Array): Promise<number> {
    const buffered = this.#end - this.#start;
    if (buffered === 0) return await this.#receive(target);
    const room = target();
    const length = Math.min(buffered, room.length);
    room.set(this.#input.subarray(this.#start, this.#start + length));
    this.#start += length;
    return length;
  }

  async read(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    for (let filled = 0; filled < length; ) {
      const received = await this.receiveInto(() => bytes.subarray(filled));
      if (received === 0) throw new DeviceError("disconnected", "read from an NBD client");
      filled += received;
    }
    return bytes;
  }

  /** Takes bytes off the stream that nobody wants; false if it ends before. */
  async skip(length: number): Promise<boolean> {
    const waste = new Uint8Array(Math.min(length, 65_536));
    for (let left = length; left > 0; ) {
      const received = await this.receiveInto(() => waste.subarray(0, Math.min(left, waste.length)));
      if (received === 0) return false;
      left -= received;
    }
    return true;
  }

  /** Nothing more is read; what waits for bytes finds the stream at its end. */
  endInput(): void {
    this.#inputEnded = true;
    this.#start = this.#end;
    this.#wakeReader();
  }

  async #receive(target: () => Uint8Array): Promise<number> {
    while (!this.#inputEnded) {
      const room = target();
      const result = this.#drained ? -EAGAIN : native.read(this.#socket.fd, room);
      if (result > 0) {
        this.progress++;
        this.#drained = result < room.length;
        return result;
      }
      if (result !== -EAGAIN) break; // end of file, or a connection reset
      await new Promise<void>((resolve) => {
        this.#onReadable = resolve;
        if (!this.#watchingInput) this.#watchInput(true);
      });
    }
    this.#inputEnded = true;
    this.#watchInput(false);
    return 0;
  }

  /** The loop keeps telling of bytes that nobody waits for: then it is asked not to, until somebody does. */
  #wakeReader(): void {
    this.#drained = false;
    const resolve = this.#onReadable;
    this.#onReadable = undefined;
    if (resolve !== undefined) resolve();
    else this.#watchInput(false);
  }

  // Leaving

  /** Queued, and sent with all else that is queued in this turn. `release` is called once the bytes are needed no more. */
  send(bytes: Uint8Array, release?: () => void): void {
    if (this.#closed) {
      release?.();
      return;
    }
    this.#queue.push({ bytes, release, spilled: 0 });
    this.#unsent += bytes.length;
    if (this.#flushPlanned || this.#blocked) return;
    this.#flushPlanned = true;
    process.nextTick(() => {
      this.#flushPlanned = false;
      this.#flush();
    });
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.send(bytes);
    await this.sentBelow();
  }

  /** So much waits to be sent that no more should be asked for. */
  get crowded(): boolean {
    return this.#unsent >= UNSENT_MAX;
  }

  /** Resolves once fewer than so many bytes wait to be sent, or the connection is closed. */
  async sentBelow(limit: number = UNSENT_MAX): Promise<void> {
    if (this.#unsent >= limit)
      await new Promise<void>((resolve) => this.#onSent.push({ below: limit, resolve }));
  }

  /** Replies that the client does not take are moved out of their slots, for others to use. */
  spill(): void {
    for (const item of this.#queue) {
      if (item.release === undefined) continue;
      item.bytes = item.bytes.slice();
      item.spilled = item.bytes.length;
      item.release();
      item.release = undefined;
    }
  }

  get spilled(): number {
    return this.#queue.reduce((sum, item) => sum + item.spilled, 0);
  }

  /** What is not sent yet is dropped. May be called twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.close();
    this.#socket.close();
    for (const item of this.#queue.splice(0)) item.release?.();
    this.#unsent = 0;
    this.endInput();
    this.#tellSent();
  }

  #flush(): void {
    while (!this.#closed && this.#queue.length > 0) {
      const buffers = this.#queue.slice(0, BUFFERS_A_CALL).map((item) => item.bytes);
      const sent = native.sendmsg(this.#socket.fd, buffers, []);
      if (sent === -EAGAIN) {
        this.#blocked = true;
        this.#setEvents();
        break;
      }
      if (sent < 0) {
        this.close(); // nobody is left to reply to
        return;
      }
      this.progress++;
      this.#sent(sent);
    }
    this.#tellSent();
  }

  #sent(bytes: number): void {
    this.#unsent -= bytes;
    let done = 0;
    for (let left = bytes; left > 0; ) {
      const item = this.#queue[done]!;
      if (left < item.bytes.length) {
        item.bytes = item.bytes.subarray(left);
        break;
      }
      left -= item.bytes.length;
      item.release?.();
      done++;
    }
    this.#queue.splice(0, done);
  }

  #tellSent(): void {
    if (this.#onSent.length === 0) return;
    const due = this.#onSent.filter(({ below }) => this.#closed || this.#unsent < below);
    this.#onSent = this.#onSent.filter((waiter) => !due.includes(waiter));
    for (const { resolve } of due) resolve();
  }

  #watchInput(on: boolean): void {
    this.#watchingInput = on;
    this.#setEvents();
  }

  #setEvents(): void {
    if (!this.#closed) this.#watch.set({ readable: this.#watchingInput, writable: this.#blocked });
  }
}
