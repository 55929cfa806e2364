// Runs in: manager. Owns: the connection on which one driver's host is spoken to, and who hears what it says.

import type { MethodName, Params } from "@ring3/control/edge";
import { hostEdge } from "@ring3/control/host-edge";
import { type CallingPeer, callingPeer, type Sendable } from "@ring3/control/peer";
import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { FrameSocket } from "@ring3/kernel/socket/frame-socket";
import { deadline } from "./deadline.ts";
import type { HostListeners } from "./host-process.ts";

/** A host answers all but `probe` within this, or hangs: the sdk gives a driver's own part in it half as long. */
const ANSWER_MS = 10_000;

/** What a driver gets to end in order before it is killed. */
export const REMOVE_MS = 2000;

type HostEdge = typeof hostEdge;

export class HostConnection {
  readonly peer: CallingPeer<HostEdge, Descriptor>;
  listeners: HostListeners;
  readonly #socket: FrameSocket;
  readonly #clock: Clock;
  readonly #isHeld: () => boolean;
  readonly #answerMs: number;
  /** Of what is asked, each with its method. */
  readonly #unanswered = new Map<(error: DeviceError) => void, string>();
  #loaded: Promise<void> = Promise.reject(new DeviceError("internal", "driver of a host that loads none"));

  constructor(
    control: Descriptor,
    { clock, timeScale }: { readonly clock: Clock; readonly timeScale: number },
    isHeld: () => boolean,
    listeners: HostListeners,
  ) {
    this.#isHeld = isHeld;
    this.#clock = clock;
    this.#answerMs = ANSWER_MS * timeScale;
    this.listeners = listeners;
    this.#loaded.catch(() => {}); // told with the probe, or with the spare's end
    this.#socket = new FrameSocket(control);
    this.peer = callingPeer<HostEdge, Descriptor>(hostEdge, this.#socket, {
      log: (line) => this.listeners.log(line),
      failed: (failure) => this.listeners.failed(failure),
      disconnected: () => this.listeners.disconnected(),
      changed: (change) => this.listeners.changed(change),
    });
  }

  /** Its process has ended: hears what it has said before. */
  hearOut(): void {
    this.#socket.drain();
  }

  get loaded(): Promise<void> {
    return this.#loaded;
  }

  /** Asks it to load the driver; told by `loaded`. */
  load(params: Params<HostEdge, "load">, code: Descriptor): void {
    this.#loaded = this.peer.call("load", params, [code.fd]).then(() => {});
    this.#loaded.catch(() => {}); // told with the probe, or with the spare's end
  }

  async ask<M extends MethodName<HostEdge>>(
    method: M,
    params: Params<HostEdge, M>,
    fds?: readonly Sendable[],
  ) {
    const timer = deadline(this.#clock, this.#answerMs, this.#isHeld, () => {
      const text = `it has not answered "${method}" within ${this.#answerMs} ms`;
      this.listeners.lost({ kind: "deadline", text, outside: false });
    });
    const { promise: forgone, reject } = Promise.withResolvers<never>();
    this.#unanswered.set(reject, method);
    try {
      return await Promise.race([this.peer.call(method, params, fds), forgone]);
    } finally {
      this.#unanswered.delete(reject);
      timer.cancel();
    }
  }

  forgo(): void {
    for (const [reject, method] of this.#unanswered)
      reject(new DeviceError("timeout", `${method}: the driver's process hangs and cannot be ended`));
  }

  async remove(requests: "fail" | "keep", withinMs: number): Promise<void> {
    const timer = this.#clock.after(withinMs, () => this.peer.close());
    await this.peer.call("remove", { requests }).finally(() => timer.cancel());
  }
}
