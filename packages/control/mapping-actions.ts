// Runs in: reflector and CLI. Owns: nothing. In the mapping file: what a button does.
import { type Control, controlNamed, outputNames } from "@ring3/core/controls";
import { type Action, mappingLimits as limits, type Step, TAP_MS } from "@ring3/core/mapping";
import * as v from "valibot";
import { byShape } from "./by-shape.ts";
import { between, durationUpTo, named, pathItem } from "./mapping-fields.ts";
import { exactlyOne } from "./selector.ts";

const NOTHING = "nothing";
export const actionNames: readonly string[] = [...outputNames, NOTHING];
export const outputForm =
  "a key such as KEY_ENTER, a mouse's button such as BTN_LEFT, or what a gamepad or a wheel has, such as south, hatUp, leftStickUp or wheelUp";
const one = v.pipe(
  v.picklist(outputNames, outputForm),
  v.transform((name): readonly Control[] => [controlNamed(name)!]),
);
const several: v.GenericSchema<unknown, readonly Control[]> = v.pipe(
  v.array(v.picklist(outputNames, outputForm)),
  v.minLength(1, "at least one"),
  v.maxLength(limits.controls, `at most ${limits.controls} at once`),
  v.rawCheck(({ dataset: { typed, value }, addIssue }) => {
    if (!typed) return;
    const at = value.findIndex((name, at) => value.indexOf(name) < at);
    if (at < 0) return;
    const item = { type: "array", origin: "value", input: value, key: at, value: value[at] } as const;
    addIssue({ message: "each once", received: JSON.stringify(value[at]), path: [item] });
  }),
  v.transform((names) => names.map((name): Control => controlNamed(name)!)),
);
export const outputs = byShape<readonly Control[]>({ text: one, list: several });

const steps = <S extends v.GenericSchema>(step: S) =>
  v.pipe(
    v.array(step),
    v.minLength(1, "at least one step"),
    v.maxLength(limits.steps, `at most ${limits.steps} steps`),
  );

interface WrittenStep {
  readonly tap?: readonly Control[];
  readonly press?: readonly Control[];
  readonly release?: readonly Control[];
  readonly wait?: number;
}

const stepFields = ["tap", "press", "release", "wait"] as const;
const step = byShape<WrittenStep>({
  text: v.pipe(
    one,
    v.transform((tap) => ({ tap })),
  ),
  list: v.pipe(
    several,
    v.transform((tap) => ({ tap })),
  ),
  object: v.pipe(
    v.strictObject({
      tap: v.exactOptional(outputs),
      press: v.exactOptional(outputs),
      release: v.exactOptional(outputs),
      wait: v.exactOptional(durationUpTo(limits.waitMs, 1)),
    }),
    v.check((step) => exactlyOne(step, stepFields), `exactly one of the fields ${stepFields.join(", ")}`),
  ),
});

const kinds = ["press", "sequence", "macro", "layer", "profile"] as const;
type Kind = (typeof kinds)[number];
/** What stands only beside certain others. */
const companions: Readonly<Record<string, readonly Kind[]>> = {
  turbo: ["press"],
  amount: ["press"],
  pace: ["sequence", "macro"],
  again: ["sequence", "macro"],
  while: ["sequence", "macro"],
  toggle: ["layer"],
};

const actionFields = v.strictObject({
  press: v.exactOptional(v.pipe(outputs, v.description("Held for as long as the button is"))),
  turbo: v.exactOptional(
    v.pipe(between(1, limits.turboPerSecond), v.description("Pressed so often a second instead")),
  ),
  amount: v.exactOptional(
    v.pipe(between(0.01, 1), v.description("How far sticks and triggers go; all the way unless said")),
  ),
  sequence: v.exactOptional(v.pipe(steps(outputs), v.description("Tapped one after another"))),
  macro: v.exactOptional(v.pipe(steps(step), v.description("Steps: tap, press, release, wait"))),
  pace: v.exactOptional(
    v.pipe(durationUpTo(limits.paceMs, 1), v.description(`From step to step; ${TAP_MS}ms unless said`)),
  ),
  again: v.exactOptional(
    v.pipe(
      v.picklist(["ignore", "restart", "queue"]),
      v.description("What a further press does while it runs"),
    ),
  ),
  while: v.exactOptional(v.pipe(v.picklist(["held"]), v.description("Ends when the button is let go"))),
  layer: v.exactOptional(v.pipe(named, v.description("In force for as long as the button is held"))),
  toggle: v.exactOptional(v.pipe(v.boolean(), v.description("The layer stays until the next press"))),
  profile: v.exactOptional(v.pipe(named, v.description("Active from then on"))),
  within: v.exactOptional(
    v.pipe(
      durationUpTo(limits.chordMs, TAP_MS),
      v.description("Of a chord: from the first press to the last; 50ms unless said"),
    ),
  ),
  also: v.exactOptional(v.pipe(v.boolean(), v.description("What is pressed passes as well"))),
});
type ActionFields = v.InferOutput<typeof actionFields>;

/** What a button or chord does, and how; `within` is that of a chord, if any was written. */
export interface Effect {
  readonly action: Action;
  readonly also: boolean;
  readonly within: number | undefined;
}

const pressing = (controls: readonly Control[]): Effect => ({
  action: { type: "press", controls, turbo: 0, amount: 1 },
  also: false,
  within: undefined,
});
const longest = `at most ${limits.macroMs / 1000} seconds of steps and waits`;

/** A control's name, a list of them, or an object that says more. */
export const effect = byShape<Effect>({
  text: v.pipe(
    v.picklist(actionNames, outputForm),
    v.transform((name) => pressing(name === NOTHING ? [] : [controlNamed(name)!])),
  ),
  list: v.pipe(several, v.transform(pressing)),
  object: v.pipe(
    actionFields,
    v.check((fields) => exactlyOne(fields, kinds), `exactly one of the fields ${kinds.join(", ")}`),
    v.rawCheck(({ dataset: { typed, value }, addIssue }) => {
      if (!typed) return;
      for (const [field, beside] of Object.entries(companions)) {
        if (!Object.hasOwn(value, field) || beside.some((kind) => Object.hasOwn(value, kind))) continue;
        const found = value[field as keyof ActionFields];
        addIssue({
          message: `${beside.join(" or ")} beside ${field}`,
          received: JSON.stringify(found),
          path: [pathItem(value, field)],
        });
      }
    }),
    v.transform(
      (fields): Effect => ({ action: actionOf(fields), also: fields.also ?? false, within: fields.within }),
    ),
    v.check(({ action }) => action.type !== "macro" || lengthOf(action.steps) <= limits.macroMs, longest),
  ),
});

function actionOf(fields: ActionFields): Action {
  const { press, sequence, macro, layer, profile, pace = TAP_MS } = fields;
  if (press !== undefined)
    return { type: "press", controls: press, turbo: fields.turbo ?? 0, amount: fields.amount ?? 1 };
  if (layer !== undefined) return { type: "layer", layer, toggle: fields.toggle ?? false };
  if (profile !== undefined) return { type: "profile", profile };
  const written: readonly WrittenStep[] = macro ?? sequence?.map((tap) => ({ tap })) ?? [];
  return {
    type: "macro",
    steps: stepsOf(written, pace),
    again: fields.again ?? "ignore",
    whileHeld: fields.while === "held",
  };
}

/** A wait stands for the pace behind the step before it. */
function stepsOf(written: readonly WrittenStep[], pace: number): Step[] {
  const steps: { press: readonly Control[]; release: readonly Control[]; thenMs: number }[] = [];
  let waited = true; // so that a wait at the beginning is a step of its own
  for (const { tap, press = tap, release, wait } of written) {
    if (wait !== undefined) {
      if (waited) steps.push({ press: [], release: [], thenMs: wait });
      else steps.at(-1)!.thenMs = wait;
    } else {
      steps.push({ press: press ?? [], release: release ?? [], thenMs: pace });
      if (tap !== undefined) steps.push({ press: [], release: tap, thenMs: pace });
    }
    waited = wait !== undefined;
  }
  return steps;
}

const lengthOf = (steps: readonly Step[]) => steps.reduce((sum, { thenMs }) => sum + thenMs, 0);
