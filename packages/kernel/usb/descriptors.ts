// Runs in: manager, driver host. Owns: nothing. Pure: a device's descriptors, read as the hostile input they are.
// Every violation is refused with its offset, what was expected and what was found; nothing is guessed or repaired.
import { type ConfigurationDescriptor, configurationLength, parseConfiguration } from "./configuration.ts";
import { DEVICE, need, refuse, u16 } from "./descriptor-fields.ts";

export const DEVICE_BYTES = 18; // USB 2.0 table 9-8
const MAX_CONFIGURATIONS = 8; // USB_MAXCONFIG in Linux's drivers/usb/core/config.c; a device beyond it works nowhere
const MAX_BYTES = DEVICE_BYTES + MAX_CONFIGURATIONS * 0xffff; // wTotalLength has 16 bits

export interface UsbDescriptors {
  readonly device: DeviceDescriptor;
  readonly configurations: readonly ConfigurationDescriptor[];
  /** What all of this was parsed from. */
  readonly bytes: Uint8Array;
}

export interface DeviceDescriptor {
  /** bcdUSB: 0x0200, 0x0320. */
  readonly usbVersion: number;
  readonly deviceClass: number;
  readonly deviceSubclass: number;
  readonly deviceProtocol: number;
  /** Bytes: SuperSpeed's exponent is already raised. */
  readonly maxPacketSize0: number;
  readonly vendorId: number;
  readonly productId: number;
  /** bcdDevice. */
  readonly deviceVersion: number;
  /** Numbers of string descriptors; 0 means none. */
  readonly manufacturerString: number;
  readonly productString: number;
  readonly serialString: number;
  readonly configurationCount: number;
}

/** A device descriptor followed by every configuration, as sysfs' `descriptors` file and a read of a usbfs node deliver them.
 *  Throws DeviceError "protocol". Work is linear in the length, and the length is bounded. */
export function parseDescriptors(bytes: Uint8Array): UsbDescriptors {
  if (bytes.length > MAX_BYTES) refuse(0, "length", `at most ${MAX_BYTES} bytes`, `${bytes.length}`);
  const device = parseDeviceDescriptor(bytes);
  const configurations: ConfigurationDescriptor[] = [];
  let offset = DEVICE_BYTES;
  while (configurations.length < device.configurationCount) {
    const end = offset + configurationLength(bytes, offset);
    const configuration = parseConfiguration(bytes, offset, end);
    if (configurations.some((other) => other.value === configuration.value)) {
      const found = `${configuration.value} again`;
      refuse(offset + 5, "bConfigurationValue", "a value that no other configuration has", found);
    }
    configurations.push(configuration);
    offset = end;
  }
  if (offset !== bytes.length) {
    const more = bytes.length - offset;
    refuse(offset, "end", `no byte behind configuration ${configurations.length}`, `${more} more`);
  }
  return { device, configurations, bytes };
}

/** The device descriptor at the start of `bytes`. */
export function parseDeviceDescriptor(bytes: Uint8Array): DeviceDescriptor {
  need(bytes, 0, bytes.length, DEVICE, DEVICE_BYTES, "device descriptor");
  if (bytes[0] !== DEVICE_BYTES) refuse(0, "device descriptor: bLength", `${DEVICE_BYTES}`, `${bytes[0]}`);
  const configurationCount = bytes[17]!;
  if (configurationCount < 1 || configurationCount > MAX_CONFIGURATIONS) {
    refuse(17, "bNumConfigurations", `1 to ${MAX_CONFIGURATIONS}`, `${configurationCount}`);
  }
  const usbVersion = u16(bytes, 2);
  return {
    usbVersion,
    deviceClass: bytes[4]!,
    deviceSubclass: bytes[5]!,
    deviceProtocol: bytes[6]!,
    maxPacketSize0: maxPacketSize0(bytes[7]!, usbVersion),
    vendorId: u16(bytes, 8),
    productId: u16(bytes, 10),
    deviceVersion: u16(bytes, 12),
    manufacturerString: bytes[14]!,
    productString: bytes[15]!,
    serialString: bytes[16]!,
    configurationCount,
  };
}

function maxPacketSize0(sent: number, usbVersion: number): number {
  if (sent === 8 || sent === 16 || sent === 32 || sent === 64) return sent; // USB 2.0 table 9-8
  if (sent === 9 && usbVersion >= 0x0300) return 512; // USB 3.2 table 9-11: 2 to the power of 9
  return refuse(7, "bMaxPacketSize0", "8, 16, 32 or 64, or 9 from USB 3.0 on", `${sent}`);
}
