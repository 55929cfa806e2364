// Runs in: reflector. Owns: how long each stick that moves the pointer or a wheel has been away from its middle.
import type { AxisBinding } from "@ring3/core/mapping";
import type { Axes } from "@ring3/core/pad";
import { WHEEL_NOTCH } from "../contract.ts";
import { deflection } from "./axes.ts";
import type { Velocity } from "./mouse.ts";

const ACCELERATION_MAX_S = 1;

export class StickSpeed {
  readonly #sinceMs = new Map<AxisBinding["from"], number>();

  /** All that moves by the bindings in force. */
  velocity(plan: readonly AxisBinding[], axes: Axes, nowMs: number): Velocity {
    const sum = { x: 0, y: 0, wheel: 0, horizontalWheel: 0 };
    for (const binding of plan) {
      const { from, to, speed, acceleration } = binding;
      const { x, y } = to === "mouse" || to === "wheel" ? deflection(binding, axes) : { x: 0, y: 0 };
      const length = Math.hypot(x, y);
      if (length === 0) {
        this.#sinceMs.delete(from);
        continue;
      }
      const sinceMs = this.#sinceMs.get(from) ?? nowMs;
      this.#sinceMs.set(from, sinceMs);
      const gained = acceleration * Math.min((nowMs - sinceMs) / 1000, ACCELERATION_MAX_S);
      const reach = (speed + gained) / Math.max(1, length / binding.scale); // a corner is no faster than a side
      if (to === "mouse") {
        sum.x += x * reach;
        sum.y += y * reach;
      } else {
        sum.horizontalWheel += x * reach * WHEEL_NOTCH;
        sum.wheel -= y * reach * WHEEL_NOTCH; // a stick's way down is positive, a wheel's is not
      }
    }
    return sum;
  }

  reset(): void {
    this.#sinceMs.clear();
  }
}
