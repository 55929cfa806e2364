// Runs in: manager. Owns: one start of a device's driver: its host, from the order for it to the proof of its death.

import type { DeviceMemory } from "@ring3/channel/device-memory";
import type { Result } from "@ring3/control/edge";
import type { Properties } from "@ring3/control/fields";
import type { HostUnit, hostEdge } from "@ring3/control/host-edge";
import { withoutKindText } from "@ring3/control/wire";
import type { Clock } from "@ring3/core/clock";
import { DeviceError, type DeviceErrorKind } from "@ring3/core/errors";
import { type FailureReason, limits } from "@ring3/core/lifecycle";
import type { Log } from "@ring3/core/log";
import type { BusDevice, Grant } from "./bus.ts";
import { classes } from "./classes.ts";
import { deadline } from "./deadline.ts";
import type { DriverLog } from "./driver-log.ts";
import type { ChosenDriver } from "./drivers.ts";
import type { End } from "./end.ts";
import { grantedRequests } from "./granted-requests.ts";
import { REMOVE_MS } from "./host-connection.ts";
import {
  type HostKind,
  type HostListeners,
  type HostOrigin,
  type HostProcess,
  type LeftHost,
  STACK_MS,
  type StartHost,
} from "./host-process.ts";
import { faultOfUnits } from "./host-units.ts";
import { inSources } from "./source-map.ts";
import { beatMs, type Usage, Watchdog } from "./watchdog.ts";

export interface IncarnationParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly driverLog: DriverLog;
  readonly startHost: StartHost;
  readonly timeScale: number;
  readonly memory: DeviceMemory;
  readonly bus: BusDevice;
  readonly driver: ChosenDriver;
  readonly number: number;
  /** Of the device. */
  readonly ordinal: number;
  readonly sandboxed: boolean;
  /** Why there is another after the last one. */
  readonly reason: FailureReason | undefined;
  /** The device, where it is being opened already; asked for again where that fails. */
  readonly opening: Promise<Grant> | undefined;
}

/** Hears nothing any more from the moment the incarnation is ended, but `hosted`, `taken`, `ending` and that it was killed. */
export interface IncarnationObserver {
  /** It has a host: the one that the next manager is to look for. */
  hosted(): void;
  /** The device was opened, and a driver of the kernel had it until then. */
  taken(): void;
  /** It is ending by itself, or was killed; that it is dead is still to be proven. May be told twice. */
  ending(): void;
  probed(units: readonly HostUnit[]): void;
  /** The driver does not want the device. */
  declined(why: string): void;
  unitChanged(unit: number, properties: Properties): void;
  failed(reason: FailureReason): void;
  stepped(step: HostOrigin | "killed" | "opened" | "probed", detail: string): void;
  /** A debugger has taken hold of its process, or has let go of it. */
  held(held: boolean): void;
}

type HostEdge = typeof hostEdge;

export class Incarnation {
  readonly #parts: IncarnationParts;
  readonly #observer: IncarnationObserver;
  #hosting: Promise<HostProcess> | undefined;
  /** Settles once the device is open or will not be. */
  #opening: Promise<Grant> | undefined;
  #host: HostProcess | undefined;
  #watchdog: Watchdog | undefined;
  #stack = "";
  /** By units: the properties that it has told of last. */
  readonly #told = new Map<number, Properties>();
  /** Changes that are heard meanwhile came behind the answer, in the same read. */
  #isProbing = false;
  #over = false;

  constructor(parts: IncarnationParts, observer: IncarnationObserver) {
    this.#parts = parts;
    this.#observer = observer;
  }

  get host(): HostProcess | undefined {
    return this.#host;
  }

  /** A host that an earlier manager has started for this device goes on, if it lives. Resolves with how it stands; undefined where it has failed. */
  async goOn(spare: LeftHost): Promise<Result<HostEdge, "adopt"> | undefined> {
    const host = this.takeOver(spare);
    if (this.#over) return undefined;
    this.#watch(host);
    try {
      const report = await host.introduce();
      if (this.#over) return undefined;
      // What came behind the answer in the same read was heard before it.
      const units = report.units.map((unit, index) => ({
        ...unit,
        properties: this.#told.get(index) ?? unit.properties,
      }));
      return { ...report, units };
    } catch (error) {
      if ((error as DeviceError).kind !== "disconnected") this.#fail("malformed", error as Error); // the end of a connection is told by the process
      return undefined;
    }
  }

  /** A host that an earlier manager has started for this device: for its end alone, if nothing else follows. */
  takeOver(spare: LeftHost): HostProcess {
    const { promise, resolve } = Promise.withResolvers<HostProcess>();
    this.#hosting = promise; // one that has ended says so at once, and that is waited for
    const host = spare.adopt(this.#listeners());
    this.#host = host;
    resolve(host);
    return host;
  }

  begin(): void {
    this.#run().catch((error: Error) => {
      this.#parts.log.error(`a fault of ring3 itself: ${error.stack}`);
      this.#fail("probe", error);
    });
  }

  /** Where it threw, or stood when it hung, in terms of its sources; "" where that is not known. */
  get stack(): string {
    const { manifest, sourceMap } = this.#parts.driver;
    return inSources(this.#stack, manifest.name, sourceMap);
  }

  get usage(): Usage | undefined {
    return this.#watchdog?.usage;
  }

  /**
   * Ends it, and resolves once that is proven; `late` is called where it is not in time. "in order": what the driver has not answered fails. "let
   * go": where others are in its process it leaves these alone, and what it has not answered is kept. "kill": the whole sandbox, at once.
   */
  async end({ how, hung, why }: End, late: () => void): Promise<void> {
    const { clock, timeScale, bus, driver } = this.#parts;
    this.#over = true;
    this.#watchdog?.stop();
    const host = await this.#hosting?.catch(() => undefined);
    if (host !== undefined && (how === "in order" || (how === "let go" && host.shared)))
      await this.#remove(host, how === "in order" ? "fail" : "keep");
    if (host !== undefined && hung) this.#stack = await host.stack(STACK_MS * timeScale);
    host?.kill(`${bus.id} (${driver.manifest.name}) ${why}`);
    if (host !== undefined) this.#observer.stepped("killed", `process ${host.pid}`);
    this.#observer.ending();
    this.#opening?.then(({ revoke }) => revoke?.()).catch(() => {}); // what was not opened is nobody's
    const timer = clock.after(limits.fenceMs * timeScale, () => {
      host?.forgo();
      late();
    });
    await host?.fenced;
    timer.cancel();
    await this.#opening?.catch(() => {}); // an opening that comes late would end the next one's; it has a deadline of its own
  }

  async #run(): Promise<void> {
    const { startHost, driver, bus } = this.#parts;
    let origin: HostOrigin | undefined;
    this.#hosting = startHost(kindOf(driver, bus), this.#listeners(), (how) => {
      origin = how;
    });
    // A stream takes its time, and is opened while the host comes up: neither needs the other. From the kernel nothing is taken in vain.
    if (bus.transport === "usbip") this.#open();
    try {
      this.#host = await this.#hosting;
    } catch (error) {
      this.#drop();
      return this.#fail("exit", error as Error);
    }
    this.#observer.hosted();
    if (this.#over) return this.#drop();
    this.#observer.stepped(origin!, `process ${this.#host.pid}`);
    const assigned = this.#assign(this.#host);
    this.#watch(this.#host);
    if (this.#opening === undefined) this.#open();
    let grant: Grant;
    try {
      grant = await this.#opening!;
    } catch (error) {
      return this.#fail("grant", error as Error);
    }
    if (this.#over) return grant.descriptor.close();
    await this.#probe(this.#host, assigned, grant);
  }

  #open(): void {
    const { bus, opening } = this.#parts;
    let detail = opening === undefined ? "" : "asked for while the last driver ended";
    const afresh = () => {
      detail = "";
      return bus.open();
    };
    this.#opening = (opening?.catch(afresh) ?? bus.open()).then((grant) => {
      if (grant.taken) this.#observer.taken();
      if (!this.#over)
        this.#observer.stepped("opened", grant.taken ? "taken from the kernel's driver" : detail);
      return grant;
    });
    this.#opening.catch(() => {}); // told by whoever waits for it
  }

  #drop(): void {
    this.#opening?.then(({ descriptor }) => descriptor.close()).catch(() => {}); // what was not opened need not be closed
  }

  #listeners(): HostListeners {
    const { driverLog, log } = this.#parts;
    return {
      log: (line) => driverLog.add(line),
      failed: ({ message, stack }) => {
        this.#stack = stack;
        if (stack !== "") log.error(`the driver threw: ${this.stack}`);
        const [first, where = ""] = (this.stack || message).split("\n"); // "TypeError: …", "    at read (driver.ts:5:40)"
        const text = `${first} ${where.trim()}`.trim();
        const kind = NO_MEMORY.test(message) ? "memory" : "crash"; // between two of the watchdog's looks
        this.#failed({ kind, text, outside: false });
      },
      disconnected: () => this.#failed({ kind: "grant", text: "the device went away", outside: true }),
      changed: ({ unit, properties }) => {
        this.#told.set(unit, properties);
        if (!this.#isProbing) this.#changed(unit, properties);
      },
      dying: () => {
        if (!this.#over) this.#observer.ending();
      },
      lost: (reason) => this.#failed(reason),
    };
  }

  #changed(unit: number, properties: Properties): void {
    if (!this.#over) this.#observer.unitChanged(unit, properties);
  }

  #failed(reason: FailureReason): void {
    if (!this.#over) this.#observer.failed(reason);
  }

  #fail(kind: FailureReason["kind"], error: Error): void {
    this.#failed({ kind, text: ownWords(error), outside: false });
  }

  #watch(host: HostProcess): void {
    const { memory, clock, driver, bus, timeScale } = this.#parts;
    const memoryBytes = kindOf(driver, bus).memoryMb * 2 ** 20;
    const watchLimits = { hangMs: driver.manifest.limits.hangMs * timeScale, memoryBytes };
    this.#watchdog = new Watchdog(memory, host.pid, clock, watchLimits, {
      failed: (reason) => host.blame(reason),
      held: (held) => this.#observer.held(held),
    });
  }

  async #probe(host: HostProcess, assigned: Promise<unknown>, grant: Grant): Promise<void> {
    const { clock, driver, timeScale } = this.#parts;
    const probeMs = driver.manifest.limits.probeMs * timeScale;
    const timer = deadline(
      clock,
      probeMs,
      () => host.held,
      () => this.#failed({ kind: "probe", text: `it has not returned within ${probeMs} ms`, outside: false }),
    );
    let answer: Result<HostEdge, "probe">;
    this.#isProbing = true;
    try {
      answer = await this.#askToProbe(host, assigned, grant);
    } catch (error) {
      if (!host.peer.signal.aborted) this.#fail("probe", error as Error); // the end of a connection is told by the process
      return;
    } finally {
      timer.cancel();
      this.#isProbing = false;
    }
    if (this.#over) return;
    if (answer.declined !== undefined) this.#observer.declined(answer.declined);
    else {
      const { length } = answer.units;
      this.#observer.stepped("probed", `${length} ${length === 1 ? "unit" : "units"}`);
      this.#observer.probed(answer.units);
      for (const [unit, properties] of this.#told) this.#changed(unit, properties);
    }
  }

  /** Resolves once the host knows its device. */
  #assign(host: HostProcess): Promise<unknown> {
    const { bus, driver, memory, number, ordinal, reason, timeScale } = this.#parts;
    const { manifest } = driver;
    const assigned = host.peer.call(
      "assign",
      {
        device: { id: bus.id, identity: bus.identity, name: bus.name, ordinal },
        driver: { version: manifest.version, class: manifest.class, stateVersion: manifest.stateVersion },
        incarnation: number,
        beatMs: beatMs(manifest.limits.hangMs * timeScale),
        reason: number === 1 || reason === undefined ? null : { kind: reason.kind, text: reason.text },
      },
      [memory.fd],
    );
    assigned.catch(() => {}); // told with the probe
    return assigned;
  }

  /** Nothing that is asked of the host waits for the answer to what was asked before: it takes them in their order. */
  async #askToProbe(
    host: HostProcess,
    assigned: Promise<unknown>,
    grant: Grant,
  ): Promise<Result<HostEdge, "probe">> {
    const { manifest, contract } = this.#parts.driver;
    const { name, version, hash } = contract;
    const params = { contract: { name, version, hash }, grants: [grant.terms] };
    const probed = host.peer.call("probe", params, [grant.descriptor]);
    const [{ result }] = await Promise.all([probed, assigned]);
    const fault =
      result.declined !== undefined ? undefined : faultOfUnits(classes[manifest.class]!, result.units);
    if (fault !== undefined) throw new DeviceError("invalid", fault);
    return result;
  }

  async #remove(host: HostProcess, requests: "fail" | "keep"): Promise<void> {
    const { log, timeScale } = this.#parts;
    const failed = (error: Error) => log.warn(`driver's remove: ${error.message}`);
    await host.remove(requests, REMOVE_MS * timeScale).catch(failed);
  }
}

/** What a driver's host has to be like. */
export function kindOf({ manifest, code, codeBytes, shared }: ChosenDriver, bus: BusDevice): HostKind {
  const { name, limits, sandbox, placement } = manifest;
  const { memoryMb, cpuPercent, requests } = shared ?? {
    memoryMb: limits.memoryMb,
    cpuPercent: limits.cpuPercent,
    requests: grantedRequests(manifest, bus),
  };
  return {
    memoryMb,
    cpuPercent,
    tier: sandbox,
    placement,
    class: manifest.class,
    driver: { name, code, codeBytes, requests },
  };
}

/** What V8 and Node throw where the kernel gives no more memory. */
const NO_MEMORY = /^(Array buffer allocation failed|Failed to allocate memory)/;

const VAGUE: readonly DeviceErrorKind[] = ["internal", "invalid", "unsupported"];

/** Without the words of a kind that says nothing about the driver. */
function ownWords(error: Error): string {
  const vague = error instanceof DeviceError && VAGUE.includes(error.kind);
  return vague ? withoutKindText(error) : error.message;
}
