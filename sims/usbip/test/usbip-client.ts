// Runs in: tests. Owns: one connection to the sim. The bytes are built here by hand, so that no mistake of the sim cancels out.
import { connect, type Socket } from "node:net";

export interface Reply {
  readonly status: number;
  readonly actual: number;
  readonly data: Buffer;
}

interface Waiting {
  readonly in: boolean;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

export class UsbipClient {
  readonly closed: Promise<void>;
  readonly importStatus: Promise<number>;
  readonly imported = Promise.withResolvers<{ status: number; record: Buffer }>();
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  #input: Buffer = Buffer.alloc(0);
  #seqnum = 0;
  #importing = true;

  constructor(path: string, busid: string) {
    this.#socket = connect(path);
    const name = Buffer.alloc(32);
    name.write(busid, "latin1");
    this.#socket.write(Buffer.concat([Buffer.from([0x01, 0x11, 0x80, 0x03, 0, 0, 0, 0]), name]));
    this.#socket.on("data", (chunk: Buffer) => {
      this.#input = Buffer.concat([this.#input, chunk]);
      while (this.#parse());
    });
    this.#socket.on("error", () => {});
    this.importStatus = this.imported.promise.then(({ status }) => status);
    this.closed = new Promise((resolve) =>
      this.#socket.on("close", () => {
        for (const each of this.#waiting.values()) each.reject(new Error("stream closed"));
        this.#waiting.clear();
        resolve();
      }),
    );
  }

  get lastSeqnum(): number {
    return this.#seqnum;
  }

  close(): Promise<void> {
    this.#socket.destroy();
    return this.closed;
  }

  raw(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** A CMD_SUBMIT with its data, as bytes. */
  static submitBytes(
    seqnum: number,
    endpoint: number,
    length: number,
    options: { in: boolean; setup?: Uint8Array; flags?: number },
  ): Buffer {
    const head = Buffer.alloc(48);
    head.writeUInt32BE(1, 0);
    head.writeUInt32BE(seqnum, 4);
    head.writeUInt32BE(0x00010002, 8);
    head.writeUInt32BE(options.in ? 1 : 0, 12);
    head.writeUInt32BE(endpoint, 16);
    head.writeUInt32BE(options.flags ?? 0, 20);
    head.writeUInt32BE(length, 24);
    head.writeInt32BE(-1, 32);
    head.set(options.setup ?? new Uint8Array(8), 40);
    return head;
  }

  in(length: number, endpoint = 1, flags = 0): Promise<Reply> {
    const seqnum = ++this.#seqnum;
    this.raw(UsbipClient.submitBytes(seqnum, endpoint, length, { in: true, flags }));
    return this.#wait(seqnum, true);
  }

  out(data: Uint8Array, endpoint = 2): Promise<Reply> {
    const seqnum = ++this.#seqnum;
    this.raw(Buffer.concat([UsbipClient.submitBytes(seqnum, endpoint, data.length, { in: false }), data]));
    return this.#wait(seqnum, false);
  }

  control(
    requestType: number,
    request: number,
    value: number,
    index: number,
    lengthOrData: number | Uint8Array = 0,
  ): Promise<Reply> {
    const seqnum = ++this.#seqnum;
    const isIn = (requestType & 0x80) !== 0;
    const data = typeof lengthOrData === "number" ? new Uint8Array(0) : lengthOrData;
    const length = typeof lengthOrData === "number" ? lengthOrData : data.length;
    const setup = Buffer.from([requestType, request, 0, 0, 0, 0, 0, 0]);
    setup.writeUInt16LE(value, 2);
    setup.writeUInt16LE(index, 4);
    setup.writeUInt16LE(length, 6);
    this.raw(Buffer.concat([UsbipClient.submitBytes(seqnum, 0, length, { in: isIn, setup }), data]));
    return this.#wait(seqnum, isIn);
  }

  async unlink(target: number): Promise<number> {
    const seqnum = ++this.#seqnum;
    const head = Buffer.alloc(48);
    head.writeUInt32BE(2, 0);
    head.writeUInt32BE(seqnum, 4);
    head.writeUInt32BE(target, 20);
    this.raw(head);
    return (await this.#wait(seqnum, false)).status;
  }

  #wait(seqnum: number, isIn: boolean): Promise<Reply> {
    const reply = new Promise<Reply>((resolve, reject) =>
      this.#waiting.set(seqnum, { in: isIn, resolve, reject }),
    );
    reply.catch(() => {}); // a test that expects a dead stream awaits it later
    return reply;
  }

  #parse(): boolean {
    return this.#importing ? this.#parseImport() : this.#parseRet();
  }

  #parseImport(): boolean {
    if (this.#input.length < 8) return false;
    const status = this.#input.readUInt32BE(4);
    const length = status === 0 ? 320 : 8;
    if (this.#input.length < length) return false;
    this.imported.resolve({ status, record: this.#input.subarray(8, length) });
    this.#input = this.#input.subarray(length);
    this.#importing = false;
    return true;
  }

  #parseRet(): boolean {
    if (this.#input.length < 48) return false;
    const seqnum = this.#input.readUInt32BE(4);
    const waiting = this.#waiting.get(seqnum)!;
    const actual = this.#input.readUInt32BE(24);
    const end = 48 + (waiting.in ? actual : 0);
    if (this.#input.length < end) return false;
    const data = this.#input.subarray(48, end);
    this.#waiting.delete(seqnum);
    waiting.resolve({ status: this.#input.readInt32BE(20), actual, data });
    this.#input = this.#input.subarray(end);
    return true;
  }
}

/** The answer to OP_REQ_DEVLIST, whole. */
export function devlist(path: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(path, () => socket.write(Buffer.from([0x01, 0x11, 0x80, 0x05, 0, 0, 0, 0])));
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("end", () => resolve(Buffer.concat(chunks)));
    socket.on("error", reject);
  });
}
