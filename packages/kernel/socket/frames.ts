// Runs in: every process. Owns: nothing. Pure codec of a frame stream: where frames begin, and which descriptors belong to which.
import { DeviceError } from "@ring3/core/errors";

/** Payload length, then number of descriptors, both u32 little-endian. */
export const HEADER_BYTES = 8;
export const PAYLOAD_MAX = 4 << 20;
export const DESCRIPTORS_MAX = 16;

export interface Frame<D> {
  readonly payload: Uint8Array;
  readonly descriptors: D[];
}

/** Throws DeviceError("invalid") for a frame that no receiver would take. */
export function encodeHeader(payloadLength: number, descriptorCount: number): Uint8Array {
  if (payloadLength > PAYLOAD_MAX)
    throw new DeviceError("invalid", `frame of ${payloadLength} bytes, at most ${PAYLOAD_MAX} fit`);
  if (descriptorCount > DESCRIPTORS_MAX)
    throw new DeviceError(
      "invalid",
      `frame with ${descriptorCount} descriptors, at most ${DESCRIPTORS_MAX} fit`,
    );
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, payloadLength, true);
  view.setUint32(4, descriptorCount, true);
  return header;
}

/**
 * Cuts a byte stream into frames, however it arrives. The kernel delivers descriptors with the first byte of the write that carried them, which
 * is a frame's first byte: what a frame has not got when it is complete will never come, and what no frame claims was smuggled in.
 */
export class FrameDecoder<D> {
  readonly #payloadMax: number;
  readonly #header = new Uint8Array(HEADER_BYTES);
  readonly #view = new DataView(this.#header.buffer);
  #headerFilled = 0;
  #payload: Uint8Array | undefined; // once the header is complete
  #payloadFilled = 0;
  #descriptors: D[] = [];

  constructor(payloadMax = PAYLOAD_MAX) {
    this.#payloadMax = payloadMax;
  }

  /** The frames that this chunk completes; take them all. Throws DeviceError("protocol"), and the stream is then of no more use. */
  *push(chunk: Uint8Array, descriptors: readonly D[]): Generator<Frame<D>, void> {
    this.#descriptors.push(...descriptors);
    for (let at = 0; at < chunk.length; ) {
      at += this.#payload === undefined ? this.#fillHeader(chunk, at) : this.#fillPayload(chunk, at);
      if (this.#payload?.length === this.#payloadFilled) yield this.#complete(this.#payload);
    }
    const allowed = this.midFrame ? this.#claimed() : 0;
    if (this.#descriptors.length > allowed)
      throw new DeviceError(
        "protocol",
        `frame: expected at most ${allowed} descriptors, found ${this.#descriptors.length}`,
      );
  }

  /** Has a frame begun that is not complete? */
  get midFrame(): boolean {
    return this.#headerFilled > 0;
  }

  /** Takes the descriptors that no complete frame has claimed, for closing. */
  takeDescriptors(): D[] {
    return this.#descriptors.splice(0);
  }

  #fillHeader(chunk: Uint8Array, at: number): number {
    const part = chunk.subarray(at, at + HEADER_BYTES - this.#headerFilled);
    this.#header.set(part, this.#headerFilled);
    this.#headerFilled += part.length;
    if (this.#headerFilled === HEADER_BYTES) {
      const length = this.#view.getUint32(0, true);
      if (length > this.#payloadMax)
        throw new DeviceError(
          "protocol",
          `frame: expected at most ${this.#payloadMax} bytes, found ${length}`,
        );
      if (this.#claimed() > DESCRIPTORS_MAX)
        throw new DeviceError(
          "protocol",
          `frame: expected at most ${DESCRIPTORS_MAX} descriptors, found ${this.#claimed()}`,
        );
      this.#payload = new Uint8Array(length);
    }
    return part.length;
  }

  #fillPayload(chunk: Uint8Array, at: number): number {
    const part = chunk.subarray(at, at + this.#payload!.length - this.#payloadFilled);
    this.#payload!.set(part, this.#payloadFilled);
    this.#payloadFilled += part.length;
    return part.length;
  }

  #complete(payload: Uint8Array): Frame<D> {
    const claimed = this.#claimed();
    if (this.#descriptors.length < claimed)
      throw new DeviceError(
        "protocol",
        `frame: expected ${claimed} descriptors, found ${this.#descriptors.length}`,
      );
    this.#headerFilled = 0;
    this.#payload = undefined;
    this.#payloadFilled = 0;
    return { payload, descriptors: this.#descriptors.splice(0, claimed) };
  }

  /** How many descriptors the frame that has begun may have; while its header is incomplete, any frame's limit. */
  #claimed(): number {
    return this.#headerFilled === HEADER_BYTES ? this.#view.getUint32(4, true) : DESCRIPTORS_MAX;
  }
}
