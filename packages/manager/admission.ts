// Runs in: manager. Owns: how many control connections each user has open.

import { isOperator } from "@ring3/control/rules";
import type { Log } from "@ring3/core/log";

/** A connection costs a descriptor and buffers: one user must not take those of all. */
const MOST = 256;
const MOST_OF_OPERATORS = 1024;

export class Admission {
  readonly #ownUid: number;
  readonly #log: Log;
  readonly #open = new Map<number, number>();
  readonly #told = new Set<number>();

  constructor(ownUid: number, log: Log) {
    this.#ownUid = ownUid;
    this.#log = log;
  }

  /** Whether one more may come in; it counts until `left`. */
  enter(uid: number): boolean {
    const open = this.#open.get(uid) ?? 0;
    const most = isOperator(uid, this.#ownUid) ? MOST_OF_OPERATORS : MOST;
    if (open < most) {
      this.#open.set(uid, open + 1);
      return true;
    }
    if (!this.#told.has(uid))
      this.#log.warn(`user ${uid} has ${open} connections open; those beyond are hung up on`);
    this.#told.add(uid);
    return false;
  }

  left(uid: number): void {
    const open = this.#open.get(uid)! - 1;
    if (open > 0) this.#open.set(uid, open);
    else {
      this.#open.delete(uid);
      this.#told.delete(uid);
    }
  }
}
