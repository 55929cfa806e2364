// Runs in: reflector. Owns: the requests of one NBD connection that are under way, and the slots they use.
import { DeviceError, kindOfCode } from "@ring3/core/errors";
import type { Completion, Slot, SlotPort } from "@ring3/core/slot-port";
import {
  NBD_CMD_CACHE,
  NBD_CMD_DISC,
  NBD_CMD_FLAG_FUA,
  NBD_CMD_FLAG_NO_HOLE,
  NBD_CMD_FLUSH,
  NBD_CMD_READ,
  NBD_CMD_TRIM,
  NBD_CMD_WRITE,
  NBD_CMD_WRITE_ZEROES,
  NBD_EIO,
} from "@ring3/kernel/nbd/constants";
import {
  decodeRequest,
  encodeErrorChunk,
  type NbdRequest,
  REQUEST_BYTES,
  ReplyHead,
} from "@ring3/kernel/nbd/transmission";
import { type Block, block } from "./contract.ts";
import { type DiskExport, describe, nbdError, type Refusal, refusal } from "./endpoint-nbd-export.ts";
import { InHand } from "./endpoint-nbd-in-hand.ts";
import { Landing } from "./endpoint-nbd-landing.ts";
import type { NbdStream } from "./endpoint-nbd-stream.ts";
import type { EndpointPort } from "./endpoint-port.ts";
import { RequestTrace } from "./endpoint-trace.ts";

/** Zeroes and discards go to the disk in parts that any disk finishes within their deadline: a full-speed one writes 1 MB/s. */
const RANGE_BYTES = 16 * 1024 * 1024;

/** Their numbers in the contract, by NBD's: for traces. */
const { read, write, flush, discard, writeZeroes } = block.operations;
const operations: ReadonlyMap<number, number> = new Map([
  [NBD_CMD_READ, read.nr],
  [NBD_CMD_CACHE, read.nr],
  [NBD_CMD_WRITE, write.nr],
  [NBD_CMD_FLUSH, flush.nr],
  [NBD_CMD_TRIM, discard.nr],
  [NBD_CMD_WRITE_ZEROES, writeZeroes.nr],
]);

type Done = Completion<unknown>;

export interface TransmissionOptions {
  readonly stream: NbdStream;
  readonly shared: EndpointPort;
  readonly port: SlotPort<Block>;
  readonly disk: DiskExport;
  readonly structured: boolean;
  /** The client's process. */
  readonly pid: number;
  /** Told why, where the disk has failed a request. */
  readonly failed: (text: string) => void;
}

export class Transmission {
  readonly #stream: NbdStream;
  readonly #shared: EndpointPort;
  readonly #port: SlotPort<Block>;
  readonly #disk: DiskExport;
  readonly #structured: boolean;
  readonly #failed: TransmissionOptions["failed"];
  readonly #trace: RequestTrace<NbdRequest>;
  readonly #underWay = new Set<Promise<void>>();
  /** Reads of one slot, which are most: beside `#underWay`, and without promises. */
  #reads = 0;
  #readsDone: (() => void) | undefined;
  /** Bytes of reads until they are sent, and of writes until they are answered. */
  readonly #inHand = new InHand();
  /** Of replies that are sent. */
  readonly #heads: ReplyHead[] = [];
  /** The write whose payload is arriving. */
  #landing: Landing | undefined;
  /** A port that broke its promise never to reject. */
  #failure: { error: unknown } | undefined;

  constructor(options: TransmissionOptions) {
    this.#stream = options.stream;
    this.#shared = options.shared;
    this.#port = options.port;
    this.#disk = options.disk;
    this.#structured = options.structured;
    this.#failed = options.failed;
    this.#trace = new RequestTrace(options.port, options.pid);
  }

  /**
   * Resolves once the client has taken its leave and all its requests are answered. Rejects with DeviceError("protocol") for
   * a client to be hung up on, and with what the port throws, which it should not.
   */
  async run(): Promise<void> {
    try {
      await this.#readRequests();
    } finally {
      await Promise.all(this.#underWay);
      if (this.#reads > 0)
        await new Promise<void>((resolve) => {
          this.#readsDone = resolve;
        });
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** A port is about one medium as long as it lives; its number is another after the device was plugged in again. */
  get #medium(): number {
    return this.#port.properties.medium;
  }

  get spilled(): number {
    return this.#landing?.spilled ?? 0;
  }

  spill(): void {
    this.#landing?.spill();
  }

  async #readRequests(): Promise<void> {
    const stream = this.#stream;
    for (;;) {
      if (stream.crowded) await stream.sentBelow();
      if (this.#inHand.full) await this.#inHand.room();
      if (!stream.has(REQUEST_BYTES) && !(await stream.need(REQUEST_BYTES))) return;
      const request = decodeRequest(stream.view, stream.take(REQUEST_BYTES));
      if (request === undefined) throw new DeviceError("protocol", "NBD request without its magic");
      if (request.type === NBD_CMD_DISC) return;
      const refused = refusal(request, this.#disk, this.#structured);
      if (refused !== undefined) {
        if (request.type === NBD_CMD_WRITE && !(await stream.skip(request.length))) return;
        this.#fail(request, refused);
        continue;
      }
      this.#trace.received(request, operations.get(request.type)!, request.length, request.offset);
      if (!this.#readAtOnce(request) && !(await this.#start(request))) return;
    }
  }

  /** A read that one slot is enough for, where one is free; false: it takes the longer way. */
  #readAtOnce(request: NbdRequest): boolean {
    const { pieceBytes, sectorBytes } = this.#disk;
    if (request.type !== NBD_CMD_READ || request.length > pieceBytes) return false;
    const slot = this.#port.take();
    if (slot === undefined) return false;
    const input = {
      lba: request.offset / sectorBytes,
      count: request.length / sectorBytes,
      medium: this.#medium,
    };
    this.#reads++;
    this.#inHand.add(request.length);
    let answered = false;
    const done = (completion: Done) => {
      answered = true;
      this.#reads--;
      this.#finishPiece(request, slot, completion);
      if (this.#reads === 0) this.#readsDone?.();
    };
    this.#trace.part(request, slot);
    try {
      this.#port.send("read", input, slot, request.length, done);
    } catch (error) {
      if (!answered) {
        this.#reads--;
        this.#inHand.remove(request.length);
        this.#port.release(slot);
      }
      throw error;
    }
    return true;
  }

  /** false: the stream has ended in the middle of the request. */
  async #start(request: NbdRequest): Promise<boolean> {
    const carriesData = request.type === NBD_CMD_READ || request.type === NBD_CMD_WRITE;
    const count = carriesData ? Math.ceil(request.length / this.#disk.pieceBytes) : 1;
    let slots = await this.#shared.reserve(this.#port, count);
    if (request.type === NBD_CMD_WRITE) {
      const filled = await this.#receivePayload(request, slots);
      if (filled === undefined) return false;
      slots = filled;
    }
    if (carriesData) this.#inHand.add(request.length);
    const execution = this.#execute(request, slots)
      .catch((error) => {
        this.#failure = { error };
        this.#stream.close();
        if (carriesData) this.#inHand.remove(request.length);
      })
      .finally(() => this.#underWay.delete(execution));
    this.#underWay.add(execution);
    return true;
  }

  /** undefined: the client has left in mid-write; what had arrived is dropped. */
  async #receivePayload(request: NbdRequest, slots: Slot[]): Promise<Slot[] | undefined> {
    const { pieceBytes } = this.#disk;
    const landing = new Landing(slots, request.length, pieceBytes, (slot) => this.#port.release(slot));
    const room = () => landing.room();
    this.#landing = landing;
    try {
      while (!landing.complete) {
        const bytes = await this.#stream.receiveInto(room);
        if (bytes === 0) return void landing.drop();
        landing.arrived(bytes);
      }
      const filled = landing.takeSlots();
      if (filled !== undefined) return filled;
      const others = await this.#shared.reserve(this.#port, slots.length);
      landing.settle(others);
      return others;
    } finally {
      this.#landing = undefined;
    }
  }

  async #execute(request: NbdRequest, slots: Slot[]): Promise<void> {
    if (request.type === NBD_CMD_READ) return await this.#read(request, slots);
    if (request.type === NBD_CMD_WRITE || request.type === NBD_CMD_WRITE_ZEROES)
      this.#shared.written(this.#port);
    const refused =
      request.type === NBD_CMD_WRITE
        ? await this.#write(request, slots)
        : await this.#serial(request, slots[0]!);
    for (const slot of slots) this.#port.release(slot);
    if (request.type === NBD_CMD_WRITE) this.#inHand.remove(request.length);
    this.#trace.replied(request, refused !== undefined);
    if (refused === undefined) return this.#sendHead(request, false);
    this.#failed(refused.text);
    this.#fail(request, refused);
  }

  async #read(request: NbdRequest, slots: Slot[]): Promise<void> {
    const pieces = await Promise.all(
      slots.map((slot, index) => {
        const { lba, count, bytes } = this.#piece(request, index);
        this.#trace.part(request, slot);
        return this.#port.submit("read", { lba, count, medium: this.#medium }, slot, bytes);
      }),
    );
    this.#finishRead(request, slots, pieces);
  }

  #finishRead(request: NbdRequest, slots: readonly Slot[], pieces: readonly Done[]): void {
    const short = pieces.findIndex(({ data }, index) => data.length !== this.#piece(request, index).bytes);
    const refused =
      this.#firstFailure(request, pieces) ??
      (short < 0
        ? undefined
        : { error: NBD_EIO, text: `${describe(request)}: the driver gave too few bytes` });
    this.#trace.replied(request, refused !== undefined);
    if (refused !== undefined) {
      for (const slot of slots) this.#port.release(slot);
      this.#inHand.remove(request.length);
      this.#failed(refused.text);
      return this.#fail(request, refused);
    }
    this.#sendHead(request, true);
    for (const [index, { data }] of pieces.entries()) this.#sendPiece(slots[index]!, data);
  }

  /** The same of a read of one piece, which most are. */
  #finishPiece(request: NbdRequest, slot: Slot, piece: Done): void {
    const { kind, data } = piece;
    if (kind !== 0 || data.length !== request.length) return this.#finishRead(request, [slot], [piece]);
    this.#trace.replied(request, false);
    this.#sendHead(request, true);
    this.#sendPiece(slot, data);
  }

  #sendPiece(slot: Slot, data: Uint8Array): void {
    this.#stream.send(data, () => {
      this.#port.release(slot);
      this.#inHand.remove(data.length);
    });
  }

  /** Of a reply without an error. `data`: the bytes that were read follow it. */
  #sendHead(request: NbdRequest, data: boolean): void {
    const head = this.#heads.pop() ?? new ReplyHead();
    const { offset, length } = request;
    const bytes = data && this.#structured ? head.data(request, offset, length) : head.simple(request, 0);
    this.#stream.send(bytes, () => this.#heads.push(head));
  }

  async #write(request: NbdRequest, slots: Slot[]): Promise<Refusal | undefined> {
    const fua = forced(request);
    const pieces = await Promise.all(
      slots.map((slot, index) => {
        const { lba, count, bytes } = this.#piece(request, index);
        this.#trace.part(request, slot);
        return this.#port.submit("write", { lba, count, fua, medium: this.#medium }, slot, bytes);
      }),
    );
    return this.#firstFailure(request, pieces);
  }

  /** What carries no data: a flush, or a range that goes to the disk part by part through one slot. */
  async #serial(request: NbdRequest, slot: Slot): Promise<Refusal | undefined> {
    const flush = () => {
      this.#trace.part(request, slot);
      return this.#shared.flush(this.#port, slot);
    };
    if (request.type === NBD_CMD_FLUSH) return this.#firstFailure(request, [await flush()]);
    const part = this.#part(request, slot);
    const { sectorBytes } = this.#disk;
    const end = request.offset + request.length;
    for (let at = request.offset; at < end; at += part.bytes) {
      const bytes = Math.min(part.bytes, end - at);
      this.#trace.part(request, slot);
      const done = await part.submit(at / sectorBytes, bytes / sectorBytes, bytes);
      if (done.kind !== 0) return this.#firstFailure(request, [done]);
    }
    if (request.type === NBD_CMD_TRIM && forced(request) === 1)
      return this.#firstFailure(request, [await flush()]);
    return undefined;
  }

  #part(
    request: NbdRequest,
    slot: Slot,
  ): { bytes: number; submit: (lba: number, count: number, bytes: number) => Promise<Done> } {
    const port = this.#port;
    const { pieceBytes } = this.#disk;
    const fua = forced(request);
    switch (request.type) {
      case NBD_CMD_TRIM:
        return {
          bytes: RANGE_BYTES,
          submit: (lba, count) => port.submit("discard", { lba, count, medium: this.#medium }, slot, 0),
        };
      case NBD_CMD_WRITE_ZEROES: {
        const unmap = (request.flags & NBD_CMD_FLAG_NO_HOLE) === 0 ? 1 : 0;
        if (port.supports("writeZeroes"))
          return {
            bytes: RANGE_BYTES,
            submit: (lba, count) =>
              port.submit("writeZeroes", { lba, count, fua, unmap, medium: this.#medium }, slot, 0),
          };
        slot.room(Math.min(pieceBytes, request.length)).fill(0);
        return {
          bytes: pieceBytes,
          submit: (lba, count, bytes) =>
            port.submit("write", { lba, count, fua, medium: this.#medium }, slot, bytes),
        };
      }
      case NBD_CMD_CACHE: // the disk's own cache and read-ahead are the ones there are
        return {
          bytes: pieceBytes,
          submit: (lba, count, bytes) =>
            port.submit("read", { lba, count, medium: this.#medium }, slot, bytes),
        };
      default:
        throw new DeviceError("internal", describe(request)); // `refusal` lets no other through
    }
  }

  #piece(request: NbdRequest, index: number): { lba: number; count: number; bytes: number } {
    const { pieceBytes, sectorBytes } = this.#disk;
    const begin = index * pieceBytes;
    const bytes = Math.min(pieceBytes, request.length - begin);
    return { lba: (request.offset + begin) / sectorBytes, count: bytes / sectorBytes, bytes };
  }

  #firstFailure(request: NbdRequest, pieces: readonly Done[]): Refusal | undefined {
    const failed = pieces.find(({ kind }) => kind !== 0);
    if (failed === undefined) return undefined;
    const kind = kindOfCode(failed.kind) ?? "internal";
    return { error: nbdError(kind, failed.errno), text: new DeviceError(kind, describe(request)).message };
  }

  #fail(request: NbdRequest, { error, text }: Refusal): void {
    this.#stream.send(
      this.#structured ? encodeErrorChunk(request, error, text) : new ReplyHead().simple(request, error),
    );
  }
}

function forced(request: NbdRequest): 0 | 1 {
  return (request.flags & NBD_CMD_FLAG_FUA) === 0 ? 0 : 1;
}
