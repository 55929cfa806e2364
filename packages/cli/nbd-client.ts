// Runs in: CLI, and tests. Owns: one connection to an NBD server, spoken from the specification (the NBD project's doc/proto.md) and
// sharing no code with ours. Unlike the usual tools it can leave at any moment, and says when bytes are on their way.
import { once } from "node:events";
import { connect, type Socket } from "node:net";

// proto.md, "Newstyle negotiation", "Option types", "Option reply types"
const IHAVEOPT = 0x49484156454f5054n;
const CLIENT_FLAGS = 3; // C_FIXED_NEWSTYLE | C_NO_ZEROES
const OPT_GO = 7;
const REP_ACK = 1;
const REP_ERROR = 0x80000000;
// proto.md, "Transmission phase"
const REQUEST_MAGIC = 0x25609513;
const SIMPLE_REPLY_MAGIC = 0x67446698;
const CMD = { read: 0, write: 1, disconnect: 2, flush: 3 } as const;
const FLAG_FUA = 1;

export class NbdError extends Error {
  /** As on the wire; 0: the connection ended without an answer. */
  readonly code: number;

  constructor(what: string, code: number) {
    super(code === 0 ? `${what}: the connection ended` : `${what}: NBD error ${code}`);
    this.code = code;
  }
}

interface Waiting {
  readonly what: string;
  /** Of the answer. */
  readonly bytes: number;
  readonly resolve: (data: Buffer) => void;
  readonly reject: (error: NbdError) => void;
}

/** `sent`: the socket has taken the whole request, so that it arrives even if we leave now. */
export interface UnderWay<T> {
  readonly sent: Promise<void>;
  readonly done: Promise<T>;
}

export class NbdClient {
  readonly #socket: Socket;
  readonly #waiting = new Map<bigint, Waiting>();
  #unread: Buffer = Buffer.alloc(0);
  #wake: () => void = () => {};
  #ended = false;
  readonly #closed: Promise<void>;
  #lastCookie = 0n;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
      this.#wake();
    });
    socket.on("error", () => {}); // "close" follows
    this.#closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.#ended = true;
        this.#wake();
        resolve();
      });
    });
  }

  /** Rejects with NbdError where the server says no. `broken` hears of a reply that the protocol forbids, which ends the connection. */
  static async connect(path: string, broken?: (what: string) => void): Promise<NbdClient> {
    const socket = connect(path);
    await once(socket, "connect");
    const client = new NbdClient(socket);
    await client.#negotiate().catch((error) => {
      client.drop();
      throw error;
    });
    void client.#readReplies().catch((error: Error) => {
      if (broken === undefined) throw error;
      broken(error.message);
      client.drop();
    });
    return client;
  }

  get ended(): boolean {
    return this.#ended;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    return await this.#request("read", offset, length).done;
  }

  async write(offset: number, bytes: Uint8Array, fua = false): Promise<void> {
    await this.startWrite(offset, bytes, fua).done;
  }

  startWrite(offset: number, bytes: Uint8Array, fua = false): UnderWay<Buffer> {
    return this.#request("write", offset, bytes.length, bytes, fua ? FLAG_FUA : 0);
  }

  async flush(): Promise<void> {
    await this.#request("flush", 0, 0).done;
  }

  /** Announces `length` bytes and sends only some of them. */
  startPartOfWrite(offset: number, length: number, bytes: Uint8Array): void {
    this.#send("write", offset, length, 0, bytes, () => {});
  }

  /** Leaves in order. */
  async close(): Promise<void> {
    this.#request("disconnect", 0, 0).done.catch(() => {});
    await this.#closed;
  }

  /** Leaves at once, without a word. */
  drop(): void {
    this.#socket.destroy();
  }

  /** Leaves without a word, once all that was sent is on its way. */
  async left(): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.end(resolve));
    this.drop();
  }

  #request(
    command: keyof typeof CMD,
    offset: number,
    length: number,
    payload: Uint8Array = new Uint8Array(0),
    flags = 0,
  ): UnderWay<Buffer> {
    const { promise: sent, resolve: isSent } = Promise.withResolvers<void>();
    const done = new Promise<Buffer>((resolve, reject) => {
      const what = `${command} of ${length} bytes at ${offset}`;
      const bytes = command === "read" ? length : 0;
      if (this.#ended) return reject(new NbdError(what, 0));
      const cookie = this.#send(command, offset, length, flags, payload, isSent);
      this.#waiting.set(cookie, { what, bytes, resolve, reject });
    });
    done.catch(() => {}); // whoever leaves does not ask
    return { sent, done };
  }

  #send(
    command: keyof typeof CMD,
    offset: number,
    length: number,
    flags: number,
    payload: Uint8Array,
    sent: () => void,
  ): bigint {
    const cookie = ++this.#lastCookie;
    const head = Buffer.alloc(28);
    head.writeUInt32BE(REQUEST_MAGIC, 0);
    head.writeUInt16BE(flags, 4);
    head.writeUInt16BE(CMD[command], 6);
    head.writeBigUInt64BE(cookie, 8);
    head.writeBigUInt64BE(BigInt(offset), 16);
    head.writeUInt32BE(length, 24);
    this.#socket.cork();
    this.#socket.write(head);
    this.#socket.write(payload, () => sent());
    this.#socket.uncork();
    return cookie;
  }

  async #negotiate(): Promise<void> {
    await this.#take(18); // NBDMAGIC, IHAVEOPT, handshake flags
    const go = Buffer.alloc(4 + 16 + 6);
    go.writeUInt32BE(CLIENT_FLAGS, 0);
    go.writeBigUInt64BE(IHAVEOPT, 4);
    go.writeUInt32BE(OPT_GO, 12);
    go.writeUInt32BE(6, 16); // the default export, and no information asked for
    this.#socket.write(go);
    for (;;) {
      const head = await this.#take(20);
      const type = head.readUInt32BE(12);
      const text = await this.#take(head.readUInt32BE(16));
      if (type === REP_ACK) return;
      if (type >= REP_ERROR) throw new NbdError(`export: ${text.toString()}`, type);
    }
  }

  async #readReplies(): Promise<void> {
    try {
      for (;;) {
        const head = await this.#take(16);
        if (head.readUInt32BE(0) !== SIMPLE_REPLY_MAGIC) throw new Error("a reply without its magic");
        const cookie = head.readBigUInt64BE(8);
        const waiting = this.#waiting.get(cookie);
        if (waiting === undefined) throw new Error(`a reply to request ${cookie}, which was not sent`);
        const error = head.readUInt32BE(4);
        const data = await this.#take(error === 0 ? waiting.bytes : 0);
        this.#waiting.delete(cookie);
        if (error === 0) waiting.resolve(data);
        else waiting.reject(new NbdError(waiting.what, error));
      }
    } catch (error) {
      for (const { what, reject } of this.#waiting.values()) reject(new NbdError(what, 0));
      this.#waiting.clear();
      if (!(error instanceof NbdError)) throw error;
    }
  }

  async #take(length: number): Promise<Buffer> {
    while (this.#unread.length < length) {
      if (this.#ended) throw new NbdError("read from the server", 0);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const taken = this.#unread.subarray(0, length);
    this.#unread = this.#unread.subarray(length);
    return taken;
  }
}
