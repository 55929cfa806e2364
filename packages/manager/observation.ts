// Runs in: manager. Owns: what one connection is told of all devices, unasked: it has asked once.
import { type clientEdge, OBSERVED_IN_FLIGHT } from "@ring3/control/client-edge";
import type { Notice, Result } from "@ring3/control/edge";
import type { Metrics } from "@ring3/control/metrics";
import type { InFlight } from "@ring3/control/observation";
import type { DeviceStatus } from "@ring3/control/status";
import type { Clock, Timer } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";

type ClientEdge = typeof clientEdge;
type Told = "device" | "deviceGone" | "metrics" | "inFlight";

/** A device that starts changes several times in a few milliseconds: one word for them all. */
const GATHER_MS = 20;
const METRICS_MS = 1000;

export interface ObservationParts {
  readonly clock: Clock;
  /** What the observer may see. */
  readonly status: () => Result<ClientEdge, "status">;
  readonly metrics: () => Metrics;
  /** undefined: that device has gone. */
  readonly inFlight: (device: string) => InFlight | undefined;
  readonly tell: <N extends Told>(notice: N, params: Notice<ClientEdge, N>) => void;
}

export class Observation {
  readonly #parts: ObservationParts;
  /** By device, as it was told last. */
  #told = new Map<string, string>();
  /** Devices whose requests in flight are told. */
  readonly #followed = new Set<string>();
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

  /** What a device's driver has in hand is told with each beat, or no more. */
  follow(device: string, on: boolean): void {
    if (!on) this.#followed.delete(device);
    else if (this.#followed.size < OBSERVED_IN_FLIGHT || this.#followed.has(device))
      this.#followed.add(device);
    else
      throw new DeviceError(
        "busy",
        `${device}: the requests of ${OBSERVED_IN_FLIGHT} devices are told already`,
      );
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
    for (const device of this.#followed) {
      const told = this.#parts.inFlight(device);
      if (told === undefined) this.#followed.delete(device);
      else this.#parts.tell("inFlight", told);
    }
    this.#beat = this.#parts.clock.after(METRICS_MS, () => this.#tick());
  }
}
