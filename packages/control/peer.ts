// Runs in: every process. Owns: nothing; the two sides of a control connection, with the types of its edge.
import {
  Answer,
  type AnyHandlers,
  type Connection,
  type FrameTransport,
  type Handed,
  maxServed,
  Peer,
  type Sendable,
} from "./connection.ts";
import type { Edge, MethodName, Notice, NoticeName, Params, Result, Tell, TellName } from "./edge.ts";

export { Answer, type FrameTransport, type Handed, maxServed, type Sendable };

/**
 * A handler that returns owns the descriptors it was given; those of one that throws are closed.
 * What it throws goes back to the caller: a DeviceError as it is, anything else as "internal".
 */
export type Handlers<E extends Edge, D extends Handed, P> = {
  readonly [M in MethodName<E>]: (
    params: Params<E, M>,
    fds: D[],
    peer: P,
  ) => Result<E, M> | Answer<Result<E, M>> | Promise<Result<E, M> | Answer<Result<E, M>>>;
};

/** Listeners run while their frame is read: earlier than what awaits an answer that came before it. */
export type NoticeListeners<E extends Edge> = {
  readonly [N in NoticeName<E>]?: (params: Notice<E, N>) => void;
};
export type TellListeners<E extends Edge, P> = {
  readonly [T in TellName<E>]: (params: Tell<E, T>, peer: P) => void;
};

export interface CallingPeer<E extends Edge, D extends Handed> extends Connection {
  /** Rejects with the server's DeviceError, or "disconnected" when the connection ends first. The caller owns the answer's `fds`. */
  call<M extends MethodName<E>>(
    method: M,
    params: Params<E, M>,
    fds?: readonly Sendable[],
  ): Promise<{ result: Result<E, M>; fds: D[] }>;
  tell<T extends TellName<E>>(name: T, params: Tell<E, T>): void;
}

export interface ServingPeer<E extends Edge> extends Connection {
  notify<N extends NoticeName<E>>(notice: N, params: Notice<E, N>): void;
}

export function callingPeer<E extends Edge, D extends Handed>(
  edge: E,
  transport: FrameTransport<D>,
  notices: NoticeListeners<E>,
): CallingPeer<E, D> {
  const listeners = notices as Readonly<Record<string, ((params: unknown) => void) | undefined>>;
  return new Peer<D>(edge, transport, {}, edge.notices, (name, params) =>
    listeners[name]?.(params),
  ) as unknown as CallingPeer<E, D>;
}

export function servingPeer<E extends Edge, D extends Handed>(
  edge: E,
  transport: FrameTransport<D>,
  handlers: Handlers<E, D, ServingPeer<E>>,
  tells: TellListeners<E, ServingPeer<E>>,
): ServingPeer<E> {
  const listeners = tells as unknown as Readonly<Record<string, (params: unknown, peer: Peer<D>) => void>>;
  const peer: Peer<D> = new Peer<D>(
    edge,
    transport,
    handlers as unknown as AnyHandlers<D>,
    edge.tells,
    (name, params) => listeners[name]!(params, peer),
  );
  return peer as unknown as ServingPeer<E>;
}
