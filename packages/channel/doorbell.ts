// Runs in: client and driver host. Owns: one end of each of a channel's two doorbell pipes.

import { systemError } from "@ring3/core/errors";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { native } from "@ring3/kernel/native";
import { MalformedChannel } from "./ring.ts";

/**
 * Rings the peer only while it is parked, once each time it parks: its `parked` word is odd then, and counts up with
 * every change. A pipe rather than an eventfd, since a peer can make a shared eventfd block its writer for ever. The
 * pipe is made by the manager, so nobody else can take our end's O_NONBLOCK away.
 */
export class Ringer {
  readonly #pipe: Descriptor;
  readonly #peer: Uint32Array;
  readonly #parkedWord: number;
  #rung = 0;

  constructor(pipe: Descriptor, peer: Uint32Array, parkedWord: number) {
    this.#pipe = pipe;
    this.#peer = peer;
    this.#parkedWord = parkedWord;
  }

  ring(): void {
    const parked = Atomics.load(this.#peer, this.#parkedWord);
    if ((parked & 1) === 0 || parked === this.#rung) return;
    this.#rung = parked;
    native.bellRing(this.#pipe.fd); // a full pipe has woken the peer already, a broken one has no peer
  }

  close(): void {
    this.#pipe.close();
  }
}

/** Where a ring's two counts lie: what the peer has produced in its memory, what was consumed in ours. */
export interface Watched {
  readonly head: number;
  readonly tail: number;
}

/** What a sleeper asks its owner. */
export interface Served {
  /** Handles what waits, at most one ring's worth. */
  serve(): void;
  /** The peer broke the rules; the sleeper has closed. */
  malformed(error: MalformedChannel): void;
}

export interface SleeperMemory {
  readonly own: Uint32Array;
  readonly peer: Uint32Array;
  readonly parked: number;
  /** What was asked so far is counted there; -1: we only answer. */
  readonly asked: number;
  readonly rings: readonly Watched[];
}

const [NEWS, GONE, NEEDLESS] = [0, 1, 2];

/** Has its owner serve while the peer has anything in its rings, and sleeps until it rings (kernel/native/bell.c). */
export class Sleeper {
  readonly #pipe: Descriptor;
  readonly #memory: SleeperMemory;
  readonly #owner: Served;
  readonly #poll: boolean;
  #stop: (() => void) | undefined;
  #closed = false;

  /** `poll`: it sleeps only after a second in which the peer had nothing. */
  constructor(pipe: Descriptor, memory: SleeperMemory, owner: Served, poll: boolean) {
    this.#pipe = pipe;
    this.#memory = memory;
    this.#owner = owner;
    this.#poll = poll;
  }

  /** Call once both sides are set up: what already waits is served. */
  start(): void {
    const { own, peer, parked, asked, rings } = this.#memory;
    const at = Int32Array.of(parked, asked, ...rings.flatMap(({ head, tail }) => [head, tail]));
    const bell = native.bellStart(this.#pipe.fd, own, peer, at, this.#poll, (what) => this.#rung(what));
    if (typeof bell === "number") throw systemError(`wait for doorbell ${this.#pipe.fd}`, bell);
    this.#stop = () => {
      const stopped = native.bellStop(bell);
      if (stopped < 0) throw systemError(`let go of doorbell ${this.#pipe.fd}`, stopped);
    };
    this.#rung(NEWS);
  }

  #rung(what: number): void {
    try {
      if (what === NEWS || what === GONE) this.#owner.serve();
      if (what === GONE) this.#stop!(); // its death is told elsewhere
      if (what === NEEDLESS) throw new MalformedChannel("doorbell rung without a request");
    } catch (error) {
      if (!(error instanceof MalformedChannel)) throw error;
      this.close();
      this.#owner.malformed(error);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stop?.();
    this.#pipe.close();
  }
}
