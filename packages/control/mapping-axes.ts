// Runs in: reflector and CLI. Owns: nothing. In the mapping file: what sticks, triggers and gyroscopes do.
import { type Control, controlNamed, triggerNames } from "@ring3/core/controls";
import {
  type AxisBinding,
  axisNames,
  type GyroBinding,
  mappingLimits as limits,
  stickNames,
  type Turn,
} from "@ring3/core/mapping";
import * as v from "valibot";
import { byShape } from "./by-shape.ts";
import { between, durationUpTo, pathItem } from "./mapping-fields.ts";

/** The middle of a worn stick is somewhere within. */
const MOVING_DEAD_ZONE = 0.12;
const MOUSE_SPEED = 1000;
const WHEEL_SPEED = 10;

type Target = NonNullable<AxisBinding["to"]>;

const fields = {
  also: v.exactOptional(v.pipe(v.boolean(), v.description("It also stays where it was"))),
  deadZone: v.exactOptional(
    v.pipe(
      between(0, 0.95),
      v.description(`Around the middle; 0 unless said, ${MOVING_DEAD_ZONE} for mouse and wheel`),
    ),
  ),
  outerDeadZone: v.optional(v.pipe(between(0, 0.95), v.description("At the far end")), 0),
  exponent: v.optional(v.pipe(between(0.1, 10), v.description("Above 1: finer around the middle")), 1),
  scale: v.optional(between(0, 4), 1),
  threshold: v.optional(v.pipe(between(0.01, 1), v.description("Pressed from here on")), 0.5),
  hysteresis: v.exactOptional(
    v.pipe(between(0, 0.99), v.description("Let go so far below; 0.1 unless said, or half the threshold")),
  ),
  speed: v.exactOptional(
    v.pipe(
      between(0, limits.speed),
      v.description(
        `Pixels a second for a mouse, ${MOUSE_SPEED} unless said; notches for a wheel, ${WHEEL_SPEED}`,
      ),
    ),
  ),
  acceleration: v.exactOptional(
    v.pipe(between(0, limits.speed), v.description("What the speed gains a second, for a second at most")),
  ),
};
type Written = v.InferOutput<v.StrictObjectSchema<typeof fields, undefined>> & {
  readonly to?: Target;
  readonly invert?: boolean | "x" | "y";
};

const isMoving = (to: Target | undefined) => to === "mouse" || to === "wheel";
const innerOf = ({ deadZone, to }: Written) => deadZone ?? (isMoving(to) ? MOVING_DEAD_ZONE : 0);

/** Rules between fields, with the one that is at fault. */
const rules: readonly [field: keyof Written, expected: string, holds: (axis: Written) => boolean][] = [
  ["also", "to beside also", ({ to }) => to !== undefined],
  ["speed", "to: mouse or to: wheel beside speed", ({ to }) => isMoving(to)],
  ["acceleration", "to: mouse or to: wheel beside acceleration", ({ to }) => isMoving(to)],
  [
    "outerDeadZone",
    "less than 1 with deadZone",
    (axis) => axis.outerDeadZone === 0 || innerOf(axis) + axis.outerDeadZone < 1,
  ],
  ["hysteresis", "less than threshold", ({ hysteresis = 0, threshold }) => hysteresis < threshold],
];

function axis(targets: readonly Target[], invert: v.GenericSchema<unknown, boolean | "x" | "y">) {
  return v.pipe(
    v.strictObject({
      to: v.exactOptional(v.picklist(targets)),
      invert: v.exactOptional(invert),
      ...fields,
    }),
    v.rawCheck(({ dataset: { typed, value }, addIssue }) => {
      if (!typed) return;
      for (const [field, message, holds] of rules)
        if (Object.hasOwn(value, field) && !holds(value))
          addIssue({ message, received: String(value[field]), path: [pathItem(value, field)] });
    }),
    v.transform((written: Written): Omit<AxisBinding, "from"> => {
      const { to, invert, threshold } = written;
      return {
        to,
        also: written.also ?? false,
        invertX: invert === true || invert === "x",
        invertY: invert === true || invert === "y",
        inner: innerOf(written),
        outer: 1 - written.outerDeadZone,
        exponent: written.exponent,
        scale: written.scale,
        threshold,
        hysteresis: written.hysteresis ?? Math.min(0.1, threshold / 2),
        speed: written.speed ?? (to === "wheel" ? WHEEL_SPEED : MOUSE_SPEED),
        acceleration: written.acceleration ?? 0,
      };
    }),
  );
}

const bothWays = v.union([v.boolean(), v.picklist(["x", "y"])], "true, false, x or y");
const stick = axis([...stickNames, "mouse", "wheel", "nothing"], bothWays);
const single = axis([...axisNames, "mouse", "wheel", "nothing"], v.boolean());
const trigger = axis([...axisNames, "nothing"], v.boolean());

/** By where they come from: a stick as a whole, or its two axes. */
export const axes = v.pipe(
  v.strictObject({
    leftStick: v.exactOptional(stick),
    rightStick: v.exactOptional(stick),
    leftX: v.exactOptional(single),
    leftY: v.exactOptional(single),
    rightX: v.exactOptional(single),
    rightY: v.exactOptional(single),
    leftTrigger: v.exactOptional(trigger),
    rightTrigger: v.exactOptional(trigger),
  }),
  v.rawCheck(({ dataset: { typed, value }, addIssue }) => {
    if (!typed) return;
    for (const side of ["left", "right"] as const)
      for (const part of [`${side}X`, `${side}Y`] as const)
        if (value[`${side}Stick`] !== undefined && value[part] !== undefined)
          addIssue({
            message: `${side}Stick or its two axes`,
            received: "both",
            path: [pathItem(value, part)],
          });
  }),
  v.transform((axes): AxisBinding[] =>
    Object.entries(axes).map(([from, axis]) => ({ from: from as AxisBinding["from"], ...axis })),
  ),
);

export const triggerForm = "a button such as leftShoulder, KEY_LEFTALT or BTN_SIDE";
const triggerName = v.pipe(
  v.picklist(triggerNames, triggerForm),
  v.transform((name) => controlNamed(name)!),
);
const turns = ["x", "y", "z", "-x", "-y", "-z"] as const;
const turn = (otherwise: (typeof turns)[number]) =>
  v.optional(
    v.pipe(
      v.picklist(turns),
      v.transform(
        (text): Turn => ({
          axis: ["x", "y", "z"].indexOf(text.at(-1)!) as Turn["axis"],
          sign: text.startsWith("-") ? -1 : 1,
        }),
      ),
    ),
    otherwise,
  );

/** A DualSense's axes x, y and z point right, up and towards whoever holds it (drivers/hid/hid-playstation.c); a turn is counted as a screw's. */
export const gyro = v.pipe(
  v.strictObject({
    while: v.optional(
      v.pipe(
        byShape<readonly Control[]>({
          text: v.pipe(
            triggerName,
            v.transform((control) => [control]),
          ),
          list: v.pipe(v.array(triggerName), v.maxLength(limits.chord, `at most ${limits.chord}`)),
        }),
        v.description("The pointer moves while all of these are held; always unless said"),
      ),
      [],
    ),
    also: v.optional(v.pipe(v.boolean(), v.description("Programs see the turns as well")), false),
    sensitivity: v.optional(v.pipe(between(0, limits.sensitivity), v.description("Pixels a degree")), 10),
    smoothing: v.optional(durationUpTo(limits.smoothingMs), "0ms"),
    horizontal: turn("-y"),
    vertical: turn("-x"),
  }),
  v.transform(({ smoothing, ...gyro }): GyroBinding => ({ ...gyro, smoothingMs: smoothing })),
);
