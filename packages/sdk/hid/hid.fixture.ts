// Runs in: tests. Owns: a HID device that follows a script, and the context of a driver that opens it.
import { manualClock } from "@ring3/core/clock";
import { createLog } from "@ring3/core/log";
import { createContext } from "../context.ts";
import { plainStateMemory } from "../state.ts";
import { endpoint, usbDescriptors, usbInterface } from "../test/descriptors.ts";
import { sample } from "../test/sample-contract.ts";
import { controlIn, controlOut, type Step, scriptedUsb } from "../test/scripted-usb.ts";
import { createUsbDevice } from "../usb/device.ts";
import { openHid } from "./device.ts";
import type { HidOptions } from "./types.ts";

/** Of the interface: no device has only one for certain. */
export const INTERFACE = 2;

// HID 1.11 §7
export const getDescriptor = { requestType: 0x81, request: 6, value: 0x2200, index: INTERFACE };
export const setIdle = { requestType: 0x21, request: 0x0a, value: 0, index: INTERFACE };
export const setProtocol = { requestType: 0x21, request: 0x0b, value: 1, index: INTERFACE };

export interface Surroundings {
  readonly script?: readonly Step[];
  /** 1: boot. */
  readonly subclass?: number;
  readonly packetSize?: number;
  readonly out?: boolean;
  readonly in?: boolean;
  /** The HID descriptor, HID 1.11 §6.2.1. */
  readonly extra?: Uint8Array;
  readonly options?: HidOptions;
}

export const hidDescriptor = (length: number): Uint8Array =>
  Uint8Array.of(9, 0x21, 0x11, 0x01, 0, 1, 0x22, length & 0xff, length >> 8);

/** What every opening asks. */
export const opening = (descriptor: Uint8Array): Step[] => [
  controlIn(getDescriptor, descriptor.length, descriptor),
  controlOut(setIdle),
];

export function surroundings(descriptor: Uint8Array, given: Surroundings = {}) {
  const { subclass = 0, packetSize = 64, extra = hidDescriptor(descriptor.length) } = given;
  const clock = manualClock();
  const transport = scriptedUsb(...(given.script ?? opening(descriptor)));
  const endpoints = [
    ...(given.in === false ? [] : [endpoint(0x84, "interrupt", packetSize)]),
    ...(given.out === true ? [endpoint(0x03, "interrupt", packetSize)] : []),
  ];
  const kind = { number: INTERFACE, class: 3, subclass, protocol: 0 };
  const usb = createUsbDevice({
    transport,
    clock,
    descriptors: usbDescriptors([usbInterface(kind, endpoints, extra)], {
      vendorId: 0x054c,
      productId: 0x0ce6,
    }),
    strings: { product: "Pad" },
    configurationValue: 1,
    interfaceNumber: INTERFACE,
    claimed: [INTERFACE],
  });
  const incarnation = createContext({
    contract: sample,
    device: { id: "usb-test:1.2", ordinal: 1 },
    incarnation: 1,
    reason: "",
    clock,
    log: createLog("driver", () => {}, clock),
    state: plainStateMemory(),
    emit() {},
  });
  const ctx = incarnation.context;
  return {
    clock,
    transport,
    usb,
    ctx,
    incarnation,
    open: () => openHid(usb, ctx, { transfers: 2, ...given.options }),
  };
}
