// Runs in: manager. Owns: nothing. What the manager needs of a device, whichever bus it was found on.

import type { Identity } from "@ring3/control/fields";
import type { UsbGrant } from "@ring3/control/host-edge";
import type { UsbFacts } from "@ring3/control/match";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";

/** Somebody who uses what the kernel's driver makes of the device. */
export interface Holder {
  readonly node: string;
  readonly how: string;
  readonly where: string;
}

export interface Grant {
  readonly terms: UsbGrant;
  readonly descriptor: Descriptor;
  /** The kernel's drivers are to be offered it once ring3 lets go: one had it, now or before a ring3 that died without giving it back. */
  readonly taken: boolean;
}

/** One enumeration of one device. */
export interface BusDevice {
  /** Where it is: `usb-1-4.2:1.0`. The same place gives the same id. */
  readonly id: string;
  readonly bus: "usb";
  readonly transport: UsbGrant["transport"];
  readonly identity: Identity;
  /** What it calls itself, made printable. */
  readonly name: string;
  /** What match rules look at. */
  readonly facts: UsbFacts;
  /** The kernel's driver that has it now; "usbfs": a program, which may be a driver of ring3; null: none. */
  kernelDriver(): string | null;
  /** Who uses it, through the kernel's driver or past it; it is never taken from them. */
  holders(): readonly Holder[];
  /** A person or a rule has said so: in this enumeration it may be taken from the kernel's driver. */
  allowTaking(): void;
  /** Why it could not be opened now: somebody has it, and it may not be taken from them. */
  withheld(): boolean;
  /** Whether it may. */
  readonly takeable: boolean;
  /** Of all devices that were ever plugged in there, which one: another plugging-in has another text. */
  readonly plugging: string;
  /** Why a driver of ring3 that had it has it no more, as after a reset of the bus; undefined while it has it. */
  lostClaim(): string | undefined;
  /** Opens it afresh, takes it from the kernel's driver where it may, and narrows the descriptor to what the driver may do. */
  open(): Promise<Grant>;
  /** Ring3 lets go: the kernel's driver that wants it has it afterwards; null where none does. */
  giveBack(): string | null;
}
