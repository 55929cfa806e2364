// Runs in: driver host, manager. Owns: the place in a stream of replies. No I/O: it says where the next bytes go and is told how many came.
import { decodeReply, HEADER_BYTES, type Reply } from "./codec.ts";

// Room for a header and a small payload behind it: most replies then take one system call. More of a payload goes straight to its place.
const STAGE_BYTES = 512;

export interface ReplyListener {
  /** A header arrived: where does its payload go, in order? Throws what ends the stream. */
  begin(reply: Reply): readonly Uint8Array[];
  /** The payload is in its place. */
  end(reply: Reply): void;
}

export class ReplyReader {
  readonly #listener: ReplyListener;
  readonly #stage = new Uint8Array(STAGE_BYTES);
  #staged = 0;
  #reply: Reply | undefined;
  #targets: Uint8Array[] = [];

  constructor(listener: ReplyListener) {
    this.#listener = listener;
  }

  /** Between two replies? */
  get idle(): boolean {
    return this.#reply === undefined && this.#staged === 0;
  }

  /** Where the next bytes of the stream go; never empty. Ask again after each `filled`. */
  room(): Uint8Array {
    return this.#targets[0] ?? this.#stage.subarray(this.#staged);
  }

  /** `count` bytes were put at the start of `room()`. Throws DeviceError "protocol": the stream is of no more use. */
  filled(count: number): void {
    const target = this.#targets[0];
    if (target === undefined) {
      this.#staged += count;
      this.#parse();
    } else {
      this.#advance(count);
      if (this.#targets.length === 0) this.#finish();
    }
  }

  #parse(): void {
    let at = 0;
    while (this.#staged - at >= HEADER_BYTES) {
      this.#reply = decodeReply(this.#stage.subarray(at, at + HEADER_BYTES));
      at += HEADER_BYTES;
      this.#targets = this.#listener.begin(this.#reply).filter((target) => target.length > 0);
      while (this.#targets.length > 0 && at < this.#staged) {
        const count = Math.min(this.#targets[0]!.length, this.#staged - at);
        this.#targets[0]!.set(this.#stage.subarray(at, at + count));
        at += count;
        this.#advance(count);
      }
      if (this.#targets.length > 0) break; // the stage is used up
      this.#finish();
    }
    this.#stage.copyWithin(0, at, this.#staged);
    this.#staged -= at;
  }

  #advance(count: number): void {
    const rest = this.#targets[0]!.subarray(count);
    if (rest.length === 0) this.#targets.shift();
    else this.#targets[0] = rest;
  }

  #finish(): void {
    const reply = this.#reply!;
    this.#reply = undefined;
    this.#listener.end(reply);
  }
}
