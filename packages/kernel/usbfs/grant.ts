// Runs in: manager. Owns: a usbfs descriptor until it is narrowed to its interfaces and handed to a driver host.
import { constants } from "node:fs";
import { DeviceError, systemError } from "@ring3/core/errors";
import type { Descriptor } from "../fd/descriptor.ts";
import { native } from "../native.ts";
import { openDeviceNode } from "../open/open.ts";
import { DEVICE_BYTES, type DeviceDescriptor, parseDeviceDescriptor } from "../usb/descriptors.ts";
import type { UsbDeviceInfo } from "../usb/device-info.ts";
import {
  DISCONNECT_CLAIM_BYTES,
  ioctlArgument,
  USBDEVFS_CLAIMINTERFACE,
  USBDEVFS_CONNECT,
  USBDEVFS_DISCONNECT_CLAIM,
  USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER,
  USBDEVFS_DROP_PRIVILEGES,
  USBDEVFS_IOCTL,
  USBDEVFS_RELEASEINTERFACE,
} from "./constants.ts";
import { driverOf, type Ioctl } from "./driver-of.ts";

const EBUSY = 16;
const MAX_INTERFACE = 31; // USBDEVFS_DROP_PRIVILEGES takes a mask of 32 bits
const OURS = "usbfs"; // the kernel's name for whoever claims through usbfs

/** A usbfs node as the kernel offers it; tests script this. */
export interface UsbfsNode extends Ioctl {
  readonly descriptor: Descriptor;
  /** From the start of the node: the device descriptor, then the configurations. */
  read(into: Uint8Array): number;
}

export type OpenNode = (path: string) => UsbfsNode;

/** /dev/bus/usb/001/004 */
export function usbfsNodePath({ busNumber, deviceNumber }: UsbDeviceInfo): string {
  const three = (value: number) => String(value).padStart(3, "0");
  return `/dev/bus/usb/${three(busNumber)}/${three(deviceNumber)}`;
}

const openUsbfsNode: OpenNode = (path) => {
  const descriptor = openDeviceNode(path, constants.O_RDWR);
  return {
    descriptor,
    read: (into) => native.pread(descriptor.fd, into, 0),
    ioctl: (request, argument) => native.ioctl(descriptor.fd, request, argument),
  };
};

/**
 * Opens the device afresh, claims the interfaces (with `detach` from the kernel driver that holds them, never from another program) and
 * drops the right to any other interface. Undone as a whole where a step fails: the kernel drivers get back what was taken.
 */
export function openGrant(
  info: UsbDeviceInfo,
  interfaceNumbers: readonly number[],
  { detach }: { detach: boolean },
  open: OpenNode = openUsbfsNode,
): Descriptor {
  const node = open(usbfsNodePath(info));
  const taken: number[] = [];
  const claimed: number[] = [];
  try {
    expectSameDevice(node, info);
    for (const number of interfaceNumbers) {
      if (detach && driverOf(node, number) !== undefined) taken.push(number);
      claim(node, info, number, detach);
      claimed.push(number);
    }
    const mask = interfaceNumbers.reduce((bits, number) => bits | (1 << number), 0);
    must(node, USBDEVFS_DROP_PRIVILEGES, word(mask), `narrow the grant on ${info.port}`);
    return node.descriptor;
  } catch (error) {
    for (const number of claimed) node.ioctl(USBDEVFS_RELEASEINTERFACE, word(number));
    for (const number of taken) connect(node, number); // also what was detached and then could not be claimed
    node.descriptor.close();
    throw error;
  }
}

/** Lets the kernel's drivers have an interface again; undefined when none wants it. Call once every descriptor of the grant is closed. */
export function giveBack(
  info: UsbDeviceInfo,
  interfaceNumber: number,
  open: OpenNode = openUsbfsNode,
): string | undefined {
  const node = open(usbfsNodePath(info));
  using _descriptor = node.descriptor;
  expectSameDevice(node, info);
  const answer = connect(node, interfaceNumber);
  const what = `give ${idOf(info, interfaceNumber)} back to the kernel`;
  const driver = driverOf(node, interfaceNumber);
  if (answer === -EBUSY && driver !== OURS) return driver; // a kernel driver has it already
  if (answer === -EBUSY) throw new DeviceError("busy", `${what}: a descriptor that claimed it is still open`);
  if (answer < 0) throw systemError(what, answer);
  return driver;
}

function claim(node: UsbfsNode, info: UsbDeviceInfo, number: number, detach: boolean): void {
  const what = `claim ${idOf(info, number)}`;
  if (!Number.isInteger(number) || number < 0 || number > MAX_INTERFACE) {
    throw new DeviceError("out-of-range", `${what}: an interface number is 0 to ${MAX_INTERFACE}`);
  }
  const argument = detach ? disconnectClaim(number) : word(number);
  const answer = node.ioctl(detach ? USBDEVFS_DISCONNECT_CLAIM : USBDEVFS_CLAIMINTERFACE, argument);
  if (answer >= 0) return;
  if (answer !== -EBUSY) throw systemError(what, answer);
  const holder = driverOf(node, number);
  if (holder === OURS) throw new DeviceError("busy", `${what}: another program has claimed it through usbfs`);
  const next = `take it with: ring3 start ${idOf(info, number)} --take`;
  throw new DeviceError(
    "busy",
    `${what}: the kernel driver ${holder ?? "of another program"} holds it; ${next}`,
  );
}

/** In one step, so that nobody gets in between. Takes from every driver but "usbfs". */
function disconnectClaim(number: number): Uint8Array {
  const argument = new Uint8Array(DISCONNECT_CLAIM_BYTES);
  const view = new DataView(argument.buffer);
  view.setUint32(0, number, true);
  view.setUint32(4, USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER, true);
  argument.set(new TextEncoder().encode(OURS), 8);
  return argument;
}

function connect(node: UsbfsNode, number: number): number {
  const argument = new Uint8Array(ioctlArgument.size);
  ioctlArgument.encode(
    { interface: number, code: USBDEVFS_CONNECT, data: 0 },
    new DataView(argument.buffer),
    0,
  );
  return node.ioctl(USBDEVFS_IOCTL, argument);
}

/** A number on the bus is given anew: the node may belong to another device than the one that was looked at. */
function expectSameDevice(node: UsbfsNode, info: UsbDeviceInfo): void {
  const what = `open ${info.port}`;
  const bytes = new Uint8Array(DEVICE_BYTES);
  const count = node.read(bytes);
  if (count < 0) throw systemError(what, count);
  const found = parseDeviceDescriptor(bytes.subarray(0, count));
  const fields = Object.keys(found) as (keyof DeviceDescriptor)[];
  if (fields.some((field) => found[field] !== info.descriptors.device[field])) {
    throw new DeviceError("disconnected", `${what}: another device has its place`);
  }
}

function must(node: UsbfsNode, request: number, argument: Uint8Array, what: string): void {
  const answer = node.ioctl(request, argument);
  if (answer < 0) throw systemError(what, answer);
}

function word(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

const idOf = (info: UsbDeviceInfo, number: number) =>
  info.interfaces.find((entry) => entry.number === number)?.id ?? `usb-${info.port} interface ${number}`;
