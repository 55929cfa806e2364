// Runs in: driver host. Owns: nothing. Pure: how reports lie in what goes through a hidraw node (Documentation/hid/hidraw.rst). An input report is read
// with its id only where it has one; what is written, or asked for, begins with a byte for the id in any case: 0 where reports have none.

const BUS_I2C = 0x18; // linux/input.h

/** As it is written or handed to HIDIOCSFEATURE. `reportId`: 0 where reports of its kind have none. */
export function prefixed(reportId: number, data: Uint8Array): Uint8Array {
  const report = new Uint8Array(1 + data.length);
  report[0] = reportId;
  report.set(data, 1);
  return report;
}

/** What to hand to HIDIOCGFEATURE for a report of so many bytes, its id not counted. */
export function askedFor(reportId: number, bytes: number): Uint8Array {
  return prefixed(reportId, new Uint8Array(bytes));
}

/**
 * The report in what HIDIOCGFEATURE has brought, its id first where reports have ids. Where they have none, usbhid and i2c-hid leave the byte in front of
 * it, and hidp and uhid give what the device sent. A device on I2C is i2c-hid's, and may send less than it was asked for; of the others whose it is is told
 * by the length.
 */
export function received(numbered: boolean, asked: Uint8Array, length: number, bustype: number): Uint8Array {
  const brought = asked.subarray(0, length);
  return numbered || (length < asked.length && bustype !== BUS_I2C) ? brought : brought.subarray(1);
}
