// Runs in: driver host, in a driver's code, while it waits for a device. Owns: nothing; the wire of a HID device that a rehearsal plays.
import type { PlayedDevice } from "../define.ts";

export interface HidRehearsal {
  readonly vendorId: number;
  readonly productId: number;
  /** bInterfaceSubClass and bInterfaceProtocol; 0 and 0 unless given. */
  readonly boot?: readonly [subclass: number, protocol: number];
  /** It has an interrupt OUT endpoint. */
  readonly out?: boolean;
  /** As much of it as the driver looks at. */
  readonly reportDescriptor: Uint8Array;
  /** Makes the next input report, its id first where it has one, and says how long it is. */
  input(into: Uint8Array, count: number): number;
  /** A feature report as the device has it, its id first. */
  feature?(into: Uint8Array, reportId: number): void;
}

// USB 2.0 table 9-4, HID 1.11 §7.2.
const GET_DESCRIPTOR = 6;
const GET_REPORT = 1;
const IN = 0x81;
const OUT = 0x01;
/** Input reports before there is none for a while. */
const REPORTS = 30;

/** What a rehearsal of a driver of HID devices runs on; it adds its `requests`. */
export function hidRehearsal(spec: HidRehearsal): {
  readonly descriptors: Uint8Array;
  readonly device: () => PlayedDevice;
} {
  return { descriptors: descriptorsOf(spec), device: () => deviceOf(spec) };
}

/** USB 2.0 §9.6, HID 1.11 §6.2.1: device, configuration, a HID interface, its endpoints. */
function descriptorsOf({
  vendorId,
  productId,
  boot = [0, 0],
  out,
  reportDescriptor,
}: HidRehearsal): Uint8Array {
  const word = (value: number): [low: number, high: number] => [value & 0xff, value >> 8];
  const endpoints = out ? [IN, OUT] : [IN];
  return Uint8Array.of(
    ...[18, 1, 0x00, 0x02, 0, 0, 0, 64, ...word(vendorId), ...word(productId), 0x00, 0x01, 0, 0, 0, 1],
    ...[9, 2, ...word(27 + 7 * endpoints.length), 1, 1, 0, 0x80, 250],
    ...[9, 4, 0, 0, endpoints.length, 3, ...boot, 0],
    ...[9, 0x21, 0x11, 0x01, 0, 1, 0x22, ...word(reportDescriptor.length)],
    ...endpoints.flatMap((address) => [7, 5, address, 3, 64, 0, 10]),
  );
}

function deviceOf({ reportDescriptor, input, feature }: HidRehearsal): PlayedDevice {
  let count = 0;
  return {
    control({ request, value }, data) {
      if (request === GET_DESCRIPTOR) data.set(reportDescriptor);
      if (request === GET_REPORT) feature?.(data, value & 0xff);
      return data.length;
    },
    transfer(endpoint, data) {
      if (endpoint !== IN) return data.length;
      return count++ % (REPORTS + 1) === REPORTS ? undefined : input(data, count);
    },
  };
}
