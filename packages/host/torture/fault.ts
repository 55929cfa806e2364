// Runs in: driver host, as the driver of `ring3 torture`. Owns: what a fault inside a host is, and the form of the order for one.
import type { Random } from "@ring3/core/chance";
import type { Block, Context } from "@ring3/sdk";

/** What a fault has to work with. */
export interface Inside {
  readonly ctx: Context<Block>;
  /** Of the request that it strikes. */
  readonly call: { length: number };
  /** From 0 up to 1; the same numbers for the same order. */
  readonly random: Random;
  /** How long its event loop may stand still. */
  readonly hangMs: number;
}

/** Does its harm; where it returns, the request that it strikes goes on. */
export type Fault = (inside: Inside) => unknown;
export type Faults = Readonly<Record<string, Fault>>;

/** As a write to the disk's last sector brings it, in JSON. */
export interface Order {
  readonly fault: string;
  /** Before the device is asked, while it works, or once it has done its part. */
  readonly at: "before" | "during" | "after";
  /** Requests that pass first. */
  readonly after: number;
  readonly seed: number;
  /** limits.hangMs of its manifest. */
  readonly hangMs: number;
}

/** A text in a sector, which it does not fill. */
export function orderOf(sector: Uint8Array): Order {
  return JSON.parse(new TextDecoder().decode(sector).replace(/\0+$/, ""));
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
