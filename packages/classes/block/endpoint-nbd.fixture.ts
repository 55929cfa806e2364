// Runs in: node --test. Owns: an NBD endpoint on a socket of its own, and NBD clients that may misbehave.
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "@ring3/core/clock";
import { createLog, type LogEntry } from "@ring3/core/log";
import {
  NBD_FLAG_FIXED_NEWSTYLE,
  NBD_FLAG_NO_ZEROES,
  NBD_OPT_GO,
  NBD_OPT_STRUCTURED_REPLY,
  NBD_REP_INFO,
  NBD_REPLY_TYPE_ERROR,
  NBD_REPLY_TYPE_OFFSET_DATA,
} from "@ring3/kernel/nbd/constants";
import {
  decodeGreeting,
  decodeOptionReplyHeader,
  encodeClientFlags,
  encodeInfoRequest,
  encodeOption,
  GREETING_BYTES,
  OPTION_REPLY_HEADER_BYTES,
} from "@ring3/kernel/nbd/handshake";
import {
  CHUNK_HEADER_BYTES,
  decodeErrorChunk,
  decodeReplyHeader,
  encodeRequest,
  type NbdRequest,
  SIMPLE_REPLY_BYTES,
} from "@ring3/kernel/nbd/transmission";
import { bindPath } from "@ring3/kernel/socket/unix";
import { type NbdEndpoint, type NbdEndpointOptions, startNbdEndpoint } from "./endpoint-nbd.ts";
import { type MemoryDisk, type MemoryDiskOptions, memoryDisk } from "./memory-disk.fixture.ts";

/** With what a URI must escape, in name and path. */
export const EXPORT_NAME = "usb-1-4.2:1.0#0";

export interface Served {
  readonly disk: MemoryDisk;
  readonly endpoint: NbdEndpoint;
  readonly socketPath: string;
  readonly directory: string;
  readonly log: LogEntry[];
  /** Modes in which the disk was opened. */
  readonly opened: string[];
  client(): Promise<RawClient>;
}

export interface ServeOptions extends Partial<Pick<NbdEndpointOptions, "geometry" | "open">> {
  readonly disk?: MemoryDiskOptions;
  readonly guests?: NbdEndpointOptions["listener"]["guests"];
}

/** The part of a test's context that cleans up behind it. */
interface Test {
  after(run: () => Promise<void>): void;
}

export function serveNbd(t: Test, clock: Clock, options: ServeOptions = {}): Served {
  const directory = mkdtempSync(join(tmpdir(), "ring3 nbd "));
  const socketPath = join(directory, "disk.sock");
  const disk = memoryDisk(options.disk);
  const log: LogEntry[] = [];
  const opened: string[] = [];
  const clients: RawClient[] = [];
  const endpoint = startNbdEndpoint({
    listener: { path: socketPath, socket: bindPath(socketPath, 0o600), guests: options.guests },
    exportName: EXPORT_NAME,
    aliases: ["backup"],
    description: "a disk in memory",
    geometry: options.geometry ?? (() => disk.geometry),
    open:
      options.open ??
      (async (mode) => {
        opened.push(mode);
        return disk.port;
      }),
    clock,
    log: createLog("nbd", (entry) => log.push(entry), clock),
  });
  t.after(async () => {
    for (const client of clients) client.socket.destroy();
    await endpoint.close();
    rmSync(directory, { recursive: true });
  });
  const client = async () => {
    const connected = await RawClient.connect(socketPath);
    clients.push(connected);
    return connected;
  };
  return { disk, endpoint, socketPath, directory, log, opened, client };
}

export interface Reply {
  readonly cookie: number;
  readonly error: number;
  readonly message: string;
  readonly data: Buffer;
  readonly kind: "simple" | "chunk";
}

export class RawClient {
  readonly socket: Socket;
  #buffered: Buffer = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => {};
  #lastCookie = 0;
  /** Lengths of the reads under way, by cookie: a simple reply does not say how long its data is. */
  readonly #reads = new Map<number, number>();

  static async connect(path: string): Promise<RawClient> {
    const socket = createConnection({ path });
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return client;
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.#buffered = Buffer.concat([this.#buffered, bytes]);
      this.#wake();
    });
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    socket.on("end", end).on("close", end).on("error", end);
  }

  send(...bytes: Uint8Array[]): void {
    for (const part of bytes) this.socket.write(part);
  }

  /** Resolves once everything sent so far has left this process. */
  async sent(): Promise<void> {
    await new Promise<void>((resolve) => this.socket.write(new Uint8Array(0), () => resolve()));
  }

  async read(length: number): Promise<Buffer> {
    while (this.#buffered.length < length) {
      if (this.#ended)
        throw new Error(`the server hung up; ${this.#buffered.length} of ${length} bytes came`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const bytes = this.#buffered.subarray(0, length);
    this.#buffered = this.#buffered.subarray(length);
    return bytes;
  }

  /** What came until the server hung up. */
  async readToEnd(): Promise<Buffer> {
    while (!this.#ended)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    return this.#buffered;
  }

  async greet(flags: number = NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES): Promise<number | undefined> {
    const offered = decodeGreeting(await this.read(GREETING_BYTES));
    this.send(encodeClientFlags(flags));
    return offered;
  }

  async optionReply(): Promise<{ option: number; type: number; data: Buffer }> {
    const { option, type, length } = decodeOptionReplyHeader(await this.read(OPTION_REPLY_HEADER_BYTES))!;
    return { option, type, data: await this.read(length) };
  }

  /** All replies to one option, the last one (ACK or an error) included. */
  async option(option: number, data?: Uint8Array): Promise<{ type: number; data: Buffer }[]> {
    this.send(encodeOption(option, data));
    const replies = [];
    do replies.push(await this.optionReply());
    while ([NBD_REP_INFO, 2].includes(replies.at(-1)!.type));
    return replies.map(({ type, data: payload }) => ({ type, data: payload }));
  }

  /** Into the transmission phase. */
  async go(options: { structured?: boolean; name?: string } = {}): Promise<this> {
    await this.greet();
    if (options.structured ?? true) await this.option(NBD_OPT_STRUCTURED_REPLY);
    await this.option(NBD_OPT_GO, encodeInfoRequest(options.name ?? "", []));
    return this;
  }

  /** Sends a request and answers its cookie. */
  request(type: number, offset: number, length: number, flags = 0, payload?: Uint8Array): number {
    const cookieLow = ++this.#lastCookie;
    const request: NbdRequest = { type, flags, offset, length, cookieHigh: 7, cookieLow };
    this.send(encodeRequest(request));
    if (payload !== undefined) this.send(payload);
    if (type === 0) this.#reads.set(cookieLow, length);
    return cookieLow;
  }

  async reply(): Promise<Reply> {
    const head = decodeReplyHeader(await this.#peek())!;
    const cookie = head.cookieLow;
    if (head.kind === "simple") {
      await this.read(SIMPLE_REPLY_BYTES);
      const data = await this.read(head.error === 0 ? (this.#reads.get(cookie) ?? 0) : 0);
      return { kind: "simple", cookie, error: head.error, message: "", data };
    }
    await this.read(CHUNK_HEADER_BYTES);
    const payload = await this.read(head.length);
    const kinds = new Map([
      [NBD_REPLY_TYPE_OFFSET_DATA, () => ({ error: 0, message: "", data: payload.subarray(8) })],
      [NBD_REPLY_TYPE_ERROR, () => ({ ...decodeErrorChunk(payload), data: Buffer.alloc(0) })],
    ]);
    return { kind: "chunk", cookie, ...kinds.get(head.type)!() };
  }

  /** Enough bytes for the next reply's head; a simple reply without data may be shorter than a chunk's. */
  async #peek(): Promise<Buffer> {
    const first = await this.read(SIMPLE_REPLY_BYTES);
    this.#buffered = Buffer.concat([first, this.#buffered]);
    if (decodeReplyHeader(first) !== undefined) return first;
    const all = await this.read(CHUNK_HEADER_BYTES);
    this.#buffered = Buffer.concat([all, this.#buffered]);
    return all;
  }

  /** One request and its reply, while nothing else is under way. */
  async ask(type: number, offset: number, length: number, flags = 0, payload?: Uint8Array): Promise<Reply> {
    this.request(type, offset, length, flags, payload);
    return await this.reply();
  }

  disconnect(): void {
    this.socket.destroy();
  }
}

/** A gate for MemoryDisk that opens when told to. */
export function latch(): { opened: Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}
