// Runs in: driver host, jailed. Owns: nothing. The ROM's protocol, which was made up for the guide: bytes in, values out. Pure.
import { DeviceError, type Setup } from "@ring3/sdk";

export const SECTOR_BYTES = 512;
export const INFO_BYTES = 8;
const SIGNATURE = 0x314d4f52; // "ROM1", little-endian
const VENDOR_IN = 0xc0; // bmRequestType: device to host, vendor, device (USB 2.0 table 9-2)

/** Asks what the ROM is. */
export const infoSetup: Setup = { requestType: VENDOR_IN, request: 1, value: 0, index: 0 };

/** Asks for one sector: its number's low half is the value, its high half the index. */
export function sectorSetup(sector: number): Setup {
  return { requestType: VENDOR_IN, request: 2, value: sector & 0xffff, index: sector >>> 16 };
}

/** The answer to `infoSetup`, copied already. A device may answer anything: throws DeviceError("protocol") for what no ROM says. */
export function decodeInfo(answer: Uint8Array): { sectors: number } {
  if (answer.length !== INFO_BYTES)
    throw new DeviceError("protocol", `ROM info: expected ${INFO_BYTES} bytes, found ${answer.length}`);
  const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
  const signature = view.getUint32(0, true);
  if (signature !== SIGNATURE)
    throw new DeviceError(
      "protocol",
      `ROM info: expected the signature ROM1, found 0x${signature.toString(16)}`,
    );
  return { sectors: view.getUint32(4, true) };
}
