// Runs in: manager. Owns: a descriptor of a hidraw node until a driver host has it, and a second one by which the kernel takes it from there.
import { constants } from "node:fs";
import { DeviceError, systemError } from "@ring3/core/errors";
import { struct, u32 } from "@ring3/core/struct";
import { type Descriptor, duplicate } from "../fd/descriptor.ts";
import { native } from "../native.ts";
import { openDeviceNode } from "../open/open.ts";
import {
  HIDIOCGRAWINFO,
  HIDIOCGRAWNAME,
  HIDIOCGRAWPHYS,
  HIDIOCGRAWUNIQ,
  HIDIOCGRDESC,
  HIDIOCGRDESCSIZE,
  HIDIOCREVOKE,
  hidrawDevinfo,
  REPORT_DESCRIPTOR_BYTES,
  TEXT_BYTES,
} from "./constants.ts";
import { type HidDeviceInfo, readable } from "./enumerate.ts";

export interface HidrawNode {
  readonly descriptor: Descriptor;
  /** >= 0 or a negative errno. */
  ioctl(request: number, argument: Uint8Array | number): number;
}

export type OpenHidraw = (path: string) => HidrawNode;

const openHidrawNode: OpenHidraw = (path) => {
  const descriptor = openDeviceNode(path, constants.O_RDWR | constants.O_NONBLOCK);
  return { descriptor, ioctl: (request, argument) => native.ioctl(descriptor.fd, request, argument) };
};

/** What the node itself says of its device. */
export type Described = Pick<
  HidDeviceInfo,
  "bustype" | "vendor" | "product" | "name" | "phys" | "uniq" | "reportDescriptor"
>;

/** Opens the device afresh. The node may be another's meanwhile: it is asked who it is. */
export function openHidrawGrant(info: HidDeviceInfo, open: OpenHidraw = openHidrawNode): Descriptor {
  const what = `open ${info.kernelName}`;
  if (info.node === undefined && info.driver === undefined)
    throw new DeviceError("busy", `${what}: the kernel's driver is being changed`);
  if (info.node === undefined)
    throw new DeviceError("unsupported", `${what}: the kernel has no hidraw node of it`);
  const node = open(info.node);
  try {
    expectSameDevice(describe(node, `${what}, ${info.node}`), info, what);
    return node.descriptor;
  } catch (error) {
    node.descriptor.close();
    throw error;
  }
}

export function describe(node: HidrawNode, what: string): Described {
  const asked = (request: number, argument: Uint8Array): number => {
    const answer = node.ioctl(request, argument);
    if (answer < 0) throw systemError(what, answer);
    return answer;
  };
  const text = (request: (length: number) => number): string | undefined => {
    const into = new Uint8Array(TEXT_BYTES);
    asked(request(TEXT_BYTES), into);
    return readable(Buffer.from(into.subarray(0, into.indexOf(0))).toString());
  };
  const info = new Uint8Array(hidrawDevinfo.size);
  asked(HIDIOCGRAWINFO, info);
  const { bustype, vendor, product } = hidrawDevinfo.decode(new DataView(info.buffer), 0);
  const [name = "", phys, uniq] = [HIDIOCGRAWNAME, HIDIOCGRAWPHYS, HIDIOCGRAWUNIQ].map(text);
  const size = new Uint8Array(word.size);
  asked(HIDIOCGRDESCSIZE, size);
  const descriptor = new Uint8Array(REPORT_DESCRIPTOR_BYTES);
  descriptor.set(size);
  asked(HIDIOCGRDESC, descriptor);
  const { value: length } = word.decode(new DataView(size.buffer), 0);
  const reportDescriptor = descriptor.slice(word.size, word.size + length);
  return { bustype, vendor, product, name, phys, uniq, reportDescriptor };
}

const word = struct({ value: u32 });

function expectSameDevice(found: Described, info: HidDeviceInfo, what: string): void {
  const fields = ["bustype", "vendor", "product", "phys", "uniq"] as const;
  const same =
    fields.every((field) => found[field] === info[field]) &&
    Buffer.compare(found.reportDescriptor, info.reportDescriptor) === 0;
  if (!same) throw new DeviceError("disconnected", `${what}: another device has its place`);
}

/**
 * For when its driver is at its end: whoever has the descriptor still, in a process that does not die, can do nothing with it (Linux 6.12; before, only
 * that process's end takes it away). Call it once.
 */
export function revokerOf(descriptor: Descriptor): () => void {
  const own = duplicate(descriptor.fd);
  return () => {
    native.ioctl(own.fd, HIDIOCREVOKE, 0);
    own.close();
  };
}
