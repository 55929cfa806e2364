// Runs in: keeper. Owns: every process of ring3. Starts what the manager asks for, reaps it, puts a new manager in a dead
// one's place, and ends it all at the end.

import type { Params } from "@ring3/control/edge";
import type { keeperEdge } from "@ring3/control/keeper-edge";
import { keeperEdge as edge } from "@ring3/control/keeper-edge";
import { Answer, type FrameTransport, type Handed, type ServingPeer, servingPeer } from "@ring3/control/peer";
import type { Clock, Timer } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { Records } from "./records.ts";
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
/** A manager that has lived for so long does not die of what it was left: what it dies of later is counted anew. */
const HEALTHY_MS = 2_000;
/** So many managers in a row that did not: there will be none that can. */
const DEATHS_MAX = 5;
/** Nobody but the manager has its end of the connection. Should somebody all the same, ring3 goes on after this without the last words. */
const UNREAD_MS = 30_000;
/** Has a program that gives back what is in the kernel to do so: some writes to sysfs, by a process that has to start first on a busy machine. */
const GIVE_BACK_MS = 10_000;
/** Before the second start in a row, doubled for each further one; the first is at once. */
const BACKOFF_MS = 250;

/** One start of the manager. */
export interface ManagerStart<D extends Handed> {
  readonly spec: ProcessSpec;
  /** The keeper's end of the connection to it. */
  readonly transport: FrameTransport<D>;
  /** The manager has been started, or could not be: what was opened for that is closed. */
  started(): void;
}

/** `number`: how many managers there were before; `deaths`: how many of those died in a row. */
export type PrepareManager<D extends Handed> = (number: number, deaths: number) => ManagerStart<D>;

/**
 * One keeper, one manager at a time. `ended` is called once, when nothing runs any more: true where that was asked for. `said`: for people,
 * while it goes on. `giveBack`: is started last where no manager has ended it all in order, and gives the kernel back what outlives them.
 */
export class Keeper<D extends Handed> {
  readonly #spawn: Spawn;
  readonly #clock: Clock;
  readonly #prepare: PrepareManager<D>;
  readonly #ended: (inOrder: boolean, reason: string) => void;
  readonly #said: (text: string) => void;
  #giveBack: ProcessSpec | undefined;
  readonly #service: ServiceManager;
  readonly #children = new Map<string, Child>();
  readonly #records = new Records<D>();
  #peer: ServingPeer<typeof keeperEdge> | undefined;
  #manager: Child | undefined;
  #managers = 0;
  #deaths = 0;
  #startedAt = 0;
  /** A manager has served once: whatever ends the next one, it is not how ring3 was started. */
  #served = false;
  #again: Timer | undefined;
  #stopping: Timer | undefined;
  #over = false;
  #stopMs = STOP_MS;
  #reason = "";

  constructor(
    spawn: Spawn,
    clock: Clock,
    service: ServiceManager,
    prepare: PrepareManager<D>,
    ended: (inOrder: boolean, reason: string) => void,
    said: (text: string) => void,
    giveBack?: ProcessSpec,
  ) {
    this.#spawn = spawn;
    this.#clock = clock;
    this.#service = service;
    this.#prepare = prepare;
    this.#ended = ended;
    this.#said = said;
    this.#giveBack = giveBack;
  }

  start(): void {
    const { spec, transport, started } = this.#prepare(this.#managers++, this.#deaths);
    this.#startedAt = this.#clock.now();
    const peer = servingPeer<typeof edge, D>(
      edge,
      transport,
      {
        spawn: (params, fds) => this.#start(params, fds),
        hold: ({ name }, fds) => {
          this.#records.hold(name, fds);
          return {};
        },
        inherit: ({ index }) => {
          const { name, note, held } = this.#records.at(index) ?? { name: "", note: null, held: [] };
          const record = name === "" ? null : { name, note };
          return new Answer(
            { record },
            held.map(({ fd }) => fd),
          );
        },
        children: () => ({ children: [...this.#children].map(([name, { pid }]) => ({ name, pid })) }),
      },
      {
        kill: ({ name }) => this.#children.get(name)?.kill(),
        note: ({ name, note }) => this.#records.note(name, note),
        drop: ({ name }) => this.#records.drop(name),
        serving: () => this.#serving(),
        alive: () => this.#service.tell("WATCHDOG=1"),
        patience: ({ ms }) => {
          this.#stopMs = ms;
        },
      },
    );
    this.#peer = peer;
    try {
      this.#manager = this.#spawn(spec, (exit) => {
        const livedMs = this.#clock.now() - this.#startedAt;
        this.#whenHeard(peer, () => this.#managerExited(exit, livedMs));
      });
    } finally {
      started();
    }
  }

  /** The last that a dead manager has said may lie unread, and counts: its connection ends behind it. */
  #whenHeard(peer: ServingPeer<typeof edge>, go: () => void): void {
    if (peer.signal.aborted) return go();
    const late = this.#clock.after(UNREAD_MS, () => peer.close());
    peer.signal.addEventListener("abort", () => {
      late.cancel();
      go();
    });
  }

  /** From here on a manager that hangs is noticed: it misses its sign of life three times in the time that the service manager gives. */
  #serving(): void {
    this.#served = true;
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

  /** Has the manager end everything in order, and ends it without the manager where that takes too long, or where there is none. */
  stop(): void {
    if (this.#stopping !== undefined || this.#over) return;
    this.#service.tell("STOPPING=1");
    if (this.#again !== undefined) return this.#end("there was no manager to stop it in order");
    this.#peer?.notify("stop", {});
    this.#stopping = this.#clock.after(this.#stopMs, () => {
      this.#reason = `the manager did not stop within ${this.#stopMs / 1000} s`;
      this.#manager?.kill();
    });
  }

  #managerExited(exit: Exit, livedMs: number): void {
    this.#manager = undefined;
    this.#peer = undefined;
    const how = `the manager ended with ${exit.signal ?? `code ${exit.code}`}`;
    if (this.#stopping !== undefined) return this.#end(exit.code === 0 ? "" : how);
    if (!this.#served) return this.#end(how);
    this.#deaths = livedMs < HEALTHY_MS ? this.#deaths + 1 : 1;
    if (this.#deaths > DEATHS_MAX) return this.#end(`${how}, the ${this.#deaths}th in a row`);
    const delay = this.#deaths === 1 ? 0 : BACKOFF_MS * 2 ** (this.#deaths - 2);
    this.#said(`${how}; another takes its place${delay === 0 ? "" : ` in ${delay} ms`}`);
    this.#again = this.#clock.after(delay, () => {
      this.#again = undefined;
      this.#startAgain();
    });
  }

  #startAgain(): void {
    try {
      this.start();
    } catch (error) {
      this.#end(`no manager could be started: ${(error as Error).message}`);
    }
  }

  /** Whatever still runs is killed, and loses what it hangs on. */
  #end(reason: string): void {
    this.#over = true;
    this.#reason ||= reason;
    this.#again?.cancel();
    this.#stopping?.cancel();
    this.#records.clear();
    for (const child of this.#children.values()) child.kill();
    this.#endWhenEmpty();
  }

  #endWhenEmpty(): void {
    if (!this.#over || this.#children.size > 0) return;
    const giveBack = this.#giveBack;
    if (this.#reason === "" || giveBack === undefined) return this.#ended(this.#reason === "", this.#reason);
    this.#giveBack = undefined;
    try {
      const child = this.#spawn(giveBack, () => {
        late.cancel();
        this.#endWhenEmpty();
      });
      const late = this.#clock.after(GIVE_BACK_MS, () => child.kill());
    } catch (error) {
      this.#said(`nothing is given back to the kernel before the next start: ${(error as Error).message}`);
      this.#endWhenEmpty();
    }
  }
}
