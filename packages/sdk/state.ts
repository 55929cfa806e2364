// Runs in: driver host, sdk/test. Owns: a driver's small state, which outlives the driver in memory that the manager keeps.
import { DeviceError } from "@ring3/core/errors";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export const STATE_MAX_BYTES = 4096;

/**
 * `ctx.state`: what the next incarnation should know. Dropped before the last attempt to start, and with an unplugging, unless the manifest's
 * `stateOutlives` says that it is of the device itself.
 */
export interface State {
  /** What was set last, by this or an earlier incarnation; undefined when nothing was. */
  get(): Json | undefined;
  /** Takes effect at once. At most 4 KiB as JSON: DeviceError("invalid") above. */
  set(value: Json): void;
}

/** Where the bytes live. Whoever provides it makes the change atomic: after a crash the old or the new value is read. */
export interface StateMemory {
  readState(): unknown;
  writeState(value: unknown): void;
}

export function createState(memory: StateMemory): State {
  return {
    get: () => memory.readState() as Json | undefined,
    set(value) {
      const text = JSON.stringify(value) as string | undefined;
      if (text === undefined)
        throw new DeviceError("invalid", `ctx.state.set: expected JSON, found ${typeof value}`);
      const { length } = new TextEncoder().encode(text);
      if (length > STATE_MAX_BYTES)
        throw new DeviceError(
          "invalid",
          `ctx.state.set: expected at most ${STATE_MAX_BYTES} bytes, found ${length}`,
        );
      memory.writeState(value);
    },
  };
}

/** State in this process's memory: for tests. */
export function plainStateMemory(initial?: Json): StateMemory {
  let text = initial === undefined ? undefined : JSON.stringify(initial);
  return {
    readState: () => (text === undefined ? undefined : JSON.parse(text)),
    writeState(value) {
      text = JSON.stringify(value);
    },
  };
}
