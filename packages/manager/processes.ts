// Runs in: manager. Owns: the connection to the keeper, who starts and reaps every process for the manager, and keeps what the
// next one will need.

import type { Notice } from "@ring3/control/edge";
import { keeperEdge } from "@ring3/control/keeper-edge";
import { encodeRecord, type LegacyKind, type LegacyRecord } from "@ring3/control/legacy";
import { type CallingPeer, callingPeer, type FrameTransport, type Sendable } from "@ring3/control/peer";
import type { Clock } from "@ring3/core/clock";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import type { Inherited, Legacy } from "./legacy.ts";

export type Exited = Notice<typeof keeperEdge, "exited">;

export interface ProcessOrder {
  readonly file: string;
  readonly args: readonly string[];
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Become descriptors 0, 1, 2 … of the process. */
  readonly stdio: readonly Sendable[];
}

/** A child of the keeper's. */
export interface Started {
  readonly name: string;
  readonly pid: number;
  /** The keeper's to do, whose child it is until it is reaped. */
  kill(): void;
}

export class Processes implements Legacy {
  readonly #peer: CallingPeer<typeof keeperEdge, Descriptor>;
  readonly #listeners = new Map<string, (exit: Exited) => void>();
  /** Of children that nobody has taken over yet: the answer that names one and the notice of its end may come at once. */
  readonly #early = new Map<string, Exited>();
  readonly #clock: Clock;
  readonly #manager: number;
  #count = 0;

  /** `manager`: how many there were before. `stop`: the keeper wants everything ended in order; `lost`: the keeper is gone. */
  constructor(
    transport: FrameTransport<Descriptor>,
    clock: Clock,
    manager: number,
    stop: () => void,
    lost: () => void,
  ) {
    this.#clock = clock;
    this.#manager = manager;
    this.#peer = callingPeer(keeperEdge, transport, {
      exited: (exit) => this.#exited(exit),
      stop,
      watch: ({ everyMs }) => this.#beat(everyMs),
    });
    this.#peer.signal.addEventListener("abort", lost);
  }

  /** Resolves once it runs. `exited` is called once, when it has been reaped. */
  async start(label: string, order: ProcessOrder, exited: (exit: Exited) => void): Promise<Started> {
    const name = `${label}/${this.#manager}.${++this.#count}`;
    this.#listeners.set(name, exited);
    try {
      const { file, args, user, stdio } = order;
      const { result } = await this.#peer.call(
        "spawn",
        { name, file, args: [...args], stdio: stdio.length, ...user },
        stdio,
      );
      return this.#started(name, result.pid);
    } catch (error) {
      this.#listeners.delete(name);
      throw error;
    }
  }

  /** One that an earlier manager has had started; it may have ended since the keeper was asked. */
  takeOver({ name, pid }: { name: string; pid: number }, exited: (exit: Exited) => void): Started {
    const early = this.#early.get(name);
    this.#early.delete(name);
    if (early === undefined) this.#listeners.set(name, exited);
    else queueMicrotask(() => exited(early));
    return this.#started(name, pid);
  }

  #started(name: string, pid: number): Started {
    return { name, pid, kill: () => this.#peer.tell("kill", { name }) };
  }

  note<K extends LegacyKind>(kind: K, name: string, record: LegacyRecord<K>): void {
    this.keep(name, encodeRecord(kind, record));
  }

  /** A record without a form. */
  keep(name: string, note: string): void {
    this.#peer.tell("note", { name, note });
  }

  hold(name: string, descriptors: readonly Sendable[]): void {
    this.#peer.call("hold", { name }, descriptors).catch(() => {}); // it can only fail with the keeper, and then all ends
  }

  drop(name: string): void {
    this.#peer.tell("drop", { name });
  }

  /** What earlier managers have left, and which of their processes live. */
  async inherit(): Promise<Inherited> {
    const records: Inherited["records"][number][] = [];
    for (let index = 0; ; index++) {
      const { result, fds } = await this.#peer.call("inherit", { index });
      if (result.record === null) break;
      records.push({ ...result.record, held: fds });
    }
    const { result } = await this.#peer.call("children", {});
    return { records, children: result.children };
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
    if (listener === undefined) this.#early.set(exit.name, exit);
    else listener(exit);
  }
}
