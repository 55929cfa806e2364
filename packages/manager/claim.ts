// Runs in: manager. Owns: nothing; what one client has of one unit, over all incarnations.
import type { Access } from "@ring3/control/fields";
import type { Device } from "./device.ts";
import type { Loss } from "./device-observer.ts";
import type { HostProcess } from "./host-process.ts";

/** A client's connection, as far as claims need it. */
export interface Claimant {
  /** For people: "the block reflector", "process 4711". */
  readonly name: string;
  /** A class's reflector: its word counts against a driver, and it needs as many channels as there are units. */
  readonly trusted: boolean;
  readonly uid: number;
  readonly reflector: string | null;
  /** Its process, where it is known. */
  readonly pid: number | null;
  /** By which it proves to the next manager who it was to this one. */
  readonly token: string;
  lost(
    channel: number,
    incarnation: number,
    loss: Omit<Loss, "inHand"> & { kind: "disconnected" | "driver-restarted" | "denied"; shared: boolean },
  ): void;
  ready(unit: string, incarnation: number): void;
  paused(channel: number, held: boolean): void;
  stuck(channel: number, text: string): void;
  /** Somebody traces a device that it has open, or nobody any more. */
  trace(device: string, on: boolean): void;
}

export interface Claim {
  claimant: Claimant;
  readonly device: Device;
  readonly unit: number;
  readonly mode: Access;
  /** The client's name for the first channel of this opening, and for its latest. */
  readonly opening: number;
  channel: number;
  /** What the host calls it, while it is open there; and which host that is. */
  hostChannel: number | undefined;
  host: string;
  /** An earlier manager has opened it there. */
  inherited: boolean;
  /** Its client wants it no more: from then on nothing is opened or waited for, and others have to wait until it is closed. */
  givenUp: boolean;
  /** Its client waits for the driver that is on its way: what is called with it, or with undefined where it is not. */
  waiting: ((host: HostProcess | undefined) => void) | undefined;
  /** What its client has said of the latest channel, once each. */
  readonly said: Set<"suspicion" | "progress" | "replay">;
  /** Failures of the driver's own since its last progress, while requests of this client were in hand. */
  failures: number;
}

export function newClaim(
  claimant: Claimant,
  device: Device,
  unit: number,
  mode: Access,
  opening: number,
): Claim {
  return {
    claimant,
    device,
    unit,
    mode,
    opening,
    channel: opening,
    hostChannel: undefined,
    host: "",
    inherited: false,
    givenUp: false,
    waiting: undefined,
    said: new Set(),
    failures: 0,
  };
}

export function unitId(device: string, unit: number): string {
  return `${device}#${unit}`;
}
