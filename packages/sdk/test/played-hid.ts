// Runs in: tests. Owns: a HID device with one interface that answers as its test tells it to.
import type { Setup } from "@ring3/kernel/usb/transport";
import { endpoint, usbDescriptors, usbInterface } from "./descriptors.ts";
import { type Answered, type Behaviour, type PlayedUsb, playedUsb } from "./played-usb.ts";
import type { RunOptions } from "./run-driver.ts";

export interface HidOptions {
  /** 1209:0001 unless given. */
  readonly vendorId?: number;
  readonly productId?: number;
  readonly manufacturer?: string;
  readonly product?: string;
  /** Of the interface: 1 for boot, and 1 keyboard or 2 mouse. */
  readonly subclass?: number;
  readonly protocol?: number;
  readonly packetSize?: number;
  /** It has an interrupt OUT endpoint. */
  readonly out?: boolean;
  /** Feature reports by id, as GET_REPORT brings them. What is not there stalls. */
  readonly features?: Readonly<Record<number, Answered>>;
  /** The same of input reports. */
  readonly inputs?: Readonly<Record<number, Answered>>;
  /** An output or a feature report; `data` as it came, its id first where it has one. Without it all are taken. */
  readonly report?: (data: Uint8Array, kind: "output" | "feature", reportId: number) => Answered;
}

export interface PlayedHid {
  readonly transport: PlayedUsb;
  readonly usb: RunOptions["usb"];
  /** Input reports, with their ids where they have any. */
  send(...reports: (Uint8Array | "stall" | "error")[]): Promise<void>;
  /** Output and feature reports that came, oldest first: "output: 0501…", "feature: 0801…". */
  readonly reports: string[];
}

export const HID_IN = 4;
export const HID_OUT = 3;
const INTERFACE = 0;

/** `descriptor`: its report descriptor. */
export function playedHid(descriptor: Uint8Array, options: HidOptions = {}): PlayedHid {
  const { vendorId = 0x1209, productId = 0x0001, subclass = 0, protocol = 0, packetSize = 64 } = options;
  const reports: string[] = [];
  const taken = (data: Uint8Array, kind: "output" | "feature", reportId: number): Answered => {
    reports.push(`${kind}: ${Buffer.from(data).toString("hex")}`);
    return options.report?.(data, kind, reportId) ?? "ok";
  };
  const behaviour: Behaviour = {
    control: (setup, data) => control(setup, data, descriptor, options, taken),
    out: (data) => taken(data, "output", data[0]!),
  };
  const transport = playedUsb(behaviour);
  const endpoints = [
    endpoint(0x80 | HID_IN, "interrupt", packetSize),
    ...(options.out === true ? [endpoint(HID_OUT, "interrupt", packetSize)] : []),
  ];
  const kind = { number: INTERFACE, class: 3, subclass, protocol };
  const hid = Uint8Array.of(
    9,
    0x21,
    0x11,
    0x01,
    0,
    1,
    0x22,
    descriptor.length & 0xff,
    descriptor.length >> 8,
  );
  return {
    transport,
    reports,
    usb: {
      transport,
      descriptors: usbDescriptors([usbInterface(kind, endpoints, hid)], { vendorId, productId }),
      strings: {
        ...(options.manufacturer === undefined ? {} : { manufacturer: options.manufacturer }),
        ...(options.product === undefined ? {} : { product: options.product }),
      },
    },
    send: (...sent) => transport.send(HID_IN, ...sent),
  };
}

/** HID 1.11 §7. */
function control(
  { request, value, requestType }: Setup,
  data: Uint8Array,
  descriptor: Uint8Array,
  { features = {}, inputs = {} }: HidOptions,
  taken: (data: Uint8Array, kind: "output" | "feature", reportId: number) => Answered,
): Answered {
  const [FEATURE, reportId] = [3, value & 0xff];
  switch ((requestType << 8) | request) {
    case 0x8106:
      return value >> 8 === 0x22 ? descriptor : "stall";
    case 0xa101:
      return (value >> 8 === FEATURE ? features : inputs)[reportId] ?? "stall";
    case 0x2109:
      return taken(data, value >> 8 === FEATURE ? "feature" : "output", reportId);
    case 0x210a: // SET_IDLE
    case 0x210b: // SET_PROTOCOL
      return "ok";
    default:
      return "stall";
  }
}
