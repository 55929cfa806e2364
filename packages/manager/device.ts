// Runs in: manager. Owns: one device: its life over all incarnations of its driver, and its units.

import { DeviceMemory } from "@ring3/channel/device-memory";
import { unanswered } from "@ring3/channel/recorder";
import type { Properties } from "@ring3/control/fields";
import type { Clock, Random, Timer } from "@ring3/core/clock";
import {
  backoffMs,
  type FailureReason,
  type Life,
  type LifeEvent,
  limits,
  newLife,
  next,
  setbacks,
} from "@ring3/core/lifecycle";
import { type Log, printable } from "@ring3/core/log";
import type { BusDevice } from "./bus.ts";
import { ChangePace } from "./change-pace.ts";
import { classes } from "./classes.ts";
import type { Crash } from "./crash-report.ts";
import { type DeviceObserver, lossOf } from "./device-observer.ts";
import { DriverLog } from "./driver-log.ts";
import type { ChosenDriver } from "./drivers.ts";
import type { HostProcess, StartHost } from "./host-process.ts";
import { faultOfProperties, type HostUnit } from "./host-units.ts";
import { Incarnation } from "./incarnation.ts";

export interface DeviceParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly startHost: StartHost;
  readonly observer: DeviceObserver;
  readonly sandboxed: boolean;
  /** An incarnation has failed and is dead. */
  readonly crashed: (crash: Crash) => void;
  /** Multiplies how long a driver may take to probe, to beat and to end. */
  readonly timeScale: number;
}

/** A crash report is written when the next driver has had time to come up. */
const REPORT_MS = 100;

export class Device {
  readonly id: string;
  readonly #parts: DeviceParts;
  readonly #log: Log;
  readonly #driverLog: DriverLog;
  readonly #memory = new DeviceMemory();
  #bus: BusDevice;
  #driver: ChosenDriver | undefined;
  #life: Life = newLife;
  #enumeration = 1;
  #units: readonly HostUnit[] = [];
  #incarnation: Incarnation | undefined;
  #later: Timer | undefined;
  #healthy: Timer | undefined;
  #lastFailure: FailureReason | undefined;
  /** The last incarnation has ended, or has not in time. */
  #ending: Promise<void> = Promise.resolve();
  #fenced: Promise<void> = Promise.resolve();
  readonly #pace: ChangePace;
  /** The kernel's drivers have not been offered it since ring3 opened it. */
  #taken = false;

  constructor(bus: BusDevice, parts: DeviceParts) {
    this.id = bus.id;
    this.#bus = bus;
    this.#parts = parts;
    this.#log = parts.log.child(bus.id);
    this.#driverLog = new DriverLog(this.#log, parts.clock);
    this.#pace = new ChangePace(parts.clock, (index) => this.#tellChanged(index));
  }

  get bus(): BusDevice {
    return this.#bus;
  }
  get driver(): ChosenDriver | undefined {
    return this.#driver;
  }
  get life(): Life {
    return this.#life;
  }
  get enumeration(): number {
    return this.#enumeration;
  }
  get units(): readonly HostUnit[] {
    return this.#units;
  }
  /** The driver host that serves requests, if one does. */
  get host(): HostProcess | undefined {
    return this.#life.state === "running" ? this.#incarnation?.host : undefined;
  }
  /** The driver host that has clients' channels, whether it serves them now or is suspended. */
  get channelHost(): HostProcess | undefined {
    return this.#life.state === "suspended" ? this.#incarnation?.host : this.host;
  }
  get hostPid(): number | null {
    return this.#incarnation?.host?.pid ?? null;
  }
  /** Resolves once no process of an earlier incarnation lives, however long that takes. */
  get fenced(): Promise<void> {
    return this.#fenced;
  }

  /** A driver was found for it, or none. */
  matched(driver: ChosenDriver | undefined, autostart: boolean): void {
    if (!autostart) this.#abandon();
    this.#driver = driver;
    this.#apply(driver === undefined ? { type: "unmatched" } : { type: "matched", autostart });
  }

  start(): void {
    if (this.#life.state === "quarantined") this.#apply({ type: "release-quarantine" });
    this.#apply({ type: "start" });
  }

  /** Resolves once the driver is away and the kernel's has the device back, or once the driver is stuck. */
  async stop(): Promise<void> {
    this.#apply({ type: "stop" });
    await this.#ending;
    if (this.#life.fenced) this.giveBack();
  }

  /** Another driver in place of the one that runs or waits to run. Its clients' requests wait, as after a crash. */
  restart(): void {
    this.#apply({ type: "restart" });
  }

  giveBack(): void {
    if (!this.#taken) return;
    this.#taken = false;
    try {
      const driver = this.#bus.giveBack();
      if (driver !== null) this.#log.info(`given back to the kernel's driver ${driver}`);
    } catch (error) {
      this.#log.warn(`not given back to the kernel's driver: ${(error as Error).message}`);
    }
  }

  /** Asks the driver to quiesce the device; it stays where it is. */
  async suspend(): Promise<void> {
    const { host } = this;
    await host?.ask("suspend", {});
    if (this.host === host) this.#apply({ type: "suspend" });
  }

  async resume(): Promise<void> {
    if (this.#life.state !== "suspended") return;
    const { channelHost } = this;
    await channelHost?.ask("resume", {});
    if (this.channelHost === channelHost) this.#apply({ type: "resume" });
  }

  progress(): void {
    this.#apply({ type: "progress" });
  }

  /** `reason.text` may be a driver's own words. */
  failed({ kind, text, outside }: FailureReason): void {
    if (kind === "grant" && this.#life.state === "starting" && this.#bus.withheld())
      return this.#apply({ type: "withheld", reason: printable(text) });
    this.#apply({ type: "failed", reason: { kind, text: printable(text), outside } });
  }

  /** Unplugged. */
  gone(): void {
    this.#taken = false;
    this.#apply({ type: "gone" });
  }

  /** The same place has a device again, and the last driver is fenced: a new enumeration, a new chain of incarnations. */
  returned(bus: BusDevice): void {
    this.#bus = bus;
    this.#enumeration++;
    this.#life = newLife;
    this.#memory.dropState();
  }

  close(): void {
    this.#later?.cancel();
    this.#memory.close();
  }

  #apply(event: LifeEvent): void {
    const before = this.#life;
    const after = next(before, event);
    if (after === before) return;
    this.#life = after;
    this.#later?.cancel();
    if (event.type === "failed") this.#noteFailure(event.reason);
    if (event.type === "stop" || event.type === "restart") this.#lastFailure = undefined;
    if (hasHost(before) && !hasHost(after)) this.#end(event);
    if (after.incarnation > before.incarnation) this.#begin(after.incarnation);
    else if (isFinal(after) && !isFinal(before) && !tellsOfNoLoss.has(event.type)) this.#lose(event, after);
    if (after.state === "failed" && after.fenced) this.#startLater(after);
    if (after.state === "running" && before.state === "starting")
      this.#healthy = this.#parts.clock.after(limits.healthyMs, () => this.progress());
    if (after.state === "running" && before.state !== "running") this.#parts.observer.ready(this);
    if (after.state !== before.state || after.reason !== before.reason) {
      const reason = after.reason === "" ? "" : `: ${after.reason}`;
      this.#log.info(`${after.state}${reason}`, { incarnation: after.incarnation });
      this.#parts.observer.changed(this);
    }
  }

  #noteFailure(reason: FailureReason): void {
    this.#lastFailure = reason;
    this.#log.warn(`driver failed: ${reason.kind}: ${reason.text}`, { outside: reason.outside });
  }

  #startLater(life: Life): void {
    const delay = backoffMs(setbacks(life), this.#parts.random);
    if (life.failures === limits.failures - 1) this.#memory.dropState();
    this.#later = this.#parts.clock.after(delay, () => this.#apply({ type: "start" }));
  }

  #begin(number: number): void {
    const { clock, startHost, timeScale, sandboxed } = this.#parts;
    this.#incarnation = new Incarnation(
      {
        clock,
        log: this.#log,
        driverLog: this.#driverLog,
        startHost,
        timeScale,
        memory: this.#memory,
        bus: this.#bus,
        driver: this.#driver!,
        number,
        sandboxed,
        reason: this.#lastFailure,
      },
      {
        taken: () => {
          this.#taken = true;
        },
        probed: (units) => this.#probed(units),
        unitChanged: (unit, properties) => this.#unitChanged(unit, properties),
        failed: (reason) => this.failed(reason),
        held: (held) => {
          this.#log.info(
            held ? "a debugger holds the driver: its deadlines stand still" : "the debugger has let go",
          );
          this.#parts.observer.held(this, held);
        },
      },
    );
    this.#incarnation.begin();
  }

  #probed(units: readonly HostUnit[]): void {
    const vanished = this.#units.slice(units.length);
    this.#units = units;
    for (const unit of vanished) this.#parts.observer.unitVanished(this, unit);
    this.#apply({ type: "probed" });
  }

  #unitChanged(index: number, properties: Properties): void {
    const unit = this.#units[index];
    const fault =
      unit === undefined
        ? "there is none"
        : faultOfProperties(classes[this.#driver!.manifest.class]!, properties);
    if (unit === undefined || fault !== undefined)
      return this.failed({ kind: "malformed", text: `change of unit ${index}: ${fault}`, outside: false });
    this.#units = this.#units.with(index, { ...unit, properties });
    this.#pace.changed(index);
  }

  #tellChanged(index: number): void {
    const unit = this.#units[index];
    if (unit !== undefined && this.#life.state === "running") this.#parts.observer.unitChanged(this, unit);
  }

  /** It came back and nobody has asked for it since: its clients would wait for ever. */
  #abandon(): void {
    if (this.#units.length === 0) return;
    this.#parts.observer.lost(this, lossOf("plugged in again and not taken"));
    this.#units = [];
  }

  /** Ends the incarnation: kill, fence, tell. Until it is fenced its clients hear nothing: it might still execute what they have sent. */
  #end(event: LifeEvent): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    const late = () => {
      this.#apply({ type: "fence-timeout" });
      resolve();
    };
    this.#healthy?.cancel();
    this.#ending = promise;
    const incarnation = this.#incarnation!;
    const { incarnation: number } = this.#life;
    this.#fenced = incarnation
      .end({ inOrder: event.type === "stop", hung: event.type === "failed" && isHang(event.reason) }, late)
      .then(() => {
        this.#incarnation = undefined;
        if (event.type === "failed") this.#reportCrash(event.reason, incarnation, number);
        this.#lose(event, next(this.#life, { type: "fenced" }));
        this.#apply({ type: "fenced" });
        resolve();
      })
      .catch((error: Error) => {
        this.#log.error(`a fault of ring3 itself: ${error.stack}`);
        late();
      });
  }

  /** What the recorder holds is read before the next incarnation writes there; the rest may wait until that one runs. */
  #reportCrash(reason: FailureReason, { stack, usage }: Incarnation, incarnation: number): void {
    const { clock, sandboxed, crashed } = this.#parts;
    const { id, name, identity } = this.#bus;
    const { manifest, contract } = this.#driver!;
    const crash: Crash = {
      time: clock.wallTime(),
      device: { id, name, identity },
      manifest,
      contract,
      sandboxed,
      incarnation,
      reason,
      stack,
      recorded: this.#memory.recorded(),
      resources: usage ?? null,
    };
    clock.after(REPORT_MS, () => crashed(crash));
  }

  #lose(event: LifeEvent, after: Life): void {
    const final = isFinal(after);
    const { state, reason } = final ? after : this.#life;
    const outside = event.type !== "failed" || event.reason.outside;
    const inHand = new Set(unanswered(this.#memory.recorded()).map(({ a: channel }) => channel));
    this.#parts.observer.lost(this, { final, outside, text: reason === "" ? state : reason, inHand });
    if (final) this.#units = [];
  }
}

/** SIGSTOP leaves nothing to ask. */
function isHang({ kind, outside }: FailureReason): boolean {
  return !outside && (kind === "heartbeat" || kind === "deadline");
}

function hasHost({ state }: Life): boolean {
  return state === "starting" || state === "running" || state === "suspended";
}

/** Fenced, and nothing will start again unless somebody asks for it. */
const finalStates: ReadonlySet<Life["state"]> = new Set(["available", "stopped", "quarantined"]);
/** Into a final state by a match: nobody had it. By a fence: told with the end of the incarnation. */
const tellsOfNoLoss: ReadonlySet<LifeEvent["type"]> = new Set(["matched", "fenced"]);

function isFinal({ state, fenced }: Life): boolean {
  return fenced && finalStates.has(state);
}
