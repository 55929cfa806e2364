// Runs in: driver host, sdk/test. Owns: nothing. Pure: what a HID device is called.
import { UNIT_NAME_LENGTH } from "../units.ts";
import type { HidUsb } from "./types.ts";

type Named = Pick<HidUsb, "manufacturerName" | "productName" | "vendorId" | "productId">;

const hex = (id: number): string => id.toString(16).padStart(4, "0");

/** Maker and product, else the ids: drivers/hid/usbhid/hid-core.c, usbhid_probe. */
export function hidName({ manufacturerName, productName, vendorId, productId }: Named): string {
  const told = [manufacturerName, productName].filter((part) => part).join(" ");
  const printable = [...told.replace(/\p{Cc}/gu, "")].slice(0, UNIT_NAME_LENGTH).join("");
  return printable || `HID ${hex(vendorId)}:${hex(productId)}`;
}
