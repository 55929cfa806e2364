// Runs in: manager. Owns: the judgement whether one incarnation's event loop still turns, and within its memory.

import { readFileSync } from "node:fs";
import type { DeviceMemory } from "@ring3/channel/device-memory";
import type { Clock, Timer } from "@ring3/core/clock";
import type { FailureReason } from "@ring3/core/lifecycle";
import { processState } from "@ring3/kernel/process/pidfd";

/** How often the manager looks; a host beats as often. */
const LOOK_MS = 500;
const PAGE_BYTES = 4096;

export interface WatchLimits {
  /** How long the heartbeat may stand still. */
  readonly hangMs: number;
  readonly memoryBytes: number;
}

export class Watchdog {
  readonly #memory: DeviceMemory;
  readonly #pid: number;
  readonly #clock: Clock;
  readonly #limits: WatchLimits;
  readonly #failed: (reason: FailureReason) => void;
  #beat: number;
  #since: number;
  #looked: number;
  #timer: Timer;

  constructor(
    memory: DeviceMemory,
    pid: number,
    clock: Clock,
    limits: WatchLimits,
    failed: (reason: FailureReason) => void,
  ) {
    this.#memory = memory;
    this.#pid = pid;
    this.#clock = clock;
    this.#limits = limits;
    this.#failed = failed;
    this.#beat = memory.heartbeat();
    this.#since = clock.now();
    this.#looked = this.#since;
    this.#timer = clock.after(LOOK_MS, () => this.#look());
  }

  #look(): void {
    const reason = this.#judge();
    if (reason !== undefined) this.#failed(reason);
    else this.#timer = this.#clock.after(LOOK_MS, () => this.#look());
  }

  #judge(): FailureReason | undefined {
    const beat = this.#memory.heartbeat();
    const now = this.#clock.now();
    const frozen = now - this.#looked > 2 * LOOK_MS; // the manager itself: then it cannot tell how long the driver stood still
    this.#looked = now;
    if (beat !== this.#beat || frozen) {
      this.#beat = beat;
      this.#since = now;
    }
    const greedy = this.#judgeMemory();
    if (greedy !== undefined || now - this.#since < this.#limits.hangMs) return greedy;
    const stopped = processState(this.#pid) === "stopped"; // by a person's SIGSTOP: no fault of the driver
    const text = `no heartbeat for ${Math.round(now - this.#since)} ms${stopped ? ": the process is stopped" : ""}`;
    return { kind: "heartbeat", text, outside: stopped };
  }

  #judgeMemory(): FailureReason | undefined {
    const resident = residentBytes(this.#pid);
    if (resident <= this.#limits.memoryBytes) return undefined;
    const [holds, may] = [resident, this.#limits.memoryBytes].map((bytes) => Math.round(bytes / 2 ** 20));
    return { kind: "memory", text: `holds ${holds} MB, may hold ${may} MB`, outside: false };
  }

  stop(): void {
    this.#timer.cancel();
  }
}

/** Private memory only: what is shared with clients is theirs. /proc/PID/statm: resident minus shared pages, proc(5). */
function residentBytes(pid: number): number {
  try {
    const [, resident, shared] = readFileSync(`/proc/${pid}/statm`, "latin1").split(" ").map(Number);
    return (resident! - shared!) * PAGE_BYTES;
  } catch {
    return 0; // it has just ended; that is noticed elsewhere
  }
}
