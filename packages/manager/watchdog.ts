// Runs in: manager. Owns: the judgement whether one incarnation's event loop still turns, and within its memory; and what it uses.

import type { DeviceMemory } from "@ring3/channel/device-memory";
import type { Clock, Timer } from "@ring3/core/clock";
import type { FailureReason } from "@ring3/core/lifecycle";
import { cpuMs, privateBytes, processState, traced } from "@ring3/kernel/process/pidfd";

/** How often a host beats, and the manager looks. */
const BEAT_MS = 500;
/** A beat that comes a little late is no hang: so many of them may be missed. */
const BEATS_IN_A_HANG = 3;
/**
 * How much longer than its heartbeat a process may be blocked in the kernel: usbfs waits up to 5 s there for a device that does not answer
 * (USB_CTRL_SET_TIMEOUT, linux/usb.h), and killing it would not end that.
 */
const BLOCKED_MS = 6_000;

export function beatMs(hangMs: number): number {
  return Math.min(BEAT_MS, Math.floor(hangMs / BEATS_IN_A_HANG));
}

export interface WatchLimits {
  /** How long the heartbeat may stand still. */
  readonly hangMs: number;
  readonly memoryBytes: number;
}

/** What the process has used. */
export interface Usage {
  readonly aliveMs: number;
  readonly cpuMs: number;
  readonly privateBytes: number;
}

export interface WatchObserver {
  failed(reason: FailureReason): void;
  /** A debugger has taken hold of the process, or has let go of it. */
  held(held: boolean): void;
}

export class Watchdog {
  readonly #memory: DeviceMemory;
  readonly #pid: number;
  readonly #clock: Clock;
  readonly #limits: WatchLimits;
  readonly #lookMs: number;
  readonly #observer: WatchObserver;
  #beat: number;
  #since: number;
  #looked: number;
  #timer: Timer;
  readonly #began: number;
  #usage: Usage | undefined;
  #held = false;

  constructor(memory: DeviceMemory, pid: number, clock: Clock, limits: WatchLimits, observer: WatchObserver) {
    this.#memory = memory;
    this.#pid = pid;
    this.#clock = clock;
    this.#limits = limits;
    this.#lookMs = beatMs(limits.hangMs);
    this.#observer = observer;
    this.#beat = memory.heartbeat();
    this.#since = clock.now();
    this.#looked = this.#since;
    this.#began = this.#since;
    this.#timer = this.#lookLater();
  }

  /** Watchdogs of one pace look at the same moments: the manager wakes once for all devices. */
  #lookLater(): Timer {
    return this.#clock.after(this.#lookMs - (this.#clock.now() % this.#lookMs), () => this.#look());
  }

  #look(): void {
    const reason = this.#judge();
    if (reason !== undefined) this.#observer.failed(reason);
    else this.#timer = this.#lookLater();
  }

  #judge(): FailureReason | undefined {
    const beat = this.#memory.heartbeat();
    const now = this.#clock.now();
    const frozen = now - this.#looked > 2 * this.#lookMs; // the manager itself: then it cannot tell how long the driver stood still
    this.#looked = now;
    if (beat !== this.#beat || frozen) {
      this.#beat = beat;
      this.#since = now;
    }
    const held = traced(this.#pid);
    if (held !== this.#held) this.#observer.held(held);
    this.#held = held;
    const greedy = this.#judgeMemory();
    const stood = now - this.#since;
    if (greedy !== undefined || stood < this.#limits.hangMs) return greedy;
    if (held) {
      this.#since = now; // a person looks at it with a debugger
      return undefined;
    }
    const state = processState(this.#pid);
    if (state === "blocked" && stood < this.#limits.hangMs + BLOCKED_MS) return undefined;
    const stopped = state === "stopped"; // by a person's SIGSTOP: no fault of the driver
    const why = stopped ? ": the process is stopped" : state === "blocked" ? ": it waits in the kernel" : "";
    return { kind: "heartbeat", text: `no heartbeat for ${Math.round(stood)} ms${why}`, outside: stopped };
  }

  #judgeMemory(): FailureReason | undefined {
    const resident = privateBytes(this.#pid);
    this.#usage = {
      aliveMs: this.#clock.now() - this.#began,
      cpuMs: cpuMs(this.#pid),
      privateBytes: resident,
    };
    if (resident <= this.#limits.memoryBytes) return undefined;
    const [holds, may] = [resident, this.#limits.memoryBytes].map((bytes) => Math.round(bytes / 2 ** 20));
    return { kind: "memory", text: `holds ${holds} MB, may hold ${may} MB`, outside: false };
  }

  /** As it was looked at last. */
  get usage(): Usage | undefined {
    return this.#usage;
  }

  stop(): void {
    this.#timer.cancel();
  }
}
