// Runs in: manager. Owns: one device: its life over all incarnations of its driver, and its units.

import { isDeepStrictEqual } from "node:util";
import { DeviceMemory } from "@ring3/channel/device-memory";
import type { Metrics } from "@ring3/channel/metrics";
import { type RecordEntry, unanswered } from "@ring3/channel/recorder";
import type { Properties } from "@ring3/control/fields";
import type { HostUnit } from "@ring3/control/host-edge";
import { type DeviceRecord, type RestReason, recordName } from "@ring3/control/legacy";
import type { Random } from "@ring3/core/clock";
import {
  type FailureReason,
  hasHost,
  isFinal,
  type Life,
  type LifeEvent,
  next,
  startsAtOnce,
  tellsOfNoLoss,
} from "@ring3/core/lifecycle";
import { type Log, printable } from "@ring3/core/log";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import type { BusDevice } from "./bus.ts";
import { ClassNumber } from "./class-number.ts";
import { classes } from "./classes.ts";
import { DeviceLife } from "./device-life.ts";
import { type DeviceObserver, lossOf } from "./device-observer.ts";
import { DeviceUnits } from "./device-units.ts";
import { DriverState } from "./driver-state.ts";
import type { ChosenDriver } from "./drivers.ts";
import type { HostProcess, LeftHost } from "./host-process.ts";
import { type Assignment, Incarnations, type IncarnationsParts } from "./incarnations.ts";
import type { KeptStates } from "./kept-states.ts";
import type { Legacy } from "./legacy.ts";
import { Possession } from "./possession.ts";
import { Rest } from "./rest.ts";
import { Steps } from "./steps.ts";

export interface DeviceParts extends IncarnationsParts {
  readonly random: Random;
  readonly log: Log;
  readonly observer: DeviceObserver;
  readonly legacy: Legacy;
  /** The number of its first enumeration: not that of another device that was there at an earlier manager. */
  readonly firstEnumeration?: number;
  /** For a device that is about to have its first driver of a class, and for one that such a driver turns out to be for. */
  readonly ordinalFor: (device: Device) => number;
  readonly keptStates: KeptStates;
}

type Hold = "debugger" | "rest" | "end";

const ORPHANED: FailureReason = {
  kind: "exit",
  text: "ring3's manager died while it started",
  outside: true,
};

export class Device {
  readonly id: string;
  readonly #parts: DeviceParts;
  readonly #log: Log;
  readonly #memory: DeviceMemory;
  readonly #state: DriverState;
  readonly #possession: Possession;
  #driver: ChosenDriver | undefined;
  readonly #life: DeviceLife;
  #enumeration: number;
  readonly #number: ClassNumber;
  readonly #units: DeviceUnits;
  readonly #incarnations: Incarnations;
  readonly #steps: Steps;
  /** Drivers that did not want it, and why. */
  readonly #declined = new Map<string, string>();
  readonly #rest: Rest;
  /** Why its clients' deadlines stand still. */
  readonly #holds = new Set<Hold>();
  /** Its last driver was to be dead by now. */
  #isLate = false;

  /** `memory`: of an earlier manager's device in that place. */
  constructor(bus: BusDevice, parts: DeviceParts, memory = new DeviceMemory()) {
    const { clock, random, observer } = parts;
    this.id = bus.id;
    this.#enumeration = parts.firstEnumeration ?? 1;
    this.#parts = parts;
    this.#memory = memory;
    this.#state = new DriverState(memory, parts.keptStates);
    this.#number = new ClassNumber(() => parts.ordinalFor(this));
    parts.legacy.hold(recordName("device", this.id), [memory.fd]);
    this.#log = parts.log.child(bus.id);
    this.#possession = new Possession(bus, this.#log);
    this.#steps = new Steps(clock, (step) => observer.stepped(this, { device: bus.id, ...step }));
    this.#life = new DeviceLife(
      { clock, random, log: this.#log, steps: this.#steps },
      {
        moved: (before, after, event) => this.#moved(before, after, event),
        reached: (before, after) => this.#reached(before, after),
        lastAttempt: () => memory.dropState(),
      },
    );
    this.#units = new DeviceUnits(clock, (unit) => {
      if (this.life.state === "running") observer.unitChanged(this, unit);
    });
    this.#incarnations = new Incarnations(
      parts,
      { log: this.#log, memory, steps: this.#steps, life: () => this.life },
      {
        hosted: () => this.#note(),
        taken: () => {
          this.#possession.take();
          this.#note();
        },
        probed: (units) => this.#probed(units),
        declined: (why) => this.#declines(why),
        unitChanged: (unit, properties) => this.#unitChanged(unit, properties),
        failed: (reason) => {
          if (reason.kind === "grant") this.checkClaim();
          this.failed(reason);
        },
        held: (held) => {
          this.#log.info(
            held ? "a debugger holds the driver: its deadlines stand still" : "the debugger has let go",
          );
          this.#hold("debugger", held);
        },
      },
    );
    this.#rest = new Rest(
      {
        working: () => this.host,
        resting: () => (this.life.state === "suspended" ? this.channelHost : undefined),
        hold: (on) => this.#hold("rest", on),
        suspending: () => this.#steps.begins(this.life.incarnation, "suspending"),
        resuming: () => this.#steps.begins(this.life.incarnation, "resuming"),
        refused: (text) => this.#steps.add(this.life.incarnation, "refused", text),
        suspended: () => {
          this.#steps.add(this.life.incarnation, "suspended");
          this.#life.apply({ type: "suspend" });
        },
        silent: () => observer.held(this, true), // once more
        resumed: () => {
          this.#steps.add(this.life.incarnation, "resumed");
          this.#life.apply({ type: "resume" });
        },
        lost: () => this.#claimIsLost(),
        failed: (text) => this.failed({ kind: "crash", text, outside: false }),
        noted: () => this.#note(),
      },
      this.#log,
    );
  }

  get bus(): BusDevice {
    return this.#possession.bus;
  }
  get driver(): ChosenDriver | undefined {
    return this.#driver;
  }
  /** Since it was plugged in, by the names of the drivers. */
  get declined(): ReadonlyMap<string, string> {
    return this.#declined;
  }
  get life(): Life {
    return this.#life.now;
  }
  /** Its last driver cannot be ended, also where the device has gone: nobody need wait for another. */
  get isStuck(): boolean {
    return this.life.state === "stuck" || this.#isLate;
  }
  get enumeration(): number {
    return this.#enumeration;
  }
  /** Among the devices of its class; null: it has had no driver yet. */
  get ordinal(): number | null {
    return this.#number.value;
  }
  /** Whether it is one of its class is still being asked. */
  get isGuess(): boolean {
    return this.#driver !== undefined && this.#number.isGuess(this.bus.facts, this.#driver.manifest);
  }
  get units(): readonly HostUnit[] {
    return this.#units.all;
  }
  /** The driver host that serves requests, if one does. */
  get host(): HostProcess | undefined {
    return this.life.state === "running" ? this.#incarnations.host : undefined;
  }
  /** The driver host that has clients' channels, whether it serves them now or is suspended. */
  get channelHost(): HostProcess | undefined {
    return this.life.state === "suspended" ? this.#incarnations.host : this.host;
  }
  /** The name of the host that it has, in whichever state. */
  get hostName(): string | null {
    return this.#incarnations.host?.name ?? null;
  }
  get hostPid(): number | null {
    return this.#incarnations.host?.pid ?? null;
  }
  get metrics(): Metrics {
    return this.#memory.metrics();
  }
  /** What its driver has recorded up to now, with ages before `nowMs`. */
  recordedNow(nowMs: number): RecordEntry[] {
    return this.#memory.recordedNow(nowMs);
  }
  /** What its drivers record, among others, to be read: whoever has it has it over all incarnations. */
  lendMemory(): Descriptor {
    return this.#memory.lend();
  }
  /** It gives its device back itself, or its driver is about to open it. */
  get mayHaveTaken(): boolean {
    return this.#possession.taken || hasHost(this.life);
  }
  /** Its clients' deadlines stand still. */
  get held(): boolean {
    return this.#holds.size > 0;
  }
  /** Resolves once no process of an earlier incarnation lives, however long that takes. */
  get fenced(): Promise<void> {
    return this.#incarnations.fenced;
  }

  /** What an earlier manager has heard of drivers that did not want it. */
  inheritDeclined(declined: DeviceRecord["declined"]): void {
    for (const [name, why] of Object.entries(declined)) this.#declined.set(name, why);
  }

  /** As an earlier manager has left it, that driver and its host included. What was under way then has failed, and takes its usual way from there. */
  inherit(record: DeviceRecord, driver: ChosenDriver, host: LeftHost | undefined): void {
    const { life, enumeration, ordinal, units, taken, lastFailure, rest, declined } = record;
    this.#driver = driver;
    this.#number.inherit(ordinal, units.length > 0);
    this.inheritDeclined(declined);
    // One that has had no unit yet may have come behind one that declined, whose state it would be.
    if (units.length > 0 || this.#declined.size === 0) this.#state.inherit(driver.manifest);
    this.#enumeration = enumeration;
    this.#units.replace(units);
    this.#possession.inherit(taken);
    this.#rest.inherit(rest);
    this.#life.inherit(life, lastFailure ?? undefined);
    if (life.fenced) return;
    const runs = life.state === "running" || life.state === "suspended";
    if (runs && host !== undefined) return void this.#goOn(host);
    this.#incarnations.takeOver(this.#assignment(), host);
    if (runs || life.state === "starting") this.failed(ORPHANED);
    else this.#end({ type: "gone" });
  }

  async #goOn(host: LeftHost): Promise<void> {
    const report = await this.#incarnations.goOn(this.#assignment(), host);
    if (report === undefined) return;
    this.#log.info("its driver has outlived the manager before this one", {
      incarnation: this.life.incarnation,
    });
    this.#life.becomesHealthy();
    this.#parts.observer.inherited(this, report.channels);
    this.#rest.goOn();
    for (const [index, { properties }] of report.units.entries())
      if (!isDeepStrictEqual(properties, this.units[index]?.properties)) this.#unitChanged(index, properties);
    if (report.gone) this.failed({ kind: "grant", text: "the device went away", outside: true });
  }

  /** A driver was found for it, or none. */
  matched(driver: ChosenDriver | undefined, autostart: boolean): void {
    // It came back and nobody has asked for it since: its clients would wait for ever.
    if (!autostart) this.#forsake("plugged in again and not taken");
    if (driver?.manifest.class !== this.#driver?.manifest.class) this.#number.forget();
    this.#driver = driver;
    this.#life.apply(driver === undefined ? { type: "unmatched" } : { type: "matched", autostart });
  }

  start(): void {
    if (this.life.state === "quarantined") this.#life.apply({ type: "release-quarantine" });
    this.#life.apply({ type: "start" });
  }

  /** Resolves once the driver is away and the kernel's has the device back, or once the driver is stuck. */
  async stop(): Promise<void> {
    this.#rest.forgetRequest();
    this.#life.apply({ type: "stop" });
    await this.#incarnations.ending;
    if (this.life.fenced) this.#possession.giveBack();
  }

  /** Another driver in place of the one that runs or waits to run. Its clients' requests wait, as after a crash. */
  restart(): void {
    this.#rest.forgetRequest();
    this.#life.apply({ type: "restart" });
  }

  /** Brings the driver to rest: requests wait. Rejects where it cannot; it works on then. */
  suspend(by: RestReason = "request"): Promise<void> {
    return this.#rest.suspend(by);
  }

  resume(by: RestReason = "request"): Promise<void> {
    return this.#rest.resume(by);
  }

  /** A reset of the bus takes a claimed interface from ring3 and offers it to the kernel's drivers. Where one has it now, ring3 opens it afresh. */
  checkClaim(): void {
    // One that no driver has may be in the middle of a reset by ring3's own.
    if (this.channelHost !== undefined && this.bus.kernelDriver() !== null) this.#claimIsLost();
  }

  #claimIsLost(): boolean {
    const lost = this.#possession.lost();
    if (lost !== undefined) this.failed(lost);
    return lost !== undefined;
  }

  #hold(by: Hold, on: boolean): void {
    const before = this.#holds.size > 0;
    if (on) this.#holds.add(by);
    else this.#holds.delete(by);
    const held = this.#holds.size > 0;
    if (held !== before) this.#parts.observer.held(this, held);
  }

  progress(): void {
    this.#life.apply({ type: "progress" });
  }

  /** A client has sent so many requests again, to the driver that it has now. */
  replayed(requests: number, client: string): void {
    this.#steps.add(this.life.incarnation, "replayed", client, requests);
  }

  /** `reason.text` may be a driver's own words. */
  failed({ kind, text, outside }: FailureReason): void {
    if (kind === "grant" && this.life.state === "starting" && this.bus.withheld())
      return this.#life.apply({ type: "withheld", reason: printable(text) });
    this.#life.apply({ type: "failed", reason: { kind, text: printable(text), outside } });
  }

  /** Unplugged. */
  gone(): void {
    this.#possession.gone();
    this.#life.apply({ type: "gone" });
  }

  /** It is away: what its driver has kept of it is for when it is plugged in again. Call it once that driver is fenced. */
  keepState(): void {
    this.#state.keep(this.bus);
  }

  /** The same place has a device again, and the last driver is fenced: a new enumeration, a new chain of incarnations. */
  returned(bus: BusDevice): void {
    this.#rest.forgetRequest();
    this.#possession.returned(bus);
    this.#enumeration++;
    this.#life.anew();
    this.#declined.clear();
    this.#state.drop();
    this.#memory.forget();
  }

  close(): void {
    this.#life.close();
    this.#memory.close();
    this.#parts.legacy.drop(recordName("device", this.id));
  }

  /** For the next manager. */
  #note(): void {
    const { identity, plugging, takeable } = this.bus;
    const driver = this.#driver;
    this.#parts.legacy.note("device", recordName("device", this.id), {
      id: this.id,
      identity,
      ordinal: this.ordinal,
      plugging,
      enumeration: this.#enumeration,
      life: this.life,
      lastFailure: this.#life.lastFailure ?? null,
      taken: this.#possession.taken,
      takeable,
      rest: this.#rest.wanted,
      driver: driver === undefined ? null : { name: driver.manifest.name, hash: driver.contract.hash },
      declined: Object.fromEntries(this.#declined),
      units: [...this.units],
      host: this.hostName,
    });
  }

  #moved(before: Life, after: Life, event: LifeEvent): void {
    if (!startsAtOnce(after)) this.#note(); // of such a failure the next manager learns from the end of the host itself
    if (hasHost(before) && !hasHost(after)) this.#end(event);
    if (after.incarnation > before.incarnation) this.#begin();
    else if (isFinal(after) && !isFinal(before) && !tellsOfNoLoss.has(event.type))
      this.#lose(event, after, this.#memory.recorded());
  }

  #reached(before: Life, after: Life): void {
    if (after.state === "running" && before.state === "starting") this.#rest.begun(); // before clients come: what they ask then waits
    if (after.state === "running" && before.state !== "running") this.#parts.observer.ready(this);
    if (after.state === before.state && after.reason === before.reason) return;
    const reason = after.reason === "" ? "" : `: ${after.reason}`;
    this.#log.info(`${after.state}${reason}`, { incarnation: after.incarnation });
    this.#parts.observer.changed(this);
  }

  #begin(): void {
    this.#state.begin(this.#driver!.manifest, this.bus);
    this.#incarnations.begin(this.#assignment());
  }

  #assignment(): Assignment {
    return {
      number: this.life.incarnation,
      bus: this.bus,
      driver: this.#driver!,
      ordinal: this.#number.assign(),
      reason: this.#life.lastFailure,
    };
  }

  #probed(units: readonly HostUnit[]): void {
    this.#number.confirm();
    for (const unit of this.#units.replace(units)) this.#parts.observer.unitVanished(this, unit);
    this.#life.apply({ type: "probed" });
  }

  #declines(why: string): void {
    const { name } = this.#driver!.manifest;
    this.#declined.set(name, printable(why));
    const other = this.#parts.observer.declined(this);
    this.#life.apply({
      type: "declined",
      reason: `${name}: ${printable(why)}`,
      another: other !== undefined,
    });
    // Another driver's units are others, of another class maybe, whatever their numbers.
    this.#forsake("its driver does not want the device any more");
    this.matched(other, other !== undefined); // ring3 has it: nothing is taken from anybody
  }

  #unitChanged(index: number, properties: Properties): void {
    const fault = this.#units.change(index, properties, classes[this.#driver!.manifest.class]!);
    if (fault !== undefined)
      return this.failed({ kind: "malformed", text: `change of unit ${index}: ${fault}`, outside: false });
    this.#note(); // before anyone is told
    this.#units.tell(index);
  }

  /** No driver serves its clients any more. */
  #forsake(why: string): void {
    if (this.units.length === 0) return;
    this.#parts.observer.lost(this, lossOf(why));
    this.#units.replace([]);
  }

  #end(event: LifeEvent): void {
    const { incarnation } = this.life;
    this.#hold("end", true); // whatever becomes of what it was sent, it tells nobody any more
    this.#incarnations.end(event, {
      fenced: (recorded) => {
        this.#isLate = false;
        this.#holds.clear(); // its channels are about to be lost
        this.#lose(event, next(this.life, { type: "fenced" }), recorded);
        this.#steps.add(incarnation, "fenced");
        this.#life.apply({ type: "fenced" });
        const { state } = this.life;
        const isOver = state === "unmatched" || state === "stopped"; // also where `stop` did not wait so long
        if (isOver || (state === "quarantined" && this.bus.isShared)) this.#possession.giveBack();
      },
      late: () => {
        this.#isLate = true;
        this.#life.apply({ type: "fence-timeout" });
        this.#parts.observer.stuck(this);
      },
    });
  }

  #lose(event: LifeEvent, after: Life, recorded: readonly RecordEntry[]): void {
    const final = isFinal(after);
    const { state, reason } = final ? after : this.life;
    const outside = event.type !== "failed" || event.reason.outside;
    const inHand = new Set(unanswered(recorded).map(({ a: channel }) => channel));
    this.#parts.observer.lost(this, { final, outside, text: reason === "" ? state : reason, inHand });
    if (final) this.#units.replace([]);
  }
}
