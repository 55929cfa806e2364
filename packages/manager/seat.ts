// Runs in: manager. Owns: one driver's place in a process that it shares with others, from the moment it is taken, or taken over from a manager that
// died, to the proof that the driver has let go of its device.

import type { MethodName, Params, Result } from "@ring3/control/edge";
import type { hostEdge } from "@ring3/control/host-edge";
import { recordName } from "@ring3/control/legacy";
import type { CallingPeer, Sendable } from "@ring3/control/peer";
import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { FailureReason } from "@ring3/core/lifecycle";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { traced } from "@ring3/kernel/process/pidfd";
import { socketPair } from "@ring3/kernel/socket/frame-socket";
import { HostConnection } from "./host-connection.ts";
import type { HostKind, HostListeners, HostProcess, LeftHost } from "./host-process.ts";
import type { Legacy } from "./legacy.ts";

type HostEdge = typeof hostEdge;

/** The process, as far as a seat needs it. */
export interface SeatedIn {
  /** Of its record. */
  readonly name: string;
  readonly pid: number;
  readonly fenced: Promise<void>;
  /** Everyone in it is told. */
  kill(by: Seat, why: string): void;
  /** Finds out which of its drivers is at fault, and tells. */
  blame(reason: FailureReason): void;
  stack(withinMs: number): Promise<string>;
  /** It ends: nobody in it has to leave any more. */
  readonly over: boolean;
  /** The seats that have a driver, by its own word; none once its end is proven. */
  occupied(): Promise<readonly number[]>;
  left(seat: Seat): void;
}

export interface SeatParts {
  readonly clock: Clock;
  readonly timeScale: number;
  readonly legacy: Legacy;
}

export const nobody: HostListeners = {
  log() {},
  failed() {},
  disconnected() {},
  changed() {},
  dying() {},
  lost() {},
};

export class Seat implements HostProcess, LeftHost {
  readonly shared = true;
  readonly name: string;
  readonly number: number;
  /** Resolves when its connection has ended, and all that came on it was told. */
  readonly hungUp: Promise<void>;
  readonly fenced: Promise<void>;
  readonly #process: SeatedIn;
  readonly #parts: SeatParts;
  readonly #connection: HostConnection;
  readonly #left = Promise.withResolvers<void>();
  #hasLeft = false;
  /** Of the process, before anybody was there to be told. */
  #lost: FailureReason | undefined;

  constructor(number: number, control: Descriptor, process: SeatedIn, parts: SeatParts) {
    this.number = number;
    this.name = seatRecord(process.name, number);
    this.#process = process;
    this.#parts = parts;
    this.#connection = new HostConnection(control, parts, () => this.held, nobody);
    const { signal } = this.peer;
    this.hungUp = new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve());
    });
    this.fenced = Promise.race([process.fenced, this.#left.promise]);
    void this.fenced.then(() => {
      this.hangUp();
      parts.legacy.drop(this.name);
    });
  }

  get pid(): number {
    return this.#process.pid;
  }

  get peer(): CallingPeer<HostEdge, Descriptor> {
    return this.#connection.peer;
  }

  get held(): boolean {
    return traced(this.pid);
  }

  get loaded(): Promise<void> {
    return this.#connection.loaded;
  }

  get listeners(): HostListeners {
    return this.#connection.listeners;
  }

  /** A filter is on already: it is the process's. */
  load({ driver: { name, code, codeBytes } }: HostKind): void {
    this.#connection.load({ driver: name, codeBytes, filter: null, dataBytes: null }, code);
  }

  adopt(listeners: HostListeners): HostProcess {
    this.#connection.listeners = listeners;
    if (this.#lost !== undefined) listeners.lost(this.#lost);
    return this;
  }

  /** The process has failed, by its own fault or another's. */
  lose(reason: FailureReason): void {
    this.#lost ??= reason;
    this.listeners.lost(reason);
  }

  ask<M extends MethodName<HostEdge>>(method: M, params: Params<HostEdge, M>, fds?: readonly Sendable[]) {
    return this.#connection.ask(method, params, fds);
  }

  forgo(): void {
    this.#connection.forgo();
  }

  /** Its process has ended, or it has left. */
  hangUp(): void {
    this.#connection.hearOut();
    this.peer.close();
  }

  /** For the next manager: the process itself has a record of its own. */
  provideForNextManager(standby: Descriptor): void {
    const { legacy } = this.#parts;
    legacy.note("seat", this.name, { host: this.#process.name, seat: this.number });
    legacy.hold(this.name, [standby]);
  }

  async introduce(): Promise<Result<HostEdge, "adopt">> {
    const [ours, theirs] = socketPair();
    const answer = this.ask("adopt", {}, [theirs]);
    this.provideForNextManager(ours);
    return (await answer).result;
  }

  async remove(requests: "fail" | "keep", withinMs: number): Promise<void> {
    if (this.#process.over) return;
    const late = Promise.withResolvers<never>();
    const timer = this.#parts.clock.after(withinMs, () =>
      late.reject(new DeviceError("timeout", "it has not let go of its device")),
    );
    await Promise.race([this.#leaves(requests), late.promise]).finally(() => timer.cancel());
    this.#hasLeft = true;
    this.#left.resolve();
    this.#process.left(this);
  }

  /** Its connection ends when its device is closed, or with its process, or by a broken rule: which it was, the process knows. */
  async #leaves(requests: "fail" | "keep"): Promise<void> {
    await this.peer.call("remove", { requests }).catch(() => {}); // an earlier manager may have asked for it already
    await this.hungUp;
    const occupied = await this.#process.occupied();
    if (occupied.includes(this.number)) throw new DeviceError("protocol", "its connection ended before it");
  }

  kill(why: string): void {
    if (!this.#hasLeft) this.#process.kill(this, why);
  }

  blame(reason: FailureReason): void {
    this.#process.blame(reason);
  }

  stack(withinMs: number): Promise<string> {
    return this.#process.stack(withinMs);
  }
}

export const seatRecord = (host: string, number: number): string => recordName("seat", `${host}.${number}`);
