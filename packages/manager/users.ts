// Runs in: manager. Owns: which user ids of the configured range are in use by driver hosts.

import { DeviceError } from "@ring3/core/errors";

export class Users {
  readonly first: number;
  readonly #count: number;
  readonly #used = new Set<number>();

  constructor(range: { first: number; count: number }) {
    this.first = range.first;
    this.#count = range.count;
  }

  /** A user id that no other host has. */
  take(): number {
    for (let uid = this.first; uid < this.first + this.#count; uid++) {
      if (this.#used.has(uid)) continue;
      this.#used.add(uid);
      return uid;
    }
    throw new DeviceError(
      "no-space",
      `user id for a driver host: all ${this.#count} of uid_range are in use, widen it`,
    );
  }

  /** A host that an earlier manager has started has it. */
  inherit(uid: number): void {
    this.#used.add(uid);
  }

  /** Only once every process of that user is dead. */
  giveBack(uid: number): void {
    this.#used.delete(uid);
  }
}
