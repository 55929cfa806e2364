// Runs in: reflector. Owns: nothing; what a mapping makes of sticks and triggers. Pure.
import type { Control } from "@ring3/core/controls";
import { type AxisBinding, type AxisName, type Curve, stickNames } from "@ring3/core/mapping";
import { type Axes, axisIndex, controlOf, isTrigger, noAxes, ways } from "@ring3/core/pad";

/** An axis that a mapping says nothing of. */
export const untouched = (from: AxisName): AxisBinding => ({
  from,
  to: undefined,
  also: false,
  invertX: false,
  invertY: false,
  inner: 0,
  outer: 1,
  exponent: 1,
  scale: 1,
  threshold: 0.5,
  hysteresis: 0.1,
  speed: 0,
  acceleration: 0,
});

/** The axes that a binding is about. */
export function axesFrom(from: AxisBinding["from"]): readonly number[] {
  const stick = (stickNames as readonly string[]).indexOf(from);
  return stick < 0 ? [axisIndex(from as AxisName)] : [2 * stick, 2 * stick + 1];
}

/** A diagonal is longer than 1: it stays so. */
function curved(value: number, { inner, outer, exponent, scale }: Curve): number {
  return value <= inner ? 0 : ((value - inner) / (outer - inner)) ** exponent * scale;
}

export interface Vector {
  readonly x: number;
  readonly y: number;
}

/** How far a binding's stick is away from its middle, dead zone and all; of a single axis the other one is 0. */
export function deflection(binding: AxisBinding, axes: Axes): Vector {
  const invert = (axis: number, value: number, wanted: boolean) =>
    !wanted ? value : isTrigger(axis) ? 1 - value : -value;
  let x = 0;
  let y = 0;
  for (const axis of axesFrom(binding.from))
    if (isTrigger(axis) || axis % 2 === 0) x = invert(axis, axes[axis]!, binding.invertX);
    else y = invert(axis, axes[axis]!, binding.invertY);
  const length = Math.hypot(x, y);
  const factor = length === 0 ? 0 : curved(length, binding) / length;
  return { x: x * factor, y: y * factor };
}

/** What is left of axes of which some ways are made into something else: there a stick stands in its middle. */
export function freeAxes(axes: Axes, taken: (way: Control) => boolean): Axes {
  return axes.map((value, axis) => (taken(controlOf(axis, value < 0 ? -1 : 1)) ? 0 : value));
}

/** What pads' axes get by the bindings in force, of free axes; `taken` are the controls that something else is made of. */
export function padAxes(plan: readonly AxisBinding[], axes: Axes, taken: (way: Control) => boolean): Axes {
  const sums = noAxes();
  for (const binding of plan) {
    const { from, to = from, also } = binding;
    const sources = axesFrom(from);
    if (isTrigger(sources[0]!) && taken(controlOf(sources[0]!, 1))) continue; // inverted, it would be pulled at rest
    if (also) for (const axis of sources) sums[axis]! += axes[axis]!;
    if (to === "mouse" || to === "wheel" || to === "nothing") continue;
    const { x, y } = deflection(binding, axes);
    const values = sources.length === 2 ? [x, y] : [x + y];
    for (const [at, axis] of axesFrom(to).entries())
      sums[axis]! += isTrigger(axis) ? Math.max(0, values[at]!) : values[at]!;
  }
  return sums;
}

/** The ways that count as pressed. */
export function pressedWays(
  plan: readonly AxisBinding[],
  axes: Axes,
  before: ReadonlySet<Control>,
  properties: { readonly triggerMax: number },
): Control[] {
  return ways.flatMap(([control, { axis, sign }]) => {
    if (isTrigger(axis) && properties.triggerMax === 0) return []; // a button, and told as one
    const { threshold, hysteresis } = plan.find(({ from }) => axesFrom(from).includes(axis))!;
    const least = before.has(control) ? threshold - hysteresis : threshold;
    return axes[axis]! * sign >= least ? [control] : [];
  });
}
