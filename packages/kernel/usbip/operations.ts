// Runs in: manager. Owns: nothing. Pure: the handshake half of USB/IP, both ends (Linux: Documentation/usb/usbip_protocol.rst).
import { DeviceError } from "@ring3/core/errors";
import { type UsbSpeed, usbSpeedCodes, usbSpeedOfCode } from "../usb/device-info.ts";

const VERSION = 0x0111; // the documented version, 1.1.1
const REQ_DEVLIST = 0x8005;
const REP_DEVLIST = 0x0005;
const REQ_IMPORT = 0x8003;
const REP_IMPORT = 0x0003;

const OPERATION_BYTES = 8; // version, code, status
const PATH_BYTES = 256;
const BUSID_BYTES = 32;
const DEVICE_BYTES = PATH_BYTES + BUSID_BYTES + 24; // 0x138
const INTERFACE_BYTES = 4; // class, subclass, protocol, padding
const MAX_DEVICES = 1024; // far above any server; bounds the work

export interface ExportedInterface {
  readonly class: number;
  readonly subclass: number;
  readonly protocol: number;
}

export interface ExportedDevice {
  readonly path: string;
  readonly busid: string;
  readonly busNumber: number;
  readonly deviceNumber: number;
  readonly speed: UsbSpeed;
  readonly vendorId: number;
  readonly productId: number;
  readonly deviceVersion: number;
  readonly deviceClass: number;
  readonly deviceSubclass: number;
  readonly deviceProtocol: number;
  /** 0: not configured. */
  readonly configurationValue: number;
  readonly configurationCount: number;
  readonly interfaceCount: number;
}

export interface ListedDevice extends ExportedDevice {
  readonly interfaces: readonly ExportedInterface[];
}

export type Request =
  | { readonly request: "devlist" }
  | { readonly request: "import"; readonly busid: string };

/** Either the message, or how many bytes it has at least. */
export type Decoded<T> = { readonly needs: number } | { readonly value: T };

export function encodeRequest(request: Request): Uint8Array {
  if (request.request === "devlist") return operation(REQ_DEVLIST, 0, 0);
  const bytes = operation(REQ_IMPORT, 0, BUSID_BYTES);
  putText(bytes, OPERATION_BYTES, BUSID_BYTES, request.busid, "busid");
  return bytes;
}

export function decodeRequest(bytes: Uint8Array): Decoded<Request> {
  if (bytes.length < OPERATION_BYTES) return { needs: OPERATION_BYTES };
  const { code } = readOperation(bytes);
  if (code === REQ_DEVLIST) return { value: { request: "devlist" } };
  if (code !== REQ_IMPORT) refuse("code", "0x8003 (import) or 0x8005 (device list)", hex(code));
  const needs = OPERATION_BYTES + BUSID_BYTES;
  if (bytes.length < needs) return { needs };
  return { value: { request: "import", busid: getText(bytes, OPERATION_BYTES, BUSID_BYTES, "busid") } };
}

export function encodeDevlistReply(devices: readonly ListedDevice[]): Uint8Array {
  const body = devices.reduce(
    (sum, { interfaces }) => sum + DEVICE_BYTES + interfaces.length * INTERFACE_BYTES,
    4,
  );
  const bytes = operation(REP_DEVLIST, 0, body);
  const view = viewOf(bytes);
  view.setUint32(OPERATION_BYTES, devices.length);
  let at = OPERATION_BYTES + 4;
  for (const device of devices) {
    putDevice(bytes, at, device);
    at += DEVICE_BYTES;
    for (const entry of device.interfaces) {
      bytes.set([entry.class, entry.subclass, entry.protocol, 0], at);
      at += INTERFACE_BYTES;
    }
  }
  return bytes;
}

export function decodeDevlistReply(bytes: Uint8Array): Decoded<ListedDevice[]> {
  if (bytes.length < OPERATION_BYTES) return { needs: OPERATION_BYTES };
  expectReply(bytes, REP_DEVLIST, "list the devices");
  if (bytes.length < OPERATION_BYTES + 4) return { needs: OPERATION_BYTES + 4 };
  const count = viewOf(bytes).getUint32(OPERATION_BYTES);
  if (count > MAX_DEVICES) refuse("number of devices", `at most ${MAX_DEVICES}`, `${count}`);
  const devices: ListedDevice[] = [];
  let at = OPERATION_BYTES + 4;
  while (devices.length < count) {
    const afterDevice = at + DEVICE_BYTES;
    if (bytes.length < afterDevice) return { needs: afterDevice };
    const device = getDevice(bytes, at);
    const end = afterDevice + device.interfaceCount * INTERFACE_BYTES;
    if (bytes.length < end) return { needs: end };
    const interfaces = Array.from({ length: device.interfaceCount }, (_, index) => {
      const start = afterDevice + index * INTERFACE_BYTES;
      return { class: bytes[start]!, subclass: bytes[start + 1]!, protocol: bytes[start + 2]! };
    });
    devices.push({ ...device, interfaces });
    at = end;
  }
  return { value: devices };
}

/** `status` other than 0 goes without a device. */
export function encodeImportReply(reply: { status: number } | { device: ExportedDevice }): Uint8Array {
  if ("status" in reply) return operation(REP_IMPORT, reply.status, 0);
  const bytes = operation(REP_IMPORT, 0, DEVICE_BYTES);
  putDevice(bytes, OPERATION_BYTES, reply.device);
  return bytes;
}

/** Throws the server's refusal as a DeviceError. */
export function decodeImportReply(bytes: Uint8Array, busid: string): Decoded<ExportedDevice> {
  if (bytes.length < OPERATION_BYTES) return { needs: OPERATION_BYTES };
  expectReply(bytes, REP_IMPORT, `import ${busid}`);
  const needs = OPERATION_BYTES + DEVICE_BYTES;
  if (bytes.length < needs) return { needs };
  const device = getDevice(bytes, OPERATION_BYTES);
  if (device.busid !== busid) refuse("busid", `the one asked for, "${busid}"`, `"${device.busid}"`);
  return { value: device };
}

function operation(code: number, status: number, bodyBytes: number): Uint8Array {
  const bytes = new Uint8Array(OPERATION_BYTES + bodyBytes);
  const view = viewOf(bytes);
  view.setUint16(0, VERSION);
  view.setUint16(2, code);
  view.setUint32(4, status);
  return bytes;
}

function readOperation(bytes: Uint8Array): { code: number; status: number } {
  const view = viewOf(bytes);
  const version = view.getUint16(0);
  if (version !== VERSION) refuse("version", hex(VERSION), hex(version));
  return { code: view.getUint16(2), status: view.getUint32(4) };
}

// ST_NA 1, ST_DEV_BUSY 2, ST_DEV_ERR 3, ST_NODEV 4, ST_ERROR 5: Linux, tools/usb/usbip/libsrc/usbip_common.h
const refusals = {
  1: { kind: "disconnected", text: "the server has no such device to export" },
  2: { kind: "busy", text: "the server has exported it to somebody else" },
  3: { kind: "io", text: "the server says the device is in an error state" },
  4: { kind: "disconnected", text: "the server knows no such device" },
} as const;

function expectReply(bytes: Uint8Array, expected: number, tried: string): void {
  const { code, status } = readOperation(bytes);
  if (code !== expected) refuse("code", hex(expected), hex(code));
  if (status === 0) return;
  const refusal = refusals[status as keyof typeof refusals] ?? {
    kind: "io",
    text: `server status ${status}`,
  };
  throw new DeviceError(refusal.kind, `${tried} over USB/IP: ${refusal.text}`);
}

function putDevice(bytes: Uint8Array, at: number, device: ExportedDevice): void {
  putText(bytes, at, PATH_BYTES, device.path, "path");
  putText(bytes, at + PATH_BYTES, BUSID_BYTES, device.busid, "busid");
  const view = new DataView(bytes.buffer, bytes.byteOffset + at + PATH_BYTES + BUSID_BYTES, 24);
  view.setUint32(0, device.busNumber);
  view.setUint32(4, device.deviceNumber);
  view.setUint32(8, usbSpeedCodes[device.speed]);
  view.setUint16(12, device.vendorId);
  view.setUint16(14, device.productId);
  view.setUint16(16, device.deviceVersion);
  view.setUint8(18, device.deviceClass);
  view.setUint8(19, device.deviceSubclass);
  view.setUint8(20, device.deviceProtocol);
  view.setUint8(21, device.configurationValue);
  view.setUint8(22, device.configurationCount);
  view.setUint8(23, device.interfaceCount);
}

function getDevice(bytes: Uint8Array, at: number): ExportedDevice {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at + PATH_BYTES + BUSID_BYTES, 24);
  const speed = usbSpeedOfCode(view.getUint32(8));
  if (speed === undefined) {
    refuse("speed", "1, 2, 3, 5 or 6 (enum usb_device_speed)", `${view.getUint32(8)}`);
  }
  const busNumber = view.getUint32(0);
  if (busNumber > 0xffff) refuse("busnum", "at most 65535", `${busNumber}`);
  const deviceNumber = view.getUint32(4);
  if (deviceNumber > 0xffff) refuse("devnum", "at most 65535", `${deviceNumber}`);
  return {
    path: getText(bytes, at, PATH_BYTES, "path"),
    busid: getText(bytes, at + PATH_BYTES, BUSID_BYTES, "busid"),
    busNumber,
    deviceNumber,
    speed,
    vendorId: view.getUint16(12),
    productId: view.getUint16(14),
    deviceVersion: view.getUint16(16),
    deviceClass: view.getUint8(18),
    deviceSubclass: view.getUint8(19),
    deviceProtocol: view.getUint8(20),
    configurationValue: view.getUint8(21),
    configurationCount: view.getUint8(22),
    interfaceCount: view.getUint8(23),
  };
}

// Paths and bus ids are printable ASCII: nothing else may reach a file name, a log or a terminal.
const PRINTABLE = /^[\x20-\x7e]*$/;

function putText(bytes: Uint8Array, at: number, size: number, text: string, field: string): void {
  if (!PRINTABLE.test(text) || text.length >= size) {
    throw new DeviceError("invalid", `${field}: expected at most ${size - 1} printable ASCII characters`);
  }
  bytes.set(new TextEncoder().encode(text), at);
}

function getText(bytes: Uint8Array, at: number, size: number, field: string): string {
  const room = bytes.subarray(at, at + size);
  const end = room.indexOf(0);
  if (end === -1) refuse(field, `a zero byte within ${size} bytes`, "none");
  const text = new TextDecoder("latin1").decode(room.subarray(0, end));
  if (!PRINTABLE.test(text)) refuse(field, "printable ASCII", "something else");
  return text;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const hex = (value: number) => `0x${value.toString(16).padStart(4, "0")}`;

function refuse(field: string, expected: string, found: string): never {
  throw new DeviceError("protocol", `USB/IP handshake: ${field}: expected ${expected}, found ${found}`);
}
