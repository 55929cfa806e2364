// Runs in: reflector. Owns: what one keyboard, mouse or tablet is to the kernel's programs, and which of its keys are down
// (Documentation/input/event-codes.rst).
import type { EventData } from "@ring3/core/contract";
import {
  ABS_PRESSURE,
  ABS_X,
  ABS_Y,
  BTN_TOOL_PEN,
  EV_ABS,
  EV_KEY,
  EV_REL,
  INPUT_PROP_DIRECT,
  REL_HWHEEL,
  REL_HWHEEL_HI_RES,
  REL_WHEEL,
  REL_WHEEL_HI_RES,
  REL_X,
  REL_Y,
} from "@ring3/kernel/uinput/codes";
import type { Axis, InputDescription, InputEvent } from "@ring3/kernel/uinput/description";
import {
  INPUT_ABSOLUTE,
  INPUT_HORIZONTAL_WHEEL,
  INPUT_LEDS,
  INPUT_PRESSURE,
  INPUT_RELATIVE,
  INPUT_REPEATS,
  INPUT_WHEEL,
  type InputClass,
  type InputProperties,
  KEY_CODES,
  WHEEL_NOTCH,
} from "./contract.ts";

interface Keys {
  readonly pressed: readonly number[];
}
type Motion = Omit<EventData<InputClass, "motion">, "timestampUs">;
type Pointer = Omit<EventData<InputClass, "pointer">, "timestampUs">;

const bits = (words: readonly number[]): number[] =>
  Array.from({ length: words.length * 32 }, (_, bit) => bit).filter(
    (bit) => ((words[bit >>> 5]! >>> (bit & 31)) & 1) === 1,
  );

export function inputDescription(
  properties: InputProperties,
  { name, phys }: { name: string; phys: string },
): InputDescription {
  const { busType, vendor, product, version, features, keys, leds } = properties;
  const has = (feature: number) => (features & feature) !== 0;
  const relatives = [
    ...(has(INPUT_RELATIVE) ? [REL_X, REL_Y] : []),
    ...(has(INPUT_WHEEL) ? [REL_WHEEL, REL_WHEEL_HI_RES] : []),
    ...(has(INPUT_HORIZONTAL_WHEEL) ? [REL_HWHEEL, REL_HWHEEL_HI_RES] : []),
  ];
  const codes = bits(keys);
  return {
    name,
    phys,
    ids: { bustype: busType, vendor, product, version },
    keys: has(INPUT_PRESSURE) ? [...new Set([...codes, BTN_TOOL_PEN])] : codes,
    axes: has(INPUT_ABSOLUTE) ? axesOf(properties) : [],
    relatives,
    properties: has(INPUT_PRESSURE) ? [INPUT_PROP_DIRECT] : [],
    leds: has(INPUT_LEDS) ? bits([leds]) : [],
    repeats: has(INPUT_REPEATS),
  };
}

function axesOf(properties: InputProperties): Axis[] {
  const { absoluteMaxX, absoluteMaxY, pressureMax, resolutionX, resolutionY } = properties;
  const axis = (code: number, maximum: number, resolution: number): Axis => ({
    code,
    minimum: 0,
    maximum,
    fuzz: 0,
    flat: 0,
    resolution,
    rest: null,
  });
  return [
    axis(ABS_X, absoluteMaxX, resolutionX),
    axis(ABS_Y, absoluteMaxY, resolutionY),
    ...(pressureMax > 0 ? [{ ...axis(ABS_PRESSURE, pressureMax, 0), rest: 0 }] : []),
  ];
}

export class InputFrames {
  /** By code: 1 where it is down. */
  #down = new Uint8Array(KEY_CODES);
  #next = new Uint8Array(KEY_CODES);
  readonly #pen: boolean;
  readonly #pressure: boolean;
  /** Parts of a notch that were not yet a whole one. */
  #wheel = 0;
  #horizontalWheel = 0;

  constructor({ features, pressureMax }: Pick<InputProperties, "features" | "pressureMax">) {
    this.#pen = (features & INPUT_PRESSURE) !== 0;
    this.#pressure = pressureMax > 0;
  }

  /** What is different from the keys before. */
  keys({ pressed }: Keys): InputEvent[] {
    const events: InputEvent[] = [];
    const [before, now] = [this.#down, this.#next];
    now.fill(0);
    for (const code of pressed) if (code !== 0 && code < KEY_CODES) now[code] = 1;
    for (let code = 0; code < KEY_CODES; code++)
      if (before[code] === 1 && now[code] === 0) events.push({ type: EV_KEY, code, value: 0 });
    for (const code of pressed) {
      if (code === 0 || code >= KEY_CODES || before[code] === 1) continue;
      before[code] = 1; // it may be there twice
      events.push({ type: EV_KEY, code, value: 1 }); // in the order in which they were pressed
    }
    [this.#down, this.#next] = [now, before];
    return events;
  }

  /** All keys are up, as the kernel was told. */
  released(): void {
    this.#down.fill(0);
    this.#wheel = this.#horizontalWheel = 0;
  }

  motion({ x, y, wheel, horizontalWheel }: Motion): InputEvent[] {
    const events: InputEvent[] = [];
    const relative = (code: number, value: number) => {
      if (value !== 0) events.push({ type: EV_REL, code, value });
    };
    relative(REL_X, x);
    relative(REL_Y, y);
    relative(REL_WHEEL_HI_RES, wheel);
    relative(REL_HWHEEL_HI_RES, horizontalWheel);
    this.#wheel += wheel;
    this.#horizontalWheel += horizontalWheel;
    const notches = Math.trunc(this.#wheel / WHEEL_NOTCH);
    const horizontal = Math.trunc(this.#horizontalWheel / WHEEL_NOTCH);
    this.#wheel -= notches * WHEEL_NOTCH;
    this.#horizontalWheel -= horizontal * WHEEL_NOTCH;
    relative(REL_WHEEL, notches);
    relative(REL_HWHEEL, horizontal);
    return events;
  }

  pointer({ x, y, pressure, near }: Pointer): InputEvent[] {
    return [
      { type: EV_ABS, code: ABS_X, value: x },
      { type: EV_ABS, code: ABS_Y, value: y },
      ...(this.#pressure ? [{ type: EV_ABS, code: ABS_PRESSURE, value: pressure }] : []),
      ...(this.#pen ? [{ type: EV_KEY, code: BTN_TOOL_PEN, value: near === 0 ? 0 : 1 }] : []),
    ];
  }
}
