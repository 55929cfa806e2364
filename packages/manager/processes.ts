// Runs in: manager. Owns: the connection to the keeper, who starts and reaps every process for the manager.

import type { Notice } from "@ring3/control/edge";
import { keeperEdge } from "@ring3/control/keeper-edge";
import { type CallingPeer, callingPeer, type FrameTransport, type Sendable } from "@ring3/control/peer";
import type { Clock } from "@ring3/core/clock";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";

export type Exited = Notice<typeof keeperEdge, "exited">;

export interface ProcessOrder {
  readonly file: string;
  readonly args: readonly string[];
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Become descriptors 0, 1, 2 … of the process. */
  readonly stdio: readonly Sendable[];
}

export class Processes {
  readonly #peer: CallingPeer<typeof keeperEdge, Descriptor>;
  readonly #listeners = new Map<string, (exit: Exited) => void>();
  readonly #clock: Clock;
  #count = 0;

  /** `stop`: the keeper wants everything ended in order; `lost`: the keeper is gone. */
  constructor(transport: FrameTransport<Descriptor>, clock: Clock, stop: () => void, lost: () => void) {
    this.#clock = clock;
    this.#peer = callingPeer(keeperEdge, transport, {
      exited: (exit) => this.#exited(exit),
      stop,
      watch: ({ everyMs }) => this.#beat(everyMs),
    });
    this.#peer.signal.addEventListener("abort", lost);
  }

  /** Resolves once it runs; `kill` is the keeper's to do, whose child it is until it is reaped. `exited` is called once, when it has been reaped. */
  async start(
    label: string,
    order: ProcessOrder,
    exited: (exit: Exited) => void,
  ): Promise<{ pid: number; kill(): void }> {
    const name = `${label}/${++this.#count}`;
    this.#listeners.set(name, exited);
    try {
      const { file, args, user, stdio } = order;
      const { result } = await this.#peer.call(
        "spawn",
        { name, file, args: [...args], stdio: stdio.length, ...user },
        stdio,
      );
      return { ...result, kill: () => this.#peer.tell("kill", { name }) };
    } catch (error) {
      this.#listeners.delete(name);
      throw error;
    }
  }

  /** Clients are served from here on. */
  serving(): void {
    this.#peer.tell("serving", {});
  }

  #beat(everyMs: number): void {
    if (this.#peer.signal.aborted) return;
    this.#peer.tell("alive", {});
    this.#clock.after(everyMs, () => this.#beat(everyMs));
  }

  /** How long ending everything in order may take on this machine. */
  patience(ms: number): void {
    this.#peer.tell("patience", { ms });
  }

  #exited(exit: Exited): void {
    const listener = this.#listeners.get(exit.name);
    this.#listeners.delete(exit.name);
    listener?.(exit);
  }
}
