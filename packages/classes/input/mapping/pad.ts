// Runs in: reflector. Owns: nothing; a game controller's state in a device's own numbers. Pure.

import type { EventData } from "@ring3/core/contract";
import { type Axes, clamp, middleOf, sideOfStick } from "@ring3/core/pad";
import type { Gamepad, GamepadProperties } from "../../gamepad/contract.ts";

export type GamepadState = Omit<EventData<Gamepad, "state">, "timestampUs">;

/** In the device's own numbers; a value that came from there is the same again. */
export function stateOf(
  buttons: number,
  hat: { readonly x: number; readonly y: number },
  axes: Axes,
  properties: GamepadProperties,
): GamepadState {
  const stick = (axis: number) => {
    const value = clamp(axes[axis]!, -1, 1);
    return middleOf(properties) + Math.round(value * sideOfStick(properties, value < 0));
  };
  const trigger = (axis: number) => Math.round(clamp(axes[axis]!, 0, 1) * properties.triggerMax);
  return {
    buttons: buttons & properties.buttons,
    leftX: stick(0),
    leftY: stick(1),
    rightX: stick(2),
    rightY: stick(3),
    leftTrigger: trigger(4),
    rightTrigger: trigger(5),
    hatX: properties.hat === 1 ? clamp(hat.x, -1, 1) : 0,
    hatY: properties.hat === 1 ? clamp(hat.y, -1, 1) : 0,
  };
}

export function sameState(one: GamepadState, other: GamepadState | undefined): boolean {
  return (
    other !== undefined &&
    one.buttons === other.buttons &&
    one.leftX === other.leftX &&
    one.leftY === other.leftY &&
    one.rightX === other.rightX &&
    one.rightY === other.rightY &&
    one.leftTrigger === other.leftTrigger &&
    one.rightTrigger === other.rightTrigger &&
    one.hatX === other.hatX &&
    one.hatY === other.hatY
  );
}
