// Runs in: the usb-drive sim. Owns: the faults that wait for their turn. Deterministic: they count commands, never time.

const plainKinds = [
  "stall-command",
  "stall-data",
  "stall-status",
  "wrong-tag",
  "bad-signature",
  "short-data",
  "phase-error",
  "hang",
  "write-protect-error",
  "residue-lie",
  "unit-attention-power-on",
  "other-disk",
  "cut",
] as const;
const numberKinds = ["slow", "medium-error"] as const; // the number is required
const optionalNumberKinds = ["power-loss", "vanish"] as const;
const garbageStyles = ["noise", "zero-length", "truncated", "endless"] as const;

/** What the drive as a whole does, rather than the command that it happens to hit. */
const events = ["power-loss", "unit-attention-power-on", "vanish", "other-disk", "cut"] as const;

export type GarbageStyle = (typeof garbageStyles)[number];
export type DriveEvent = (typeof events)[number];
export type FaultKind =
  | (typeof plainKinds)[number]
  | (typeof numberKinds)[number]
  | (typeof optionalNumberKinds)[number]
  | "garbage-descriptors";

export interface Fault {
  readonly kind: FaultKind;
  /** slow: milliseconds. medium-error: LBA. power-loss, vanish: milliseconds away from the bus. garbage-descriptors: for how many imports. */
  readonly argument: number | undefined;
  readonly style: GarbageStyle;
  /** READ and WRITE commands to let pass first; `undefined` where the SPEC has no `@`. */
  readonly count: number | undefined;
}

/** `KIND[:ARG][@COUNT]`, ARG of garbage-descriptors STYLE[:IMPORTS]; an error is a text that says what was expected and found. */
export function parseFault(spec: string): Fault | string {
  const match = /^([a-z-]+)(?::([^@]*))?(?:@(.*))?$/.exec(spec);
  const kinds: readonly string[] = [
    ...plainKinds,
    ...numberKinds,
    ...optionalNumberKinds,
    "garbage-descriptors",
  ];
  const kind = match?.[1] ?? "";
  if (match === null || !kinds.includes(kind)) {
    return `expected KIND[:ARG][@COUNT] with KIND one of ${kinds.join(", ")}, found ${JSON.stringify(spec)}`;
  }
  const [, , argument, count] = match;
  if (count !== undefined && !isCount(count))
    return `${kind}: expected a number of commands after @, found ${JSON.stringify(count)}`;
  const fault = {
    kind: kind as FaultKind,
    style: "noise" as GarbageStyle,
    count: count === undefined ? undefined : Number(count),
  };
  if (kind === "garbage-descriptors") {
    const [, name, imports] = /^([^:]*)(?::(.*))?$/s.exec(argument ?? "noise")!;
    const style = garbageStyles.find((each) => each === name);
    if (style === undefined)
      return `${kind}: expected one of ${garbageStyles.join(", ")}, found ${JSON.stringify(name)}`;
    if (imports !== undefined && !isCount(imports))
      return `${kind}: expected a number of imports, found ${JSON.stringify(imports)}`;
    return { ...fault, style, argument: imports === undefined ? undefined : Number(imports) };
  }
  if (argument === undefined) {
    const required = (numberKinds as readonly string[]).includes(kind);
    return required ? `${kind}: expected ${kind}:NUMBER, found no number` : { ...fault, argument: undefined };
  }
  if ((plainKinds as readonly string[]).includes(kind))
    return `${kind}: expected no argument, found ${JSON.stringify(argument)}`;
  if (!isCount(argument)) return `${kind}: expected a number, found ${JSON.stringify(argument)}`;
  return { ...fault, argument: Number(argument) };
}

function isCount(text: string): boolean {
  return /^\d{1,15}$/.test(text);
}

export function isDriveEvent(kind: FaultKind): kind is DriveEvent {
  return (events as readonly string[]).includes(kind);
}

export class Faults {
  /** Delay of each READ and WRITE. */
  slowMs = 0;
  garbage: GarbageStyle | undefined;
  #garbledImports = Number.POSITIVE_INFINITY;
  /** Sectors, by LBA, whose reading fails until they are written. */
  readonly badSectors = new Set<number>();
  #waiting: { fault: Fault; left: number }[] = [];

  add(fault: Fault): void {
    this.#waiting.push({ fault, left: fault.count ?? 0 });
    if ((fault.count ?? 0) === 0) this.#adopt();
  }

  clear(): void {
    this.#waiting = [];
    this.slowMs = 0;
    this.garbage = undefined;
    this.badSectors.clear();
  }

  /** Called for each import: so many may have garbage. */
  imported(): void {
    if (this.#garbledImports === 0) this.garbage = undefined;
    this.#garbledImports--;
  }

  get waiting(): string[] {
    return this.#waiting.map(({ fault, left }) => `${fault.kind}@${left}`);
  }

  /** Called for each READ and WRITE as it starts: the fault that this command meets, at most one. */
  next(write: boolean): Fault | undefined {
    this.#adopt();
    const at = this.#waiting.findIndex(
      ({ fault, left }) => left === 0 && (write || fault.kind !== "write-protect-error"),
    );
    const due = at < 0 ? undefined : this.#waiting.splice(at, 1)[0]!.fault;
    for (const each of this.#waiting) each.left = Math.max(0, each.left - 1);
    return due;
  }

  /** Conditions that last, unlike faults that one command meets. */
  #adopt(): void {
    this.#waiting = this.#waiting.filter(({ fault, left }) => left > 0 || !this.#start(fault));
  }

  #start({ kind, argument, style }: Fault): boolean {
    if (kind === "slow") this.slowMs = argument!;
    else if (kind === "medium-error") this.badSectors.add(argument!);
    else if (kind === "garbage-descriptors") {
      this.garbage = style;
      this.#garbledImports = argument ?? Number.POSITIVE_INFINITY;
    } else return false;
    return true;
  }
}
