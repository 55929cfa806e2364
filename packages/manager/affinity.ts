// Runs in: manager. Owns: on which processors reflectors and the driver hosts that they ask run. A wake-up across processors costs ten times one on the
// same, so they share one for as long as that has time for them all.

import type { Clock, Timer } from "@ring3/core/clock";
import type { Manager } from "./manager.ts";

/** The kernel's, on this machine. */
export interface Processors {
  /** Those that this manager may use, which are all that anyone gets from it. */
  readonly all: readonly number[];
  /** Of a process, so far. */
  cpuMs(pid: number): number;
  /** Where a process ran last; undefined: it is dead. */
  last(pid: number): number | undefined;
  /** From now on; a process that has died meanwhile is nothing. */
  set(pid: number, processors: readonly number[]): void;
}

/** A reflector, and the hosts that it asks and nobody else. */
export interface Sharing {
  readonly reflector: number;
  readonly hosts: readonly number[];
}

const LOOK_MS = 1000;
/** Of one processor, that all of them together may use to be put on one, and while they are there. */
const SHARE_MAX = 0.7;
const SHARED_MAX = 0.92;
/** Below it nothing is to be gained. */
const IDLE = 0.02;

/** Do they share a processor from now on? `load`: processors that they have used together since the last look. */
export function shares(shared: boolean, load: number): boolean {
  if (shared) return load <= SHARED_MAX;
  return load >= IDLE && load <= SHARE_MAX;
}

interface Group {
  /** Where they are; undefined: anywhere. */
  processor: number | undefined;
  load: number;
  readonly cpuMs: Map<number, number>;
  readonly placed: Set<number>;
}

/**
 * Of each reflector of a class, as long as any driver runs that it may come to ask. A host that is polled has a processor of its own, and an inline driver
 * has its reflector's.
 */
export function sharing(
  { devices, claims }: Pick<Manager, "devices" | "claims">,
  reflectors: readonly { class: string; pid: number }[],
): Sharing[] {
  return reflectors.flatMap(({ class: name, pid }) => {
    const served = devices.filter(({ host, driver }) => {
      const { class: className, latency, placement } = driver?.manifest ?? {};
      return host !== undefined && className === name && latency !== "poll" && placement !== "inline";
    });
    // A pool's process is asked by the reflector alone where all in it are.
    const others = devices.filter((device) => !served.includes(device) || !claims.isReflectorsAlone(device));
    const elsewhere = new Set(others.map(({ hostPid }) => hostPid));
    const hosts = new Set(served.map(({ host }) => host!.pid).filter((host) => !elsewhere.has(host)));
    return served.length === 0 ? [] : [{ reflector: pid, hosts: [...hosts] }];
  });
}

export class Affinity {
  readonly #clock: Clock;
  readonly #processors: Processors;
  readonly #sharing: () => readonly Sharing[];
  readonly #groups = new Map<number, Group>();
  #looked: number;
  #timer: Timer | undefined;

  /** `sharing` is asked with each look. */
  constructor(clock: Clock, processors: Processors, sharing: () => readonly Sharing[]) {
    this.#clock = clock;
    this.#processors = processors;
    this.#sharing = sharing;
    this.#looked = clock.now();
  }

  /** Something runs that there was not before. Looks once a second from then on, when the watchdogs do, until there is nothing to look at. */
  wake(): void {
    if (this.#timer !== undefined || this.#processors.all.length < 2) return;
    this.#timer = this.#clock.after(LOOK_MS - (this.#clock.now() % LOOK_MS), () => {
      this.#timer = undefined;
      if (this.#look()) this.wake();
    });
  }

  /** Where a host is and why, in words. */
  of(host: number): string {
    const { all } = this.#processors;
    if (all.length < 2) return `on processor ${all[0]}, the only one that ring3 may use`;
    for (const { placed, processor, load } of this.#groups.values()) {
      if (!placed.has(host)) continue;
      const used = `${Math.round(load * 100)} % of a processor together`;
      return processor === undefined
        ? `on any processor: it and those that share its reflector use ${used}`
        : `on processor ${processor}, with its reflector: a wake-up costs less there, and they use ${used}`;
    }
    return "on any processor: nobody asks it, somebody else than a reflector does, or it was not considered yet";
  }

  #look(): boolean {
    const now = this.#clock.now();
    const elapsed = Math.max(1, now - this.#looked);
    this.#looked = now;
    const sharing = this.#sharing();
    const reflectors = new Set(sharing.map(({ reflector }) => reflector));
    for (const gone of this.#groups.keys()) if (!reflectors.has(gone)) this.#groups.delete(gone);
    for (const each of sharing) this.#consider(each, elapsed);
    return sharing.length > 0;
  }

  #consider({ reflector, hosts }: Sharing, elapsed: number): void {
    const before = this.#groups.get(reflector);
    const group: Group = before ?? { processor: undefined, load: 0, cpuMs: new Map(), placed: new Set() };
    this.#groups.set(reflector, group);
    const members = new Set([reflector, ...hosts]);
    for (const left of group.placed)
      if (!members.has(left)) {
        group.placed.delete(left);
        this.#processors.set(left, this.#processors.all);
      }
    group.load = this.#usedBy(members, group) / elapsed;
    const shared = group.processor !== undefined;
    const share = shares(shared, group.load);
    if (share && !shared) group.processor = this.#processors.last(reflector);
    if (!share && shared) group.processor = undefined;
    // At first too: an earlier manager may have left them where they are.
    const changed = before === undefined || (group.processor !== undefined) !== shared;
    const where = group.processor === undefined ? this.#processors.all : [group.processor];
    for (const pid of members) {
      if (!changed && (group.placed.has(pid) || group.processor === undefined)) continue;
      this.#processors.set(pid, where);
    }
    for (const pid of members) group.placed.add(pid);
  }

  /** Milliseconds since the last look; one that was not there then does not count yet. */
  #usedBy(members: ReadonlySet<number>, { cpuMs }: Group): number {
    let used = 0;
    for (const pid of members) {
      const now = this.#processors.cpuMs(pid);
      used += now - (cpuMs.get(pid) ?? now);
      cpuMs.set(pid, now);
    }
    for (const gone of cpuMs.keys()) if (!members.has(gone)) cpuMs.delete(gone);
    return used;
  }
}
