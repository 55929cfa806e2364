// Runs in: manager. Owns: how many control connections each user has open, and how much they may cost.

import { isOperator } from "@ring3/control/rules";
import type { Log } from "@ring3/core/log";
import { Allowance } from "@ring3/kernel/socket/allowance";
import { type FrameSocketOptions, QUEUE_MAX } from "@ring3/kernel/socket/frame-socket";
import { PAYLOAD_MAX } from "@ring3/kernel/socket/frames";

/** A connection costs a descriptor and buffers: one user must not take those of all. */
interface Terms {
  readonly connections: number;
  readonly payloadMax: number;
  /** Unread bytes of one connection, and of all that a user has. */
  readonly queueMax: number;
  readonly unreadMax: number;
}
const anybody: Terms = {
  connections: 256,
  payloadMax: 64 << 10, // no request of an application comes near
  queueMax: 1 << 20,
  unreadMax: 8 << 20,
};
const operators: Terms = {
  connections: 1024,
  payloadMax: PAYLOAD_MAX,
  queueMax: QUEUE_MAX,
  unreadMax: 4 * QUEUE_MAX,
};

interface User {
  readonly allowance: Allowance;
  open: number;
  /** That the limit is reached was said. */
  told: boolean;
}

export class Admission {
  readonly #ownUid: number;
  readonly #log: Log;
  readonly #users = new Map<number, User>();

  constructor(ownUid: number, log: Log) {
    this.#ownUid = ownUid;
    this.#log = log;
  }

  /** What one more connection may cost, undefined where it may not come in; it counts until `left`. */
  enter(uid: number): FrameSocketOptions | undefined {
    const { connections, payloadMax, queueMax, unreadMax } = isOperator(uid, this.#ownUid)
      ? operators
      : anybody;
    const user = this.#users.get(uid) ?? { allowance: new Allowance(unreadMax), open: 0, told: false };
    this.#users.set(uid, user);
    if (user.open < connections) {
      user.open++;
      return { payloadMax, queueMax, allowance: user.allowance, answersFirst: true };
    }
    if (!user.told)
      this.#log.warn(`user ${uid} has ${user.open} connections open; those beyond are hung up on`);
    user.told = true;
    return undefined;
  }

  left(uid: number): void {
    const user = this.#users.get(uid)!;
    user.open--;
    if (user.open === 0) this.#users.delete(uid);
  }
}
