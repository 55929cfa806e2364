// Runs in: a sim of an input device. Owns: nothing; the command line, checked.
import { oneOf, type Place, parseFlags, placeFlags, placeOf, UsageError } from "../usbip/options.ts";
import { type FaultKind, faultKinds, parseFault } from "./faults.ts";
import type { Model } from "./model.ts";

const flags = {
  ...placeFlags,
  model: { type: "string" },
  script: { type: "string" },
  move: { type: "boolean" },
  report: { type: "boolean" },
  log: { type: "string" },
  interval: { type: "string" },
  "stop-in-handshake": { type: "boolean" },
  "short-reports": { type: "boolean" },
  "long-reports": { type: "boolean" },
  "garbage-descriptor": { type: "boolean" },
  nack: { type: "boolean" },
  "no-baud-rate": { type: "boolean" },
  "needs-led": { type: "boolean" },
  accessory: { type: "boolean" },
} as const satisfies Record<FaultKind, object> & Record<string, object>;

export interface InputOptions<State> extends Place {
  readonly model: Model<State>;
  readonly script: string | undefined;
  readonly move: boolean;
  readonly report: boolean;
  readonly log: string | undefined;
  readonly intervalMs: number;
  readonly faults: readonly FaultKind[];
}

export type Models<State> = Readonly<Record<string, Model<State>>>;

/** `undefined`: help was asked for. */
export function parseOptions<State>(
  argv: readonly string[],
  models: Models<State>,
): InputOptions<State> | undefined {
  const values = parseFlags(argv, flags);
  if (values.help) return undefined;
  const place = placeOf(values);
  const names = Object.keys(models);
  if (values.model === undefined) throw new UsageError(`--model: expected ${names.join(" or ")}, found none`);
  const model = models[oneOf("model", values.model, names)]!;
  if (values.move && values.script !== undefined)
    throw new UsageError("--move: expected no --script beside it, found both");
  return {
    ...place,
    model,
    script: values.script,
    move: values.move ?? false,
    report: values.report ?? false,
    log: values.log,
    intervalMs: values.interval === undefined ? model.intervalMs : intervalOf(values.interval),
    faults: faultKinds.filter((kind) => values[kind]).map((kind) => faultOf(kind, model)),
  };
}

function intervalOf(text: string): number {
  const ms = Number(text);
  if (!/^\d+$/.test(text) || ms > 60_000)
    throw new UsageError(`--interval: expected milliseconds, 0 to 60000, found ${JSON.stringify(text)}`);
  return ms;
}

function faultOf(kind: FaultKind, model: Pick<Model<unknown>, "handshake" | "faults">): FaultKind {
  try {
    return parseFault(kind, model);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

export function usageOf(name: string): string {
  return `${name} --listen SOCKETPATH --model MODEL [--script FILE | --move] [--report]
  [--log FILE] [--interval MS] [--port NAME] [--stop-in-handshake]
  [--short-reports] [--long-reports] [--garbage-descriptor] [--nack]
  [--no-baud-rate] [--needs-led] [--accessory] [--help]`;
}

/** `words`: lines of what a script may say. */
export function helpOf<State>(models: Models<State>, words: string): string {
  return `
MODEL is one of
  ${Object.keys(models).join(", ")}.
--script FILE plays a script once a host reads the device's input; --move has it
move by itself. --report prints what reaches the device (lights, motors), a line
of JSON each; --log appends the same to FILE. --interval: how often it reports
unasked; 0: only what changes.

A script has a step a line; # begins a comment. Lines typed are steps too, or
unplug, plug, play FILE, fault KIND, stats.
  wait 20ms                 100ms STEP (waits first)
  repeat N {  … }           repeat forever {  … }
${words}
`;
}
