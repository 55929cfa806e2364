// Runs in: everywhere. Owns: what a contract is: a class's operations and events, said once, and the types that follow from it.
import { DeviceError } from "./errors.ts";
import { fnv1a64 } from "./hash.ts";
import type { Struct } from "./struct.ts";

export type { Call, DriverUnit, Handler, Handlers, RequestOptions, UnitPort } from "./unit.ts";

/** Bytes of input or output that fit into a 64-byte ring descriptor beside its header. */
export const INLINE_BYTES = 40;

/** What an operation without `in` or `out` takes or gives: `{}`. */
export type Nothing = Record<string, never>;
export type Replay = "always" | "checkpoint" | "never";
export type Overflow = "latest" | "drop-and-count" | "add";
/** "in": bulk bytes travel to the driver; "out": they come from it. */
export type DataDirection = "in" | "out";

export interface OperationSpec {
  /** 1 to 255. */
  readonly nr: number;
  readonly in?: Struct<unknown>;
  readonly out?: Struct<unknown>;
  readonly data?: DataDirection;
  /** May the journal send it again to the next incarnation: always, from a point the class names, or never. */
  readonly replay: Replay;
  /** Needs write access to the unit. */
  readonly mutates?: boolean;
  /** A unit may lack it. */
  readonly optional?: boolean;
  /** Default 10,000. */
  readonly deadlineMs?: number;
}

export interface Operation<
  I = unknown,
  O = unknown,
  D extends DataDirection | undefined = DataDirection | undefined,
  Optional extends boolean = boolean,
> {
  readonly nr: number;
  readonly in: Struct<I> | undefined;
  readonly out: Struct<O> | undefined;
  readonly data: D;
  readonly replay: Replay;
  readonly mutates: boolean;
  readonly optional: Optional;
  readonly deadlineMs: number;
}

type Part<S, K extends string> = S extends { readonly [P in K]: Struct<infer T> } ? T : Nothing;
type DataOf<S> = S extends { readonly data: infer D extends DataDirection } ? D : undefined;
type OptionalOf<S> = S extends { readonly optional: true } ? true : false;

export function operation<const S extends OperationSpec>(
  spec: S,
): Operation<Part<S, "in">, Part<S, "out">, DataOf<S>, OptionalOf<S>> {
  return {
    nr: spec.nr,
    in: spec.in as Struct<Part<S, "in">> | undefined,
    out: spec.out as Struct<Part<S, "out">> | undefined,
    data: spec.data as DataOf<S>,
    replay: spec.replay,
    mutates: spec.mutates ?? false,
    optional: (spec.optional ?? false) as OptionalOf<S>,
    deadlineMs: spec.deadlineMs ?? 10_000,
  };
}

export interface EventSpec {
  /** 1 to 255. */
  readonly nr: number;
  readonly data?: Struct<unknown>;
  /**
   * What happens when a client does not read: keep the latest (state), drop and count (occurrences), or add to what waits (changes: fields of i32 are
   * added, the others are those of the last).
   */
  readonly overflow: Overflow;
  /** Who opens the unit later in the same incarnation is told too: it concerns what they did before, or is so still. */
  readonly sticky?: boolean;
  /**
   * Of a state: what holds while the driver is at rest, when nobody hears of a button that is let go. Made of what was told last and of the unit's
   * properties; whoever tells it sets its `timestampUs`.
   */
  released?(last: never, properties: never): unknown;
}

export interface Event<D = unknown> {
  readonly nr: number;
  readonly data: Struct<D> | undefined;
  readonly overflow: Overflow;
  readonly sticky: boolean;
  released?(last: D, properties: unknown): D;
}

export function event<const S extends EventSpec>(spec: S): Event<Part<S, "data">> {
  return {
    nr: spec.nr,
    data: spec.data as Struct<Part<S, "data">> | undefined,
    overflow: spec.overflow,
    sticky: spec.sticky ?? false,
    ...(spec.released === undefined ? {} : { released: spec.released as never }),
  };
}

export type Operations = Readonly<Record<string, Operation>>;
export type Events = Readonly<Record<string, Event>>;

export interface Contract<O extends Operations = Operations, E extends Events = Events, P = unknown> {
  readonly name: string;
  readonly version: number;
  /** 16 hexadecimal digits over everything both ends must agree on. */
  readonly hash: string;
  /** The type byte of its ioctl codes. */
  readonly ioctlType: number;
  /** What is fixed once probed, such as a disk's geometry. */
  readonly properties: Struct<P> | undefined;
  /** Requests in flight per channel; a power of two. */
  readonly slots: number;
  /** Bulk bytes per request. */
  readonly slotBytes: number;
  readonly operations: O;
  readonly events: E;
}

export interface ContractSpec<O extends Operations, E extends Events, P> {
  readonly name: string;
  readonly version: number;
  readonly ioctlType?: number;
  readonly properties?: Struct<P>;
  readonly slots?: number;
  readonly slotBytes?: number;
  readonly operations: O;
  readonly events?: E;
}

export const SLOTS_MAX = 4096;

/** One value per class, from which codec, validators, types, ioctl codes, C header and documentation come. */
export function defineContract<O extends Operations, E extends Events = Record<never, Event>, P = Nothing>(
  spec: ContractSpec<O, E, P>,
): Contract<O, E, P> {
  const contract = {
    name: spec.name,
    version: spec.version,
    // 0xC0 to 0xEF: clear of the types the kernel answers before any driver does (fs/ioctl.c: 0x00, 0x15, 'T', 'X', 'f', 0x94).
    ioctlType: spec.ioctlType ?? 0xc0 + (Number.parseInt(fnv1a64(spec.name).slice(8), 16) % 0x30),
    properties: spec.properties,
    slots: spec.slots ?? 64,
    slotBytes: spec.slotBytes ?? 65_536,
    operations: spec.operations,
    events: spec.events ?? ({} as E),
  };
  check(contract);
  return Object.freeze({ ...contract, hash: fnv1a64(canonical(contract)) });
}

type Unhashed = Omit<Contract, "hash">;

function check(contract: Unhashed): void {
  const refuse = (what: string, expected: string, found: unknown): never => {
    throw new DeviceError(
      "invalid",
      `contract "${contract.name}", ${what}: expected ${expected}, found ${String(found)}`,
    );
  };
  const whole = (what: string, value: number, min: number, max: number): void => {
    if (!Number.isInteger(value) || value < min || value > max)
      refuse(what, `an integer from ${min} to ${max}`, value);
  };
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(contract.name))
    refuse("name", "a lower-case word of at most 32 letters", contract.name);
  whole("version", contract.version, 1, 65_535);
  whole("ioctlType", contract.ioctlType, 0, 255);
  whole("slots", contract.slots, 1, SLOTS_MAX);
  if ((contract.slots & (contract.slots - 1)) !== 0) refuse("slots", "a power of two", contract.slots);
  whole("slotBytes", contract.slotBytes, 64, 1 << 26);
  if (contract.slotBytes % 64 !== 0) refuse("slotBytes", "a multiple of 64", contract.slotBytes); // one cache line
  for (const [kind, entries] of [
    ["operation", contract.operations],
    ["event", contract.events],
  ] as const) {
    const names = new Map<number, string>();
    for (const [name, { nr }] of Object.entries(entries)) {
      const what = `${kind} "${name}"`;
      if (!/^[a-z][A-Za-z0-9]{0,31}$/.test(name))
        refuse(what, "a camelCase name of at most 32 letters", name);
      // A driver's unit carries these beside its handlers.
      if (name === "properties" || name === "concurrency") refuse(what, "another name", name);
      whole(`${what}, nr`, nr, 1, 255);
      const other = names.get(nr);
      if (other !== undefined) refuse(`${what}, nr`, `a number of its own`, `${nr}, which "${other}" has`);
      names.set(nr, name);
    }
  }
  const inline = (what: string, part: Struct<unknown> | undefined): void => {
    if (part !== undefined && part.size > INLINE_BYTES)
      refuse(what, `at most ${INLINE_BYTES} bytes (carry it as data)`, `${part.size} bytes`);
  };
  for (const [name, { in: input, out, deadlineMs }] of Object.entries(contract.operations)) {
    inline(`operation "${name}", in`, input);
    inline(`operation "${name}", out`, out);
    whole(`operation "${name}", deadlineMs`, deadlineMs, 1, 0x7fff_ffff);
  }
  for (const [name, { data }] of Object.entries(contract.events)) inline(`event "${name}", data`, data);
}

const byNr = (a: [string, { nr: number }], b: [string, { nr: number }]): number => a[1].nr - b[1].nr;

// Deadlines and the ioctl type are absent: two ends may differ in them and still understand each other.
function canonical(contract: Unhashed): string {
  const part = (struct: Struct<unknown> | undefined): string => struct?.signature() ?? "-";
  return [
    `contract ${contract.name} ${contract.version} slots ${contract.slots} x ${contract.slotBytes}`,
    `properties ${part(contract.properties)}`,
    ...Object.entries(contract.operations)
      .sort(byNr)
      .map(
        ([name, o]) =>
          `operation ${o.nr} ${name} in ${part(o.in)} out ${part(o.out)} data ${o.data ?? "-"} replay ${o.replay}` +
          `${o.mutates ? " mutates" : ""}${o.optional ? " optional" : ""}`,
      ),
    ...Object.entries(contract.events)
      .sort(byNr)
      .map(([name, e]) => `event ${e.nr} ${name} data ${part(e.data)} overflow ${e.overflow}`),
  ].join("\n");
}

export type OperationName<C extends Contract> = keyof C["operations"] & string;
export type EventName<C extends Contract> = keyof C["events"] & string;
export type Input<C extends Contract, K extends OperationName<C>> =
  C["operations"][K] extends Operation<infer I, infer _O, infer _D, infer _P> ? I : never;
export type Output<C extends Contract, K extends OperationName<C>> =
  C["operations"][K] extends Operation<infer _I, infer O, infer _D, infer _P> ? O : never;
export type EventData<C extends Contract, K extends EventName<C>> =
  C["events"][K] extends Event<infer D> ? D : never;
export type Properties<C extends Contract> = C extends Contract<Operations, Events, infer P> ? P : never;
