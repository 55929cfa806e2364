// Runs in: processes with a client end. Owns: nothing; a unit as endpoints use it, who hand bytes on without copying them: types only.
import type { Contract, Input, OperationName, Output } from "./contract.ts";
import type { UnitPort } from "./unit.ts";

/** Room for one request's bytes in memory that the driver can see. */
export interface Slot {
  readonly index: number;
  /** For so many bytes on their way to the driver, at most the port's `slotBytes`. */
  room(bytes: number): Uint8Array;
}

/** How a request ended. */
export interface Completion<O> {
  /** 0: done; otherwise the kindCode of the failure. */
  readonly kind: number;
  /** Positive, or 0. */
  readonly errno: number;
  readonly out: O;
  /** Bytes from the driver, in shared memory: theirs until the slot is released. Only a hostile driver changes them meanwhile. */
  readonly data: Uint8Array;
}

/** What an endpoint tells of its clients' requests while somebody traces the device. No bytes of theirs. */
export interface EndpointTrace {
  /** `operation`: its number in the contract. `offset`: where in the unit, in bytes. Answers the number by which the others mean this one. */
  received(pid: number, operation: number, bytes: number, offset: number): number;
  /** What is sent next in that slot is done for it. */
  part(request: number, slot: Slot): void;
  replied(request: number, failed: boolean): void;
}

export interface SlotPort<C extends Contract> extends UnitPort<C> {
  /** Now and then there is one. */
  readonly trace?: EndpointTrace | undefined;
  readonly slotBytes: number;
  readonly slots: number;
  /** First come, first served, all of them at once: so two large requests cannot hold half each for ever. */
  reserve(count: number, signal?: AbortSignal): Promise<Slot[]>;
  /** One that is free, where nobody waits for any. */
  take(): Slot | undefined;
  release(slot: Slot): void;
  /**
   * `length`: bytes that lie in the slot (data "in") or are wanted (data "out"). Never rejects for a device's failure; a driver's
   * death is repaired behind this promise.
   */
  submit<K extends OperationName<C>>(
    name: K,
    input: Input<C, K>,
    slot: Slot,
    length: number,
  ): Promise<Completion<Output<C, K>>>;
  /** The same for those in a hurry: `done` is called once, before this returns or later, and must not throw. */
  send<K extends OperationName<C>>(
    name: K,
    input: Input<C, K>,
    slot: Slot,
    length: number,
    done: (completion: Completion<Output<C, K>>) => void,
  ): void;
  /** A driver works behind the port at this moment. */
  readonly works: boolean;
  /**
   * Tells when a driver works behind the port (true), and when it does not any more (false, maybe twice): it has failed, it is dead and fenced, at rest, or
   * a debugger holds it. What it had told of its state is over then; what it was told, a dead one's successor has forgotten. `failed`: it is dead
   * by its own fault, which is told before what it had in hand is answered. Answers what ends the subscription.
   */
  onDriver(listener: (there: boolean, failed: boolean) => void): () => void;
  /** Resolves once every request is finished, those of closed connections included. */
  close(): Promise<void>;
}
