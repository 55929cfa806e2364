// Runs in: CLI. Owns: nothing. What a fault of a campaign is.
import type { Random } from "@ring3/core/chance";

/** A program with @ring3/client, or one that speaks NBD. */
export const doorKinds = ["application", "nbd"] as const;
export type DoorKind = (typeof doorKinds)[number];

/** What a fault can reach. */
export interface Scene {
  readonly random: Random;
  /** An order to the driver: packages/host/torture. It strikes one of the requests that follow; "none" takes it back. */
  order(fault: string): Promise<void>;
  /** A command to the simulated drive. */
  say(command: string): Promise<void>;
  /** To the driver's process. */
  signal(signal: NodeJS.Signals): Promise<void>;
  /** These resolve once there is another. */
  killManager(): Promise<void>;
  killReflector(): Promise<void>;
  /** Reads that end the driver each time; resolves once they have failed. */
  poison(reads: number): Promise<void>;
  /** Waits until the device is in quarantine, and has it started again. */
  release(): Promise<void>;
  sleep(ms: number): Promise<void>;
}

/** How a driver's process is known to have ended. */
export type End = "crash" | "hang";

export interface Fault {
  readonly name: string;
  readonly group: string;
  /** How often it stands in a deck of cards: plan.ts. */
  readonly cards: number;
  /** Where it can be found out in short time; absent: through either. */
  readonly doors?: readonly DoorKind[];
  /** Before the requests that it is to strike are sent. */
  arm?(scene: Scene): Promise<void>;
  /** While they are under way. */
  strike?(scene: Scene): Promise<void>;
  /** Brings things in order again, once they are all done. */
  mend?(scene: Scene): Promise<void>;
  /** The reasons for which requests may fail that were under way; none of them, where absent. */
  readonly mayFail?: readonly string[];
  /** The driver's process ends for it, in one of these ways; "maybe" where that is left to chance. */
  readonly ends?: readonly (End | "maybe")[];
  /** The disk loses what it holds in its cache. */
  readonly losesPower?: true;
  /** A power loss may be told of that there was or was not. */
  readonly tellsOfLoss?: true;
  /** Requests may not be answered before their deadline, which is made short. */
  readonly deadline?: true;
  /** The device is away for good as its users see it: they open it anew. */
  readonly reopens?: true;
  /** Is meant to end in poison or quarantine. */
  readonly final?: true;
}
