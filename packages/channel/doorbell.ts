// Runs in: client and driver host. Owns: one end of each of a channel's two doorbell pipes.

import type { Clock, Timer } from "@ring3/core/clock";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { native } from "@ring3/kernel/native";
import { type Watch, watch } from "@ring3/kernel/poll/watch";
import { MalformedChannel } from "./ring.ts";

const RING = new Uint8Array(1);
const DRAIN_BYTES = 4096;
/** A peer rings at most once each time we park. One that has rung this often in a row with nothing in its rings means harm. */
const SPURIOUS_LIMIT = 4096;
/** After this many rounds the event loop gets a turn, whatever the peer keeps adding. */
const ROUNDS = 16;

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
    native.write(this.#pipe.fd, RING); // a full pipe has woken the peer already, a broken one has no peer
  }

  close(): void {
    this.#pipe.close();
  }
}

/** What a sleeper asks its owner. */
export interface Served {
  /** Handles what waits, at most one ring's worth. */
  serve(): void;
  /** Is there anything to handle? */
  waiting(): boolean;
  /** The peer broke the rules; the sleeper has closed. */
  malformed(error: MalformedChannel): void;
}

/** Sleeps until the peer rings, then has its owner serve until nothing waits. */
export class Sleeper {
  readonly #pipe: Descriptor;
  readonly #words: Uint32Array;
  readonly #parkedWord: number;
  readonly #owner: Served;
  readonly #clock: Clock;
  readonly #watch: Watch;
  readonly #drain = new Uint8Array(DRAIN_BYTES);
  #later: Timer | undefined;
  #spurious = 0;
  #closed = false;

  constructor(pipe: Descriptor, own: Uint32Array, parkedWord: number, owner: Served, clock: Clock) {
    this.#pipe = pipe;
    this.#words = own;
    this.#parkedWord = parkedWord;
    this.#owner = owner;
    this.#clock = clock;
    this.#watch = watch(pipe.fd, { readable: true }, () => this.#wake());
  }

  /** Serves what already waits, then sleeps. Call once both sides are set up; the parked word is even until then. */
  start(): void {
    this.#guarded(() => this.#serveThenPark());
  }

  #wake(): void {
    const read = native.read(this.#pipe.fd, this.#drain);
    if (read === 0) this.#watch.close(); // the peer is gone; its death is told elsewhere
    if (this.#later !== undefined) return;
    this.#guarded(() => {
      if (this.#owner.waiting()) this.#spurious = 0;
      else this.#spurious += Math.max(read, 0);
      if (this.#spurious > SPURIOUS_LIMIT) throw new MalformedChannel("doorbell rung without a request");
      this.#turn();
      this.#serveThenPark();
    });
  }

  /** Parks first and looks again after: a producer that saw us awake had published before we looked. */
  #serveThenPark(): void {
    for (let round = 0; round < ROUNDS && !this.#closed; round++) {
      if (this.#owner.waiting()) this.#owner.serve();
      this.#turn();
      if (this.#closed || !this.#owner.waiting()) return;
      this.#turn();
    }
    if (this.#closed) return;
    this.#later = this.#clock.after(0, () => {
      this.#later = undefined;
      this.#guarded(() => this.#serveThenPark());
    });
  }

  #turn(): void {
    Atomics.add(this.#words, this.#parkedWord, 1);
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof MalformedChannel)) throw error;
      this.close();
      this.#owner.malformed(error);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#later?.cancel();
    this.#watch.close();
    this.#pipe.close();
  }
}
