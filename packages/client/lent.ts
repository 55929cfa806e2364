// Runs in: an application. Owns: one slot of a channel, lent to the application for direct I/O.
import type { Contract, Input, OperationName, Output } from "@ring3/core/contract";
import { DeviceError, kindOfCode } from "@ring3/core/errors";
import type { Slot, SlotPort } from "@ring3/core/slot-port";

/** Room that the driver sees too: bytes are written and read where they lie, and nobody copies them on the way. */
export interface Lent<C extends Contract> extends Disposable {
  /** Bytes, at most. */
  readonly size: number;
  /** For so many bytes on their way to the driver: fill it before the request. Not to be changed while one is under way. */
  room(bytes: number): Uint8Array;
  /**
   * One at a time. `length`: bytes that lie in the room, or are wanted. `data` is the driver's own memory: valid until the next request or the
   * end of the loan, whichever is first. Rejects with a DeviceError.
   */
  request<K extends OperationName<C>>(
    name: K,
    input: Input<C, K>,
    length: number,
  ): Promise<{ out: Output<C, K>; data: Uint8Array }>;
}

type Port<C extends Contract> = Pick<
  SlotPort<C>,
  "contract" | "slotBytes" | "supports" | "submit" | "release"
>;

export class LentSlot<C extends Contract> implements Lent<C> {
  readonly size: number;
  readonly #port: Port<C>;
  readonly #slot: Slot;
  #underWay = false;
  #given = false;

  constructor(port: Port<C>, slot: Slot) {
    this.size = port.slotBytes;
    this.#port = port;
    this.#slot = slot;
  }

  room(bytes: number): Uint8Array {
    this.#check("room", bytes);
    return this.#slot.room(bytes);
  }

  async request<K extends OperationName<C>>(
    name: K,
    input: Input<C, K>,
    length: number,
  ): Promise<{ out: Output<C, K>; data: Uint8Array }> {
    const what = `${name} on ${this.#port.contract.name} unit`;
    if (!this.#port.supports(name)) throw new DeviceError("unsupported", what);
    this.#check(what, length);
    this.#underWay = true;
    try {
      const { kind, errno, out, data } = await this.#port.submit(name, input, this.#slot, length);
      if (kind !== 0) throw new DeviceError(kindOfCode(kind)!, what, { errno });
      return { out, data };
    } finally {
      this.#underWay = false;
      if (this.#given) this.#port.release(this.#slot);
    }
  }

  #check(what: string, bytes: number): void {
    if (this.#given) throw new DeviceError("invalid", `${what}: this room was given back`);
    if (this.#underWay) throw new DeviceError("busy", `${what}: a request is under way in this room`);
    if (!Number.isInteger(bytes) || bytes < 0 || bytes > this.size)
      throw new DeviceError("invalid", `${what}: ${bytes} bytes, expected 0 to ${this.size}`);
  }

  /** Gives it back, once the request under way in it is done. */
  [Symbol.dispose](): void {
    if (this.#given) return;
    this.#given = true;
    if (!this.#underWay) this.#port.release(this.#slot);
  }
}
