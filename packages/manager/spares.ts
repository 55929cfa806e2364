// Runs in: manager. Owns: hosts that wait for a device, their driver loaded, so that a device that failed need not wait for a process to start.

import type { Clock } from "@ring3/core/clock";
import type { Log } from "@ring3/core/log";
import type { HostKind, HostListeners, HostOrigin, HostProcess, SpareHost } from "./host-process.ts";

/** The next spare is started when the device that took the last one has had time to come up: they share the processors. */
const REFILL_MS = 200;
/** Kinds of hosts, a driver's each, of which spares are kept: those that were asked for last. */
const KINDS_MAX = 8;
/** A driver's code that is not loaded by then hangs; the driver's own next start tells more of it. */
const LOAD_MS = 5_000;
/** Nobody watches over a spare's heartbeat: it is asked so often whether it lives, and within its memory. */
const CHECK_MS = 10_000;
/** One that was expected to be taken and is one too many is ended then: a fence takes no longer. */
const SURPLUS_MS = 5_000;
const ANSWER_MS = 2_000;

export interface SparesParts {
  readonly clock: Clock;
  readonly log: Log;
  /** `rehearsed`: it has time for that. */
  readonly start: (kind: HostKind, rehearsed: boolean) => Promise<SpareHost>;
  /** How many wait, of each kind that is in use. */
  readonly count: number;
  readonly timeScale: number;
}

const keyOf = ({ memoryMb, cpuPercent, tier, driver }: HostKind) =>
  [tier, memoryMb, cpuPercent, driver.name, ...driver.requests].join("/");

export class Spares {
  readonly #parts: SparesParts;
  /** By kind, the one asked for last at the end. */
  readonly #waiting = new Map<string, SpareHost[]>();
  /** Started for who is about to take them, by kind. */
  readonly #expected = new Map<string, Promise<SpareHost>[]>();
  readonly #starting = new Set<Promise<void>>();
  readonly #loading = new Set<SpareHost>();
  #closed = false;

  constructor(parts: SparesParts) {
    this.#parts = parts;
  }

  /** A spare, or where none waits a new host. */
  async take(
    kind: HostKind,
    listeners: HostListeners,
    got: (how: HostOrigin) => void = () => {},
  ): Promise<HostProcess> {
    const waiting = this.#waitingFor(kind).shift();
    if (waiting !== undefined) got("spare");
    const free = waiting ?? (await this.#next(kind, got));
    const later = () => this.#parts.clock.after(REFILL_MS, () => this.#refill(kind));
    free.loaded.then(later, () => {}); // what cannot be loaded here needs no spare
    return free.adopt(listeners);
  }

  /** One will be taken in a moment: where none waits it is started now, and false. What is not taken after all waits like the others. */
  expect(kind: HostKind): boolean {
    const waiting = this.#waitingFor(kind);
    if (waiting.length > 0) return true;
    if (this.#closed) return false;
    const key = keyOf(kind);
    const expected = this.#expected.get(key) ?? [];
    this.#expected.set(key, expected);
    const started = this.#parts.start(kind, false);
    expected.push(started);
    this.#follow(this.#leaveWaiting(started, expected, waiting));
    return false;
  }

  /** Those that wait, and are as they should be; they are now what was asked for last. */
  #waitingFor(kind: HostKind): SpareHost[] {
    const key = keyOf(kind);
    const waiting = this.#waiting.get(key) ?? [];
    this.#waiting.delete(key);
    this.#waiting.set(key, waiting);
    this.#forgetOldest();
    endBroken(waiting);
    return waiting;
  }

  async #next(kind: HostKind, got: (how: HostOrigin) => void): Promise<SpareHost> {
    const expected = await this.#expected
      .get(keyOf(kind))
      ?.shift()
      ?.catch(() => undefined);
    got(expected?.free ? "expected" : "cold");
    if (expected?.free) return expected;
    expected?.kill();
    return this.#parts.start(kind, false);
  }

  async #leaveWaiting(
    started: Promise<SpareHost>,
    expected: Promise<SpareHost>[],
    waiting: SpareHost[],
  ): Promise<void> {
    const spare = await started.catch(() => undefined); // whoever takes one has another started, and is told why that cannot be
    const at = expected.indexOf(started);
    if (at === -1) return;
    expected.splice(at, 1);
    if (spare === undefined) return;
    await this.#wait(spare, waiting);
    if (waiting.length <= this.#parts.count) return;
    this.#parts.clock.after(SURPLUS_MS, () => {
      const place = waiting.indexOf(spare);
      if (place !== -1) waiting.splice(place, 1)[0]!.kill();
    });
  }

  /** No more are started, and those that wait are ended. Resolves once they are. */
  async close(): Promise<void> {
    this.#closed = true;
    const waiting = [...this.#waiting.values()].flatMap((spares) => spares.splice(0));
    this.#waiting.clear();
    for (const spare of [...waiting, ...this.#loading]) spare.kill();
    await Promise.all([...this.#starting, ...waiting.map(({ fenced }) => fenced)]);
  }

  #refill(kind: HostKind): void {
    const waiting = this.#waiting.get(keyOf(kind));
    if (waiting === undefined || this.#closed) return;
    endBroken(waiting);
    if (waiting.length >= this.#parts.count) return;
    this.#follow(this.#parts.start(kind, true).then((spare) => this.#wait(spare, waiting)));
  }

  #follow(start: Promise<void>): void {
    const { log } = this.#parts;
    // The next device starts one of its own, and says why it cannot.
    const started = start.catch((error: Error) => log.warn(`no spare host: ${error.message}`));
    this.#starting.add(started);
    void started.then(() => this.#starting.delete(started));
  }

  /** Until somebody takes it, once its driver is loaded; unless it is wanted no more. */
  async #wait(spare: SpareHost, waiting: SpareHost[]): Promise<void> {
    await this.#loaded(spare);
    if (!this.#closed && [...this.#waiting.values()].includes(waiting)) {
      waiting.push(spare);
      return this.#checkLater(spare, waiting);
    }
    spare.kill();
    await spare.fenced;
  }

  async #loaded(spare: SpareHost): Promise<void> {
    const { clock, timeScale } = this.#parts;
    const late = clock.after(LOAD_MS * timeScale, () => spare.kill());
    this.#loading.add(spare);
    if (this.#closed) spare.kill();
    try {
      await spare.loaded;
    } catch (error) {
      spare.kill();
      await spare.fenced;
      throw error;
    } finally {
      this.#loading.delete(spare);
      late.cancel();
    }
  }

  #checkLater(spare: SpareHost, waiting: SpareHost[]): void {
    const { clock, timeScale, log } = this.#parts;
    clock.after(CHECK_MS, async () => {
      if (!waiting.includes(spare)) return;
      const healthy = await spare.healthy(ANSWER_MS * timeScale);
      const at = waiting.indexOf(spare);
      if (at === -1) return;
      if (healthy) return this.#checkLater(spare, waiting);
      waiting.splice(at, 1);
      spare.kill();
      log.warn("a spare host was ended: it did not answer, or held more memory than its driver may");
    });
  }

  #forgetOldest(): void {
    for (const [key, waiting] of this.#waiting) {
      if (this.#waiting.size <= KINDS_MAX) return;
      for (const spare of waiting.splice(0)) spare.kill();
      this.#waiting.delete(key);
    }
  }
}

function endBroken(waiting: SpareHost[]): void {
  for (const spare of waiting.splice(0)) {
    if (spare.free) waiting.push(spare);
    else spare.kill();
  }
}
