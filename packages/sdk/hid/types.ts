// Runs in: driver host, in a driver's code. Owns: the shape of a HID device: WebHID's HIDDevice where it fits.
import type { HidCollectionInfo } from "@ring3/core/hid/collections";
import type { HidLayout } from "@ring3/core/hid/layout";
import type { Context } from "../define.ts";
import type { UsbBytes, UsbDevice, UsbInterface } from "../usb/types.ts";
import type { Wait } from "../wait.ts";

/** What is used of `usb`. */
export type HidUsb = Pick<
  UsbDevice,
  "vendorId" | "productId" | "manufacturerName" | "productName" | "matched" | "raw"
>;
/** What is used of `ctx`. */
export type HidContext = Pick<Context, "now" | "sleep" | "limit" | "signal">;

export interface HidOptions {
  /** Claimed; the matched one unless given. */
  readonly interface?: UsbInterface;
  /** Transfers of input reports in flight, 1 to 64: so many reports may come while the driver is busy. 8 unless given. */
  readonly transfers?: number;
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
 * A HID device over USB. Every wait takes `{ signal, deadlineMs }` last, otherwise has the current request's, and is never longer than 5 s.
 * It rejects with DeviceError as those of `usb` do; "stall" is a device that refuses the report.
 */
export interface HidDevice extends AsyncDisposable {
  readonly opened: boolean;
  readonly vendorId: number;
  readonly productId: number;
  readonly productName: string | undefined;
  /** bcdHID: what an input device of Linux's has as its version. */
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
