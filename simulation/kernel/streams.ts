// Runs in: the simulation. Owns: pipes and socket pairs of a simulated kernel. Within each, order holds.
import { DISCONNECT, OpenFile, READABLE, WRITABLE } from "./file.ts";

// asm-generic/errno-base.h, asm-generic/errno.h
const EAGAIN = 11;
const EPIPE = 32;
const ECONNRESET = 104;

const PIPE_BYTES = 65_536; // pipe(7)
const SOCKET_BYTES = 212_992; // net.core.wmem_default

export class PipeEnd extends OpenFile {
  readonly kind = "pipe";
  readonly #reads: boolean;
  #other: PipeEnd | undefined;
  /** Of the reading end. */
  readonly #chunks: Uint8Array[] = [];
  #waiting = 0;

  constructor(reads: boolean) {
    super();
    this.#reads = reads;
  }

  static pair(): [PipeEnd, PipeEnd] {
    const [read, write] = [new PipeEnd(true), new PipeEnd(false)];
    read.#other = write;
    write.#other = read;
    return [read, write];
  }

  ready(): number {
    if (this.#reads)
      return (this.#waiting > 0 || this.#other === undefined ? READABLE : 0) | (this.#other ? 0 : DISCONNECT);
    return this.#other === undefined || this.#other.#waiting < PIPE_BYTES ? WRITABLE : 0;
  }

  write(bytes: Uint8Array): number {
    const reader = this.#other;
    if (reader === undefined) return -EPIPE;
    if (reader.#waiting + bytes.length > PIPE_BYTES) return -EAGAIN;
    reader.#chunks.push(bytes.slice());
    reader.#waiting += bytes.length;
    reader.changed();
    return bytes.length;
  }

  read(into: Uint8Array): number {
    if (this.#waiting === 0) return this.#other === undefined ? 0 : -EAGAIN;
    let filled = 0;
    while (filled < into.length && this.#chunks.length > 0) {
      const chunk = this.#chunks[0]!;
      const part = chunk.subarray(0, into.length - filled);
      into.set(part, filled);
      filled += part.length;
      if (part.length === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(part.length);
    }
    this.#waiting -= filled;
    return filled;
  }

  override released(): void {
    const other = this.#other;
    this.#other = undefined;
    if (other === undefined) return;
    other.#other = undefined;
    other.changed();
  }
}

interface Message {
  bytes: Uint8Array;
  /** They go with its first byte. */
  files: OpenFile[];
}

export class SocketEnd extends OpenFile {
  readonly kind = "socket";
  /** What is sent is never refused while there is room: Linux does not, and the one who relies on it is named where this is set. */
  roomy = false;
  /** Who has connected, of one that was accepted. */
  peerPid = 0;
  readonly #drop: (file: OpenFile) => void;
  #other: SocketEnd | undefined;
  readonly #queue: Message[] = [];
  #waiting = 0;
  #reset = false;

  constructor(drop: (file: OpenFile) => void) {
    super();
    this.#drop = drop;
  }

  /** `drop`: a message that carried a reference to a file is gone. */
  static pair(drop: (file: OpenFile) => void): [SocketEnd, SocketEnd] {
    const [one, other] = [new SocketEnd(drop), new SocketEnd(drop)];
    one.#other = other;
    other.#other = one;
    return [one, other];
  }

  ready(): number {
    const readable = this.#queue.length > 0 || this.#other === undefined;
    const writable = this.#other === undefined || this.#other.#waiting < SOCKET_BYTES;
    return (readable ? READABLE : 0) | (writable ? WRITABLE : 0) | (this.#other ? 0 : DISCONNECT);
  }

  /** Files that are on their way to this end. */
  get carried(): readonly OpenFile[] {
    return this.#queue.flatMap(({ files }) => files);
  }

  get connected(): boolean {
    return this.#other !== undefined;
  }

  /** As if it were full; there is room again at once. */
  refuse(): number {
    this.changed();
    return -EAGAIN;
  }

  send(buffers: readonly Uint8Array[], files: readonly OpenFile[]): number {
    const peer = this.#other;
    if (peer === undefined) return -EPIPE;
    const bytes = Buffer.concat(buffers);
    if (peer.#waiting + bytes.length > SOCKET_BYTES && peer.#waiting > 0) return -EAGAIN;
    for (const file of files) file.references++;
    peer.#queue.push({ bytes, files: [...files] });
    peer.#waiting += bytes.length;
    peer.changed();
    return bytes.length;
  }

  /** One message, or what of it fits, or the part of that that comes now. `take` is given the files that come with it. */
  receive(into: Uint8Array, now: (bytes: number) => number, take: (files: OpenFile[]) => void): number {
    const message = this.#queue[0];
    if (message === undefined) {
      if (!this.#reset) return this.#other === undefined ? 0 : -EAGAIN;
      this.#reset = false;
      return -ECONNRESET;
    }
    const part = message.bytes.subarray(0, now(Math.min(into.length, message.bytes.length)));
    into.set(part);
    take(message.files.splice(0));
    if (part.length === message.bytes.length) this.#queue.shift();
    else message.bytes = message.bytes.subarray(part.length);
    this.#waiting -= part.length;
    this.#other?.changed();
    return part.length;
  }

  override released(): void {
    const other = this.#other;
    this.#other = undefined;
    const unread = this.#queue.splice(0);
    for (const { files } of unread) for (const file of files) this.#drop(file);
    if (other === undefined) return;
    other.#other = undefined;
    other.#reset = unread.length > 0; // unix_release_sock, net/unix/af_unix.c
    other.changed();
  }
}

/** A listening socket: whoever connects waits in it, also while nobody accepts. */
export class Listening extends OpenFile {
  readonly kind = "listening";
  readonly #waiting: SocketEnd[] = [];
  readonly #drop: (file: OpenFile) => void;

  constructor(drop: (file: OpenFile) => void) {
    super();
    this.#drop = drop;
  }

  ready(): number {
    return this.#waiting.length > 0 ? READABLE : 0;
  }

  /** Returns the connecting end. */
  connect(pid: number): SocketEnd {
    const [near, far] = SocketEnd.pair(this.#drop);
    far.peerPid = pid;
    far.references++;
    this.#waiting.push(far);
    this.changed();
    return near;
  }

  /** The reference that held it here is the caller's. */
  accept(): SocketEnd | undefined {
    return this.#waiting.shift();
  }

  override released(): void {
    for (const end of this.#waiting.splice(0)) this.#drop(end);
  }
}
