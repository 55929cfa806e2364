// Runs in: manager. Owns: nothing. Pure: the bus daemon's side of a connection, first lines of SASL (specification 0.43, "Authentication Protocol"), then messages.
import { DeviceError } from "@ring3/core/errors";
import { decodeMessage, FIXED_BYTES, type Message, messageBytes } from "./message.ts";
import { malformed } from "./value-reader.ts";

const encoder = new TextEncoder();

/**
 * All that is to be said before the first message; the daemon's answers need not be waited for. EXTERNAL without a name: we are who the
 * socket's credentials say, in whichever user namespace the daemon lives.
 */
export const HANDSHAKE = encoder.encode("\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n");
const answers: readonly RegExp[] = [/^DATA$/, /^OK [0-9a-fA-F]{32}$/, /^AGREE_UNIX_FD$/];
const LINE_MAX = 512;

/** What is longer is for others, or from a stranger who may send what they like to anybody: it is passed over. The specification lets 128 MiB through. */
export const MESSAGE_MAX = 64 * 1024;
/** "Maximum Message Length". */
const PROTOCOL_MAX = 2 ** 27;

export interface Received<D> extends Message {
  /** Whoever takes the message owns them. */
  readonly descriptors: D[];
}

export class BusStream<D> {
  #bytes: Uint8Array = new Uint8Array(0);
  /** Descriptors of the message that has begun, and those that came with this chunk. */
  readonly #begun: D[] = [];
  readonly #came: D[] = [];
  #answered = 0;
  #passOver = 0;
  readonly #discard: (descriptor: D) => void;

  /** `discard`: of descriptors that came with no message that is taken. */
  constructor(discard: (descriptor: D) => void) {
    this.#discard = discard;
  }

  /**
   * The messages that this chunk completes; take them all. Throws DeviceError, and the stream is then of no more use. The kernel ends a read
   * behind the bytes that descriptors came with (unix_stream_read_generic), so they belong to the message of the chunk's last byte.
   */
  *push(chunk: Uint8Array, descriptors: readonly D[]): Generator<Received<D>, void> {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    this.#came.push(...descriptors);
    while (this.#answered < answers.length && this.#takeAnswer());
    if (this.#answered === answers.length)
      for (let next = this.#next(); next !== undefined; next = this.#next()) yield this.#whole(next);
    this.#begun.push(...this.#came.splice(0));
  }

  /** Nothing comes any more. */
  end(): void {
    for (const descriptor of [...this.#begun.splice(0), ...this.#came.splice(0)]) this.#discard(descriptor);
  }

  #whole(bytes: Uint8Array): Received<D> {
    const message = decodeMessage(bytes);
    const last = this.#bytes.length === 0;
    const count = this.#begun.length + (last ? this.#came.length : 0);
    if (count !== message.descriptorCount)
      throw malformed(`${message.descriptorCount} descriptors, found ${count}`);
    return { ...message, descriptors: [...this.#begun.splice(0), ...(last ? this.#came.splice(0) : [])] };
  }

  /** False where the line is not complete. */
  #takeAnswer(): boolean {
    const end = this.#bytes.indexOf(0x0a);
    if (end === -1 && this.#bytes.length <= LINE_MAX) return false;
    const line = Buffer.from(this.#bytes.subarray(0, Math.min(end, LINE_MAX)))
      .toString("latin1")
      .trimEnd();
    if (end === -1 || end > LINE_MAX || !answers[this.#answered]!.test(line)) {
      const kind = line.startsWith("REJECTED") ? "denied" : "protocol";
      throw new DeviceError(kind, `D-Bus: the answer to the greeting is ${JSON.stringify(line)}`);
    }
    this.#bytes = this.#bytes.subarray(end + 1);
    this.#answered++;
    return true;
  }

  /** The next whole message. */
  #next(): Uint8Array | undefined {
    this.#pass();
    if (this.#bytes.length < FIXED_BYTES) return undefined;
    const size = messageBytes(this.#bytes);
    if (size > PROTOCOL_MAX) throw malformed(`${size} bytes`);
    if (size > MESSAGE_MAX) {
      this.#passOver = size;
      return this.#next();
    }
    if (this.#bytes.length < size) return undefined;
    const message = this.#bytes.subarray(0, size);
    this.#bytes = this.#bytes.subarray(size);
    return message;
  }

  #pass(): void {
    if (this.#passOver === 0) return;
    const passed = Math.min(this.#passOver, this.#bytes.length);
    this.#bytes = this.#bytes.subarray(passed);
    this.#passOver -= passed;
    for (const descriptor of this.#begun.splice(0)) this.#discard(descriptor);
    if (this.#bytes.length === 0) this.end();
  }
}
