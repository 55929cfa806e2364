// Runs in: driver host, jailed; manager, while it imports. Owns: one USB/IP stream to one simulated or remote device. Never opens a path.
import type { Clock } from "@ring3/core/clock";
import type { DeviceError } from "@ring3/core/errors";
import type { Descriptor } from "../fd/descriptor.ts";
import type { UsbSpeed } from "../usb/device-info.ts";
import { ownMemory } from "../usb/memory.ts";
import { EINVAL, outcome, statusOfErrno } from "../usb/outcome.ts";
import {
  clearEndpointHalt,
  DIRECTION_IN,
  resetPort,
  setInterface,
  setupBytes,
  setupFault,
} from "../usb/requests.ts";
import type { IsochronousOutcome, Outcome, Setup, TransferMemory, UsbTransport } from "../usb/transport.ts";
import { decodePackets, encodePackets, MAX_PACKETS, SETUP_BYTES, URB_DIR_IN, URB_ISO_ASAP } from "./codec.ts";
import { UrbStream, type UrbSubmission } from "./urb-stream.ts";

const UNLINK_DEADLINE_MS = 2000;
const NO_SETUP = new Uint8Array(SETUP_BYTES);
const NO_PACKETS = new Uint8Array(0);

export interface UsbipDevice {
  /** (busNumber << 16) | deviceNumber */
  readonly devid: number;
  readonly speed: UsbSpeed;
}

export interface UsbipOptions {
  readonly unlinkDeadlineMs?: number;
  /** Told why, when the stream ends in any way but the server's closing it. */
  readonly onError?: (error: DeviceError) => void;
}

/** Takes the stream over. `clock` times the server's answers to cancellations: nothing else could end that wait. */
export function usbipTransport(
  stream: Descriptor,
  device: UsbipDevice,
  clock: Clock,
  options: UsbipOptions = {},
): UsbipTransport {
  return new UsbipTransport(stream, device, clock, options);
}

export class UsbipTransport implements UsbTransport {
  readonly gone: Promise<void>;
  readonly #urbs: UrbStream;

  constructor(stream: Descriptor, { devid }: UsbipDevice, clock: Clock, options: UsbipOptions) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.gone = promise;
    this.#urbs = new UrbStream(stream, devid, {
      clock,
      unlinkDeadlineMs: options.unlinkDeadlineMs ?? UNLINK_DEADLINE_MS,
      onEnd(error) {
        if (error !== undefined) options.onError?.(error);
        resolve();
      },
    });
  }

  async control(setup: Setup, data: Uint8Array, signal?: AbortSignal): Promise<Outcome> {
    if (setupFault(setup, data.length) !== undefined) return outcome(EINVAL);
    const isIn = (setup.requestType & DIRECTION_IN) !== 0;
    return this.#submit(0, isIn, data, { setup: setupBytes(setup, data.length) }, signal);
  }

  transfer(
    type: "bulk" | "interrupt",
    endpoint: number,
    data: Uint8Array,
    signal?: AbortSignal,
  ): Promise<Outcome> {
    // Linux's server refuses an interrupt URB without interval; 1 is the shortest, and the endpoint answers NAK in between.
    const interval = type === "interrupt" ? 1 : 0;
    return this.#submit(endpoint & 0x0f, isInEndpoint(endpoint), data, { interval }, signal);
  }

  async isochronous(
    endpoint: number,
    data: Uint8Array,
    packetLengths: Uint32Array,
    signal?: AbortSignal,
  ): Promise<IsochronousOutcome> {
    const count = packetLengths.length;
    const total = packetLengths.reduce((sum, length) => sum + length, 0);
    if (count < 1 || count > MAX_PACKETS || total > data.length) return { ...outcome(EINVAL), packets: [] };
    let offset = 0;
    const asked = Array.from(packetLengths, (length) => {
      const packet = { offset, length, actual: 0, status: 0 };
      offset += length;
      return packet;
    });
    const packets = encodePackets(asked);
    const more = { packetCount: count, interval: 1, flags: URB_ISO_ASAP };
    const isIn = isInEndpoint(endpoint);
    const result = await this.#submit(endpoint & 0x0f, isIn, data.subarray(0, total), more, signal, packets);
    if (result.status !== "ok") return { ...result, packets: [] };
    const answered = decodePackets(packets);
    const moved = answered.reduce((sum, { actual }) => sum + actual, 0);
    const fits = answered.every(({ actual }, index) => actual <= packetLengths[index]!);
    if (!fits || moved !== result.bytes) return { status: "error", bytes: 0, errno: EINVAL, packets: [] };
    if (isIn) spread(data, asked, answered, moved);
    return {
      ...result,
      packets: answered.map(({ actual, status }) => ({ status: statusOfErrno(status), bytes: actual })),
    };
  }

  memory(length: number): TransferMemory {
    return ownMemory(length);
  }

  clearHalt(endpoint: number): Promise<Outcome> {
    return this.control(clearEndpointHalt(endpoint), NO_PACKETS);
  }

  setInterface(interfaceNumber: number, alternate: number): Promise<Outcome> {
    return this.control(setInterface(interfaceNumber, alternate), NO_PACKETS);
  }

  /** An imported device is ours as a whole. */
  async claim(_interfaceNumber: number): Promise<Outcome> {
    return outcome(0);
  }

  async release(_interfaceNumber: number): Promise<Outcome> {
    return outcome(0);
  }

  /** Cancels what is in flight. The server resets the device when it sees the request, then passes it on all the same: a device stalls it. */
  async reset(): Promise<Outcome> {
    await this.#urbs.cancelAll();
    const result = await this.control(resetPort, NO_PACKETS);
    return result.status === "stall" ? outcome(0) : result;
  }

  async close(): Promise<void> {
    this.#urbs.close();
  }

  /** Hands the stream over, between two transfers; this transport is of no more use. */
  detach(): Descriptor {
    return this.#urbs.detach();
  }

  #submit(
    endpoint: number,
    isIn: boolean,
    data: Uint8Array,
    more: { flags?: number } & Partial<Omit<UrbSubmission, "flags">>,
    signal?: AbortSignal,
    packets: Uint8Array = NO_PACKETS,
  ): Promise<Outcome> {
    const submission: UrbSubmission = {
      direction: isIn ? "in" : "out",
      endpoint,
      length: data.length,
      startFrame: 0,
      packetCount: 0,
      interval: 0,
      setup: NO_SETUP,
      ...more,
      flags: (more.flags ?? 0) | (isIn ? URB_DIR_IN : 0),
    };
    return this.#urbs.submit({ submission, data, packets }, signal);
  }
}

const isInEndpoint = (endpoint: number) => (endpoint & DIRECTION_IN) !== 0;

/** USB/IP sends the packets of an IN transfer without the gaps: each is moved to its place, the last first. */
function spread(
  data: Uint8Array,
  asked: readonly { offset: number }[],
  answered: readonly { actual: number }[],
  total: number,
): void {
  let end = total;
  for (let index = answered.length - 1; index >= 0; index--) {
    const start = end - answered[index]!.actual;
    data.copyWithin(asked[index]!.offset, start, end);
    end = start;
  }
}
