// Runs in: manager. Owns: one start of a device's driver: its host, from the order for it to the proof of its death.

import type { DeviceMemory } from "@ring3/channel/device-memory";
import type { Properties } from "@ring3/control/fields";
import type { Manifest } from "@ring3/control/manifest";
import { withoutKindText } from "@ring3/control/wire";
import type { Clock } from "@ring3/core/clock";
import { DeviceError, type DeviceErrorKind } from "@ring3/core/errors";
import { type FailureReason, limits } from "@ring3/core/lifecycle";
import type { Log } from "@ring3/core/log";
import { dataBytes } from "@ring3/kernel/process/pidfd";
import type { BusDevice, Grant } from "./bus.ts";
import { classes } from "./classes.ts";
import type { DriverLog } from "./driver-log.ts";
import type { ChosenDriver } from "./drivers.ts";
import { grantedRequests } from "./granted-requests.ts";
import {
  type HostListeners,
  type HostProcess,
  type HostShape,
  memoryCeiling,
  type StartHost,
} from "./host-process.ts";
import { faultOfUnits, type HostUnit } from "./host-units.ts";
import { inSources } from "./source-map.ts";
import { type Usage, Watchdog } from "./watchdog.ts";

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
  readonly sandboxed: boolean;
  /** Why there is another after the last one. */
  readonly reason: FailureReason | undefined;
}

/** Hears nothing any more from the moment the incarnation is ended, but `taken`. */
export interface IncarnationObserver {
  /** The device was opened, and a driver of the kernel had it until then. */
  taken(): void;
  probed(units: readonly HostUnit[]): void;
  unitChanged(unit: number, properties: Properties): void;
  failed(reason: FailureReason): void;
  /** A debugger has taken hold of its process, or has let go of it. */
  held(held: boolean): void;
}

/** What a driver gets to end in order before it is killed. */
const REMOVE_MS = 2000;
/** What a hung driver gets to say where it stands. */
const STACK_MS = 100;

export class Incarnation {
  readonly #parts: IncarnationParts;
  readonly #observer: IncarnationObserver;
  #hosting: Promise<HostProcess> | undefined;
  #host: HostProcess | undefined;
  #watchdog: Watchdog | undefined;
  #stack = "";
  #over = false;

  constructor(parts: IncarnationParts, observer: IncarnationObserver) {
    this.#parts = parts;
    this.#observer = observer;
  }

  get host(): HostProcess | undefined {
    return this.#host;
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

  /** Kills the whole sandbox and resolves once it is dead; `late` is called where that is not proven in time. */
  async end({ inOrder, hung }: { inOrder: boolean; hung: boolean }, late: () => void): Promise<void> {
    const { clock, timeScale } = this.#parts;
    this.#over = true;
    this.#watchdog?.stop();
    const host = await this.#hosting?.catch(() => undefined);
    if (host === undefined) return;
    if (inOrder) await this.#removeInOrder(host);
    if (hung) this.#stack = await host.stack(STACK_MS * timeScale);
    host.kill();
    const timer = clock.after(limits.fenceMs * timeScale, late);
    await host.fenced;
    timer.cancel();
  }

  async #run(): Promise<void> {
    const { startHost, bus, driver } = this.#parts;
    try {
      this.#hosting = startHost(shapeOf(driver.manifest), this.#listeners());
      this.#host = await this.#hosting;
    } catch (error) {
      return this.#fail("exit", error as Error);
    }
    if (this.#over) return;
    // The driver is loaded while the device is opened: neither needs the other.
    const loading = this.#load(this.#host);
    this.#watch(this.#host);
    let grant: Grant;
    try {
      grant = await bus.open();
    } catch (error) {
      return this.#fail("grant", error as Error);
    }
    if (grant.taken) this.#observer.taken();
    if (this.#over) return grant.descriptor.close();
    await this.#probe(this.#host, loading, grant);
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
        if (!this.#over) this.#observer.unitChanged(unit, properties);
      },
      lost: (reason) => this.#failed(reason),
    };
  }

  #failed(reason: FailureReason): void {
    if (!this.#over) this.#observer.failed(reason);
  }

  #fail(kind: FailureReason["kind"], error: Error): void {
    this.#failed({ kind, text: ownWords(error), outside: false });
  }

  #watch({ pid }: HostProcess): void {
    const { memory, clock, driver, timeScale } = this.#parts;
    const { hangMs, memoryMb } = driver.manifest.limits;
    const watchLimits = { hangMs: hangMs * timeScale, memoryBytes: memoryMb * 2 ** 20 };
    this.#watchdog = new Watchdog(memory, pid, clock, watchLimits, {
      failed: (reason) => this.#failed(reason),
      held: (held) => this.#observer.held(held),
    });
  }

  async #probe(host: HostProcess, loading: Promise<void>, grant: Grant): Promise<void> {
    const { clock, driver, timeScale } = this.#parts;
    const probeMs = driver.manifest.limits.probeMs * timeScale;
    const timer = clock.after(probeMs, () =>
      this.#failed({ kind: "probe", text: `it has not returned within ${probeMs} ms`, outside: false }),
    );
    let units: readonly HostUnit[];
    try {
      units = await this.#askToProbe(host, loading, grant);
    } catch (error) {
      if (!host.peer.signal.aborted) this.#fail("probe", error as Error); // the end of a connection is told by the process
      return;
    } finally {
      timer.cancel();
    }
    if (!this.#over) this.#observer.probed(units);
  }

  #load(host: HostProcess): Promise<void> {
    const { bus, driver, memory, number, reason, sandboxed } = this.#parts;
    const { manifest, contract, code } = driver;
    const loaded = host.peer
      .call(
        "load",
        {
          device: { id: bus.id, identity: bus.identity, name: bus.name },
          driver: {
            name: manifest.name,
            version: manifest.version,
            class: manifest.class,
            stateVersion: manifest.stateVersion,
          },
          incarnation: number,
          reason: number === 1 || reason === undefined ? null : { kind: reason.kind, text: reason.text },
          dataBytes: sandboxed ? dataBytes(host.pid) + memoryCeiling(shapeOf(manifest)) : null,
          filter: host.filter(grantedRequests(manifest, bus)),
        },
        [code.fd, memory.fd],
      )
      .then(({ result }) => {
        if (result.contract.hash !== contract.hash)
          throw new DeviceError(
            "invalid",
            `driver built for ${result.contract.name} version ${result.contract.version} (${result.contract.hash}), this ring3 has ${contract.name} version ${contract.version} (${contract.hash})`,
          );
      });
    loaded.catch(() => {}); // told with the probe
    return loaded;
  }

  async #askToProbe(host: HostProcess, loading: Promise<void>, grant: Grant): Promise<readonly HostUnit[]> {
    const { manifest } = this.#parts.driver;
    await loading.catch((error) => {
      grant.descriptor.close();
      throw error;
    });
    const { result } = await host.peer.call("probe", { grants: [grant.terms] }, [grant.descriptor]);
    const fault = faultOfUnits(classes[manifest.class]!, result.units);
    if (fault !== undefined) throw new DeviceError("invalid", fault);
    return result.units;
  }

  async #removeInOrder(host: HostProcess): Promise<void> {
    const { clock, log, timeScale } = this.#parts;
    const timer = clock.after(REMOVE_MS * timeScale, () => host.peer.close());
    await host.peer.call("remove", {}).catch((error: Error) => log.warn(`driver's remove: ${error.message}`));
    timer.cancel();
  }
}

function shapeOf({ limits: { memoryMb, cpuPercent }, sandbox }: Manifest): HostShape {
  return { memoryMb, cpuPercent, tier: sandbox };
}

/** What V8 and Node throw where the kernel gives no more memory. */
const NO_MEMORY = /^(Array buffer allocation failed|Failed to allocate memory)/;

const VAGUE: readonly DeviceErrorKind[] = ["internal", "invalid", "unsupported"];

/** Without the words of a kind that says nothing about the driver. */
function ownWords(error: Error): string {
  const vague = error instanceof DeviceError && VAGUE.includes(error.kind);
  return vague ? withoutKindText(error) : error.message;
}
