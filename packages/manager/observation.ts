// Runs in: manager. Owns: what one connection is told of all devices, unasked: it has asked once.
import type { clientEdge } from "@ring3/control/client-edge";
import type { Notice, Result } from "@ring3/control/edge";
import type { Metrics } from "@ring3/control/metrics";
import type { DeviceStatus } from "@ring3/control/status";
import type { Clock, Timer } from "@ring3/core/clock";

type ClientEdge = typeof clientEdge;
type Told = "device" | "deviceGone" | "metrics";

/** A device that starts changes several times in a few milliseconds: one word for them all. */
const GATHER_MS = 20;
const METRICS_MS = 1000;

export interface ObservationParts {
  readonly clock: Clock;
  /** What the observer may see. */
  readonly status: () => Result<ClientEdge, "status">;
  readonly metrics: () => Metrics;
  readonly tell: <N extends Told>(notice: N, params: Notice<ClientEdge, N>) => void;
}

export class Observation {
  readonly #parts: ObservationParts;
  /** By device, as it was told last. */
  #told = new Map<string, string>();
  #gathering: Timer | undefined;
  #beat: Timer | undefined;

  constructor(parts: ObservationParts) {
    this.#parts = parts;
  }

  /** How everything is now; what is different later is told. */
  begin(): Result<ClientEdge, "status"> {
    this.end();
    const status = this.#parts.status();
    this.#told = new Map(status.devices.map((device) => [device.id, JSON.stringify(device)]));
    this.#tick();
    return status;
  }

  /** Some device has, or where applications meet one. */
  changed(): void {
    this.#gathering ??= this.#parts.clock.after(GATHER_MS, () => this.#tell());
  }

  end(): void {
    this.#gathering?.cancel();
    this.#gathering = undefined;
    this.#beat?.cancel();
  }

  #tell(): void {
    this.#gathering = undefined;
    const { devices } = this.#parts.status();
    const gone = new Set(this.#told.keys());
    for (const device of devices) {
      gone.delete(device.id);
      this.#tellDevice(device);
    }
    for (const id of gone) {
      this.#told.delete(id);
      this.#parts.tell("deviceGone", { id });
    }
  }

  #tellDevice(device: DeviceStatus): void {
    const now = JSON.stringify(device);
    if (this.#told.get(device.id) === now) return;
    this.#told.set(device.id, now);
    this.#parts.tell("device", device);
  }

  #tick(): void {
    this.#parts.tell("metrics", this.#parts.metrics());
    this.#beat = this.#parts.clock.after(METRICS_MS, () => this.#tick());
  }
}
