// Runs in: manager. Owns: who wants a device's driver at rest, and its changes between rest and work, one at a time.

import type { RestReason } from "@ring3/control/legacy";
import type { Log } from "@ring3/core/log";
import type { HostProcess } from "./host-process.ts";

/** The device, as far as this needs it. */
export interface Resting {
  /** The host of a driver that works. */
  working(): HostProcess | undefined;
  /** The host of a driver that is at rest. */
  resting(): HostProcess | undefined;
  /** Its requests have to wait, or need not any more. */
  hold(on: boolean): void;
  /** The driver is about to be asked. */
  suspending(): void;
  resuming(): void;
  suspended(): void;
  /** It has said its last words. */
  silent(): void;
  resumed(): void;
  /** It does not rest. */
  refused(text: string): void;
  /** The bus was reset meanwhile, and the next incarnation is to find out what has become of the device. */
  lost(): boolean;
  /** The driver is of no more use. */
  failed(text: string): void;
  /** Somebody else wants it at rest, or not any more. */
  noted(): void;
}

export class Rest {
  readonly #device: Resting;
  readonly #log: Log;
  readonly #wanted = new Set<RestReason>();
  #turning: Promise<unknown> = Promise.resolve();

  constructor(device: Resting, log: Log) {
    this.#device = device;
    this.#log = log;
  }

  get wanted(): RestReason[] {
    return [...this.#wanted];
  }

  /** As an earlier manager has left it. */
  inherit(wanted: readonly RestReason[]): void {
    for (const by of wanted) this.#wanted.add(by);
  }

  /** The driver has outlived that manager. What it was asked for last nobody knows: it is asked for what is wanted now. */
  goOn(): void {
    if (this.#device.resting() !== undefined) this.#device.hold(true);
    this.#inTurn(async () => {
      if (this.#wanted.size > 0)
        return this.#device.resting() === undefined ? this.#toRest() : this.#staysAtRest();
      if (this.#device.resting() !== undefined) return this.#toWork();
      await this.#device.working()?.ask("resume", {});
    }).catch((error: Error) => {
      this.#log.warn(`neither at rest nor at work: ${error.message}`);
      if (this.#device.working() !== undefined) this.#want("request", false); // as where it refuses who has asked
    });
  }

  /** Rejects where the driver cannot rest; it works on then. What a person wants holds for a driver that there is, what the machine wants for any. */
  async suspend(by: RestReason): Promise<void> {
    if (by === "request" && this.#present === undefined) return;
    this.#want(by, true);
    try {
      await this.#inTurn(() => this.#toRest());
    } catch (error) {
      if (by === "request") this.#want(by, false);
      throw error;
    }
  }

  async resume(by: RestReason): Promise<void> {
    this.#want(by, false);
    await this.#inTurn(() => this.#toWork());
  }

  /** A driver runs, which may have taken the place of one that was at rest. */
  begun(): void {
    this.#inTurn(() => this.#toRest()).catch((error: Error) =>
      this.#log.warn(`not suspended: ${error.message}`),
    );
  }

  /** A person wants something else now. */
  forgetRequest(): void {
    this.#want("request", false);
  }

  #want(by: RestReason, on: boolean): void {
    if (this.#wanted.has(by) === on) return;
    if (on) this.#wanted.add(by);
    else this.#wanted.delete(by);
    this.#device.noted();
  }

  get #present(): HostProcess | undefined {
    return this.#device.working() ?? this.#device.resting();
  }

  #inTurn(turn: () => Promise<void>): Promise<void> {
    const turned = this.#turning.then(turn);
    this.#turning = turned.catch(() => {}); // told to whoever asked
    return turned;
  }

  async #toRest(): Promise<void> {
    const host = this.#device.working();
    if (host === undefined || this.#wanted.size === 0) return;
    this.#device.suspending();
    this.#device.hold(true); // from the moment when the driver hears of it
    try {
      await host.ask("suspend", {});
      if (this.#device.working() !== host) return;
      this.#device.suspended();
      this.#device.silent();
    } catch (error) {
      if (this.#device.working() === host) this.#device.refused((error as Error).message);
      throw error;
    } finally {
      if (this.#device.working() === host) this.#device.hold(false);
    }
  }

  /** It may have been asked to work in the meantime, and nobody has heard that it does. */
  async #staysAtRest(): Promise<void> {
    const host = this.#device.resting()!;
    try {
      await host.ask("suspend", {});
      if (this.#device.resting() === host) this.#device.silent();
    } catch (error) {
      if (this.#device.resting() !== host || host.peer.signal.aborted) return; // how it has ended is told by its process
      this.#device.resumed();
      this.#device.hold(false);
      throw error;
    }
  }

  async #toWork(): Promise<void> {
    const host = this.#device.resting();
    if (host === undefined || this.#wanted.size > 0 || this.#device.lost()) return;
    this.#device.resuming();
    try {
      await host.ask("resume", {});
    } catch (error) {
      if (host.peer.signal.aborted) return; // the end of a connection is told by the process
      if (this.#device.resting() === host) this.#device.failed(`resume: ${(error as Error).message}`);
    }
    if (this.#device.resting() !== host) return;
    this.#device.resumed();
    this.#device.hold(false);
  }
}
