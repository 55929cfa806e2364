// Runs in: reflector. Owns: what is told of the requests that came through one endpoint while somebody traces the device.
import type { Slot, SlotPort } from "@ring3/core/slot-port";
import type { Block } from "./contract.ts";

/** `R`: how the endpoint knows a request. */
export class RequestTrace<R> {
  readonly #port: SlotPort<Block>;
  readonly #pid: number;
  /** By the number that each was given. */
  readonly #open = new Map<R, number>();

  /** `pid`: the client's; 0: the kernel asks, for whomever. */
  constructor(port: SlotPort<Block>, pid: number) {
    this.#port = port;
    this.#pid = pid;
  }

  /** `operation`: its number in the contract, of as many bytes at `offset`. */
  received(request: R, operation: number, length: number, offset: number): void {
    const { trace } = this.#port;
    if (trace === undefined) return;
    this.#open.set(request, trace.received(this.#pid, operation, length, offset));
  }

  /** What is sent next in that slot is done for it. */
  part(request: R, slot: Slot): void {
    if (this.#open.size === 0) return;
    const number = this.#open.get(request);
    if (number !== undefined) this.#port.trace?.part(number, slot);
  }

  replied(request: R, failed: boolean): void {
    if (this.#open.size === 0) return;
    const number = this.#open.get(request);
    if (number === undefined) return;
    this.#open.delete(request);
    this.#port.trace?.replied(number, failed);
  }
}
