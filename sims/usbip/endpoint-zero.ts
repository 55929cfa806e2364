// Runs in: a sim. Owns: endpoint 0 of one device: its configuration, and the setting that each of its interfaces is in.
// Source: USB 2.0 §9.4.
import { EPIPE } from "./codec.ts";
import type { Urb } from "./urb.ts";

/** bmRequestType and bRequest as one number. */
const request = {
  getDeviceStatus: 0x8000,
  getInterfaceStatus: 0x8100,
  getEndpointStatus: 0x8200,
  clearEndpointFeature: 0x0201,
  setEndpointFeature: 0x0203,
  setAddress: 0x0005,
  getDescriptor: 0x8006,
  getConfiguration: 0x8008,
  setConfiguration: 0x0009,
  getInterface: 0x810a,
  setInterface: 0x010b,
  setPortFeature: 0x2303, // for a hub; how a USB/IP client asks its server for a device reset
} as const;

const ENDPOINT_HALT = 0; // feature selector, USB 2.0 table 9-6
const PORT_RESET = 4; // USB 2.0 table 11-17

export interface Setup {
  readonly code: number;
  readonly value: number;
  readonly index: number;
}

/** What accepts a request that has no data to answer with. */
export const done = new Uint8Array(0);
/** The request is never answered. */
export const silence = Symbol("silence");
/** The data of an IN request, `done` for an accepted OUT request, `undefined` for a stall. */
export type Answer = Uint8Array | typeof silence | undefined;

export interface Pipe {
  readonly halted: boolean;
  halt(): void;
  clearHalt(): void;
}

/** The device behind its endpoint 0. */
export interface Behind {
  readonly configurationValue: number;
  /** `value`: type and number; `language` of a string. */
  descriptor(value: number, language: number): Uint8Array | undefined;
  /** How many settings the interface has; 0: there is no such interface. */
  settings(interfaceNumber: number): number;
  pipe(address: number): Pipe | undefined;
  /** SET_CONFIGURATION. It is all that a device behind vhci_hcd sees of a port reset, as that driver keeps the reset itself to its own side. */
  configured(): void;
  /** SET_INTERFACE. */
  selected(interfaceNumber: number): void;
  /** A port reset; the server configures the device again, as Linux's usbip-host does. */
  reset(): void;
  /** Every other request; `data` of an OUT request. */
  request(setup: Setup, data: Uint8Array): Answer;
}

export class EndpointZero {
  readonly #device: Behind;
  readonly #settings = new Map<number, number>();
  #configuration: number; // a USB/IP server exports devices configured

  constructor(device: Behind) {
    this.#device = device;
    this.#configuration = device.configurationValue;
  }

  get configured(): boolean {
    return this.#configuration !== 0;
  }

  submit(urb: Urb): void {
    const setup = new DataView(urb.setup.buffer, urb.setup.byteOffset, 8);
    const fields = {
      code: setup.getUint16(0),
      value: setup.getUint16(2, true),
      index: setup.getUint16(4, true),
    };
    const answer = this.#answer(fields, Buffer.concat(urb.data));
    if (answer === silence) return;
    if (answer === undefined) {
      urb.complete(EPIPE, 0);
    } else if (urb.in) {
      const length = Math.min(answer.length, urb.length, setup.getUint16(6, true));
      urb.complete(0, length, length > 0 ? [answer.subarray(0, length)] : []);
    } else {
      urb.complete(0, urb.length);
    }
  }

  #answer(setup: Setup, data: Uint8Array): Answer {
    const { code, value, index } = setup;
    switch (code) {
      case request.getDescriptor:
        return this.#device.descriptor(value, index);
      case request.getDeviceStatus:
        return Uint8Array.of(0, 0); // bus powered
      case request.getInterfaceStatus:
        return this.#device.settings(index) > 0 ? Uint8Array.of(0, 0) : undefined;
      case request.getEndpointStatus: {
        if ((index & 0x7f) === 0) return Uint8Array.of(0, 0);
        const pipe = this.#device.pipe(index);
        return pipe === undefined ? undefined : Uint8Array.of(pipe.halted ? 1 : 0, 0);
      }
      case request.clearEndpointFeature:
        return this.#setHalt(index, value, false);
      case request.setEndpointFeature:
        return this.#setHalt(index, value, true);
      case request.setAddress:
        return done; // the bus on the other side has its own addresses
      case request.getConfiguration:
        return Uint8Array.of(this.#configuration);
      case request.setConfiguration:
        return this.#configure(value);
      case request.getInterface:
        return this.#device.settings(index) > 0 ? Uint8Array.of(this.#settings.get(index) ?? 0) : undefined;
      case request.setInterface:
        return this.#select(index, value);
      case request.setPortFeature:
        return value === PORT_RESET ? this.#reset() : undefined;
      default:
        return this.#device.request(setup, data);
    }
  }

  #setHalt(address: number, feature: number, halt: boolean): Answer {
    if (feature !== ENDPOINT_HALT) return undefined;
    if ((address & 0x7f) === 0) return done; // endpoint 0 is never halted
    const pipe = this.#device.pipe(address);
    if (halt) pipe?.halt();
    else pipe?.clearHalt();
    return pipe === undefined ? undefined : done;
  }

  #configure(value: number): Answer {
    if (value !== 0 && value !== this.#device.configurationValue) return undefined;
    this.#configuration = value;
    this.#settings.clear();
    this.#device.configured();
    return done;
  }

  #select(interfaceNumber: number, setting: number): Answer {
    if (setting >= this.#device.settings(interfaceNumber)) return undefined;
    this.#settings.set(interfaceNumber, setting);
    this.#device.selected(interfaceNumber);
    return done;
  }

  #reset(): Answer {
    this.#configuration = this.#device.configurationValue;
    this.#settings.clear();
    this.#device.reset();
    return done;
  }
}
