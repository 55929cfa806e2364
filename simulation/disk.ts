// Runs in: the simulation. Owns: disks with exchangeable media, and what they do when they are told, in time, late, never, or wrongly.
import type { Dice } from "./dice.ts";
import type { Kernel } from "./kernel/kernel.ts";
import type { Process } from "./kernel/process.ts";
import type { Pending, Reply, Transfer, UsbEnd, UsbfsFile } from "./kernel/usbfs.ts";
import type { Ledger } from "./ledger.ts";
import { type Medium, SECTOR_BYTES, SECTORS } from "./medium.ts";

/** The requests of the simulated disk; driver/driver.ts speaks the same. */
const request = { read: 1, write: 2, writeForced: 3, flush: 4, status: 5 } as const;

// asm-generic/errno-base.h, asm-generic/errno.h
const EPIPE = 32;
const EPROTO = 71;

/** How long a disk takes, in milliseconds. */
const TAKES_MS = [0.05, 0.6] as const;

/** What goes wrong with one transfer: "wedged" cannot even be taken back; a number is how much longer it takes, in milliseconds. */
export type Mishap = "stall" | "error" | "torn" | "never" | "wedged" | number;

export class Disk implements UsbEnd {
  readonly serial: string;
  readonly #kernel: Kernel;
  readonly #dice: Dice;
  readonly #ledger: Ledger;
  readonly #alike: boolean;
  /** Asked for each transfer. */
  readonly #mishap: () => Mishap | undefined;
  medium: Medium;
  /** Since it was plugged in. */
  #media = 1;
  #powerLosses = 0;
  present = false;
  readonly touchedBy = new Set<Process>();
  readonly files = new Set<UsbfsFile>();

  constructor(
    serial: string,
    alike: boolean,
    kernel: Kernel,
    ledger: Ledger,
    mishap: () => Mishap | undefined,
  ) {
    this.serial = serial;
    this.#kernel = kernel;
    this.#dice = kernel.dice;
    this.#ledger = ledger;
    this.#alike = alike;
    this.#mishap = mishap;
    this.medium = ledger.createMedium(alike);
  }

  /** A new enumeration: it counts from the beginning. */
  plugIn(): void {
    this.present = true;
    this.#media = 1;
    this.#powerLosses = 0;
  }

  unplug(): void {
    this.present = false;
    for (const file of [...this.files]) file.unplugged();
    this.medium.losePower();
  }

  /** Its power was gone for a moment, and the host has not noticed. */
  losePower(): void {
    this.medium.losePower();
    this.#powerLosses++;
  }

  changeMedium(): void {
    this.medium.flush();
    this.medium = this.#ledger.createMedium(this.#alike);
    this.#media++;
  }

  begin(transfer: Transfer, done: (reply: Reply) => void): Pending {
    const mishap = this.#mishap();
    let over = false;
    const finish = (): void => {
      if (over) return;
      over = true;
      done(this.#execute(transfer, mishap));
    };
    const takes = this.#dice.between(...TAKES_MS) + (typeof mishap === "number" ? mishap : 0);
    const happening =
      mishap === "never" || mishap === "wedged" ? undefined : this.#kernel.post(undefined, takes, finish);
    const end = (): void => {
      over = true;
      if (happening !== undefined) happening.off = true;
    };
    return {
      cancel: () => {
        if (mishap === "wedged" && this.present) return false;
        // It may have been done in the very moment in which it is taken back.
        if (!over && happening !== undefined && this.#dice.chance(0.3)) this.#execute(transfer, undefined);
        end();
        return true;
      },
      end,
    };
  }

  #execute(transfer: Transfer, mishap: Mishap | undefined): Reply {
    if (transfer.request === request.status) return this.#status(transfer);
    // Who does not know its news is refused.
    const news = (this.#media & 0xff) | ((this.#powerLosses & 0xff) << 8);
    const beyond = transfer.value + transfer.data.length / SECTOR_BYTES > SECTORS;
    const refused = transfer.index !== news || beyond || transfer.data.length % SECTOR_BYTES !== 0;
    if (refused || mishap === "stall") return { status: -EPIPE, bytes: 0 };
    if (mishap === "error") return { status: -EPROTO, bytes: 0 };
    switch (transfer.request) {
      case request.read:
        return this.#read(transfer);
      case request.write:
      case request.writeForced:
        return this.#write(transfer, mishap === "torn");
      default:
        this.medium.flush();
        return { status: 0, bytes: 0 };
    }
  }

  #status({ data }: Transfer): Reply {
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    view.setUint32(0, this.medium.size, true);
    view.setUint32(4, this.#media, true);
    view.setUint32(8, this.#powerLosses, true);
    return { status: 0, bytes: 12 };
  }

  #read({ value, data }: Transfer): Reply {
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    for (let at = 0; at * SECTOR_BYTES < data.length; at++) {
      view.setUint32(at * SECTOR_BYTES, this.medium.number, true);
      view.setUint32(at * SECTOR_BYTES + 4, this.medium.cached[value + at]!, true);
    }
    return { status: 0, bytes: data.length };
  }

  #write({ request: kind, value, data }: Transfer, torn: boolean): Reply {
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    const count = data.length / SECTOR_BYTES;
    const whole = torn ? this.#dice.below(count) : count;
    for (let at = 0; at < whole; at++) {
      const meant = view.getUint32(at * SECTOR_BYTES, true);
      const stamp = view.getUint32(at * SECTOR_BYTES + 4, true);
      this.#ledger.executes(stamp, meant, this.medium, value + at);
      this.medium.cached[value + at] = stamp;
      if (kind === request.writeForced) this.medium.durable[value + at] = stamp;
    }
    return torn ? { status: -EPROTO, bytes: 0 } : { status: 0, bytes: data.length };
  }
}
