// Runs in: driver host, jailed. Owns: what both kinds of controllers have in common for driver.ts.
import type { GamepadProperties, Wait } from "@ring3/sdk";

export interface Controller {
  readonly name: string;
  readonly properties: GamepadProperties;
  /** From whatever state it is in. Rejects with DeviceError. */
  start(): Promise<void>;
  readonly rumble: (input: { strong: number; weak: number; durationMs: number }, wait: Wait) => Promise<void>;
  readonly player?: (input: { number: number }, wait: Wait) => Promise<void>;
  rest(): Promise<void>;
}
