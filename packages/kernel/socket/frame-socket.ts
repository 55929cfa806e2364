// Runs in: every process. Owns: one connection, what waits to be written on it, and the descriptors in both.
import { DeviceError, systemError } from "@ring3/core/errors";
import { Descriptor, duplicate } from "../fd/descriptor.ts";
import { native } from "../native.ts";
import { type Watch, watch } from "../poll/watch.ts";
import { Allowance } from "./allowance.ts";
import { DESCRIPTORS_MAX, encodeHeader, FrameDecoder, PAYLOAD_MAX } from "./frames.ts";

export { connect, listen, socketPair } from "./unix.ts";

export const QUEUE_MAX = 16 << 20;

// asm-generic/errno-base.h, asm-generic/errno.h
const EAGAIN = 11;
const EPIPE = 32;
const ECONNRESET = 104;

const READ_BYTES = 16384;
/** In one turn of the loop, of one connection; then others get theirs. A whole read is handled, so a few more frames may be. */
const READS_A_TURN = 64;
const FRAMES_A_TURN = 64;
/** More than a socket holds, whose peer may write on. */
const DRAIN_TURNS = 64;

// Used within one synchronous call only, so all connections of a thread share them.
const readBuffer = new Uint8Array(READ_BYTES);
const received = new Int32Array(1 + DESCRIPTORS_MAX);

/** Of a peer that waits its turn: so few requests are read that their answers stay within the queue's limit. */
const READ_BYTES_PATIENT = 512;

export interface FrameSocketOptions {
  /** How large a frame the peer may send. */
  readonly payloadMax?: number;
  /** Bytes that the peer may leave unread. */
  readonly queueMax?: number;
  /** And all the peers that share it. */
  readonly allowance?: Allowance;
  /** Reads nothing while the peer leaves anything unread. On one side of a connection only: two such could wait for each other for ever. */
  readonly answersFirst?: boolean;
}

interface Queued {
  bytes: Uint8Array;
  descriptors: Descriptor[];
}

/**
 * Frames with descriptors over a non-blocking stream socket. What breaks the protocol or a limit closes the connection, with every descriptor
 * that no listener was given.
 */
export class FrameSocket {
  readonly #stream: Descriptor;
  readonly #watch: Watch;
  readonly #decoder: FrameDecoder<Descriptor>;
  readonly #queueMax: number;
  readonly #allowance: Allowance;
  readonly #answersFirst: boolean;
  readonly #queue: Queued[] = [];
  #queuedBytes = 0;
  #onFrame: ((payload: Uint8Array, fds: Descriptor[]) => void) | undefined;
  #peerReads = true;
  #framesThisTurn = 0;
  #closed = false;
  /** Called once, when the connection ends other than by `close()`; without an error where the peer hung up between two frames. */
  onClose: (error?: DeviceError) => void = () => {};

  /** Owns `stream` from now on. */
  constructor(stream: Descriptor, options: FrameSocketOptions = {}) {
    const { payloadMax = PAYLOAD_MAX, queueMax = QUEUE_MAX, answersFirst = false } = options;
    this.#stream = stream;
    this.#decoder = new FrameDecoder(payloadMax);
    this.#queueMax = queueMax;
    this.#allowance = options.allowance ?? new Allowance(queueMax);
    this.#answersFirst = answersFirst;
    this.#watch = watch(stream.fd, {}, (ready) => {
      if (ready.writable) this.#flush();
      if (ready.readable)
        this.#receive(answersFirst ? readBuffer.subarray(0, READ_BYTES_PATIENT) : readBuffer);
    });
  }

  /** Whoever listens owns the descriptors. If it throws, the connection ends with that error. Nothing is read before it is set. */
  set onFrame(listener: (payload: Uint8Array, fds: Descriptor[]) => void) {
    this.#onFrame = listener;
    this.#setEvents();
  }

  /** Sends, or queues copies: payload and descriptors stay the caller's and may change or be closed at once. */
  send(payload: Uint8Array, fds: readonly number[] = []): void {
    const header = encodeHeader(payload.length, fds.length);
    if (this.#closed || !this.#peerReads) return;
    let sent = 0;
    if (this.#queue.length === 0) {
      const result = native.sendmsg(this.#stream.fd, [header, payload], fds);
      if (result === header.length + payload.length) return;
      if (result < 0 && result !== -EAGAIN) {
        this.#sendFailed(result);
        return;
      }
      sent = Math.max(0, result);
    }
    this.#enqueue(concat(header, payload).subarray(sent), sent > 0 ? [] : fds);
  }

  /** Reads now all that has come: whoever hears of the peer's end in another way has heard then what it said before. Not from within its listener. */
  drain(): void {
    if (this.#onFrame === undefined) return;
    const buffer = new Uint8Array(READ_BYTES); // another connection may be in the middle of what it has read
    for (let turns = 0; turns < DRAIN_TURNS && this.#receive(buffer); turns++);
  }

  /** Drops what is still queued. `onClose` is not called. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.close();
    this.#stream.close();
    this.#dropQueue();
    for (const descriptor of this.#decoder.takeDescriptors()) descriptor.close();
  }

  #enqueue(bytes: Uint8Array, fds: readonly number[]): void {
    this.#queuedBytes += bytes.length;
    const entry: Queued = { bytes, descriptors: [] };
    this.#queue.push(entry);
    try {
      if (!this.#allowance.take(bytes.length))
        throw new DeviceError(
          "no-space",
          `the peer and its kind leave more than ${this.#allowance.most} bytes unread`,
        );
      if (this.#queuedBytes > this.#queueMax)
        throw new DeviceError("no-space", `the peer leaves more than ${this.#queueMax} bytes unread`);
      for (const fd of fds) entry.descriptors.push(duplicate(fd));
      this.#setEvents();
    } catch (error) {
      this.#end(error as DeviceError);
    }
  }

  #flush(): void {
    while (!this.#closed && this.#queue.length > 0) {
      const entry = this.#queue[0]!;
      const result = native.sendmsg(
        this.#stream.fd,
        [entry.bytes],
        entry.descriptors.map((descriptor) => descriptor.fd),
      );
      if (result === -EAGAIN) return;
      if (result < 0) {
        this.#sendFailed(result);
        return;
      }
      for (const descriptor of entry.descriptors.splice(0)) descriptor.close(); // went with the first byte
      entry.bytes = entry.bytes.subarray(result);
      this.#queuedBytes -= result;
      this.#allowance.giveBack(result);
      if (entry.bytes.length === 0) this.#queue.shift();
    }
    this.#setEvents();
  }

  /** A peer that is gone may have left frames for us: those are read first, and end of file tells the rest. */
  #sendFailed(result: number): void {
    if (result === -EPIPE || result === -ECONNRESET) {
      this.#peerReads = false;
      this.#dropQueue();
      this.#setEvents();
    } else this.#end(systemError("send on a connection", result));
  }

  /** False where there was no more. */
  #receive(buffer: Uint8Array): boolean {
    this.#framesThisTurn = 0;
    const most = this.#answersFirst ? 1 : READS_A_TURN; // answers are queued after this turn
    for (let reads = 0; reads < most && !this.#closed; reads++) {
      if (this.#framesThisTurn >= FRAMES_A_TURN) return true;
      const length = native.recvmsg(this.#stream.fd, buffer, received);
      if (length === -EAGAIN) return false;
      if (length > 0) {
        const descriptors = Array.from(received.subarray(1, 1 + received[0]!), (fd) => new Descriptor(fd));
        this.#deliver(buffer.subarray(0, length), descriptors);
      } else if (length === 0 || length === -ECONNRESET) this.#endOfFile();
      else this.#end(systemError("receive on a connection", length));
    }
    return !this.#closed;
  }

  #deliver(chunk: Uint8Array, descriptors: Descriptor[]): void {
    try {
      for (const frame of this.#decoder.push(chunk, descriptors)) {
        this.#framesThisTurn++;
        this.#onFrame!(frame.payload, frame.descriptors);
        if (this.#closed) return;
      }
    } catch (error) {
      this.#end(
        error instanceof DeviceError
          ? error
          : new DeviceError("internal", "handle a frame", { cause: error }),
      );
    }
  }

  #endOfFile(): void {
    this.#end(
      this.#decoder.midFrame
        ? new DeviceError("disconnected", "receive on a connection: closed in the middle of a frame")
        : undefined,
    );
  }

  /** Not from within `send`: its caller is not prepared to hear of the end there. */
  #end(error: DeviceError | undefined): void {
    if (this.#closed) return;
    this.close();
    queueMicrotask(() => this.onClose(error));
  }

  #dropQueue(): void {
    for (const { descriptors } of this.#queue.splice(0))
      for (const descriptor of descriptors) descriptor.close();
    this.#allowance.giveBack(this.#queuedBytes);
    this.#queuedBytes = 0;
  }

  #setEvents(): void {
    if (this.#closed) return;
    const writable = this.#queue.length > 0;
    const readable = this.#onFrame !== undefined && !(this.#answersFirst && writable);
    this.#watch.set({ readable, writable });
  }
}

function concat(header: Uint8Array, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(header.length + payload.length);
  bytes.set(header);
  bytes.set(payload, header.length);
  return bytes;
}
