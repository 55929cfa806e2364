// Runs in: tests. Owns: nothing. Any mapping, and anything that may happen to one.
import type { Action, AxisBinding, Binding, DeviceMapping, Layer, Profile, Step } from "@ring3/core/mapping";
import fc from "fast-check";
import { untouched } from "./axes.ts";
import type { Mapper } from "./mapper.ts";
import { control, gyro, keyboard } from "./mapping.fixture.ts";
import type { Output } from "./output.ts";

const padTriggers = ["south", "east", "north", "select", "leftTrigger", "leftStickUp", "hatUp"];
const keyTriggers = ["KEY_Q", "KEY_W", "KEY_E", "KEY_R", "BTN_LEFT", "BTN_STYLUS"];
const outputs = [
  "KEY_A",
  "KEY_B",
  "BTN_LEFT",
  "west",
  "rightTrigger",
  "hatDown",
  "rightStickLeft",
  "wheelUp",
];
const layerNames = ["one", "two"];
const profileNames = ["first", "second"];

export const keys = keyboard(keyTriggers);
export const ownKeys = keyTriggers.map(control);

const pressed = fc.uniqueArray(fc.constantFrom(...outputs.map(control)), { maxLength: 3 });
const step: fc.Arbitrary<Step> = fc.record({
  press: pressed,
  release: pressed,
  thenMs: fc.integer({ min: 1, max: 200 }),
});
const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({
    type: fc.constant("press" as const),
    controls: pressed,
    turbo: fc.constantFrom(0, 0, 7, 50),
    amount: fc.constantFrom(0.5, 1),
  }),
  fc.record({
    type: fc.constant("macro" as const),
    steps: fc.array(step, { minLength: 1, maxLength: 5 }),
    again: fc.constantFrom("ignore" as const, "restart" as const, "queue" as const),
    whileHeld: fc.boolean(),
  }),
  fc.record({
    type: fc.constant("layer" as const),
    layer: fc.constantFrom(...layerNames),
    toggle: fc.boolean(),
  }),
  fc.record({ type: fc.constant("profile" as const), profile: fc.constantFrom(...profileNames) }),
);
const binding: fc.Arbitrary<Binding> = fc.record({
  on: fc.uniqueArray(fc.constantFrom(...[...padTriggers, ...keyTriggers].map(control)), {
    minLength: 1,
    maxLength: 3,
  }),
  withinMs: fc.constantFrom(10, 50, 100),
  also: fc.boolean(),
  action,
});
/** A trigger is not inverted: then it would be pulled at rest. */
const axis = (from: AxisBinding["from"], targets: readonly AxisBinding["to"][]): fc.Arbitrary<AxisBinding> =>
  fc.record({
    from: fc.constant(from),
    to: fc.constantFrom(...targets),
    also: fc.boolean(),
    invertX: from.endsWith("Trigger") ? fc.constant(false) : fc.boolean(),
    invertY: fc.boolean(),
    inner: fc.constantFrom(0, 0.2),
    outer: fc.constantFrom(0.9, 1),
    exponent: fc.constantFrom(0.5, 1, 2),
    scale: fc.constantFrom(0, 0.5, 2),
    threshold: fc.constantFrom(0.3, 0.8),
    hysteresis: fc.constantFrom(0, 0.2),
    speed: fc.constantFrom(10, 1000),
    acceleration: fc.constantFrom(0, 500),
  });
export const anyAxes: fc.Arbitrary<AxisBinding[]> = fc
  .tuple(
    fc.option(axis("leftStick", ["leftStick", "rightStick", "mouse", "wheel", "nothing", undefined])),
    fc.option(axis("rightX", ["leftX", "rightY", "leftTrigger", "mouse", "wheel", undefined])),
    fc.option(axis("leftTrigger", ["rightTrigger", "leftX", "nothing", undefined])),
  )
  .map((axes) => axes.filter((axis) => axis !== null));
const layer: fc.Arbitrary<Layer> = fc.record({
  bindings: fc.array(binding, { maxLength: 6 }),
  axes: anyAxes,
  gyro: fc.constant({ ...gyro, while: [control("south")], smoothingMs: 20 }),
});
const profile: fc.Arbitrary<Profile> = fc
  .record({ base: layer, layers: fc.tuple(...layerNames.map(() => layer)) })
  .map(({ base, layers }) => ({
    ...base,
    layers: new Map(layerNames.map((name, at) => [name, layers[at]!])),
  }));
export const anyMapping: fc.Arbitrary<DeviceMapping> = fc
  .tuple(...profileNames.map(() => profile))
  .map((profiles) => ({
    first: profileNames[0]!,
    profiles: new Map(profileNames.map((name, at) => [name, profiles[at]!])),
  }));

/** Any that neither curves nor moves what a device tells, and says nothing of buttons. */
export const emptyMapping: DeviceMapping = {
  first: "only",
  profiles: new Map([["only", { bindings: [], axes: [untouched("leftX")], layers: new Map() }]]),
};

export interface Happening {
  /** After what was before. */
  readonly afterMs: number;
  readonly text: string;
  readonly happen: (mapper: Mapper, nowMs: number) => Output;
}
const stick = fc.constantFrom(0, 40, 128, 160, 255);
export const anyState = fc.record({
  buttons: fc.nat(0x3fff),
  leftX: stick,
  leftY: stick,
  rightX: stick,
  rightY: stick,
  leftTrigger: fc.constantFrom(0, 100, 255),
  rightTrigger: fc.constantFrom(0, 255),
  hatX: fc.integer({ min: -1, max: 1 }),
  hatY: fc.integer({ min: -1, max: 1 }),
});
const word = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
const triple = fc.tuple(word, word, word);
type Kind = Omit<Happening, "afterMs">;
const kind = (text: string, happen: Kind["happen"]): Kind => ({ text, happen });
const kinds = fc.oneof(
  {
    weight: 8,
    arbitrary: anyState.map((state) =>
      kind(JSON.stringify(state), (mapper, now) => mapper.state(state, now)),
    ),
  },
  {
    weight: 8,
    arbitrary: fc
      .array(fc.constantFrom(...ownKeys, 1), { maxLength: 5 })
      .map((pressed) => kind(`keys ${pressed}`, (mapper, now) => mapper.keys({ pressed }, now))),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({ gyro: triple, accel: triple, timestampUs: fc.nat() })
      .map((sensors) => kind(JSON.stringify(sensors), (mapper, now) => mapper.sensors(sensors, now))),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({ x: word, y: word, wheel: word, horizontalWheel: word })
      .map((moved) => kind(JSON.stringify(moved), (mapper, now) => mapper.motion(moved, now))),
  },
  { weight: 6, arbitrary: fc.constant(kind("wake", (mapper, now) => mapper.wake(now))) },
  { weight: 1, arbitrary: fc.constant(kind("reset", (mapper, now) => mapper.reset(now))) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(...profileNames)
      .map((name) => kind(`use ${name}`, (mapper, now) => mapper.use(name, now))),
  },
);
export const anyScript: fc.Arbitrary<readonly Happening[]> = fc.array(
  fc
    .tuple(fc.constantFrom(0, 1, 5, 10, 30, 80, 200), kinds)
    .map(([afterMs, kind]) => ({ ...kind, afterMs, toString: () => `+${afterMs} ${kind.text}` })),
  { maxLength: 40 },
);
