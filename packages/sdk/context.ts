// Runs in: driver host, sdk/test. Owns: one incarnation of a driver: its signal, its scope, its timers and the events it sends.
import { added } from "@ring3/core/added";
import type { Clock, RunningClock } from "@ring3/core/clock";
import type { Contract } from "@ring3/core/contract";
import { DeviceError } from "@ring3/core/errors";
import type { Log } from "@ring3/core/log";
import { same } from "./changes.ts";
import type { Context, DeviceIdentity } from "./define.ts";
import { misfit } from "./misfit.ts";
import { currentWait, runWithin } from "./request-context.ts";
import { createState, type StateMemory } from "./state.ts";
import { Limit, type Wait } from "./wait.ts";

export interface ContextParts {
  readonly contract: Contract;
  readonly device: DeviceIdentity;
  readonly incarnation: number;
  readonly reason: string;
  /** One that does not count some of the time says how much. */
  readonly clock: Clock & Partial<RunningClock>;
  readonly log: Log;
  readonly state: StateMemory;
  /** Must not wait: what is emitted before a request completes reaches the client before its completion. */
  readonly emit: (unit: number, event: string, data: unknown) => void;
}

/** The longest one run of `ctx.every` may wait for its device. */
export const EVERY_DEADLINE_MS = 30_000;
/** Occurrences, and kinds of all other events, that a driver may tell of while it probes. */
const EARLY_EVENTS_MAX = 64;

export interface Incarnation<C extends Contract> {
  readonly context: Context<C>;
  /** The driver has been probed: lets events through to its `units` units, early ones first. */
  open(units: number): void;
  /** Starts no run of `ctx.every` from here on, and resolves once none is under way. */
  rest(): Promise<void>;
  /**
   * Tells what holds at rest in place of the states that the driver has told, and tells nothing else of such a unit until it wakes. `properties`: the units'.
   */
  release(properties: readonly unknown[]): void;
  /** The driver is about to resume: what it tells counts again. */
  wake(): void;
  /** Runs that fell due meanwhile begin; states that it has told at rest, and not again since, are told. */
  work(): void;
  /** Stops timers and aborts `ctx.signal`. */
  stop(reason: DeviceError): void;
  /** Stops, then disposes of `ctx.scope`. What that throws is logged. */
  close(reason: DeviceError): Promise<void>;
}

export function createContext<C extends Contract>(parts: ContextParts): Incarnation<C> {
  const { contract, clock, log } = parts;
  const controller = new AbortController();
  const scope = new AsyncDisposableStack();
  const early: { unit: number; event: string; data: unknown }[] = [];
  let units: number | undefined;
  let resting = false;
  let released = false;
  let rests = 0;
  /** By unit and event: the states that clients were told last. */
  const states: Map<string, unknown>[] = [];
  /** What is held at rest is let go: nothing that the device tells then is told. */
  const releases = Object.values(contract.events).some((spec) => spec.released !== undefined);
  /** By unit and event: what is so, as the driver has said at rest. */
  const unheard: Map<string, unknown>[] = [];
  /** Of `ctx.every`: the runs under way, and those that fell due during a rest. */
  const underWay = new Set<Promise<void>>();
  const due = new Set<() => void>();

  function emit(event: string, data: unknown, unit = 0): void {
    const spec = contract.events[event];
    if (spec === undefined)
      throw new DeviceError("invalid", `emit: "${contract.name}" has no event "${event}"`);
    const fault = spec.data && misfit(spec.data, data);
    if (fault !== undefined) throw new DeviceError("invalid", `emit "${event}": ${fault}`);
    if (units === undefined) {
      // A device is used while it starts, however long that takes: of a state the latest counts, of changes their sum.
      const { overflow } = spec;
      const at =
        overflow === "drop-and-count"
          ? -1
          : early.findIndex((other) => other.unit === unit && other.event === event);
      const [before] = at < 0 ? [] : early.splice(at, 1);
      if (early.length >= EARLY_EVENTS_MAX)
        throw new DeviceError("invalid", `emit: more than ${EARLY_EVENTS_MAX} events while probing`);
      const isSum = overflow === "add" && before !== undefined;
      early.push({ unit, event, data: isSum ? added(spec.data, before.data, data) : data });
      return;
    }
    if (!Number.isInteger(unit) || unit < 0 || unit >= units)
      throw new DeviceError("invalid", `emit "${event}": expected unit 0 to ${units - 1}, found ${unit}`);
    if (controller.signal.aborted) return;
    if (released && releases) {
      if (spec.sticky) unheard[unit]!.set(event, data); // it reads on although it was told to rest
      return;
    }
    unheard[unit]!.delete(event);
    if (spec.released !== undefined) states[unit]!.set(event, data);
    parts.emit(unit, event, data);
  }

  function sleep(ms: number, given?: Wait): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const limit = new Limit(
      clock,
      Number.POSITIVE_INFINITY,
      "sleep",
      given ?? currentWait() ?? { signal: controller.signal },
    );
    const fail = (): void => reject(limit.over);
    limit.signal.addEventListener("abort", fail, { once: true });
    if (limit.over !== undefined) fail();
    const timer = clock.after(ms, resolve);
    return promise.finally(() => {
      timer.cancel();
      limit.signal.removeEventListener("abort", fail);
      limit[Symbol.dispose]();
    });
  }

  function every(ms: number, run: () => void | Promise<void>): void {
    let timer = clock.after(ms, again);
    controller.signal.addEventListener("abort", () => timer.cancel(), { once: true });
    function again(): void {
      if (resting) return void due.add(again);
      const running = once().finally(() => underWay.delete(running));
      underWay.add(running);
    }
    async function once(): Promise<void> {
      using limit = new Limit(clock, clock.now() + EVERY_DEADLINE_MS, "ctx.every", {
        signal: controller.signal,
      });
      try {
        await runWithin(limit, run);
      } catch (error) {
        if (!controller.signal.aborted)
          log.warn(`ctx.every: ${error instanceof Error ? error.message : error}`);
      }
      if (!controller.signal.aborted) timer = clock.after(ms, again);
    }
  }

  const context: Context<C> = {
    device: parts.device,
    incarnation: parts.incarnation,
    reason: parts.reason,
    signal: controller.signal,
    get rests() {
      return rests;
    },
    scope,
    state: createState(parts.state),
    log,
    now: () => clock.now(),
    timestampUs: () => Math.floor((clock.now() + (clock.behindMs ?? 0)) * 1000),
    limit: (ms, wait) =>
      new Limit(clock, clock.now() + ms, "wait", wait ?? currentWait() ?? { signal: controller.signal }),
    sleep,
    every,
    emit,
  };

  return {
    context,
    open(count) {
      units = count;
      for (const perUnit of [states, unheard])
        perUnit.push(...Array.from({ length: count }, () => new Map<string, unknown>()));
      for (const { unit, event, data } of early.splice(0)) emit(event, data, unit);
    },
    async rest() {
      resting = true;
      await Promise.all(underWay);
    },
    release(properties) {
      if (controller.signal.aborted) return;
      for (const [unit, told] of states.entries())
        for (const [event, last] of told) {
          const data = contract.events[event]!.released!(last, properties[unit]);
          if (same(last, data)) continue;
          parts.emit(unit, event, { ...(data as object), timestampUs: context.timestampUs() });
          told.set(event, data);
        }
      released = true; // last: a driver whose rest fails here works on
    },
    wake() {
      released = false;
      rests++;
    },
    work() {
      resting = false;
      for (const again of due) {
        due.delete(again);
        if (!controller.signal.aborted) again();
      }
      for (const [unit, events] of unheard.entries())
        for (const [event, data] of events) emit(event, data, unit);
    },
    stop: (reason) => controller.abort(reason),
    async close(reason) {
      controller.abort(reason);
      try {
        await scope.disposeAsync();
      } catch (error) {
        log.warn(`disposal of the driver's scope: ${error instanceof Error ? error.message : error}`);
      }
    },
  };
}
