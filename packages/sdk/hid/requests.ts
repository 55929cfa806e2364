// Runs in: driver host, sdk/test. Owns: nothing. Pure: the requests of Device Class Definition for HID 1.11 §7, and the HID descriptor of §6.2.1.
import type { ReportKind } from "@ring3/core/hid/layout";
import type { Setup } from "../usb/types.ts";

// bmRequestType: USB 2.0 table 9-2, recipient interface.
const STANDARD_IN = 0x81;
const CLASS_IN = 0xa1;
const CLASS_OUT = 0x21;
const GET_DESCRIPTOR = 6; // USB 2.0 table 9-4
// §7.2
const GET_REPORT = 0x01;
const SET_REPORT = 0x09;
const SET_IDLE = 0x0a;
const SET_PROTOCOL = 0x0b;
const REPORT_PROTOCOL = 1; // §7.2.6
const reportTypes: Readonly<Record<ReportKind, number>> = { input: 1, output: 2, feature: 3 }; // §7.2.1
// §7.1
const HID = 0x21;
const REPORT = 0x22;

/** How long a device may take for one: USB_CTRL_GET_TIMEOUT and USB_CTRL_SET_TIMEOUT, linux/usb.h. */
export const REQUEST_MS = 5000;

/** Long enough for the HID descriptor of a device with one report descriptor. */
export const HID_DESCRIPTOR_BYTES = 9;
const FIRST_CLASS_DESCRIPTOR = 6; // behind bNumDescriptors
const CLASS_DESCRIPTOR_BYTES = 3; // bDescriptorType, wDescriptorLength

const getDescriptor = (type: number, index: number): Setup => ({
  requestType: STANDARD_IN,
  request: GET_DESCRIPTOR,
  value: type << 8,
  index,
});
export const getHidDescriptor = (interfaceNumber: number): Setup => getDescriptor(HID, interfaceNumber);
export const getReportDescriptor = (interfaceNumber: number): Setup => getDescriptor(REPORT, interfaceNumber);

/** `reportId`: 0 where reports have none. */
export const getReport = (kind: ReportKind, reportId: number, interfaceNumber: number): Setup => ({
  requestType: CLASS_IN,
  request: GET_REPORT,
  value: (reportTypes[kind] << 8) | reportId,
  index: interfaceNumber,
});

export const setReport = (kind: ReportKind, reportId: number, interfaceNumber: number): Setup => ({
  requestType: CLASS_OUT,
  request: SET_REPORT,
  value: (reportTypes[kind] << 8) | reportId,
  index: interfaceNumber,
});

/** A report is sent only when something in it has changed: duration 0, all reports. */
export const setIdle = (interfaceNumber: number): Setup => ({
  requestType: CLASS_OUT,
  request: SET_IDLE,
  value: 0,
  index: interfaceNumber,
});

/** What the report descriptor says, and not the fixed reports for BIOSes. */
export const setReportProtocol = (interfaceNumber: number): Setup => ({
  requestType: CLASS_OUT,
  request: SET_PROTOCOL,
  value: REPORT_PROTOCOL,
  index: interfaceNumber,
});

export interface HidDescriptor {
  /** bcdHID */
  readonly version: number;
  /** wDescriptorLength of the report descriptor; undefined: it has none. */
  readonly reportBytes: number | undefined;
}

/** The HID descriptor among others one behind another; undefined: there is none. */
export function findHidDescriptor(descriptors: Uint8Array): HidDescriptor | undefined {
  const view = new DataView(descriptors.buffer, descriptors.byteOffset, descriptors.byteLength);
  for (let at = 0; at + FIRST_CLASS_DESCRIPTOR <= descriptors.length; at += Math.max(2, descriptors[at]!))
    if (descriptors[at + 1] === HID) {
      const end = Math.min(descriptors.length, at + descriptors[at]!);
      return { version: view.getUint16(at + 2, true), reportBytes: reportBytes(view, at, end) };
    }
  return undefined;
}

function reportBytes(view: DataView, at: number, end: number): number | undefined {
  for (
    let entry = at + FIRST_CLASS_DESCRIPTOR;
    entry + CLASS_DESCRIPTOR_BYTES <= end;
    entry += CLASS_DESCRIPTOR_BYTES
  )
    if (view.getUint8(entry) === REPORT) return view.getUint16(entry + 1, true);
  return undefined;
}
