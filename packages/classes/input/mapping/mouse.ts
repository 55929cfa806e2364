// Runs in: reflector. Owns: how far the pointer and the wheels have moved, and how fast they move.
import { WHEEL_NOTCH } from "../contract.ts";

export interface Moved {
  readonly x: number;
  readonly y: number;
  /** In parts of a notch (WHEEL_NOTCH); up and right are positive. */
  readonly wheel: number;
  readonly horizontalWheel: number;
}

/** While something moves by itself: as often as a plain USB mouse reports, bInterval 8 at full speed. */
export const TICK_MS = 8;
/** Who was asleep for longer does not make up for it: the pointer would jump. */
const GAP_MAX_MS = 50;
/** REL_* are signed 32-bit numbers (struct input_event, linux/input.h). */
const MOST = 0x7fff_ffff;

/** Pixels and parts of a notch, a second. */
export interface Velocity extends Moved {}
const still: Velocity = { x: 0, y: 0, wheel: 0, horizontalWheel: 0 };
const parts = ["x", "y", "wheel", "horizontalWheel"] as const;

export class MouseMotion {
  #velocity: Velocity = still;
  /** What is to be told, with what is less than a whole. */
  readonly #sum = { ...still };

  /** Moves on with the velocity that it had. */
  pass(elapsedMs: number): void {
    const seconds = Math.min(elapsedMs, GAP_MAX_MS) / 1000;
    for (const part of parts) this.#sum[part] += this.#velocity[part] * seconds;
  }

  set velocity(velocity: Velocity) {
    this.#velocity = velocity;
  }

  get moves(): boolean {
    return parts.some((part) => this.#velocity[part] !== 0);
  }

  add(moved: Partial<Moved>): void {
    for (const part of parts) this.#sum[part] += moved[part] ?? 0;
  }

  notch(x: number, y: number): void {
    this.add({ wheel: y * WHEEL_NOTCH, horizontalWheel: x * WHEEL_NOTCH });
  }

  /** The whole part of what has come together since the last time. */
  take(): Moved {
    const moved = { ...still };
    for (const part of parts) {
      const whole = Math.trunc(this.#sum[part]) || 0; // never -0
      moved[part] = Math.min(MOST, Math.max(-MOST, whole));
      this.#sum[part] -= whole;
    }
    return moved;
  }

  reset(): void {
    this.#velocity = still;
    Object.assign(this.#sum, still);
  }
}
