// Runs in: console. Owns: how ring3 and its devices are, as the manager has told, and the last minutes of what they have done.
import type { clientEdge } from "@ring3/control/client-edge";
import type { Notice, Result } from "@ring3/control/edge";
import type { Metrics } from "@ring3/control/metrics";
import type { Passage, Step } from "@ring3/control/observation";
import { type Rates, ratesOf } from "@ring3/control/rates";
import type { DeviceStatus, Status } from "@ring3/control/status";
import type { LogEntry } from "@ring3/core/log";
import type { Workload } from "../edge.ts";

type ClientEdge = typeof clientEdge;

/** Of the plots. */
const SECONDS_KEPT = 120;

/** What devices did in one second. */
export interface Second {
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  readonly rates: readonly Rates[];
}

/** What a page shows first. */
export interface Whole {
  readonly status: Status;
  readonly second: Second | null;
  /** Only in a demo. */
  readonly workload: Workload | null;
}

/** What a device's page shows beside that. */
export interface Past {
  /** Oldest first. */
  readonly passages: readonly Passage[];
  readonly steps: readonly Step[];
  readonly seconds: readonly SecondOfOne[];
}
export interface SecondOfOne {
  readonly timeMs: number;
  readonly rates: Rates;
}

export class Picture {
  readonly #tell: (event: string, value: unknown) => void;
  readonly #wallTime: () => number;
  readonly #status: Status;
  readonly #devices = new Map<string, DeviceStatus>();
  readonly #seconds: Second[] = [];
  #before: Metrics | undefined;
  #workload: Workload | null = null;

  constructor(
    { status }: Result<ClientEdge, "observe">,
    tell: (event: string, value: unknown) => void,
    wallTime: () => number,
  ) {
    this.#tell = tell;
    this.#wallTime = wallTime;
    this.#status = status;
    for (const device of status.devices) this.#devices.set(device.id, device);
  }

  whole(): Whole {
    const status = { ...this.#status, devices: [...this.#devices.values()] };
    return { status, second: this.#seconds.at(-1) ?? null, workload: this.#workload };
  }

  /** Of one device. */
  seconds(device: string): SecondOfOne[] {
    return this.#seconds.flatMap(({ timeMs, rates }) => {
      const its = rates.find(({ id }) => id === device);
      return its === undefined ? [] : [{ timeMs, rates: its }];
    });
  }

  /** undefined: there is no such device. */
  stateOf(device: string): DeviceStatus["state"] | undefined {
    return this.#devices.get(device)?.state;
  }

  device(device: Notice<ClientEdge, "device">): void {
    this.#devices.set(device.id, device);
    this.#tell("device", device);
  }

  gone({ id }: Notice<ClientEdge, "deviceGone">): void {
    this.#devices.delete(id);
    this.#tell("gone", { id });
  }

  passage(passage: Passage): void {
    this.#tell("passage", passage);
  }

  step(step: Step): void {
    this.#tell("step", step);
  }

  metrics(metrics: Metrics): void {
    const before = this.#before;
    this.#before = metrics;
    if (before === undefined) return;
    const second = { timeMs: this.#wallTime(), rates: ratesOf(before, metrics) };
    this.#seconds.push(second);
    if (this.#seconds.length > SECONDS_KEPT) this.#seconds.shift();
    this.#tell("second", second);
  }

  workload(workload: Workload): void {
    this.#workload = workload;
    this.#tell("workload", workload);
  }

  logged(entry: LogEntry): void {
    this.#tell("log", entry);
  }
}
