// Runs in: driver host, manager. Owns: what waits to be written to one stream. Sends each message from where its bytes lie.

const EAGAIN = 11; // asm-generic/errno-base.h
const BUFFERS_A_CALL = 64; // what the addon's sendmsg takes at once

export interface Outgoing {
  buffers: Uint8Array[];
  started: boolean;
  done: boolean;
}

export class SendQueue {
  readonly #send: (buffers: readonly Uint8Array[]) => number;
  readonly #queue: Outgoing[] = [];

  /** `send` answers the number of bytes it took or a negative errno. */
  constructor(send: (buffers: readonly Uint8Array[]) => number) {
    this.#send = send;
  }

  get empty(): boolean {
    return this.#queue.length === 0;
  }

  /** The buffers stay untouched until the message is done. Call `flush` next. */
  push(...buffers: Uint8Array[]): Outgoing {
    const message = { buffers: buffers.filter(({ length }) => length > 0), started: false, done: false };
    this.#queue.push(message);
    return message;
  }

  /** Takes a message back of which no byte was sent. */
  remove(message: Outgoing): boolean {
    const index = message.started ? -1 : this.#queue.indexOf(message);
    if (index !== -1) this.#queue.splice(index, 1);
    return index !== -1;
  }

  /** Sends until all is sent or the stream takes no more. 0, or the negative errno that ends the stream. */
  flush(): number {
    while (this.#queue.length > 0) {
      const buffers = this.#next();
      const total = buffers.reduce((sum, { length }) => sum + length, 0);
      const sent = this.#send(buffers);
      if (sent === -EAGAIN) return 0;
      if (sent < 0) return sent;
      this.#sent(sent);
      if (sent < total) return 0;
    }
    return 0;
  }

  #next(): Uint8Array[] {
    const buffers: Uint8Array[] = [];
    for (const message of this.#queue) {
      if (buffers.length + message.buffers.length > BUFFERS_A_CALL) break;
      buffers.push(...message.buffers);
    }
    return buffers;
  }

  #sent(count: number): void {
    let left = count;
    while (left > 0) {
      const message = this.#queue[0]!;
      message.started = true;
      const buffer = message.buffers[0]!;
      if (left < buffer.length) {
        message.buffers[0] = buffer.subarray(left);
        return;
      }
      left -= buffer.length;
      message.buffers.shift();
      if (message.buffers.length === 0) {
        message.done = true;
        this.#queue.shift();
      }
    }
  }
}
