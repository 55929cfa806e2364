// Runs in: browser, in the console. Owns: a game controller as a drawing that moves with it.
import type { EventData } from "@ring3/core/contract";
import type { ViewParts } from "../view.ts";
import { type Gamepad, type GamepadButton, gamepadButton, gamepadButtons } from "./contract.ts";

type State = EventData<Gamepad, "state">;

/** Where each lies in the drawing, 400 by 240; the rest stand in a row below. */
const places: Partial<Record<GamepadButton, readonly [x: number, y: number]>> = {
  south: [310, 130],
  east: [336, 104],
  west: [284, 104],
  north: [310, 78],
  leftShoulder: [90, 40],
  rightShoulder: [310, 40],
  select: [165, 90],
  start: [235, 90],
  mode: [200, 112],
  touchpad: [200, 66],
};
const REACH = 22;

export default function GamepadView({ properties, events }: ViewParts) {
  const { stickMin, stickMax, triggerMax, sticks, hat, buttons } = properties as Record<string, number>;
  const state = events.state as State | undefined;
  const middle = (stickMin! + stickMax!) / 2;
  const along = (value: number | undefined) =>
    state === undefined ? 0 : ((value ?? middle) - middle) / Math.max(1, stickMax! - middle);
  const isDown = (name: GamepadButton) => state !== undefined && (state.buttons & gamepadButton(name)) !== 0;
  const has = (name: GamepadButton) => (buttons! & gamepadButton(name)) !== 0;
  const pressed = gamepadButtons.filter((name) => has(name) && isDown(name));
  const others = gamepadButtons.filter(
    (name) => has(name) && places[name] === undefined && name !== "leftStick" && name !== "rightStick",
  );
  const power = events.power as { percent: number; charging: number } | undefined;
  return (
    <figure class="pad">
      <svg viewBox="0 0 400 240" role="img" aria-label={`Pressed: ${pressed.join(", ") || "nothing"}`}>
        <path
          class="body"
          d="M90 30h220c60 0 78 60 84 130 4 50-44 62-66 24l-26-30H98l-26 30c-22 38-70 26-66-24C12 90 30 30 90 30z"
        />
        {triggerMax! > 0 &&
          (
            [
              ["leftTrigger", 60],
              ["rightTrigger", 280],
            ] as const
          ).map(([name, x]) => (
            <g key={name}>
              <rect class="track" x={x} y={8} width={60} height={10} rx={5} />
              <rect
                class="lit"
                x={x}
                y={8}
                width={(60 * (state?.[name] ?? 0)) / triggerMax!}
                height={10}
                rx={5}
              />
            </g>
          ))}
        {hat === 1 &&
          (
            [
              ["up", 0, -1],
              ["down", 0, 1],
              ["left", -1, 0],
              ["right", 1, 0],
            ] as const
          ).map(([name, x, y]) => {
            const lit = x === 0 ? state?.hatY === y : state?.hatX === x;
            return (
              <rect
                key={name}
                class={lit ? "lit" : "track"}
                x={81 + x * 20}
                y={95 + y * 20}
                width={18}
                height={18}
                rx={4}
              />
            );
          })}
        {(["left", "right"] as const).slice(0, sticks).map((side, index) => (
          <g key={side}>
            <circle class="track" cx={index === 0 ? 145 : 255} cy={150} r={REACH + 8} />
            <circle
              class={isDown(`${side}Stick`) ? "knob lit" : "knob"}
              cx={(index === 0 ? 145 : 255) + along(state?.[`${side}X`]) * REACH}
              cy={150 + along(state?.[`${side}Y`]) * REACH}
              r={14}
            />
          </g>
        ))}
        {Object.entries(places).map(
          ([name, [x, y]]) =>
            has(name as GamepadButton) && (
              <circle
                key={name}
                class={isDown(name as GamepadButton) ? "lit" : "track"}
                cx={x}
                cy={y}
                r={11}
              />
            ),
        )}
      </svg>
      <figcaption>
        {events.driver?.there === false
          ? "No driver: everything is released."
          : `Pressed: ${pressed.join(", ") || "nothing"}.`}
        {others.length > 0 && ` Also has ${others.join(", ")}.`}
        {power !== undefined && ` Battery ${power.percent} %${power.charging === 1 ? ", charging" : ""}.`}
      </figcaption>
    </figure>
  );
}
