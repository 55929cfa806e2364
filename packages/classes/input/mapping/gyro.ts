// Runs in: reflector. Owns: how a gyroscope's turns become ways of the pointer.
import type { EventData } from "@ring3/core/contract";
import type { GyroBinding, Turn } from "@ring3/core/mapping";
import type { Gamepad } from "../../gamepad/contract.ts";

export type Sensors = EventData<Gamepad, "motion">;

/** A report that comes later than that after the one before says nothing of the time between. */
const GAP_MAX_S = 0.05;

export class GyroPointer {
  #atUs: number | undefined;
  /** Pixels a second, smoothed. */
  #x = 0;
  #y = 0;

  /** How far the pointer moves by a report. */
  move(binding: GyroBinding, { gyro, timestampUs }: Sensors, perDegree: number): { x: number; y: number } {
    const elapsed = this.#atUs === undefined ? 0 : (timestampUs - this.#atUs) / 1e6;
    const seconds = Math.min(Math.max(elapsed, 0), GAP_MAX_S);
    this.#atUs = timestampUs;
    // The share of a low-pass filter of first order that a new value has.
    const share = binding.smoothingMs === 0 ? 1 : 1 - Math.exp((-seconds * 1000) / binding.smoothingMs);
    const speed = ({ axis, sign }: Turn) => ((sign * gyro[axis]!) / perDegree) * binding.sensitivity;
    this.#x += (speed(binding.horizontal) - this.#x) * share;
    this.#y += (speed(binding.vertical) - this.#y) * share;
    return { x: this.#x * seconds, y: this.#y * seconds };
  }

  /** Its button was let go: the next time begins at rest. */
  rest(): void {
    this.#atUs = undefined;
    this.#x = 0;
    this.#y = 0;
  }
}
