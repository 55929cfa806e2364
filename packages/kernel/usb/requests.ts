// Runs in: driver host, manager. Owns: nothing. Standard requests of USB 2.0 §9.4 and the setup packet's layout.
import type { Setup } from "./transport.ts";

export const SETUP_BYTES = 8; // USB 2.0 §9.3
export const DIRECTION_IN = 0x80; // bmRequestType and bEndpointAddress bit 7
export const MAX_CONTROL_BYTES = 0xffff; // wLength is 16 bits wide

// USB 2.0 table 9-4 and table 9-6
const CLEAR_FEATURE = 1;
const SET_FEATURE = 3;
const GET_DESCRIPTOR = 6;
const SET_CONFIGURATION = 9;
const SET_INTERFACE = 11;
const ENDPOINT_HALT = 0;
const PORT_RESET = 4; // USB 2.0 table 11-17, hub class

export function setupBytes(setup: Setup, length: number, into = new Uint8Array(SETUP_BYTES)): Uint8Array {
  into[0] = setup.requestType;
  into[1] = setup.request;
  into[2] = setup.value;
  into[3] = setup.value >> 8;
  into[4] = setup.index;
  into[5] = setup.index >> 8;
  into[6] = length;
  into[7] = length >> 8;
  return into;
}

/** Which fields of a setup packet do not fit their place, in words; undefined when all do. */
export function setupFault(setup: Setup, length: number): string | undefined {
  if (setup.requestType >>> 8 !== 0) return `requestType ${setup.requestType} (0..255)`;
  if (setup.request >>> 8 !== 0) return `request ${setup.request} (0..255)`;
  if (setup.value >>> 16 !== 0) return `value ${setup.value} (0..65535)`;
  if (setup.index >>> 16 !== 0) return `index ${setup.index} (0..65535)`;
  if (length > MAX_CONTROL_BYTES) return `${length} bytes of data (0..65535)`;
  return undefined;
}

export const getDescriptor = (type: number, number: number, language = 0): Setup => ({
  requestType: DIRECTION_IN,
  request: GET_DESCRIPTOR,
  value: (type << 8) | number,
  index: language,
});

export const setConfiguration = (value: number): Setup => ({
  requestType: 0,
  request: SET_CONFIGURATION,
  value,
  index: 0,
});

export const setInterface = (interfaceNumber: number, alternate: number): Setup => ({
  requestType: 0x01, // recipient: interface
  request: SET_INTERFACE,
  value: alternate,
  index: interfaceNumber,
});

export const clearEndpointHalt = (endpoint: number): Setup => ({
  requestType: 0x02, // recipient: endpoint
  request: CLEAR_FEATURE,
  value: ENDPOINT_HALT,
  index: endpoint,
});

/** A USB/IP server turns this hub request on endpoint 0 into a reset of the device (Linux: drivers/usb/usbip/stub_rx.c, is_reset_device_cmd). */
export const resetPort: Setup = { requestType: 0x23, request: SET_FEATURE, value: PORT_RESET, index: 0 };
