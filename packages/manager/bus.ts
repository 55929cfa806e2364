// Runs in: manager. Owns: nothing. What the manager needs of a device, whichever bus it was found on.

import type { Identity } from "@ring3/control/fields";
import type { DeviceGrant } from "@ring3/control/host-edge";
import type { DeviceFacts } from "@ring3/control/match";
import type { BusName } from "@ring3/control/surfaces";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";

/** Somebody who uses what the kernel's driver makes of the device. */
export interface Holder {
  readonly node: string;
  readonly how: string;
  readonly where: string;
}

export interface Grant {
  readonly terms: DeviceGrant;
  readonly descriptor: Descriptor;
  /** The kernel's drivers are to be offered it once ring3 lets go: one had it, now or before a ring3 that died without giving it back. */
  readonly taken: boolean;
  /** Takes the device from whoever has a descriptor of this grant still. Called once, when its driver is at its end. */
  readonly revoke?: () => void;
}

/** What ring3's user must be allowed to write to have the device, and the udev rule that lets a group do so. */
export interface Permission {
  readonly path: string;
  readonly held: boolean;
  /** What is to be done once it is. */
  readonly after?: string;
  rule(group: string): string;
}

/** One enumeration of one device. */
export interface BusDevice {
  /** Where it is: `usb-1-4.2:1.0`. The same place gives the same id. */
  readonly id: string;
  readonly bus: BusName;
  readonly transport: DeviceGrant["transport"];
  readonly identity: Identity;
  /** What it calls itself, made printable. */
  readonly name: string;
  /** What match rules look at. */
  readonly facts: DeviceFacts;
  /** The kernel's driver that has it now; "usbfs": a program, which may be a driver of ring3; null: none. */
  kernelDriver(): string | null;
  /** Who uses it, through the kernel's driver or past it; it is never taken from them. "one": whoever is found first will do. */
  holders(wanted?: "one"): readonly Holder[];
  /** A person or a rule has said so: in this enumeration it may be taken from the kernel's driver. */
  allowTaking(): void;
  /** Why it could not be opened now: somebody has it, and it may not be taken from them. */
  withheld(): boolean;
  /** Whether it may. */
  readonly takeable: boolean;
  /** Of all devices that were ever plugged in there, which one: another plugging-in has another text. */
  readonly plugging: string;
  /** What the kernel's driver makes of it is only kept silent while ring3 has it, and so is let speak again whenever ring3's drivers have given up. */
  readonly isShared: boolean;
  /** What it takes to open it; nothing where it is reached through a stream. */
  permissions(): readonly Permission[];
  /** Why a driver of ring3 that had it has it no more, as after a reset of the bus; undefined while it has it. */
  lostClaim(): string | undefined;
  /** Opens it afresh, takes it from the kernel's driver where it may, and narrows the descriptor to what the driver may do. */
  open(): Promise<Grant>;
  /** Ring3 lets go: the kernel's driver that wants it has it afterwards; null where none does. */
  giveBack(): string | null;
}
