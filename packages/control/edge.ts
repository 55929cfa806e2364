// Runs in: every process. Owns: nothing. What may be said on one control connection, as data.
import type * as v from "valibot";

/** How many descriptors travel with a message: exactly n, or between two bounds. */
export type Count = number | readonly [least: number, most: number];

export interface Method {
  readonly params: v.GenericSchema;
  readonly result: v.GenericSchema;
  /** Descriptors with the request; none unless said. */
  readonly fds?: Count;
  /** Descriptors with the answer; none unless said. */
  readonly answerFds?: Count;
}

/**
 * One kind of control connection. One side asks (the caller), the other serves: `methods` are asked by the caller
 * and answered, `tells` go from caller to server and `notices` from server to caller without an answer.
 */
export interface Edge {
  readonly name: string;
  readonly methods: Readonly<Record<string, Method>>;
  readonly tells: Readonly<Record<string, v.GenericSchema>>;
  readonly notices: Readonly<Record<string, v.GenericSchema>>;
}

export function defineEdge<const E extends Edge>(edge: E): E {
  return edge;
}

export type MethodName<E extends Edge> = keyof E["methods"] & string;
export type TellName<E extends Edge> = keyof E["tells"] & string;
export type NoticeName<E extends Edge> = keyof E["notices"] & string;
export type Params<E extends Edge, M extends MethodName<E>> = v.InferOutput<E["methods"][M]["params"]>;
export type Result<E extends Edge, M extends MethodName<E>> = v.InferOutput<E["methods"][M]["result"]>;
export type Tell<E extends Edge, T extends TellName<E>> = v.InferOutput<E["tells"][T]>;
export type Notice<E extends Edge, N extends NoticeName<E>> = v.InferOutput<E["notices"][N]>;

export function countFits(count: Count | undefined, found: number): boolean {
  const [least, most] = typeof count === "object" ? count : [count ?? 0, count ?? 0];
  return found >= least && found <= most;
}

export function countText(count: Count | undefined): string {
  return typeof count === "object" ? `${count[0]} to ${count[1]}` : String(count ?? 0);
}
