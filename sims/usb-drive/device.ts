// Runs in: the usb-drive sim. Owns: one plugged device: endpoint 0, configuration, the bulk pipes and what is behind them.
// Source: USB 2.0 §9.4 (standard requests), USB 3.2 §9.4, USB MSC Bulk-Only Transport 1.0 §3 (class requests).
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
import type { Urb } from "./urb.ts";
import { EPIPE, EPROTO } from "./usbip.ts";

/** bmRequestType and bRequest as one number. */
const request = {
  getDeviceStatus: 0x8000,
  getInterfaceStatus: 0x8100,
  getEndpointStatus: 0x8200,
  clearDeviceFeature: 0x0001,
  clearEndpointFeature: 0x0201,
  setDeviceFeature: 0x0003,
  setEndpointFeature: 0x0203,
  setAddress: 0x0005,
  getDescriptor: 0x8006,
  getConfiguration: 0x8008,
  setConfiguration: 0x0009,
  getInterface: 0x810a,
  setInterface: 0x010b,
  setSel: 0x0030, // SuperSpeed, USB 3.2 §9.4.12
  setIsochDelay: 0x0031, // SuperSpeed, USB 3.2 §9.4.11
  bulkOnlyReset: 0x21ff, // BOT §3.1
  getMaxLun: 0xa1fe, // BOT §3.2
  setPortFeature: 0x2303, // for a hub; how a USB/IP client asks its server for a device reset
} as const;

const ENDPOINT_HALT = 0; // feature selectors, USB 2.0 table 9-6
const U1_ENABLE = 48; // USB 3.2 table 9-7
const LTM_ENABLE = 50;
const PORT_RESET = 4; // USB 2.0 table 11-17

const done = new Uint8Array(0);

interface Setup {
  readonly code: number;
  readonly value: number;
  readonly index: number;
}

export class UsbDevice {
  readonly identity: Identity;
  readonly target: ScsiTarget;
  resets = 0;
  readonly #faults: Faults;
  readonly #in: InPipe;
  readonly #out: OutPipe;
  readonly #bot: BulkOnly;
  #configuration: number = CONFIGURATION_VALUE; // a USB/IP server exports devices configured

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
    if (urb.endpoint === 0) this.#control(urb);
    else if (this.#configuration === 0) urb.complete(EPROTO, 0);
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

  #control(urb: Urb): void {
    const setup = new DataView(urb.setup.buffer, urb.setup.byteOffset, 8);
    const code = setup.getUint16(0);
    const classRequest = code === request.bulkOnlyReset || code === request.getMaxLun;
    if (classRequest && this.#bot.hung) return; // firmware answers these, and it does not any more
    const answer = this.#answer({ code, value: setup.getUint16(2, true), index: setup.getUint16(4, true) });
    if (answer === undefined) {
      urb.complete(EPIPE, 0);
    } else if (urb.in) {
      const length = Math.min(answer.length, urb.length, setup.getUint16(6, true));
      urb.complete(0, length, length > 0 ? [answer.subarray(0, length)] : []);
    } else {
      urb.complete(0, urb.length);
    }
  }

  /** The data of an IN request, nothing for an accepted OUT request, `undefined` for a stall. */
  #answer({ code, value, index }: Setup): Uint8Array | undefined {
    switch (code) {
      case request.getDescriptor:
        return descriptor(this.identity, value, index, this.#faults.garbage);
      case request.getDeviceStatus:
        return Uint8Array.of(0, 0); // bus powered
      case request.getInterfaceStatus:
        return index === INTERFACE_NUMBER ? Uint8Array.of(0, 0) : undefined;
      case request.getEndpointStatus: {
        if ((index & 0x7f) === 0) return Uint8Array.of(0, 0);
        const pipe = this.#endpoint(index);
        return pipe === undefined ? undefined : Uint8Array.of(pipe.halted ? 1 : 0, 0);
      }
      case request.clearEndpointFeature:
        return this.#setHalt(index, value, false);
      case request.setEndpointFeature:
        return this.#setHalt(index, value, true);
      case request.setDeviceFeature:
      case request.clearDeviceFeature:
        return this.#superSpeed() && value >= U1_ENABLE && value <= LTM_ENABLE ? done : undefined;
      case request.setSel:
      case request.setIsochDelay:
        return this.#superSpeed() ? done : undefined;
      case request.setAddress:
        return done; // the bus on the other side has its own addresses
      case request.getConfiguration:
        return Uint8Array.of(this.#configuration);
      case request.setConfiguration:
        return this.#configure(value);
      case request.getInterface:
        return index === INTERFACE_NUMBER ? Uint8Array.of(0) : undefined;
      case request.setInterface:
        if (index !== INTERFACE_NUMBER || value !== 0) return undefined;
        this.#restartFunction();
        return done;
      case request.bulkOnlyReset:
        if (index !== INTERFACE_NUMBER) return undefined;
        this.#bot.reset();
        return done;
      case request.getMaxLun:
        return index === INTERFACE_NUMBER ? Uint8Array.of(this.target.units.length - 1) : undefined;
      case request.setPortFeature:
        return value === PORT_RESET ? this.#reset() : undefined;
      default:
        return undefined;
    }
  }

  #endpoint(address: number): InPipe | OutPipe | undefined {
    if (address === BULK_IN) return this.#in;
    return address === BULK_OUT ? this.#out : undefined;
  }

  #setHalt(address: number, feature: number, halt: boolean): Uint8Array | undefined {
    if (feature !== ENDPOINT_HALT) return undefined;
    if ((address & 0x7f) === 0) return done; // endpoint 0 is never halted
    const pipe = this.#endpoint(address);
    if (halt) pipe?.halt();
    else if (!this.#bot.wedged) pipe?.clearHalt();
    return pipe === undefined ? undefined : done;
  }

  #configure(value: number): Uint8Array | undefined {
    if (value !== 0 && value !== CONFIGURATION_VALUE) return undefined;
    this.#configuration = value;
    this.#restartFunction();
    return done;
  }

  /**
   * Configuring clears halts and starts the function anew (USB 2.0 §9.4.5, §9.1.1.5). It is all that a device behind
   * vhci_hcd sees of a port reset, as that driver keeps the reset itself to its own side.
   */
  #restartFunction(): void {
    this.#bot.reset();
    this.#in.clearHalt();
    this.#out.clearHalt();
  }

  #reset(): Uint8Array {
    this.resets++;
    this.#in.flush();
    this.#out.flush();
    this.#restartFunction();
    this.target.reset();
    this.#configuration = CONFIGURATION_VALUE; // the server configures it again, as Linux's usbip-host does
    return done;
  }

  #superSpeed(): boolean {
    return this.identity.speed === "super";
  }
}
