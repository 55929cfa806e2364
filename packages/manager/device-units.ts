// Runs in: manager. Owns: the units of one device as its driver has told of them, and how soon their changes are passed on.

import type { Properties } from "@ring3/control/fields";
import type { HostUnit } from "@ring3/control/host-edge";
import type { Clock } from "@ring3/core/clock";
import { ChangePace } from "./change-pace.ts";
import type { ManagedClass } from "./classes.ts";
import { faultOfProperties } from "./host-units.ts";

export class DeviceUnits {
  readonly #pace: ChangePace;
  #all: readonly HostUnit[] = [];

  /** `changed`: a unit's properties are others; told of one unit not too often. */
  constructor(clock: Clock, changed: (unit: HostUnit) => void) {
    this.#pace = new ChangePace(clock, (index) => {
      const unit = this.#all[index];
      if (unit !== undefined) changed(unit);
    });
  }

  get all(): readonly HostUnit[] {
    return this.#all;
  }

  /** Those that there were and are no more. */
  replace(units: readonly HostUnit[]): readonly HostUnit[] {
    const vanished = this.#all.slice(units.length);
    this.#all = units;
    return vanished;
  }

  /** What is wrong with the change; undefined: nothing, and it will be told of. */
  change(index: number, properties: Properties, unitClass: ManagedClass): string | undefined {
    const unit = this.#all[index];
    if (unit === undefined) return "there is none";
    const fault = faultOfProperties(unitClass, properties);
    if (fault !== undefined) return fault;
    this.#all = this.#all.with(index, { ...unit, properties });
    return undefined;
  }

  /** After `change`. */
  tell(index: number): void {
    this.#pace.changed(index);
  }
}
