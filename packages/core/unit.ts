// Runs in: everywhere. Owns: the shape of a unit, near (in the driver host) and far (at a client): types only.
import type {
  Contract,
  EventData,
  EventName,
  Input,
  Nothing,
  Operation,
  OperationName,
  Output,
  Properties,
} from "./contract.ts";

/** What a handler knows of the request besides its input. */
export interface Call {
  /** Aborts when the deadline passes, the client takes the request back, or the driver is being removed. */
  readonly signal: AbortSignal;
  /** Absolute, on the host's clock, in milliseconds. */
  readonly deadlineMs: number;
  /** Bytes for the driver, or the room for bytes from it; empty when the operation has none. */
  readonly data: Uint8Array;
  /** Bytes of `data` really filled. Starts as `data.length`; the handler lowers it when it delivers less. */
  length: number;
}

// biome-ignore lint/suspicious/noConfusingVoidType: it is a return type, one alias away
type Result<O> = [O] extends [Nothing] ? void : O;
export type Handler<I, O> = (input: I, call: Call) => Result<O> | Promise<Result<O>>;

type HandlerOf<Op> = Op extends Operation<infer I, infer O, infer _D, infer _P> ? Handler<I, O> : never;
type OptionalName<C extends Contract> = {
  [K in OperationName<C>]: C["operations"][K] extends Operation<unknown, unknown, infer _D, true> ? K : never;
}[OperationName<C>];

/** A driver's functions, one an operation; those of optional operations may be absent. */
export type Handlers<C extends Contract> = {
  [K in Exclude<OperationName<C>, OptionalName<C>>]: HandlerOf<C["operations"][K]>;
} & { [K in OptionalName<C>]?: HandlerOf<C["operations"][K]> };

/** What a driver's probe returns for one unit. `concurrency` handlers run at a time; 1 unless given. */
export type DriverUnit<C extends Contract> = {
  readonly concurrency?: number;
  /** As programs know it, 1 to 79 characters; the device's own name unless given. */
  readonly name?: string;
} & ([Properties<C>] extends [Nothing]
  ? { readonly properties?: Nothing }
  : { readonly properties: Properties<C> }) &
  Handlers<C>;

export interface RequestOptions {
  /** For operations with data "in": the bytes. */
  data?: Uint8Array;
  /** For operations with data "out": how many bytes are wanted. */
  length?: number;
  signal?: AbortSignal;
  /** Relative, in milliseconds; the operation's own when absent. */
  deadlineMs?: number;
}

/** One unit as its user sees it. A dead peer rejects; it is never answered with zeros. */
export interface UnitPort<C extends Contract> {
  readonly contract: C;
  readonly properties: Properties<C>;
  supports(name: OperationName<C>): boolean;
  /** Rejects with a DeviceError. `data` holds the bytes of an operation with data "out" and is otherwise empty. */
  request<K extends OperationName<C>>(
    name: K,
    input: Input<C, K>,
    options?: RequestOptions,
  ): Promise<{ out: Output<C, K>; data: Uint8Array }>;
  /** `dropped`: so many of the same event were lost before this one, since nobody took them from the channel in time. Returns what ends the subscription. */
  on<E extends EventName<C>>(name: E, listener: (data: EventData<C, E>, dropped: number) => void): () => void;
}
