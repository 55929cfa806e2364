// Runs in: manager. Owns: one process in which several drivers have seats, a pool's or an inline driver's reflector, and whose fault its failures are.

import { seatIn } from "@ring3/control/driver-stack";
import type { FailureReason } from "@ring3/core/lifecycle";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { socketPair } from "@ring3/kernel/socket/frame-socket";
import type { Host } from "./host.ts";
import { type HostKind, type HostListeners, type HostProcess, STACK_MS } from "./host-process.ts";
import { Seat, type SeatedIn, type SeatParts } from "./seat.ts";

/** The process, once it stands. */
export type Process = Pick<Host, "name" | "pid" | "fenced" | "adopt" | "ask" | "kill" | "stack">;

export interface SharedHostParts extends SeatParts {
  /** The last driver has left, in order. */
  emptied(): void;
}

export class SharedHost implements SeatedIn {
  readonly #host: Process;
  readonly #parts: SharedHostParts;
  readonly #seats = new Map<number, Seat>();
  #latest = 0;
  #over = false;
  /** Its failure has been told to all of them. */
  #told = Promise.withResolvers<void>();
  #stack: Promise<string> | undefined;
  #judging = false;

  constructor(host: Process, parts: SharedHostParts) {
    this.#host = host;
    this.#parts = parts;
    host.adopt({
      log() {},
      disconnected() {},
      changed() {},
      dying: () => this.#each((seat) => seat.listeners.dying()),
      // Of code that is in no seat: nobody can be told from the others.
      failed: (failure) => this.#each((seat) => seat.listeners.failed(failure)),
      lost: (reason) => void this.#ended(reason),
    });
    void host.fenced.then(() => this.#finish());
  }

  get name(): string {
    return this.#host.name;
  }

  get pid(): number {
    return this.#host.pid;
  }

  get fenced(): Promise<void> {
    return this.#host.fenced;
  }

  /** Nobody is to get a seat here any more. */
  get over(): boolean {
    return this.#over;
  }

  async occupied(): Promise<readonly number[]> {
    try {
      return (await this.#host.ask("seats", {})).result.seats;
    } catch {
      await this.fenced; // it ends instead
      return [];
    }
  }

  get empty(): boolean {
    return this.#seats.size === 0;
  }

  /** Rejects where the process ends before; its end is told then. */
  async take(kind: HostKind, listeners: HostListeners): Promise<HostProcess> {
    const [control, theirs] = socketPair();
    const [standby, theirStandby] = socketPair();
    using next = standby; // until it is the keeper's
    const seat = this.#seat(this.#latest + 1, control);
    seat.adopt(listeners);
    seat.provideForNextManager(next);
    try {
      await this.#host.ask("seat", { seat: seat.number }, [theirs, theirStandby]);
    } catch (error) {
      this.#end();
      await this.#told.promise;
      throw error;
    }
    seat.load(kind);
    return seat;
  }

  /** One that a driver had at an earlier manager. */
  inherit(number: number, control: Descriptor): Seat {
    return this.#seat(number, control);
  }

  #seat(number: number, control: Descriptor): Seat {
    const seat = new Seat(number, control, this, this.#parts);
    this.#latest = Math.max(this.#latest, number);
    this.#seats.set(number, seat);
    return seat;
  }

  left({ number }: Seat): void {
    this.#seats.delete(number);
    if (this.empty) this.#parts.emptied();
  }

  /** Nobody is in it any more who would have to be told. */
  close(): Promise<void> {
    this.#end();
    return this.fenced;
  }

  kill(by: Seat, why: string): void {
    if (this.#over) return; // why, is told already or about to be
    this.#end();
    this.#tell({ kind: "exit", text: `its process was ended: ${why}`, outside: true }, by);
  }

  /** The first word of any of them counts for all: they stand still together, and hold their memory together. */
  blame(reason: FailureReason): void {
    if (this.#judging || this.#over) return;
    this.#judging = true;
    if (reason.kind !== "heartbeat" || reason.outside) return this.#tell(reason);
    void this.stack(STACK_MS * this.#parts.timeScale).then((stack) => {
      const culprit = this.#seats.get(seatIn(stack) ?? 0);
      if (culprit === undefined) this.#tell(reason);
      else culprit.lose(reason);
    });
  }

  stack(withinMs: number): Promise<string> {
    this.#stack ??= this.#host.stack(withinMs);
    return this.#stack;
  }

  /** Nobody has ended it here. What a driver in it was blamed for is told first: it has been sent before the end. */
  async #ended(reason: FailureReason): Promise<void> {
    this.#end();
    await Promise.all([...this.#seats.values()].map((seat) => seat.hungUp));
    this.#tell(reason);
  }

  #end(): void {
    this.#over = true;
    this.#host.kill();
  }

  #tell(reason: FailureReason, except?: Seat): void {
    this.#each((seat) => {
      if (seat !== except) seat.lose(reason);
    });
    this.#told.resolve();
  }

  #each(tell: (seat: Seat) => void): void {
    for (const seat of [...this.#seats.values()]) tell(seat);
  }

  #finish(): void {
    this.#end();
    for (const seat of this.#seats.values()) seat.hangUp();
  }
}
