// Runs in: tests. Owns: the server's end of a USB/IP stream. Written from the specification alone, without codec.ts: a mistake must not cancel itself out.
import { once } from "node:events";
import { Socket } from "node:net";
import type { Descriptor } from "../fd/descriptor.ts";

export interface Received {
  command: number;
  seqnum: number;
  devid: number;
  direction: number;
  endpoint: number;
  flags: number;
  length: number;
  packets: number;
  interval: number;
  setup: number[];
  unlinks: number;
  data: Buffer;
}

export class TestServer {
  readonly socket: Socket;
  #bytes = Buffer.alloc(0);
  readonly #ended: Promise<unknown>;

  constructor(end: Descriptor) {
    this.socket = new Socket({ fd: end.take() });
    this.#ended = once(this.socket, "close");
    this.socket.pause();
  }

  /** Exactly `count` bytes of the stream. */
  async take(count: number): Promise<Buffer> {
    while (this.#bytes.length < count) {
      const chunk = this.socket.read() as Buffer | null;
      if (chunk === null) await once(this.socket, "readable");
      else this.#bytes = Buffer.concat([this.#bytes, chunk]);
    }
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return taken;
  }

  async command(): Promise<Received> {
    const header = await this.take(48);
    const word = (at: number) => header.readUInt32BE(at);
    const submit = word(0) === 1;
    const isOut = word(12) === 0;
    const packets = word(32) === 0xffffffff ? 0 : word(32);
    const following = submit ? (isOut ? word(24) : 0) + packets * 16 : 0;
    return {
      command: word(0),
      seqnum: word(4),
      devid: word(8),
      direction: word(12),
      endpoint: word(16),
      flags: word(20),
      length: word(24),
      packets,
      interval: word(36),
      setup: [...header.subarray(40, 48)],
      unlinks: word(20),
      data: await this.take(following),
    };
  }

  retSubmit(
    seqnum: number,
    status: number,
    length: number,
    payload: Uint8Array = Buffer.alloc(0),
    packets = 0xffffffff,
  ): void {
    this.#send([3, seqnum, 0, 0, 0, status, length, 0, packets, 0, 0, 0], payload);
  }

  retUnlink(seqnum: number, status: number): void {
    this.#send([4, seqnum, 0, 0, 0, status, 0, 0, 0, 0, 0, 0], Buffer.alloc(0));
  }

  hangUp(): void {
    this.socket.destroy();
  }

  /** Resolves when the client has closed its end. */
  async clientClosed(): Promise<void> {
    this.socket.resume();
    await this.#ended;
  }

  #send(words: number[], payload: Uint8Array): void {
    const header = Buffer.alloc(48);
    words.forEach((value, index) => {
      header.writeInt32BE(value | 0, index * 4);
    });
    this.socket.write(Buffer.concat([header, payload]));
  }
}
