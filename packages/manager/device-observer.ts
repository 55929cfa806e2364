// Runs in: manager. Owns: nothing. What the rest of the manager learns of a device.

import type { HostUnit } from "@ring3/control/host-edge";
import type { Step } from "@ring3/control/observation";
import type { Device } from "./device.ts";
import type { ChosenDriver } from "./drivers.ts";

export interface DeviceObserver {
  /** The state, the incarnation or the reason is another. */
  changed(device: Device): void;
  /** Its driver has come so far, or its end has. */
  stepped(device: Device, step: Step): void;
  /** A driver runs, anew or again: units may be opened. */
  ready(device: Device): void;
  /** Its driver does not want it: the next to be asked, if there is one. */
  declined(device: Device): ChosenDriver | undefined;
  /** No driver runs and the last one is fenced. `final`: none will, until somebody starts it. */
  lost(device: Device, loss: Loss): void;
  /** Its driver is to rest, a debugger has taken hold of it, or it is being ended, which `lost` follows; or it works again. Said once more when it has come to rest. */
  held(device: Device, held: boolean): void;
  /** Its driver cannot be ended: no other will come, and what it was sent it may still execute. `lost` follows should it end after all. */
  stuck(device: Device): void;
  /** A unit's properties are other than at probe. */
  unitChanged(device: Device, unit: HostUnit): void;
  /** Its driver has outlived the manager before this one; these are the channels that are open there. */
  inherited(device: Device, channels: readonly number[]): void;
  /** The new incarnation does not have it any more. */
  unitVanished(device: Device, unit: HostUnit): void;
}

export interface Loss {
  readonly final: boolean;
  readonly outside: boolean;
  readonly text: string;
  /** The host's channels whose requests were in the driver's hands, by its own recorder. */
  readonly inHand: ReadonlySet<number>;
}

/** For good, and nobody's fault. */
export function lossOf(text: string): Loss {
  return { final: true, outside: true, text, inHand: new Set() };
}
