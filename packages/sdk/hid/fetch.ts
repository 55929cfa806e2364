// Runs in: driver host, sdk/test. Owns: nothing. How the HID and the report descriptor are got from their device.
import { DeviceError } from "@ring3/core/errors";
import { DESCRIPTOR_BYTES_MAX } from "@ring3/core/hid/limits";
import { type Outcome, ok } from "../outcome.ts";
import type { RawUsb, Setup, UsbInterface } from "../usb/types.ts";
import type { Wait } from "../wait.ts";
import {
  findHidDescriptor,
  getHidDescriptor,
  getReportDescriptor,
  HID_DESCRIPTOR_BYTES,
  REQUEST_MS,
} from "./requests.ts";
import type { HidContext } from "./types.ts";

const TRIES = 4; // drivers/hid/usbhid/hid-core.c, hid_get_class_descriptor

export interface FetchedDescriptors {
  /** bcdHID */
  readonly version: number;
  /** What the device has sent of it: some say that it is longer. */
  readonly report: Uint8Array;
}

export async function fetchDescriptors(
  raw: Pick<RawUsb, "controlIn">,
  { interfaceNumber, alternate }: UsbInterface,
  ctx: HidContext,
  wait: Wait | undefined,
): Promise<FetchedDescriptors> {
  const fetched = async (setup: Setup, length: number, what: string): Promise<Uint8Array> => {
    const into = new Uint8Array(length);
    let outcome: Outcome;
    let tries = 0;
    do {
      using limit = ctx.limit(REQUEST_MS, wait);
      outcome = await raw.controlIn(setup, into, limit);
    } while (++tries < TRIES && mayBetter(outcome, length));
    return into.subarray(0, ok(outcome, what));
  };

  // It lies behind the interface or, in some devices, behind an endpoint. Those are asked for it.
  const hid =
    findHidDescriptor(alternate.extra) ??
    findHidDescriptor(
      await fetched(getHidDescriptor(interfaceNumber), HID_DESCRIPTOR_BYTES, "HID descriptor"),
    );
  const bytes = hid?.reportBytes;
  if (bytes === undefined || bytes < 1 || bytes > DESCRIPTOR_BYTES_MAX) {
    const found = bytes ?? "none";
    throw new DeviceError(
      "protocol",
      `HID descriptor: wDescriptorLength: expected 1 to ${DESCRIPTOR_BYTES_MAX}, found ${found}`,
    );
  }
  const report = await fetched(getReportDescriptor(interfaceNumber), bytes, "report descriptor");
  return { version: hid!.version, report };
}

const mayBetter = ({ status, bytes }: Outcome, length: number): boolean =>
  status === "stall" || status === "error" || (status === "ok" && bytes < length);
