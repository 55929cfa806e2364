// Runs in: CLI, applications and reflectors. Owns: one control connection to the manager, and the channel ids used on it.
import { clientEdge } from "@ring3/control/client-edge";
import type { MethodName, NoticeName, Params, Result, Tell } from "@ring3/control/edge";
import { type CallingPeer, callingPeer, type NoticeListeners, type Sendable } from "@ring3/control/peer";
import { sentence } from "@ring3/control/sentence";
import { controlSocket } from "@ring3/control/state-directory";
import type { DeviceError } from "@ring3/core/errors";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { connect, FrameSocket } from "@ring3/kernel/socket/frame-socket";

export type ClientEdge = typeof clientEdge;
export type ManagerNotices = NoticeListeners<ClientEdge>;
export type ManagerNotice = NoticeName<ClientEdge>;

// asm-generic/errno-base.h, asm-generic/errno.h
const ENOENT = 2;
const EACCES = 13;
const ECONNREFUSED = 111;

export class ManagerConnection {
  readonly #peer: CallingPeer<ClientEdge, Descriptor>;
  #lastChannel = 0;

  /** Owns `stream`: one a reflector inherited, or what `connectToManager` opened. */
  constructor(stream: Descriptor, notices: ManagerNotices = {}) {
    this.#peer = callingPeer(clientEdge, new FrameSocket(stream), notices);
  }

  /** Aborts when the connection ends, by whichever side. */
  get signal(): AbortSignal {
    return this.#peer.signal;
  }

  /** Any method that brings no descriptors. Rejects with the manager's DeviceError. */
  async ask<M extends MethodName<ClientEdge>>(
    method: M,
    params: Params<ClientEdge, M>,
  ): Promise<Result<ClientEdge, M>> {
    return (await this.#peer.call(method, params)).result;
  }

  /** `memory` is lent: a number, closed or kept by the caller. The answer's descriptors are the caller's. */
  open(
    params: Params<ClientEdge, "open">,
    memory: Sendable,
  ): Promise<{ result: Result<ClientEdge, "open">; fds: Descriptor[] }> {
    return this.#peer.call("open", params, [memory]);
  }

  /** For reflectors: the socket is the caller's. */
  async listen(
    params: Params<ClientEdge, "listen">,
  ): Promise<Result<ClientEdge, "listen"> & { socket: Descriptor }> {
    const { result, fds } = await this.#peer.call("listen", params);
    return { ...result, socket: fds[0]! };
  }

  async close(channel: number): Promise<void> {
    await this.ask("close", { channel });
  }

  suspect(params: Tell<ClientEdge, "suspect">): void {
    this.#peer.tell("suspect", params);
  }

  progress(channel: number): void {
    this.#peer.tell("progress", { channel });
  }

  endpoint(params: Tell<ClientEdge, "endpoint">): void {
    this.#peer.tell("endpoint", params);
  }

  /** Never the same twice on a connection. */
  nextChannel(): number {
    return ++this.#lastChannel;
  }

  disconnect(): void {
    this.#peer.close();
  }
}

/** Throws "disconnected" where no ring3 runs and "denied" where its socket is not this user's; both say what to do. */
export function connectToManager(directory: string, notices: ManagerNotices = {}): ManagerConnection {
  try {
    return new ManagerConnection(connect(controlSocket(directory)), notices);
  } catch (cause) {
    throw connectFailure(directory, cause as DeviceError);
  }
}

function connectFailure(directory: string, cause: DeviceError): DeviceError {
  const { errno } = cause;
  if (errno === ENOENT || errno === ECONNREFUSED) {
    return sentence(
      "disconnected",
      `ring3 is not running in ${directory}: start it with "ring3 up", or name another directory with --state-dir`,
      { errno, cause },
    );
  }
  if (errno === EACCES) {
    return sentence(
      "denied",
      `ring3 in ${directory} belongs to another user: run this as that user or as root`,
      { errno, cause },
    );
  }
  return cause;
}
