// Runs in: manager. Owns: nothing. What a bus tells of a USB device, whether sysfs or a USB/IP stream told it.
import type { UsbDescriptors } from "./descriptors.ts";

/** enum usb_device_speed (linux/usb/ch9.h). */
export const usbSpeedCodes = { low: 1, full: 2, high: 3, super: 5, "super-plus": 6 } as const;
export type UsbSpeed = keyof typeof usbSpeedCodes;

export function usbSpeedOfCode(code: number): UsbSpeed | undefined {
  return (Object.keys(usbSpeedCodes) as UsbSpeed[]).find((speed) => usbSpeedCodes[speed] === code);
}

export interface UsbInterfaceInfo {
  readonly number: number;
  /** The device id of the interface: "usb-1-4.2:1.0". */
  readonly id: string;
  /** The kernel driver bound to it ("usbfs" when a program has claimed it). */
  readonly driver: string | undefined;
}

export interface UsbDeviceInfo {
  /** Where it is plugged in: "1-4.2" (bus, then the ports on the way). */
  readonly port: string;
  readonly busNumber: number;
  readonly deviceNumber: number;
  readonly speed: UsbSpeed;
  /** bConfigurationValue of the active configuration; 0 when there is none. */
  readonly configurationValue: number;
  readonly descriptors: UsbDescriptors;
  /** Text of the device, stripped of control characters. */
  readonly strings: {
    readonly manufacturer: string | undefined;
    readonly product: string | undefined;
    readonly serial: string | undefined;
  };
  /** Interfaces of the active configuration. */
  readonly interfaces: readonly UsbInterfaceInfo[];
}

/** Of the active configuration, which no kernel's drivers have; none where it is not described. */
export function describedInterfaces(
  { configurations }: UsbDescriptors,
  configurationValue: number,
  port: string,
): UsbInterfaceInfo[] {
  const active = configurations.find(({ value }) => value === configurationValue);
  const numbers = new Set(active?.interfaces.map(({ number }) => number));
  return [...numbers].map((number) => ({
    number,
    id: interfaceId(port, configurationValue, number),
    driver: undefined,
  }));
}

export function interfaceId(port: string, configurationValue: number, interfaceNumber: number): string {
  return `usb-${port}:${configurationValue}.${interfaceNumber}`;
}
