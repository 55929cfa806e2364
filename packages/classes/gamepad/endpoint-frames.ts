// Runs in: reflector. Owns: nothing; what a game controller is to the kernel's programs: its description, and the events of its states
// (Documentation/input/gamepad.rst).
import type { EventData } from "@ring3/core/contract";
import {
  ABS_HAT0X,
  ABS_HAT0Y,
  ABS_MT_POSITION_X,
  ABS_MT_POSITION_Y,
  ABS_MT_SLOT,
  ABS_MT_TRACKING_ID,
  ABS_RX,
  ABS_RY,
  ABS_RZ,
  ABS_X,
  ABS_Y,
  ABS_Z,
  BTN_C,
  BTN_EAST,
  BTN_GAMEPAD,
  BTN_LEFT,
  BTN_MODE,
  BTN_NORTH,
  BTN_SELECT,
  BTN_SOUTH,
  BTN_START,
  BTN_THUMBL,
  BTN_THUMBR,
  BTN_TL,
  BTN_TL2,
  BTN_TOOL_DOUBLETAP,
  BTN_TOOL_FINGER,
  BTN_TOUCH,
  BTN_TR,
  BTN_TR2,
  BTN_TRIGGER_HAPPY1,
  BTN_TRIGGER_HAPPY2,
  BTN_TRIGGER_HAPPY3,
  BTN_TRIGGER_HAPPY4,
  BTN_TRIGGER_HAPPY5,
  BTN_TRIGGER_HAPPY6,
  BTN_TRIGGER_HAPPY7,
  BTN_TRIGGER_HAPPY8,
  BTN_TRIGGER_HAPPY9,
  BTN_TRIGGER_HAPPY10,
  BTN_TRIGGER_HAPPY11,
  BTN_TRIGGER_HAPPY12,
  BTN_WEST,
  BTN_Z,
  EV_ABS,
  EV_KEY,
  EV_MSC,
  INPUT_PROP_ACCELEROMETER,
  INPUT_PROP_BUTTONPAD,
  INPUT_PROP_POINTER,
  KEY_MICMUTE,
  KEY_RECORD,
  MSC_TIMESTAMP,
} from "@ring3/kernel/uinput/codes";
import type { Axis, InputDescription, InputEvent } from "@ring3/kernel/uinput/description";
import {
  GAMEPAD_RUMBLE,
  type Gamepad,
  type GamepadButton,
  type GamepadProperties,
  gamepadButton,
  gamepadButtons,
  usualAxisCodes,
} from "./contract.ts";

/** FF_MEMLESS_EFFECTS, drivers/input/ff-memless.c. */
const EFFECTS = 16;

/** `touchpad` is the touchpad's own button. Paddles are as xpad has them; what is left is what other drivers of Linux's have. */
const codes: Readonly<Record<Exclude<GamepadButton, "touchpad">, number>> = {
  south: BTN_SOUTH,
  east: BTN_EAST,
  north: BTN_NORTH,
  west: BTN_WEST,
  leftShoulder: BTN_TL,
  rightShoulder: BTN_TR,
  leftTrigger: BTN_TL2,
  rightTrigger: BTN_TR2,
  select: BTN_SELECT,
  start: BTN_START,
  mode: BTN_MODE,
  leftStick: BTN_THUMBL,
  rightStick: BTN_THUMBR,
  capture: KEY_RECORD,
  mute: KEY_MICMUTE,
  paddle1: BTN_TRIGGER_HAPPY5,
  paddle2: BTN_TRIGGER_HAPPY6,
  paddle3: BTN_TRIGGER_HAPPY7,
  paddle4: BTN_TRIGGER_HAPPY8,
  c: BTN_C,
  z: BTN_Z,
  // As hid-input numbers them: sixteen from BTN_GAMEPAD on, then from BTN_TRIGGER_HAPPY on.
  extra1: BTN_GAMEPAD + 15,
  extra2: BTN_TRIGGER_HAPPY1,
  extra3: BTN_TRIGGER_HAPPY2,
  extra4: BTN_TRIGGER_HAPPY3,
  extra5: BTN_TRIGGER_HAPPY4,
  extra6: BTN_TRIGGER_HAPPY9,
  extra7: BTN_TRIGGER_HAPPY10,
  extra8: BTN_TRIGGER_HAPPY11,
  extra9: BTN_TRIGGER_HAPPY12,
};

type State = Omit<EventData<Gamepad, "state">, "timestampUs">;
type Motion = { readonly [K in "gyro" | "accel"]: readonly number[] };
type Touch = Omit<EventData<Gamepad, "touch">, "timestampUs">;

interface Named {
  readonly name: string;
  readonly phys: string;
}

const ids = ({ busType, vendor, product, version }: GamepadProperties) => ({
  bustype: busType,
  vendor,
  product,
  version,
});

/** Which of the buttons of the properties are keys of the pad itself, and by which codes. */
const keysOf = ({ buttons }: GamepadProperties): [bit: number, code: number][] =>
  gamepadButtons.flatMap((name) =>
    name === "touchpad" || (buttons & gamepadButton(name)) === 0 ? [] : [[gamepadButton(name), codes[name]]],
  );

/** One control of a pad: what it is called, where its value lies in a state. */
interface AxisOf {
  readonly axis: Axis;
  readonly value: (state: State) => number;
}

function axesOf({
  axisCodes,
  sticks,
  hat,
  triggerMax,
  stickMin,
  stickMax,
  stickFuzz,
  stickFlat,
}: GamepadProperties): AxisOf[] {
  const rest = Math.floor((stickMin + stickMax + 1) / 2);
  const stick = {
    minimum: stickMin,
    maximum: stickMax,
    fuzz: stickFuzz,
    flat: stickFlat,
    resolution: 0,
    rest,
  };
  const plain = { fuzz: 0, flat: 0, resolution: 0, rest: 0 };
  const trigger = { ...plain, minimum: 0, maximum: triggerMax };
  const direction = { ...plain, minimum: -1, maximum: 1 };
  const [leftX, leftY, rightX, rightY, leftTrigger, rightTrigger] = axisCodes.some((code) => code > 0)
    ? axisCodes
    : usualAxisCodes;
  const axes: [wanted: boolean, code: number | undefined, Omit<Axis, "code">, AxisOf["value"]][] = [
    [sticks > 0, leftX, stick, (state) => state.leftX],
    [sticks > 0, leftY, stick, (state) => state.leftY],
    [triggerMax > 0, leftTrigger, trigger, (state) => state.leftTrigger],
    [sticks > 1, rightX, stick, (state) => state.rightX],
    [sticks > 1, rightY, stick, (state) => state.rightY],
    [triggerMax > 0, rightTrigger, trigger, (state) => state.rightTrigger],
    [hat > 0, ABS_HAT0X, direction, (state) => state.hatX],
    [hat > 0, ABS_HAT0Y, direction, (state) => state.hatY],
  ];
  return axes.flatMap(([wanted, code, axis, value]) =>
    wanted ? [{ axis: { code: code!, ...axis }, value }] : [],
  );
}

/** Its sticks, triggers and buttons. */
export class PadFrames {
  readonly description: InputDescription;
  readonly #events: InputEvent[];
  readonly #keys: readonly [bit: number, code: number][];
  readonly #axes: readonly AxisOf[];

  constructor(properties: GamepadProperties, { name, phys }: Named) {
    this.#keys = keysOf(properties);
    this.#axes = axesOf(properties);
    this.description = {
      name,
      phys,
      ids: ids(properties),
      keys: this.#keys.map(([, code]) => code),
      axes: this.#axes.map(({ axis }) => axis),
      effects: (properties.features & GAMEPAD_RUMBLE) === 0 ? 0 : EFFECTS,
    };
    this.#events = [
      ...this.#keys.map(([, code]) => ({ type: EV_KEY, code, value: 0 })),
      ...this.#axes.map(({ axis }) => ({ type: EV_ABS, code: axis.code, value: axis.rest! })),
    ];
  }

  /** All of it: the kernel passes on what is different. Valid until the next call. */
  of(state: State): readonly InputEvent[] {
    let at = 0;
    for (const [bit] of this.#keys) this.#events[at++]!.value = (state.buttons & bit) === 0 ? 0 : 1;
    for (const { value } of this.#axes) this.#events[at++]!.value = value(state);
    return this.#events;
  }
}

/**
 * How it is held and turned, as a device of its own, which is what programs expect: sticks and sensors share no axes. With its time in microseconds,
 * by which programs tell how far it was turned: frames come late, and two that are alike say that much time has gone by.
 */
export class MotionFrames {
  readonly description: InputDescription;
  readonly #events: InputEvent[];
  readonly #time: InputEvent = { type: EV_MSC, code: MSC_TIMESTAMP, value: 0 };

  constructor(properties: GamepadProperties, { name, phys }: Named) {
    const { accelRange, accelPerG, gyroRange, gyroPerDegree, motionFuzz } = properties;
    const axis = (code: number, range: number, resolution: number): Axis => ({
      code,
      minimum: -range,
      maximum: range,
      fuzz: motionFuzz,
      flat: 0,
      resolution,
      rest: 0,
    });
    const axes = [
      ...[ABS_X, ABS_Y, ABS_Z].map((code) => axis(code, accelRange, accelPerG)),
      ...[ABS_RX, ABS_RY, ABS_RZ].map((code) => axis(code, gyroRange, gyroPerDegree)),
    ];
    this.description = {
      name: `${name} Motion Sensors`,
      phys,
      ids: ids(properties),
      axes,
      misc: [MSC_TIMESTAMP],
      properties: [INPUT_PROP_ACCELEROMETER],
    };
    this.#events = [...axes.map(({ code }) => ({ type: EV_ABS, code, value: 0 })), this.#time];
  }

  /** Valid until the next call. */
  of({ gyro, accel }: Motion, timestampUs: number): readonly InputEvent[] {
    for (let index = 0; index < 3; index++) {
      this.#events[index]!.value = accel[index]!;
      this.#events[3 + index]!.value = gyro[index]!;
    }
    this.#time.value = (timestampUs % 2 ** 32) | 0; // 32 bits, which run over after 71 minutes
    return this.#events;
  }
}

/** Its touchpad, by protocol B of Documentation/input/multi-touch-protocol.rst. */
export class TouchFrames {
  readonly description: InputDescription;
  readonly #button = gamepadButton("touchpad");
  /** Slots and ids of the fingers that touch, in the order in which they came. */
  #touching: { readonly slot: number; readonly id: number }[] = [];

  constructor(properties: GamepadProperties, { name, phys }: Named) {
    const { touchMaxX, touchMaxY } = properties;
    const axis = (code: number, maximum: number, rest: number | null): Axis => ({
      code,
      minimum: 0,
      maximum,
      fuzz: 0,
      flat: 0,
      resolution: 0,
      rest,
    });
    this.description = {
      name: `${name} Touchpad`,
      phys,
      ids: ids(properties),
      keys: [BTN_LEFT, BTN_TOUCH, BTN_TOOL_FINGER, BTN_TOOL_DOUBLETAP],
      axes: [
        axis(ABS_X, touchMaxX, null),
        axis(ABS_Y, touchMaxY, null),
        axis(ABS_MT_SLOT, 1, null),
        axis(ABS_MT_TRACKING_ID, 0xffff, null),
        axis(ABS_MT_POSITION_X, touchMaxX, null),
        axis(ABS_MT_POSITION_Y, touchMaxY, null),
      ],
      properties: [INPUT_PROP_POINTER, INPUT_PROP_BUTTONPAD],
    };
  }

  /** Its button comes with the pad's state. */
  press({ buttons }: Pick<State, "buttons">): readonly InputEvent[] {
    return [{ type: EV_KEY, code: BTN_LEFT, value: (buttons & this.#button) === 0 ? 0 : 1 }];
  }

  of({ fingers }: Touch): readonly InputEvent[] {
    const events: InputEvent[] = [];
    for (const [slot, { touching, id, x, y }] of fingers.entries()) {
      events.push({ type: EV_ABS, code: ABS_MT_SLOT, value: slot });
      events.push({ type: EV_ABS, code: ABS_MT_TRACKING_ID, value: touching === 0 ? -1 : id });
      if (touching === 0) continue;
      events.push({ type: EV_ABS, code: ABS_MT_POSITION_X, value: x });
      events.push({ type: EV_ABS, code: ABS_MT_POSITION_Y, value: y });
    }
    const count = fingers.filter(({ touching }) => touching !== 0).length;
    events.push({ type: EV_KEY, code: BTN_TOUCH, value: count > 0 ? 1 : 0 });
    events.push({ type: EV_KEY, code: BTN_TOOL_FINGER, value: count === 1 ? 1 : 0 });
    events.push({ type: EV_KEY, code: BTN_TOOL_DOUBLETAP, value: count === 2 ? 1 : 0 });
    const oldest = this.#oldest(fingers);
    if (oldest !== undefined) {
      events.push({ type: EV_ABS, code: ABS_X, value: oldest.x });
      events.push({ type: EV_ABS, code: ABS_Y, value: oldest.y });
    }
    return events;
  }

  /** The pointer is where the finger is that has touched longest (drivers/input/input-mt.c, input_mt_report_pointer_emulation). */
  #oldest(fingers: Touch["fingers"]): Touch["fingers"][number] | undefined {
    const isDown = (slot: number, id: number) => fingers[slot]!.touching !== 0 && fingers[slot]!.id === id;
    const stay = this.#touching.filter(({ slot, id }) => isDown(slot, id));
    const come = fingers.flatMap(({ touching, id }, slot) =>
      touching === 0 || stay.some((each) => each.slot === slot) ? [] : [{ slot, id }],
    );
    this.#touching = [...stay, ...come];
    const [oldest] = this.#touching;
    return oldest && fingers[oldest.slot];
  }
}
