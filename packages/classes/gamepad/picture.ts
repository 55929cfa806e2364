// Runs in: the command line. Owns: nothing; what a game controller looks like in a terminal. Pure.
import type { EventData } from "@ring3/core/contract";
import { bar, battery, beside, field, type Line, lit, type Picture, wrap } from "@ring3/core/picture";
import {
  GAMEPAD_LIGHT,
  GAMEPAD_MOTION,
  GAMEPAD_PLAYER,
  GAMEPAD_POWER,
  GAMEPAD_RUMBLE,
  GAMEPAD_TOUCH,
  type Gamepad,
  type GamepadProperties,
  gamepadButton,
  gamepadButtons,
} from "./contract.ts";

type State = EventData<Gamepad, "state">;
type Motion = EventData<Gamepad, "motion">;
type Touch = EventData<Gamepad, "touch">;
type Power = EventData<Gamepad, "power">;
type Motors = EventData<Gamepad, "motors">;
type Lights = EventData<Gamepad, "lights">;

/** Of one stick's way; a character is twice as high as it is wide. */
const [STICK_COLUMNS, STICK_ROWS] = [11, 5];
const MOTOR_MAX = 65_535;
const [TOUCH_COLUMNS, TOUCH_ROWS] = [35, 5];

export function gamepadPicture(properties: GamepadProperties): Picture<Gamepad> {
  const { features, triggerMax } = properties;
  const has = (feature: number) => (features & feature) !== 0;
  const buttons = gamepadButtons.filter((name) => (properties.buttons & gamepadButton(name)) !== 0);
  let state: State | undefined;
  let motion: Motion | undefined;
  let touch: Touch | undefined;
  let power: Power | undefined;
  let motors: Motors | undefined;
  let lights: Lights | undefined;
  return {
    take: {
      state: (data) => {
        state = data;
      },
      motion: (data) => {
        motion = data;
      },
      touch: (data) => {
        touch = data;
      },
      power: (data) => {
        power = data;
      },
      motors: (data) => {
        motors = data;
      },
      lights: (data) => {
        lights = data;
      },
    },
    release() {
      state = motion = touch = power = motors = lights = undefined;
    },
    lines: () => [
      ...beside(...sticks(properties, state), ...hat(properties, state)),
      ...(triggerMax === 0
        ? []
        : [
            [
              ...trigger("LT", state?.leftTrigger ?? 0, triggerMax),
              " ",
              ...trigger("RT", state?.rightTrigger ?? 0, triggerMax),
            ],
          ]),
      ...wrap(
        buttons.map((name) => {
          const isPressed = ((state?.buttons ?? 0) & gamepadButton(name)) !== 0;
          return isPressed ? lit(`[${name}]`) : ` ${name} `;
        }),
      ),
      ...(has(GAMEPAD_MOTION) ? sensors(properties, motion) : []),
      ...(has(GAMEPAD_TOUCH) ? touchpad(properties, touch) : []),
      ...(has(GAMEPAD_RUMBLE) ? [rumbling(motors?.strong ?? 0, motors?.weak ?? 0)] : []),
      ...(has(GAMEPAD_LIGHT | GAMEPAD_PLAYER) && lights !== undefined ? [shining(features, lights)] : []),
      ...(has(GAMEPAD_POWER) ? [battery(power)] : []),
    ],
  };
}

function sticks({ sticks, stickMin, stickMax }: GamepadProperties, state: State | undefined): Line[][] {
  const part = (value: number | undefined) =>
    value === undefined ? 0.5 : (value - stickMin) / (stickMax - stickMin);
  const places = [
    [state?.leftX, state?.leftY],
    [state?.rightX, state?.rightY],
  ].slice(0, sticks);
  return places.map(([x, y]) => field(STICK_COLUMNS, STICK_ROWS, [{ x: part(x), y: part(y), text: "●" }]));
}

function hat({ hat, sticks }: GamepadProperties, state: State | undefined): Line[][] {
  if (hat === 0) return [];
  const { hatX = 0, hatY = 0 } = state ?? {};
  const way = (arrow: string, isPointed: boolean) => (isPointed ? lit(arrow) : "·");
  const above: Line[] = sticks === 0 ? [] : [[], []]; // in the middle of the sticks' height
  return [
    [
      ...above,
      [" ", " ", way("↑", hatY < 0)],
      [way("←", hatX < 0), " ", "+", " ", way("→", hatX > 0)],
      [" ", " ", way("↓", hatY > 0)],
    ],
  ];
}

const trigger = (name: string, value: number, max: number): Line => [
  `${name} `,
  ...bar(value / max, 10),
  String(value).padStart(6),
];

function sensors(
  { gyroPerDegree, accelPerG }: GamepadProperties,
  { gyro, accel }: Partial<Motion> = {},
): Line[] {
  const line = (name: string, values: readonly number[] | undefined, perUnit: number, unit: string): Line => {
    const shown = values?.map((value) => (perUnit === 0 ? String(value) : (value / perUnit).toFixed(2)));
    return [
      `${name} ${shown?.map((text) => text.padStart(9)).join("") ?? "  not told"} ${shown ? unit : ""}`,
    ];
  };
  return [line("gyro ", gyro, gyroPerDegree, "°/s"), line("accel", accel, accelPerG, "g")];
}

function touchpad({ touchMaxX, touchMaxY }: GamepadProperties, touch: Touch | undefined): Line[] {
  const marks = (touch?.fingers ?? []).flatMap(({ touching, x, y }, at) =>
    touching === 0 ? [] : [{ x: x / touchMaxX, y: y / touchMaxY, text: String(at + 1) }],
  );
  return field(TOUCH_COLUMNS, TOUCH_ROWS, marks);
}

const rumbling = (strong: number, weak: number): Line => [
  "rumble strong ",
  ...bar(strong / MOTOR_MAX, 5),
  " weak ",
  ...bar(weak / MOTOR_MAX, 5),
];

/** A colour as the web writes it. */
const shining = (features: number, { red, green, blue, player }: Lights): Line => [
  "lights",
  ...((features & GAMEPAD_LIGHT) === 0
    ? []
    : [` #${[red, green, blue].map((part) => part.toString(16).padStart(2, "0")).join("")}`]),
  ...((features & GAMEPAD_PLAYER) === 0 || player === 0 ? [] : [` player ${player}`]),
];
