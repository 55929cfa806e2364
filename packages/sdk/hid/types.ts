// Runs in: driver host, in a driver's code. Owns: the shape of a HID device: WebHID's HIDDevice where it fits.
import type { HidCollectionInfo } from "@ring3/core/hid/collections";
import type { HidLayout } from "@ring3/core/hid/layout";
import type { Context } from "../define.ts";
import type { Outcome } from "../outcome.ts";
import type { UsbBytes, UsbDevice, UsbInterface } from "../usb/types.ts";
import type { Wait } from "../wait.ts";

/**
 * A HID device that the kernel has, through its hidraw node: one on Bluetooth or I2C, or made by a program. `openHid` makes of it what it makes of a USB
 * interface.
 */
export interface Hidraw {
  /** BUS_* of linux/input.h: 5 is Bluetooth, 24 is I2C. */
  readonly bustype: number;
  readonly vendorId: number;
  readonly productId: number;
  readonly productName: string;
  /** A Bluetooth address, mostly; undefined: the device has none. */
  readonly serialNumber: string | undefined;
  /** What an input device of Linux's has as its version; 0 where the kernel makes none of it. */
  readonly version: number;
  readonly reportDescriptor: Uint8Array;
  readonly raw: RawHidraw;
}

/**
 * Reports as the kernel has them: what is sent, and asked for, begins with its id, or with 0 where reports of that kind have none; what is received begins
 * with its id only where it has one. All but `listen` and `drain` hold up the driver's process until the device has answered, or its kernel driver has given up (5 s).
 */
export interface RawHidraw {
  listen(listener: ((report: Uint8Array) => void) | undefined): void;
  /** Throws away the reports that have come while nobody listened: of more than 64 the kernel has only the first. */
  drain(): void;
  sendOutput(report: Uint8Array): Outcome;
  sendFeature(report: Uint8Array): Outcome;
  /** `into` begins with the id. "input": from Linux 5.11 on. */
  receive(kind: "feature" | "input", into: Uint8Array): Outcome;
  /** Resolves when the device is away. */
  readonly gone: Promise<void>;
}

/** What is used of `usb`. */
export type HidUsb = Pick<
  UsbDevice,
  "vendorId" | "productId" | "manufacturerName" | "productName" | "matched" | "raw"
>;
/** What is used of `ctx`. */
export type HidContext = Pick<Context, "now" | "sleep" | "limit" | "signal" | "incarnation">;

export interface HidOptions {
  /** Of a USB device. Claimed; the matched one unless given. */
  readonly interface?: UsbInterface;
  /** Of a USB device: transfers of input reports in flight, 1 to 64: so many reports may come while the driver is busy. 8 unless given. Else it is 64. */
  readonly transfers?: number;
  /**
   * For a device that tells of changes alone: behind another driver and behind a rest it is asked for its input reports (GET_REPORT, HID 1.11 §7.2.1), and
   * the listeners hear first what is held down now. Reports of movements, and of positions on a screen, are left out, as is what the device does not say; one that is no USB device is not
   * asked.
   */
  readonly recall?: boolean;
}

/** WebHID's HIDInputReportEvent. All of it is lent until the listener returns: the next report comes in the same object. */
export interface HidInputReportEvent {
  readonly type: "inputreport";
  readonly device: HidDevice;
  /** 0: input reports have no ids. */
  readonly reportId: number;
  /** The report without its id. */
  readonly data: DataView;
  /** The same, for `HidReport.decode`; cheaper. */
  readonly bytes: Uint8Array;
  /** When it had come, on the clock of `ctx.now()`, in milliseconds. */
  readonly timeStamp: number;
}

export type HidInputReportListener = (event: HidInputReportEvent) => void;

/**
 * A HID device, over USB or through the kernel. Every wait takes `{ signal, deadlineMs }` last, otherwise has the current request's, and is never longer than 5 s.
 * It rejects with DeviceError as those of `usb` do; "stall" is a device that refuses the report.
 */
export interface HidDevice extends AsyncDisposable {
  readonly opened: boolean;
  /** BUS_* of linux/input.h: 3 is USB, 5 Bluetooth. */
  readonly bustype: number;
  readonly vendorId: number;
  readonly productId: number;
  readonly productName: string | undefined;
  /** bcdHID, over USB: what an input device of Linux's has as its version. */
  readonly version: number;
  /** As Linux names it; fit to be a unit's. */
  readonly name: string;
  readonly collections: readonly HidCollectionInfo[];
  /** The same, by report: `new HidReport(hid.layout.input.reports.get(1)!)`. */
  readonly layout: HidLayout;
  /**
   * Of the present opening. Resolves when it is closed, and when the device is gone; rejects with DeviceError when no input report can be read
   * any more, and with what a listener throws. Where nobody handles it, the driver ends, as with every error that nobody handles.
   */
  readonly ended: Promise<void>;

  /** Input reports are read from the first listener on; before it the device keeps them. */
  addEventListener(type: "inputreport", listener: HidInputReportListener): void;
  removeEventListener(type: "inputreport", listener: HidInputReportListener): void;
  oninputreport: HidInputReportListener | null;

  /** `data`: without the report id, which is 0 where reports have none. By the interrupt OUT endpoint, where there is one. */
  sendReport(reportId: number, data: UsbBytes, wait?: Wait): Promise<void>;
  sendFeatureReport(reportId: number, data: UsbBytes, wait?: Wait): Promise<void>;
  /** As in WebHID the report begins with its id, where it has one. */
  receiveFeatureReport(reportId: number, wait?: Wait): Promise<DataView<ArrayBuffer>>;

  /** After `close`: in `resume`, say. The listeners are those that there were. */
  open(wait?: Wait): Promise<void>;
  /** Takes back what is in flight and waits for it. Reports that nobody has heard of are lost. */
  close(): Promise<void>;
}
