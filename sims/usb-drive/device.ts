// Runs in: the usb-drive sim. Owns: one plugged device: its endpoints and what is behind them.
// Source: USB 3.2 §9.4, USB MSC Bulk-Only Transport 1.0 §3 (class requests).

import { EPROTO } from "../usbip/codec.ts";
import {
  type Answer,
  type Behind,
  done,
  EndpointZero,
  type Pipe,
  type Setup,
  silence,
} from "../usbip/endpoint-zero.ts";
import type { Urb } from "../usbip/urb.ts";
import { BulkOnly } from "./bot.ts";
import {
  BULK_IN,
  BULK_OUT,
  CONFIGURATION_VALUE,
  descriptor,
  type Identity,
  INTERFACE_NUMBER,
  packetBytes,
} from "./descriptors.ts";
import type { DriveEvent, Faults } from "./faults.ts";
import { InPipe } from "./in-pipe.ts";
import { OutPipe } from "./out-pipe.ts";
import type { ScsiTarget } from "./scsi/target.ts";

/** bmRequestType and bRequest as one number. */
const request = {
  clearDeviceFeature: 0x0001,
  setDeviceFeature: 0x0003,
  setSel: 0x0030, // SuperSpeed, USB 3.2 §9.4.12
  setIsochDelay: 0x0031, // SuperSpeed, USB 3.2 §9.4.11
  bulkOnlyReset: 0x21ff, // BOT §3.1
  getMaxLun: 0xa1fe, // BOT §3.2
} as const;

const U1_ENABLE = 48; // feature selectors, USB 3.2 table 9-7
const LTM_ENABLE = 50;

export class UsbDevice implements Behind {
  readonly configurationValue = CONFIGURATION_VALUE;
  readonly identity: Identity;
  readonly target: ScsiTarget;
  resets = 0;
  readonly #faults: Faults;
  readonly #in: InPipe;
  readonly #out: OutPipe;
  readonly #bot: BulkOnly;
  readonly #zero = new EndpointZero(this);

  constructor(
    identity: Identity,
    target: ScsiTarget,
    faults: Faults,
    happen: (event: DriveEvent, argument: number | undefined) => void,
  ) {
    this.identity = identity;
    this.target = target;
    this.#faults = faults;
    const packet = packetBytes[identity.speed];
    this.#in = new InPipe(packet);
    this.#out = new OutPipe(packet);
    this.#bot = new BulkOnly({ in: this.#in, out: this.#out, packetBytes: packet }, target, faults, happen);
  }

  submit(urb: Urb): void {
    const address = urb.endpoint | (urb.in ? 0x80 : 0);
    if (urb.endpoint === 0) this.#zero.submit(urb);
    else if (!this.#zero.configured) urb.complete(EPROTO, 0);
    else if (address === BULK_IN) this.#in.submit(urb);
    else if (address === BULK_OUT) this.#out.submit(urb);
    else urb.complete(EPROTO, 0); // nobody answers there
  }

  unlink(urb: Urb): void {
    this.#in.unlink(urb);
    this.#out.unlink(urb);
  }

  /**
   * The stream that spoke to the device is gone. Transfers that it did not finish sending never happened; the device itself
   * notices nothing: a command under way waits for the rest of its data, a halted pipe stays halted.
   */
  detach(): void {
    this.#in.detach();
    this.#out.detach();
  }

  /** Off the bus. Resolves when no image is touched any more. */
  stop(): Promise<void> {
    this.detach();
    return this.#bot.stop();
  }

  descriptor(value: number, language: number): Uint8Array | undefined {
    return descriptor(this.identity, value, language, this.#faults.garbage);
  }

  settings(interfaceNumber: number): number {
    return interfaceNumber === INTERFACE_NUMBER ? 1 : 0;
  }

  pipe(address: number): Pipe | undefined {
    const pipe = address === BULK_IN ? this.#in : address === BULK_OUT ? this.#out : undefined;
    if (pipe === undefined || !this.#bot.wedged) return pipe;
    return { halted: pipe.halted, halt: () => pipe.halt(), clearHalt() {} };
  }

  /** Configuring clears halts and starts the function anew (USB 2.0 §9.4.5, §9.1.1.5). */
  configured(): void {
    this.#bot.reset();
    this.#in.clearHalt();
    this.#out.clearHalt();
  }

  selected(): void {
    this.configured();
  }

  reset(): void {
    this.resets++;
    this.#in.flush();
    this.#out.flush();
    this.configured();
    this.target.reset();
  }

  request({ code, value, index }: Setup): Answer {
    switch (code) {
      case request.setDeviceFeature:
      case request.clearDeviceFeature:
        return this.#superSpeed() && value >= U1_ENABLE && value <= LTM_ENABLE ? done : undefined;
      case request.setSel:
      case request.setIsochDelay:
        return this.#superSpeed() ? done : undefined;
      case request.bulkOnlyReset:
        if (this.#bot.hung) return silence; // firmware answers these, and it does not any more
        if (index !== INTERFACE_NUMBER) return undefined;
        this.#bot.reset();
        return done;
      case request.getMaxLun:
        if (this.#bot.hung) return silence;
        return index === INTERFACE_NUMBER ? Uint8Array.of(this.target.units.length - 1) : undefined;
      default:
        return undefined;
    }
  }

  #superSpeed(): boolean {
    return this.identity.speed === "super";
  }
}
