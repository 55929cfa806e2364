// Runs in: a sim of an input device. Owns: nothing; the requests that every HID interface answers.
// Source: HID 1.11 §7.1, §7.2.
import { type Answer, done, type Setup } from "../usbip/endpoint-zero.ts";
import { noise, pieces } from "./descriptors.ts";
import type { Faults } from "./faults.ts";

/** bmRequestType and bRequest as one number. */
const request = {
  getDescriptor: 0x8106,
  getReport: 0xa101,
  getIdle: 0xa102,
  getProtocol: 0xa103,
  setReport: 0x2109,
  setIdle: 0x210a,
  setProtocol: 0x210b,
} as const;

const INTERFACE = 4;
const HID = 0x21;
const REPORT = 0x22;

const reportTypes = { 1: "input", 2: "output", 3: "feature" } as const; // HID 1.11 §7.2.1
export type ReportType = (typeof reportTypes)[keyof typeof reportTypes];

export interface HidInterface {
  readonly number: number;
  readonly reportDescriptor: Uint8Array;
  /** A report with its id in front, where reports have ids; `undefined` for a stall. */
  getReport(type: ReportType, id: number): Answer;
  /** The same the other way; `false` for a stall. */
  setReport(type: ReportType, id: number, data: Uint8Array): boolean;
}

/** The HID side of a device's requests; `undefined` for those of other interfaces too. */
export class Hid {
  readonly #configuration: Uint8Array;
  readonly #interfaces: readonly HidInterface[];
  readonly #faults: Faults;
  readonly #idle = new Map<number, number>();
  readonly #protocol = new Map<number, number>();

  constructor(configuration: Uint8Array, interfaces: readonly HidInterface[], faults: Faults) {
    this.#configuration = configuration;
    this.#interfaces = interfaces;
    this.#faults = faults;
  }

  /** 0: the boot protocol. */
  protocol(interfaceNumber: number): number {
    return this.#protocol.get(interfaceNumber) ?? 1; // HID 1.11 §7.2.6
  }

  request({ code, value, index }: Setup, data: Uint8Array): Answer {
    const asked = this.#interfaces.find(({ number }) => number === index);
    if (asked === undefined) return undefined;
    const [high, low] = [value >> 8, value & 0xff];
    switch (code) {
      case request.getDescriptor:
        return low === 0 ? this.#descriptor(asked, high) : undefined;
      case request.getReport: {
        const type = reportTypes[high as keyof typeof reportTypes];
        return type && asked.getReport(type, low);
      }
      case request.setReport: {
        const type = reportTypes[high as keyof typeof reportTypes];
        return type && asked.setReport(type, low, data) ? done : undefined;
      }
      case request.getIdle:
        return Uint8Array.of(this.#idle.get(index) ?? 0);
      case request.setIdle:
        this.#idle.set(index, high);
        return done;
      case request.getProtocol:
        return Uint8Array.of(this.protocol(index));
      case request.setProtocol:
        if (value > 1) return undefined;
        this.#protocol.set(index, value);
        return done;
      default:
        return undefined;
    }
  }

  #descriptor({ number, reportDescriptor }: HidInterface, type: number): Answer {
    if (type === REPORT)
      return this.#faults.has("garbage-descriptor") ? noise(reportDescriptor) : reportDescriptor;
    if (type !== HID) return undefined;
    let current = -1;
    for (const piece of pieces(this.#configuration)) {
      if (piece[1] === INTERFACE) current = piece[2]!;
      else if (piece[1] === HID && current === number) return piece;
    }
    return undefined;
  }
}
