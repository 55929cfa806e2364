// Runs in: the command line. Owns: nothing; what a keyboard, a mouse or a tablet looks like in a terminal. Pure.
import type { EventData } from "@ring3/core/contract";
import { bar, battery, field, type Line, lit, type Mark, type Picture, wrap } from "@ring3/core/picture";
import {
  INPUT_ABSOLUTE,
  INPUT_HORIZONTAL_WHEEL,
  INPUT_KEYS,
  INPUT_POWER,
  INPUT_PRESSURE,
  INPUT_RELATIVE,
  INPUT_WHEEL,
  type InputClass,
  type InputProperties,
  WHEEL_NOTCH,
} from "./contract.ts";
import { keyNames } from "./key-names.ts";

type Keys = EventData<InputClass, "keys">;
type Pointer = EventData<InputClass, "pointer">;
type Power = EventData<InputClass, "power">;

const [FIELD_COLUMNS, FIELD_ROWS] = [35, 7];
/** Counts of a mouse from one edge of the field to the other, where it comes in again. */
const FIELD_COUNTS = 1024;

export function inputPicture(properties: InputProperties): Picture<InputClass> {
  const { features } = properties;
  const has = (feature: number) => (features & feature) !== 0;
  let keys: Keys | undefined;
  let pointer: Pointer | undefined;
  let power: Power | undefined;
  let dpi = properties.dpi;
  const moved = { x: 0, y: 0, wheel: 0, horizontalWheel: 0 };
  return {
    take: {
      keys: (data) => {
        keys = data;
      },
      motion: ({ x, y, wheel, horizontalWheel }) => {
        moved.x += x;
        moved.y += y;
        moved.wheel += wheel;
        moved.horizontalWheel += horizontalWheel;
      },
      pointer: (data) => {
        pointer = data;
      },
      power: (data) => {
        power = data;
      },
      resolution: (data) => {
        dpi = data.dpi;
      },
    },
    release() {
      keys = pointer = power = undefined; // the way that it was moved remains
    },
    lines: () => [
      ...(has(INPUT_KEYS) ? keyLines(keys) : []),
      ...(has(INPUT_RELATIVE | INPUT_ABSOLUTE)
        ? field(FIELD_COLUMNS, FIELD_ROWS, [
            ...(has(INPUT_RELATIVE) ? [wandering(moved)] : []),
            ...(has(INPUT_ABSOLUTE) && pointer !== undefined ? [pointing(properties, pointer)] : []),
          ])
        : []),
      ...(has(INPUT_RELATIVE) ? [[`moved    ${moved.x}, ${moved.y}`]] : []),
      ...(has(INPUT_ABSOLUTE)
        ? [[`at       ${pointer === undefined ? "not told" : `${pointer.x}, ${pointer.y}`}`]]
        : []),
      ...(has(INPUT_PRESSURE) ? [pressure(properties, pointer)] : []),
      ...(has(INPUT_WHEEL | INPUT_HORIZONTAL_WHEEL)
        ? [[`wheel    ${notches(moved.wheel)} up, ${notches(moved.horizontalWheel)} right`]]
        : []),
      ...(dpi === 0 ? [] : [[`measures ${dpi} dpi`]]),
      ...(has(INPUT_POWER) ? [battery(power)] : []),
    ],
  };
}

/** In the order in which they were pressed. */
function keyLines(keys: Keys | undefined): Line[] {
  const down = (keys?.pressed ?? []).filter((code) => code !== 0);
  if (down.length === 0) return [["keys     none"]];
  return wrap(["keys    ", ...down.map((code) => lit(` ${keyNames.get(code) ?? code}`))]);
}

/** As a pointer would that no edge stops. */
function wandering({ x, y }: { readonly x: number; readonly y: number }): Mark {
  const part = (counts: number) => 0.5 + counts / FIELD_COUNTS;
  const within = (value: number) => value - Math.floor(value);
  return { x: within(part(x)), y: within(part(y)), text: "●" };
}

const pointing = ({ absoluteMaxX, absoluteMaxY }: InputProperties, { x, y, near }: Pointer): Mark => ({
  x: x / absoluteMaxX,
  y: y / absoluteMaxY,
  text: near === 0 ? "○" : "●",
});

const pressure = ({ pressureMax }: InputProperties, pointer: Pointer | undefined): Line => [
  "pressure ",
  ...bar((pointer?.pressure ?? 0) / pressureMax, 10),
  ` ${pointer?.pressure ?? 0}`,
];

const notches = (parts: number): string => String(Math.round((parts / WHEEL_NOTCH) * 100) / 100);
