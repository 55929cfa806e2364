// Runs in: tests. Owns: a driver's rehearsal, as a host that waits for a device runs it.
import type { Contract } from "@ring3/core/contract";
import { systemClock } from "@ring3/kernel/clock/clock";
import type { Driver } from "../define.ts";
import { rehearseDriver } from "../rehearsal.ts";

/** Rejects with what goes wrong on the device that the driver plays. */
export const rehearse = <C extends Contract>(driver: Driver<C>): Promise<void> =>
  rehearseDriver(() => driver as unknown as Driver, systemClock);
