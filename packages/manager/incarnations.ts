// Runs in: manager. Owns: the incarnations of a device's driver, one after the other: each is dead and told of before the next begins.

import type { DeviceMemory } from "@ring3/channel/device-memory";
import type { RecordEntry } from "@ring3/channel/recorder";
import type { Result } from "@ring3/control/edge";
import type { hostEdge } from "@ring3/control/host-edge";
import type { Clock } from "@ring3/core/clock";
import { type FailureReason, type Life, type LifeEvent, startsAtOnce } from "@ring3/core/lifecycle";
import type { Log } from "@ring3/core/log";
import type { BusDevice } from "./bus.ts";
import type { Crash } from "./crash-report.ts";
import { DriverLog } from "./driver-log.ts";
import type { ChosenDriver } from "./drivers.ts";
import { endBy } from "./end.ts";
import { HeadStart } from "./head-start.ts";
import type { HostKind, HostProcess, LeftHost, StartHost } from "./host-process.ts";
import { Incarnation, type IncarnationObserver } from "./incarnation.ts";
import type { Steps } from "./steps.ts";

export interface IncarnationsParts {
  readonly clock: Clock;
  readonly startHost: StartHost;
  /** One will be asked for in a moment. */
  readonly expectHost: (kind: HostKind) => boolean;
  readonly sandboxed: boolean;
  /** Multiplies how long a driver may take to probe, to beat and to end. */
  readonly timeScale: number;
  /** An incarnation has failed and is dead. */
  readonly crashed: (crash: Crash) => void;
}

/** What of the device its incarnations share. */
export interface Shared {
  readonly log: Log;
  readonly memory: DeviceMemory;
  readonly steps: Steps;
  readonly life: () => Life;
}

/** What one start is of. */
export interface Assignment {
  readonly number: number;
  readonly bus: BusDevice;
  readonly driver: ChosenDriver;
  /** Of the device. */
  readonly ordinal: number;
  /** Why there is another after the last one. */
  readonly reason: FailureReason | undefined;
}

/** How an incarnation's end came out. */
export interface Ended {
  /** No process of it lives. `recorded`: what it had recorded until then. The next may begin with this. */
  fenced(recorded: readonly RecordEntry[]): void;
  /** It has not ended in time. */
  late(): void;
}

/** A crash report is written when the next driver has had time to come up. */
const REPORT_MS = 100;

export class Incarnations {
  readonly #parts: IncarnationsParts;
  readonly #shared: Shared;
  readonly #observer: Omit<IncarnationObserver, "ending" | "stepped">;
  readonly #driverLog: DriverLog;
  readonly #headStart: HeadStart;
  #current: { readonly assignment: Assignment; readonly incarnation: Incarnation } | undefined;
  #ending: Promise<void> = Promise.resolve();
  #fenced: Promise<void> = Promise.resolve();

  constructor(
    parts: IncarnationsParts,
    shared: Shared,
    observer: Omit<IncarnationObserver, "ending" | "stepped">,
  ) {
    this.#parts = parts;
    this.#shared = shared;
    this.#observer = observer;
    this.#driverLog = new DriverLog(shared.log, parts.clock);
    this.#headStart = new HeadStart(parts.expectHost);
  }

  /** The host of the one that there is, in whichever state. */
  get host(): HostProcess | undefined {
    return this.#current?.incarnation.host;
  }

  /** Resolves once the last one has ended, or has not in time. */
  get ending(): Promise<void> {
    return this.#ending;
  }

  /** Resolves once no process of an earlier one lives, however long that takes. */
  get fenced(): Promise<void> {
    return this.#fenced;
  }

  begin(assignment: Assignment): void {
    this.#shared.steps.starts(assignment.number);
    this.#create(assignment).begin();
  }

  /** An earlier manager has begun it, and it is to end now. `host`: what that has left of it. */
  takeOver(assignment: Assignment, host: LeftHost | undefined): void {
    const incarnation = this.#create(assignment);
    if (host !== undefined) incarnation.takeOver(host);
  }

  /** An earlier manager has begun it, and it goes on. Resolves with how it stands; undefined where it has failed. */
  goOn(assignment: Assignment, host: LeftHost): Promise<Result<typeof hostEdge, "adopt"> | undefined> {
    return this.#create(assignment).goOn(host);
  }

  #create(assignment: Assignment): Incarnation {
    const { number, bus, driver } = assignment;
    const { clock, startHost, timeScale, sandboxed } = this.#parts;
    const { log, memory, steps, life } = this.#shared;
    const opening = this.#headStart.take();
    const surroundings = { clock, startHost, timeScale, sandboxed, log, memory, driverLog: this.#driverLog };
    const incarnation = new Incarnation(
      { ...surroundings, ...assignment, opening },
      {
        ...this.#observer,
        ending: () => this.#headStart.get(life(), driver, bus),
        stepped: (step, detail) => steps.add(number, step, detail),
      },
    );
    this.#current = { assignment, incarnation };
    return incarnation;
  }

  /** Kill, fence, tell. Until it is fenced its clients are told of no loss: it might still execute what they have sent. */
  end(event: LifeEvent, { fenced, late }: Ended): void {
    const { memory, steps, life, log } = this.#shared;
    const { assignment, incarnation } = this.#current!;
    const { number } = assignment;
    const { promise, resolve } = Promise.withResolvers<void>();
    const isLate = () => {
      steps.add(number, "stuck");
      late();
      void this.#headStart.drop();
      resolve();
    };
    steps.begins(number, event.type === "failed" ? "failed" : "ended", life().reason);
    this.#ending = promise;
    this.#fenced = incarnation
      .end(endBy(event), isLate)
      .then(async () => {
        if (!startsAtOnce(life())) await this.#headStart.drop();
        this.#current = undefined;
        // Read before the next one writes there.
        const recorded = memory.recorded();
        if (event.type === "failed") this.#reportCrash(event.reason, assignment, incarnation, recorded);
        fenced(recorded);
        resolve();
      })
      .catch((error: Error) => {
        log.error(`a fault of ring3 itself: ${error.stack}`);
        isLate();
      });
  }

  #reportCrash(
    reason: FailureReason,
    { number, bus, driver }: Assignment,
    { stack, usage }: Incarnation,
    recorded: readonly RecordEntry[],
  ): void {
    const { clock, sandboxed, crashed } = this.#parts;
    const { manifest, contract } = driver;
    const crash = {
      time: clock.wallTime(),
      device: { id: bus.id, name: bus.name, identity: bus.identity },
      manifest,
      contract,
      sandboxed,
      incarnation: number,
      reason,
      stack,
      recorded,
      resources: usage ?? null,
    };
    clock.after(REPORT_MS, () => crashed(crash));
  }
}
