// Runs in: manager. Owns: one device: its life, its driver host while there is one, and its units.

import { DeviceMemory } from "@ring3/channel/device-memory";
import type { Notice } from "@ring3/control/edge";
import type { hostEdge } from "@ring3/control/host-edge";
import { withoutKindText } from "@ring3/control/wire";
import type { Clock, Random, Timer } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
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
import type { BusDevice, Grant } from "./bus.ts";
import { classes, type ManagedClass } from "./classes.ts";
import { DriverLog } from "./driver-log.ts";
import type { ChosenDriver } from "./drivers.ts";
import { fencedInTime, type HostProcess, type StartHost } from "./host-process.ts";
import { faultOfProperties, faultOfUnits, type HostUnit } from "./host-units.ts";
import { Watchdog } from "./watchdog.ts";


/** What the rest of the manager learns of a device. */
export interface DeviceObserver {
  /** The state, the incarnation or the reason is another. */
  changed(device: Device): void;
  /** A driver runs: units may be opened. */
  ready(device: Device): void;
  /** No driver runs and the last one is fenced. `final`: none will, until somebody starts it. */
  lost(device: Device, loss: Loss): void;
  /** A unit's properties are other than at probe. */
  unitChanged(device: Device, unit: HostUnit): void;
}

export interface Loss {
  readonly final: boolean;
  readonly outside: boolean;
  readonly text: string;
}

export interface DeviceParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly startHost: StartHost;
  readonly observer: DeviceObserver;
  /** Multiplies how long a driver may take to probe, to beat and to end. */
  readonly timeScale: number;
}

/** What a driver gets to end in order before it is killed. */
const REMOVE_MS = 2000;

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
  #hosting: Promise<HostProcess> | undefined;
  #host: HostProcess | undefined;
  #watchdog: Watchdog | undefined;
  #later: Timer | undefined;
  #healthy: Timer | undefined;
  #lastFailure: FailureReason | undefined;
  #ending: Promise<void> = Promise.resolve();
  /** The kernel's driver had it before ring3 did. */
  #taken = false;

  constructor(bus: BusDevice, parts: DeviceParts) {
    this.id = bus.id;
    this.#bus = bus;
    this.#parts = parts;
    this.#log = parts.log.child(bus.id);
    this.#driverLog = new DriverLog(this.#log, parts.clock);
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
    return this.#life.state === "running" ? this.#host : undefined;
  }
  get hostPid(): number | null {
    return this.#host?.pid ?? null;
  }

  /** A driver was found for it, or none. */
  matched(driver: ChosenDriver | undefined, autostart: boolean): void {
    this.#driver = driver;
    this.#apply(driver === undefined ? { type: "unmatched" } : { type: "matched", autostart });
  }

  start(): void {
    if (this.#life.state === "quarantined") this.#apply({ type: "release-quarantine" });
    this.#apply({ type: "start" });
  }

  /** Resolves once the driver is away and the kernel's has the device back. */
  async stop(): Promise<void> {
    this.#apply({ type: "stop" });
    await this.#ending;
    this.giveBack();
  }

  giveBack(): void {
    if (!this.#taken) return;
    this.#taken = false;
    try {
      this.#bus.giveBack();
      this.#log.info("given back to the kernel's driver");
    } catch (error) {
      this.#log.warn(`not given back to the kernel's driver: ${(error as Error).message}`);
    }
  }

  /** Asks the driver to quiesce the device; it stays where it is. */
  async suspend(): Promise<void> {
    await this.host?.ask("suspend", {});
    this.#apply({ type: "suspend" });
  }

  async resume(): Promise<void> {
    if (this.#life.state === "suspended") await this.#host?.ask("resume", {});
    this.#apply({ type: "resume" });
  }

  progress(): void {
    this.#apply({ type: "progress" });
  }

  /** `reason.text` may be a driver's own words. */
  failed({ kind, text, outside }: FailureReason): void {
    this.#apply({ type: "failed", reason: { kind, text: printable(text), outside } });
  }

  /** Unplugged. Resolves once the driver is fenced. */
  async gone(): Promise<void> {
    this.#taken = false;
    this.#apply({ type: "gone" });
    await this.#ending;
  }

  /** The same place has a device again: a new enumeration, a new chain of incarnations. */
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
    const lives = isLive(before) && (!isLive(after) || after.incarnation !== before.incarnation);
    if (lives) this.#ending = this.#end(event);
    if (after.incarnation > before.incarnation) void this.#begin(after.incarnation);
    else if (after.fenced && isFinal(after)) this.#lose(event);
    if (after.state === "failed" && after.fenced) this.#startLater(after);
    if (after.state === "running" && before.state === "starting") this.#entered();
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

  async #begin(incarnation: number): Promise<void> {
    const current = () => this.#life.incarnation === incarnation && this.#life.state === "starting";
    const fail = (kind: FailureReason["kind"], error: unknown) => {
      if (current()) this.failed({ kind, text: ownWords(error as Error), outside: false });
    };
    this.#hosting = this.#parts.startHost(this.id, this.#driver!.manifest.limits.memoryMb, {
      log: (line) => this.#driverLog.add(line),
      failed: ({ message, stack }) => {
        if (stack !== "") this.#log.error(`the driver threw: ${stack}`);
        const [first = message, where = ""] = stack.split("\n"); // "TypeError: …", "    at read (driver:NAME:5:40)"
        this.failed({ kind: "crash", text: `${first} ${where.trim()}`.trim(), outside: false });
      },
      disconnected: () => this.failed({ kind: "grant", text: "the device went away", outside: true }),
      changed: (unit) => this.#unitChanged(unit),
      lost: (reason) => {
        if (this.#life.incarnation === incarnation) this.failed(reason);
      },
    });
    try {
      this.#host = await this.#hosting;
    } catch (error) {
      return fail("exit", error);
    }
    if (!current()) return;
    let grant: Grant;
    try {
      grant = await this.#bus.open();
      this.#taken ||= grant.taken;
    } catch (error) {
      return fail("grant", error);
    }
    if (!current()) return grant.descriptor.close();
    const host = this.#host;
    this.#watch(host);
    await this.#probe(host, grant, incarnation).then(
      () => {
        if (current()) this.#apply({ type: "probed" });
      },
      (error) => {
        if (!host.peer.signal.aborted) fail("probe", error); // the end of a connection is told by the process
      },
    );
  }

  get #class(): ManagedClass {
    return classes[this.#driver!.manifest.class]!;
  }

  #watch({ pid }: HostProcess): void {
    const { hangMs, memoryMb } = this.#driver!.manifest.limits;
    const watchLimits = { hangMs: hangMs * this.#parts.timeScale, memoryBytes: memoryMb * 2 ** 20 };
    this.#watchdog = new Watchdog(this.#memory, pid, this.#parts.clock, watchLimits, (reason) =>
      this.failed(reason),
    );
  }

  async #probe(host: HostProcess, grant: Grant, incarnation: number): Promise<void> {
    const { manifest, contract, code } = this.#driver!;
    const reason = this.#lastFailure;
    const probeMs = manifest.limits.probeMs * this.#parts.timeScale;
    const timer = this.#parts.clock.after(probeMs, () =>
      this.failed({ kind: "probe", text: `it has not returned within ${probeMs} ms`, outside: false }),
    );
    try {
      const { result } = await host.peer.call(
        "probe",
        {
          device: { id: this.id, identity: this.#bus.identity, name: this.#bus.name },
          driver: { name: manifest.name, version: manifest.version, class: manifest.class },
          incarnation,
          reason: incarnation === 1 || reason === undefined ? null : { kind: reason.kind, text: reason.text },
          grants: [grant.terms],
        },
        [code.fd, this.#memory.fd, grant.descriptor],
      );
      if (result.contract.hash !== contract.hash)
        throw new DeviceError(
          "invalid",
          `driver built for ${result.contract.name} version ${result.contract.version} (${result.contract.hash}), this ring3 has ${contract.name} version ${contract.version} (${contract.hash})`,
        );
      const fault = faultOfUnits(this.#class, result.units);
      if (fault !== undefined) throw new DeviceError("invalid", fault);
      this.#units = result.units;
    } finally {
      timer.cancel();
    }
  }

  #entered(): void {
    this.#healthy = this.#parts.clock.after(limits.healthyMs, () => this.progress());
    this.#parts.observer.ready(this);
  }

  #unitChanged({ unit: index, properties }: Notice<typeof hostEdge, "changed">): void {
    const unit = this.#units[index];
    const fault = unit === undefined ? "there is none" : faultOfProperties(this.#class, properties);
    if (unit === undefined || fault !== undefined)
      return this.failed({ kind: "malformed", text: `change of unit ${index}: ${fault}`, outside: false });
    const changed = { ...unit, properties };
    this.#units = this.#units.with(index, changed);
    this.#parts.observer.unitChanged(this, changed);
  }

  /** Ends the incarnation: kill, fence, tell. Runs once an incarnation, whatever ended it. */
  async #end(event: LifeEvent): Promise<void> {
    this.#watchdog?.stop();
    this.#healthy?.cancel();
    const hosting = this.#hosting;
    this.#hosting = undefined;
    const host = await hosting?.catch(() => undefined);
    if (host !== undefined) {
      if (event.type === "stop") await this.#removeInOrder(host);
      host.kill();
      if (!(await fencedInTime(host, this.#parts.clock))) {
        this.#apply({ type: "fence-timeout" });
        this.#lose(event);
        await host.fenced;
      }
    }
    this.#host = undefined;
    this.#lose(event);
    this.#apply({ type: "fenced" });
  }

  #lose(event: LifeEvent): void {
    const { state, reason } = this.#life;
    const final = isFinal(this.#life);
    const outside = event.type !== "failed" || event.reason.outside;
    this.#parts.observer.lost(this, { final, outside, text: reason === "" ? state : reason });
    if (final) this.#units = [];
  }

  async #removeInOrder(host: HostProcess): Promise<void> {
    const timer = this.#parts.clock.after(REMOVE_MS * this.#parts.timeScale, () => host.peer.close());
    await host.peer
      .call("remove", {})
      .catch((error: Error) => this.#log.warn(`driver's remove: ${error.message}`));
    timer.cancel();
  }
}

/** Without the words of a kind that says nothing about the driver. */
function ownWords(error: Error): string {
  const vague = error instanceof DeviceError && (error.kind === "internal" || error.kind === "invalid");
  return vague ? withoutKindText(error) : error.message;
}

function isLive(life: Life): boolean {
  return life.state === "starting" || life.state === "running" || life.state === "suspended";
}

/** Nothing will start again unless somebody asks for it. */
function isFinal(life: Life): boolean {
  return life.state === "stopped" || life.state === "quarantined" || life.state === "stuck";
}
