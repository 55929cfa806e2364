// Runs in: driver host, jailed. Owns: one keyboard, mouse or tablet: what it is, and what its reports say.
import {
  type EventData,
  type HidLayout,
  INPUT_ABSOLUTE,
  INPUT_HORIZONTAL_WHEEL,
  INPUT_KEYS,
  INPUT_LEDS,
  INPUT_POWER,
  INPUT_PRESSURE,
  INPUT_RELATIVE,
  INPUT_REPEATS,
  INPUT_WHEEL,
  type InputClass,
  type InputProperties,
  input,
  KEYS_PRESSED_MAX,
} from "@ring3/sdk";
import type { Application } from "./applications.ts";
import { BTN_TOOL_RUBBER, BTN_TOUCH, KEY_VOLUMEDOWN, KEY_VOLUMEUP } from "./codes.ts";
import { type Control, controlsOf, type InputControls } from "./controls.ts";
import { Lights } from "./lights.ts";
import { resolutionOf } from "./resolution.ts";
import { type MultiplierReport, Wheel } from "./wheels.ts";

type Untimed<E extends "keys" | "motion" | "pointer"> = Omit<EventData<InputClass, E>, "timestampUs">;

/** What one report says. */
export interface Said {
  readonly motion: Untimed<"motion"> | undefined;
  readonly pointer: Untimed<"pointer"> | undefined;
  readonly keys: Untimed<"keys">;
  /** Less is pressed than before. */
  readonly isLifted: boolean;
  /** Pressed and released at once: controls that tell steps. */
  readonly taps: readonly number[];
  readonly percent: number | undefined;
}

export interface Identity {
  readonly bustype: number;
  readonly vendorId: number;
  readonly productId: number;
  readonly version: number;
}

/** What an event's field holds: a device may have 32 bits without a sign for it. */
const I32_MAX = 0x7fff_ffff;
/** A knob that says that it was turned further at once is broken. */
const VOLUME_STEPS_MAX = 100;

export class InputUnit {
  readonly name: string;
  readonly properties: InputProperties;
  readonly lights: Lights;
  readonly #controls: InputControls;
  readonly #wheel: Wheel | undefined;
  readonly #pan: Wheel | undefined;
  /** In the order in which they were pressed. */
  #pressed: readonly number[] = [];

  constructor(application: Application, layout: HidLayout, identity: Identity) {
    const controls = controlsOf(application, layout);
    this.name = application.name;
    this.lights = new Lights(application, layout);
    this.#controls = controls;
    this.#wheel = controls.wheel && new Wheel(controls.wheel);
    this.#pan = controls.pan && new Wheel(controls.pan);
    this.properties = propertiesOf(controls, this.lights.mask, identity);
  }

  /** It has something that a program could use. */
  get isUsed(): boolean {
    return this.properties.features !== 0;
  }

  /** What was told before a rest is over: a report may not come again for a long time. */
  forget(): void {
    for (const own of this.#controls.reports) {
      own.report.clear();
      own.seen = false;
    }
    this.#pressed = [];
  }

  refine(reports: readonly MultiplierReport[]): void {
    this.#wheel?.refine(reports);
    this.#pan?.refine(reports);
  }

  /** Undefined: the report is none of its own. */
  take(reportId: number, bytes: Uint8Array): Said | undefined {
    const own = this.#controls.reports.find((each) => each.reportId === reportId);
    if (own === undefined) return undefined;
    own.report.decode(bytes);
    own.seen = true;
    const before = this.#pressed;
    const now = this.#down();
    this.#pressed = [...before.filter((code) => now.delete(code)), ...now];
    return {
      motion: this.#motion(reportId),
      pointer: this.#pointer(),
      keys: pressedKeys(this.#pressed),
      isLifted: before.some((code) => !this.#pressed.includes(code)),
      taps: this.#taps(reportId),
      percent: percentOf(this.#controls.battery),
    };
  }

  /** What is pressed, and `code` besides. */
  keysWith(code: number): Untimed<"keys"> {
    return pressedKeys([...this.#pressed.slice(0, KEYS_PRESSED_MAX - 1), code]);
  }

  #down(): Set<number> {
    const { keys, arrays } = this.#controls;
    const down = new Set<number>();
    for (const { control, code } of keys) if (isOn(control) && !control.isRelative) down.add(code);
    for (const { pressed, codes } of arrays)
      for (let place = 0; place < pressed.pressedCount; place++) {
        const code = codes.get(pressed.usages[place]!);
        if (code !== undefined) down.add(code);
      }
    const { isTouching, isRubber } = this.#tool();
    if (isTouching) down.add(BTN_TOUCH);
    if (isRubber) down.add(BTN_TOOL_RUBBER);
    return down;
  }

  /** A pen turned over, or one whose eraser touches, is a rubber; what has no tip switch touches by its pressure (hidinput_hid_event). */
  #tool(): { isTouching: boolean; isRubber: boolean } {
    const { inRange, invert, eraser, tip, pressure } = this.#controls.pen;
    if (inRange?.value === 0) return { isTouching: false, isRubber: false };
    const isRubber = isOn(invert) || isOn(eraser);
    const isPressed =
      pressure?.value !== undefined &&
      pressure.value > pressure.minimum + ((pressure.maximum - pressure.minimum) >> 3);
    return { isTouching: (tip === undefined ? isPressed : isOn(tip)) || isOn(eraser), isRubber };
  }

  #motion(reportId: number): Untimed<"motion"> | undefined {
    const moved = (control: Control | undefined): number =>
      control?.isOf(reportId) ? Math.max(-I32_MAX, Math.min(I32_MAX, control.value ?? 0)) : 0;
    const turned = (wheel: Wheel | undefined): number => wheel?.turn(moved(wheel.control)) ?? 0;
    const { x, y } = this.#controls.motion;
    const motion = {
      x: moved(x),
      y: moved(y),
      wheel: turned(this.#wheel),
      horizontalWheel: turned(this.#pan),
    };
    return Object.values(motion).some((value) => value !== 0) ? motion : undefined;
  }

  #pointer(): Untimed<"pointer"> | undefined {
    const { pointer, pen } = this.#controls;
    const [x, y] = [pointer?.x.value, pointer?.y.value];
    if (pointer === undefined || x === undefined || y === undefined) return undefined;
    const near = pen.inRange === undefined ? true : isOn(pen.inRange);
    return {
      x: x - pointer.x.minimum,
      y: y - pointer.y.minimum,
      pressure: pen.pressure === undefined ? 0 : (pen.pressure.value ?? 0) - pen.pressure.minimum,
      near: near && !this.#tool().isRubber ? 1 : 0,
    };
  }

  #taps(reportId: number): number[] {
    const { keys, volume } = this.#controls;
    const steps = keys.filter(({ control }) => control.isRelative && control.isOf(reportId) && isOn(control));
    const turned = volume?.isOf(reportId) ? (volume.value ?? 0) : 0;
    const times = Math.min(VOLUME_STEPS_MAX, Math.abs(turned));
    return [
      ...steps.map(({ code }) => code),
      ...Array<number>(times).fill(turned > 0 ? KEY_VOLUMEUP : KEY_VOLUMEDOWN),
    ];
  }
}

const isOn = (control: Control | undefined): boolean => (control?.value ?? 0) !== 0;

function pressedKeys(codes: readonly number[]): Untimed<"keys"> {
  return { pressed: Array.from({ length: KEYS_PRESSED_MAX }, (_, at) => codes[at] ?? 0) };
}

function percentOf(battery: Control | undefined): number | undefined {
  const { value, minimum, maximum } = battery ?? {};
  if (value === undefined || minimum === undefined || maximum === undefined) return undefined;
  return Math.round(((value - minimum) * 100) / (maximum - minimum));
}

function propertiesOf(
  { keys, arrays, types, motion, wheel, pan, volume, pointer, pen, battery }: InputControls,
  leds: number,
  { bustype, vendorId, productId, version }: Identity,
): InputProperties {
  const { inRange, invert, eraser, tip, pressure } = pen;
  const codes = [
    ...keys.map(({ code }) => code),
    ...arrays.flatMap(({ codes }) => [...codes.values()]),
    ...(volume === undefined ? [] : [KEY_VOLUMEUP, KEY_VOLUMEDOWN]),
    ...((tip ?? eraser ?? pressure) === undefined ? [] : [BTN_TOUCH]),
    ...((invert ?? eraser) === undefined ? [] : [BTN_TOOL_RUBBER]),
  ];
  const bits = input.properties!.create();
  for (const code of codes) bits.keys[code >>> 5] = (bits.keys[code >>> 5]! | (1 << (code & 31))) >>> 0;
  const features = [
    [codes.length > 0, INPUT_KEYS],
    [motion.x ?? motion.y, INPUT_RELATIVE],
    [pointer, INPUT_ABSOLUTE],
    [wheel, INPUT_WHEEL],
    [pan, INPUT_HORIZONTAL_WHEEL],
    [pressure && inRange, INPUT_PRESSURE],
    [leds, INPUT_LEDS],
    [codes.length > 0 && types, INPUT_REPEATS],
    [battery, INPUT_POWER],
  ] as const;
  return {
    ...bits,
    busType: bustype,
    vendor: vendorId,
    product: productId,
    version,
    features: features.reduce((sum, [has, feature]) => (has ? sum | feature : sum), 0),
    absoluteMaxX: pointer?.x.extent ?? 0,
    absoluteMaxY: pointer?.y.extent ?? 0,
    pressureMax: pressure?.extent ?? 0,
    resolutionX: pointer === undefined ? 0 : resolutionOf(pointer.x.field.item),
    resolutionY: pointer === undefined ? 0 : resolutionOf(pointer.y.field.item),
    leds,
  };
}
