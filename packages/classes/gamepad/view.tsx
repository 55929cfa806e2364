// Runs in: browser, in the console. Owns: a game controller as a drawing that moves with it.
import type { EventData } from "@ring3/core/contract";
import type { ViewParts } from "../view.ts";
import {
  GAMEPAD_LIGHT,
  GAMEPAD_MOTION,
  GAMEPAD_PLAYER,
  GAMEPAD_RUMBLE,
  GAMEPAD_TOUCH,
  type Gamepad,
  type GamepadButton,
  gamepadButton,
  gamepadButtons,
} from "./contract.ts";
import { Motion } from "./motion.tsx";

type State = EventData<Gamepad, "state">;
type Touch = EventData<Gamepad, "touch">;
type Numbers = Record<string, number>;

/** Where each lies in the drawing, 400 by 240; the rest stand in a row below. */
const places: Partial<Record<GamepadButton, readonly [x: number, y: number]>> = {
  south: [310, 130],
  east: [336, 104],
  west: [284, 104],
  north: [310, 78],
  leftShoulder: [90, 40],
  rightShoulder: [310, 40],
  select: [136, 66],
  start: [264, 66],
  mode: [200, 120],
  touchpad: [200, 66],
};
const REACH = 22;
const hatWays = [
  ["up", 0, -1],
  ["down", 0, 1],
  ["left", -1, 0],
  ["right", 1, 0],
] as const;

const isDrawn = (name: GamepadButton, triggerMax: number) =>
  places[name] !== undefined || name.endsWith("Stick") || (name.endsWith("Trigger") && triggerMax > 0);
/** leftShoulder: left shoulder. */
const wordsOf = (names: readonly GamepadButton[]) =>
  names.map((name) => name.replace(/[A-Z]|\d+/, (part) => ` ${part.toLowerCase()}`)).join(", ");

export default function GamepadView({ properties, events }: ViewParts) {
  const numbers = properties as Numbers;
  const has = (name: GamepadButton) => (numbers.buttons! & gamepadButton(name)) !== 0;
  const can = (feature: number) => (numbers.features! & feature) !== 0;
  const state = events.state as State | undefined;
  const isDown = (name: GamepadButton) => state !== undefined && (state.buttons & gamepadButton(name)) !== 0;
  const pressed = gamepadButtons.filter((name) => has(name) && isDown(name));
  const others = gamepadButtons.filter((name) => has(name) && !isDrawn(name, numbers.triggerMax!));
  const power = events.power as Numbers | undefined;
  const motors = events.motors as Numbers | undefined;
  const lights = events.lights as Numbers | undefined;
  return (
    <>
      <figure class="pad">
        <svg viewBox="0 0 400 240" role="img" aria-label={`Pressed: ${wordsOf(pressed) || "nothing"}`}>
          <path
            class="body"
            d="M90 30h220c60 0 78 60 84 130 4 50-44 62-66 24l-18-8H90l-18 8c-22 38-70 26-66-24C12 90 30 30 90 30z"
          />
          {can(GAMEPAD_RUMBLE) && <Motors motors={motors} />}
          {can(GAMEPAD_LIGHT) && lights !== undefined && <Light lights={lights} />}
          {numbers.triggerMax! > 0 && <Triggers max={numbers.triggerMax!} state={state} />}
          {numbers.hat === 1 && <Hat state={state} />}
          <Sticks properties={numbers} state={state} isDown={isDown} />
          {can(GAMEPAD_TOUCH) && (
            <Touchpad
              properties={numbers}
              touch={events.touch as Touch | undefined}
              isDown={isDown("touchpad")}
            />
          )}
          {Object.entries(places).map(
            ([name, [x, y]]) =>
              has(name as GamepadButton) &&
              !(name === "touchpad" && can(GAMEPAD_TOUCH)) && (
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
            : `Pressed: ${wordsOf(pressed) || "nothing"}.`}
          {others.length > 0 && ` Also has ${wordsOf(others)}.`}
          {can(GAMEPAD_RUMBLE) && ` ${rumbleText(motors)}`}
          {can(GAMEPAD_PLAYER) && (lights?.player ?? 0) > 0 && ` Its lights say player ${lights!.player}.`}
          {can(GAMEPAD_LIGHT) && lights !== undefined && ` Its light is ${colourText(lights)}.`}
          {power !== undefined && ` Battery ${power.percent} %${power.charging === 1 ? ", charging" : ""}.`}
        </figcaption>
      </figure>
      {can(GAMEPAD_MOTION) && <Motion properties={numbers} motion={events.motion} />}
    </>
  );
}

const MOTOR_MAX = 65_535;
const shareOf = (strength: number | undefined) => (strength ?? 0) / MOTOR_MAX;

function rumbleText(motors: Numbers | undefined): string {
  const [strong, weak] = [motors?.strong, motors?.weak].map((each) => Math.round(shareOf(each) * 100));
  return strong === 0 && weak === 0
    ? "It does not rumble."
    : `It rumbles: strong motor ${strong} %, weak motor ${weak} %.`;
}

/** The strong one is in the left handle, the weak one in the right. */
function Motors({ motors }: { motors: Numbers | undefined }) {
  return (
    <>
      {(
        [
          ["strong", 46],
          ["weak", 354],
        ] as const
      ).map(([name, x]) => (
        <g key={name} class="motor">
          <circle class="track" cx={x} cy={165} r={18} />
          <circle class="lit" cx={x} cy={165} r={18 * shareOf(motors?.[name])} />
        </g>
      ))}
    </>
  );
}

const colourText = ({ red, green, blue }: Numbers) =>
  red! + green! + blue! === 0 ? "dark" : `red ${red}, green ${green}, blue ${blue} of 255`;

function Light({ lights: { red, green, blue } }: { lights: Numbers }) {
  return (
    <rect class="light" fill={`rgb(${red} ${green} ${blue})`} x={150} y={18} width={100} height={8} rx={4} />
  );
}

function Triggers({ max, state }: { max: number; state: State | undefined }) {
  return (
    <>
      {(
        [
          ["leftTrigger", 60],
          ["rightTrigger", 280],
        ] as const
      ).map(([name, x]) => (
        <g key={name}>
          <rect class="track" x={x} y={8} width={60} height={10} rx={5} />
          <rect class="lit" x={x} y={8} width={(60 * (state?.[name] ?? 0)) / max} height={10} rx={5} />
        </g>
      ))}
    </>
  );
}

function Hat({ state }: { state: State | undefined }) {
  return (
    <>
      {hatWays.map(([name, x, y]) => {
        const isLit = x === 0 ? state?.hatY === y : state?.hatX === x;
        return (
          <rect
            key={name}
            class={isLit ? "lit" : "track"}
            x={81 + x * 20}
            y={95 + y * 20}
            width={18}
            height={18}
            rx={4}
          />
        );
      })}
    </>
  );
}

interface StickParts {
  readonly properties: Numbers;
  readonly state: State | undefined;
  readonly isDown: (name: GamepadButton) => boolean;
}

function Sticks({ properties: { stickMin, stickMax, sticks }, state, isDown }: StickParts) {
  const middle = (stickMin! + stickMax!) / 2;
  const along = (value: number | undefined) =>
    value === undefined ? 0 : (value - middle) / Math.max(1, stickMax! - middle);
  return (
    <>
      {(["left", "right"] as const).slice(0, sticks).map((side, index) => (
        <g key={side}>
          <circle class="track" cx={index === 0 ? 145 : 255} cy={145} r={REACH + 8} />
          <circle
            class={isDown(`${side}Stick`) ? "knob lit" : "knob"}
            cx={(index === 0 ? 145 : 255) + along(state?.[`${side}X`]) * REACH}
            cy={145 + along(state?.[`${side}Y`]) * REACH}
            r={14}
          />
        </g>
      ))}
    </>
  );
}

/** In the drawing. */
const [PAD_X, PAD_Y, PAD_WIDTH, PAD_HEIGHT] = [156, 38, 88, 56];

interface TouchParts {
  readonly properties: Numbers;
  readonly touch: Touch | undefined;
  readonly isDown: boolean;
}

function Touchpad({ properties: { touchMaxX, touchMaxY }, touch, isDown }: TouchParts) {
  return (
    <>
      <rect
        class={isDown ? "lit" : "track"}
        x={PAD_X}
        y={PAD_Y}
        width={PAD_WIDTH}
        height={PAD_HEIGHT}
        rx={6}
      />
      {(touch?.fingers ?? []).map(
        ({ touching, x, y }, index) =>
          touching === 1 && (
            <circle
              key={index}
              class="finger"
              cx={PAD_X + (x / Math.max(1, touchMaxX!)) * PAD_WIDTH}
              cy={PAD_Y + (y / Math.max(1, touchMaxY!)) * PAD_HEIGHT}
              r={6}
            />
          ),
      )}
    </>
  );
}
