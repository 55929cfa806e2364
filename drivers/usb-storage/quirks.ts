// Runs in: driver host, jailed. Owns: what single devices cannot do although they say so. Each line names its source.
import type { UsbDevice } from "@ring3/sdk";

export interface Quirks {
  /** Largest data phase of one command. */
  readonly commandBytes: number;
  /** Its residues are wrong even when all is well. */
  readonly ignoreResidue: boolean;
}

interface Entry {
  readonly vendor: number;
  readonly product: number;
  readonly quirks: Partial<Quirks>;
}

// Linux, drivers/usb/storage/unusual_devs.h
const table: readonly Entry[] = [
  // Genesys Logic, USB to IDE: US_FL_MAX_SECTORS_64, US_FL_IGNORE_RESIDUE
  { vendor: 0x05e3, product: 0x0701, quirks: { commandBytes: 64 * 512, ignoreResidue: true } },
  { vendor: 0x05e3, product: 0x0702, quirks: { commandBytes: 64 * 512, ignoreResidue: true } },
];

// Linux, drivers/usb/storage/scsiglue.c: 240 sectors, and 2048 at SuperSpeed, since "many devices have trouble" with more.
const COMMAND_BYTES = 240 * 512;
const COMMAND_BYTES_SUPER = 2048 * 512;

export function quirksOf(usb: UsbDevice): Quirks {
  const entry = table.find(({ vendor, product }) => vendor === usb.vendorId && product === usb.productId);
  return {
    // A SuperSpeed device on a slower port says USB 2.1 (USB 3.2 §9.6.1).
    commandBytes: usb.usbVersionMajor >= 3 ? COMMAND_BYTES_SUPER : COMMAND_BYTES,
    ignoreResidue: false,
    ...entry?.quirks,
  };
}
