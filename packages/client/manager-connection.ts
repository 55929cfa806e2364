// Runs in: CLI, applications and reflectors. Owns: one control connection to ring3, over the deaths of its managers, and the channel ids used on it.
import { clientEdge } from "@ring3/control/client-edge";
import type { MethodName, Params, Result, Tell } from "@ring3/control/edge";
import { type CallingPeer, callingPeer, type NoticeListeners, type Sendable } from "@ring3/control/peer";
import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { FrameSocket } from "@ring3/kernel/socket/frame-socket";

export type ClientEdge = typeof clientEdge;
export type ManagerNotices = NoticeListeners<ClientEdge>;
type Peer = CallingPeer<ClientEdge, Descriptor>;
type Ask = <M extends MethodName<ClientEdge>>(
  method: M,
  params: Params<ClientEdge, M>,
) => Promise<Result<ClientEdge, M>>;

/** Connections in a row that ended before anything was answered on them: whoever accepts them does not want us. */
const VAIN_MAX = 6;
/** Before the second of them, and twice that each time. */
const VAIN_MS = 50;

export class ManagerConnection {
  readonly #connect: () => Descriptor;
  readonly #notices: ManagerNotices;
  readonly #clock: Clock;
  readonly #over = new AbortController();
  #peer: Peer;
  /** While another manager is being found and told of us. */
  #resuming: Promise<void> | undefined;
  #vain = 0;
  #lastChannel = 0;
  /**
   * Called with each further manager's connection, and before anything else is asked there: whoever has said something to the last one that
   * the next one has to know says it again.
   */
  onResumed: (ask: Ask) => Promise<void> = async () => {};

  /**
   * `connect`: a stream to the manager there is, or will be; throws DeviceError where ring3 has ended. Called at once, and again whenever a manager
   * has died. Its stream belongs to the connection.
   */
  constructor(connect: () => Descriptor, notices: ManagerNotices, clock: Clock) {
    this.#connect = connect;
    this.#clock = clock;
    this.#notices = {
      ...notices,
      dismissed: ({ reason }) => this.#end(new DeviceError("denied", `ring3 has hung up: ${reason}`)),
    };
    this.#peer = this.#open();
  }

  /** Aborts when ring3 has ended, or has hung up on us; a manager's death alone is none of that. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  #open(): Peer {
    const peer = callingPeer<ClientEdge, Descriptor>(
      clientEdge,
      new FrameSocket(this.#connect()),
      this.#notices,
    );
    peer.signal.addEventListener("abort", () => this.#lost());
    return peer;
  }

  #lost(): void {
    if (this.signal.aborted) return;
    const resuming = this.#resume().catch((error: DeviceError) => {
      if (this.#resuming === resuming) this.#end(error);
    });
    this.#resuming = resuming;
    void resuming.then(() => {
      if (this.#resuming === resuming) this.#resuming = undefined;
    });
  }

  async #resume(): Promise<void> {
    if (++this.#vain > VAIN_MAX)
      throw new DeviceError("disconnected", "every connection to ring3 is closed at once");
    // Even where that is 0: what the dead one has answered is acted on first.
    await this.#pause(this.#vain > 1 ? VAIN_MS * 2 ** (this.#vain - 2) : 0);
    if (this.signal.aborted) return;
    const peer = this.#openAgain();
    this.#peer = peer;
    try {
      await this.onResumed((method, params) => this.#askAt(peer, method, params));
    } catch (error) {
      if (!peer.signal.aborted) throw error; // it died too: the next one is being found
    }
  }

  #openAgain(): Peer {
    try {
      return this.#open();
    } catch (cause) {
      throw new DeviceError("disconnected", "ring3 has ended", { cause });
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.after(ms, resolve));
  }

  #end(reason: DeviceError): void {
    this.#over.abort(reason);
    this.#peer.close();
  }

  /** Any method that brings no descriptors. Rejects with the manager's DeviceError. What a manager's death leaves unanswered is asked again. */
  readonly ask: Ask = async (method, params) => (await this.#call(method, params, [])).result;

  async #askAt<M extends MethodName<ClientEdge>>(peer: Peer, method: M, params: Params<ClientEdge, M>) {
    return (await this.#callAt(peer, method, params, [])).result;
  }

  async #callAt<M extends MethodName<ClientEdge>>(
    peer: Peer,
    method: M,
    params: Params<ClientEdge, M>,
    fds: readonly Sendable[],
  ): Promise<{ result: Result<ClientEdge, M>; fds: Descriptor[] }> {
    const answer = await peer.call(method, params, fds);
    this.#vain = 0;
    return answer;
  }

  async #call<M extends MethodName<ClientEdge>>(
    method: M,
    params: Params<ClientEdge, M>,
    fds: readonly Sendable[],
  ): Promise<{ result: Result<ClientEdge, M>; fds: Descriptor[] }> {
    for (;;) {
      while (this.#resuming !== undefined) await this.#resuming;
      const peer = this.#peer;
      try {
        return await this.#callAt(peer, method, params, fds);
      } catch (error) {
        if (!peer.signal.aborted) throw error;
        if (this.signal.aborted) throw this.signal.reason ?? error;
      }
    }
  }

  /** `memory` is lent: kept by the caller until this is answered. The answer's descriptors are the caller's. */
  open(
    params: Params<ClientEdge, "open">,
    memory: number,
  ): Promise<{ result: Result<ClientEdge, "open">; fds: Descriptor[] }> {
    return this.#call("open", params, [memory]);
  }

  /** For reflectors: the socket is the caller's. */
  async listen(
    params: Params<ClientEdge, "listen">,
  ): Promise<Result<ClientEdge, "listen"> & { socket: Descriptor }> {
    const { result, fds } = await this.#call("listen", params, []);
    return { ...result, socket: fds[0]! };
  }

  /** For reflectors: the device is the caller's. */
  async inputDevice(
    params: Params<ClientEdge, "inputDevice">,
  ): Promise<Result<ClientEdge, "inputDevice"> & { descriptor: Descriptor }> {
    const { result, fds } = await this.#call("inputDevice", params, []);
    return { ...result, descriptor: fds[0]! };
  }

  async publish(
    params: Params<ClientEdge, "publish">,
  ): Promise<Result<ClientEdge, "publish"> & { device: Descriptor }> {
    const { result, fds } = await this.#call("publish", params, []);
    return { ...result, device: fds[0]! };
  }

  /** For reflectors: where the next manager will listen. The stream is the caller's. */
  async standby(): Promise<Descriptor> {
    return (await this.#callAt(this.#peer, "standby", {}, [])).fds[0]!;
  }

  /** What this client does with a device is told in that memory from now on; its descriptor is given away. Who has died meanwhile traces no more. */
  record(device: string, memory: Descriptor): void {
    this.#callAt(this.#peer, "record", { device }, [memory]).catch(() => {});
  }

  /** The answer's descriptors are the caller's. */
  trace(device: string): Promise<{ result: Result<ClientEdge, "trace">; fds: Descriptor[] }> {
    return this.#call("trace", { device }, []);
  }

  async close(opening: number): Promise<void> {
    await this.ask("close", { opening });
  }

  suspect(params: Tell<ClientEdge, "suspect">): void {
    this.#peer.tell("suspect", params);
  }

  progress(channel: number): void {
    this.#peer.tell("progress", { channel });
  }

  replayed(channel: number, requests: number): void {
    this.#peer.tell("replayed", { channel, requests });
  }

  /** For reflectors. */
  profile(params: Tell<ClientEdge, "profile">): void {
    this.#peer.tell("profile", params);
  }

  endpoint(params: Tell<ClientEdge, "endpoint">): void {
    this.#peer.tell("endpoint", params);
  }

  /** Never the same twice on a connection. */
  nextChannel(): number {
    return ++this.#lastChannel;
  }

  disconnect(): void {
    this.#end(new DeviceError("disconnected", "the connection to ring3 was closed"));
  }
}
