// Runs in: keeper. Owns: every process of ring3. Starts what the manager asks for, reaps it, and ends it all at the end.

import type { Params } from "@ring3/control/edge";
import type { keeperEdge } from "@ring3/control/keeper-edge";
import { keeperEdge as edge } from "@ring3/control/keeper-edge";
import { type FrameTransport, type Handed, type ServingPeer, servingPeer } from "@ring3/control/peer";
import type { Clock, Timer } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { ServiceManager } from "./service-manager.ts";

export interface Child {
  readonly pid: number;
  kill(): void;
}

export interface ProcessSpec {
  readonly file: string;
  readonly args: readonly string[];
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** They become the child's descriptors 0, 1, 2 … */
  readonly stdio: readonly number[];
}

export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** Starts a process; throws DeviceError where it cannot be started. `exited` is called once, after it was reaped. */
export type Spawn = (spec: ProcessSpec, exited: (exit: Exit) => void) => Child;

/** A manager that has not said how long it needs to stop everything in order has this long. */
const STOP_MS = 15_000;

/** One keeper, one manager. `ended` is called once, when nothing runs any more: true where that was asked for. */
export class Keeper<D extends Handed> {
  readonly #spawn: Spawn;
  readonly #clock: Clock;
  readonly #ended: (inOrder: boolean, reason: string) => void;
  readonly #service: ServiceManager;
  readonly #children = new Map<string, Child>();
  #peer: ServingPeer<typeof keeperEdge> | undefined;
  #manager: Child | undefined;
  #stopping: Timer | undefined;
  #stopMs = STOP_MS;
  #reason = "";

  constructor(
    spawn: Spawn,
    clock: Clock,
    service: ServiceManager,
    ended: (inOrder: boolean, reason: string) => void,
  ) {
    this.#spawn = spawn;
    this.#clock = clock;
    this.#service = service;
    this.#ended = ended;
  }

  start(manager: ProcessSpec, transport: FrameTransport<D>): void {
    this.#peer = servingPeer(
      edge,
      transport,
      { spawn: (params, fds: D[]) => this.#start(params, fds) },
      {
        kill: ({ name }) => this.#children.get(name)?.kill(),
        serving: () => this.#serving(),
        alive: () => this.#service.tell("WATCHDOG=1"),
        patience: ({ ms }) => {
          this.#stopMs = ms;
        },
      },
    );
    this.#manager = this.#spawn(manager, (exit) => this.#managerExited(exit));
  }

  /** From here on a manager that hangs is noticed: it misses its sign of life three times in the time that the service manager gives. */
  #serving(): void {
    this.#service.tell("READY=1");
    const { watchMs } = this.#service;
    if (watchMs !== undefined) this.#peer!.notify("watch", { everyMs: Math.max(1, Math.floor(watchMs / 3)) });
  }

  #start(params: Params<typeof keeperEdge, "spawn">, fds: D[]): { pid: number } {
    const what = `start ${params.name}`;
    if (this.#children.has(params.name)) throw new DeviceError("busy", `${what}: such a process runs`);
    if (fds.length !== params.stdio)
      throw new DeviceError("protocol", `${what}: ${fds.length} descriptors, expected ${params.stdio}`);
    const { name, file, args, uid, gid } = params;
    const stdio = fds.map(({ fd }) => fd);
    const child = this.#spawn({ file, args, uid, gid, stdio }, (exit) => {
      this.#children.delete(name);
      this.#peer?.notify("exited", { name, pid: child.pid, ...exit });
      this.#endWhenEmpty();
    });
    this.#children.set(name, child);
    for (const fd of fds) fd.close();
    return { pid: child.pid };
  }

  /** Has the manager end everything in order, and ends it without the manager where that takes too long. */
  stop(): void {
    if (this.#stopping !== undefined) return;
    this.#service.tell("STOPPING=1");
    this.#peer?.notify("stop", {});
    this.#stopping = this.#clock.after(this.#stopMs, () => {
      this.#reason = `the manager did not stop within ${this.#stopMs / 1000} s`;
      this.#manager?.kill();
    });
  }

  #managerExited(exit: Exit): void {
    this.#manager = undefined;
    if (this.#stopping === undefined || exit.code !== 0)
      this.#reason ||= `the manager ended with ${exit.signal ?? `code ${exit.code}`}`;
    this.#stopping?.cancel();
    this.#peer?.close();
    for (const child of this.#children.values()) child.kill();
    this.#endWhenEmpty();
  }

  #endWhenEmpty(): void {
    if (this.#manager === undefined && this.#children.size === 0)
      this.#ended(this.#reason === "", this.#reason);
  }
}
