// Runs in: driver host, sdk/test. Owns: `usb.raw`: transfers in the caller's buffers, outcomes as values.
import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { IsochronousOutcome, UsbTransport } from "@ring3/kernel/usb/transport";
import type { Outcome } from "../outcome.ts";
import type { Wait } from "../wait.ts";
import { abandoned, bounded } from "./bounded.ts";
import { usbStream } from "./stream.ts";
import type { RawPacket, RawUsb, Setup, UsbEndpoint } from "./types.ts";

const DIRECTION_IN = 0x80; // bmRequestType and bEndpointAddress bit 7, USB 2.0 §9.3 and table 9-13

/** `endpointIn`: the IN endpoint of this number in the alternate settings in use; throws where there is none. */
export function rawUsb(
  transport: UsbTransport,
  clock: Clock,
  endpointIn: (number: number) => UsbEndpoint,
): RawUsb {
  const data = (
    type: "bulk" | "interrupt",
    endpoint: number,
    buffer: Uint8Array,
    wait: Wait | undefined,
  ): Promise<Outcome> =>
    bounded(clock, `${type} transfer on endpoint ${endpoint & 0x0f}`, wait, (signal) =>
      transport.transfer(type, endpoint, buffer, signal),
    );

  const control = (setup: Setup, buffer: Uint8Array, wait: Wait | undefined): Promise<Outcome> =>
    bounded(clock, "control transfer", wait, (signal) => transport.control(setup, buffer, signal));

  const isochronous = async (
    endpoint: number,
    buffer: Uint8Array,
    lengths: Uint32Array,
    wait: Wait | undefined,
  ): Promise<Outcome & { packets: readonly RawPacket[] }> => {
    const outcome: Outcome | IsochronousOutcome = await bounded(
      clock,
      "isochronous transfer",
      wait,
      (signal) => transport.isochronous(endpoint, buffer, lengths, signal),
    );
    return "packets" in outcome ? outcome : { ...outcome, packets: [] };
  };

  return {
    bulkIn: (endpoint, into, wait) => data("bulk", inAddress(endpoint), into, wait),
    bulkOut: (endpoint, from, wait) => data("bulk", outAddress(endpoint), from, wait),
    interruptIn: (endpoint, into, wait) => data("interrupt", inAddress(endpoint), into, wait),
    interruptOut: (endpoint, from, wait) => data("interrupt", outAddress(endpoint), from, wait),
    controlIn: (setup, into, wait) => control(directed(setup, DIRECTION_IN), into, wait),
    controlOut: (setup, from, wait) => control(directed(setup, 0), from, wait),
    isochronousIn: (endpoint, into, lengths, wait) => isochronous(inAddress(endpoint), into, lengths, wait),
    isochronousOut: (endpoint, from, lengths, wait) => isochronous(outAddress(endpoint), from, lengths, wait),
    stream: (endpoint, options) => usbStream(transport, endpointIn(endpoint), options),
    clearHalt: (direction, endpoint, wait) =>
      abandoned(clock, "clear halt", wait, () =>
        transport.clearHalt(direction === "in" ? inAddress(endpoint) : outAddress(endpoint)),
      ),
    reset: (wait) => abandoned(clock, "reset", wait, () => transport.reset()),
  };
}

function inAddress(endpoint: number): number {
  return outAddress(endpoint) | DIRECTION_IN;
}

function outAddress(endpoint: number): number {
  if (!Number.isInteger(endpoint) || endpoint < 1 || endpoint > 15)
    throw new DeviceError("invalid", `endpoint number: expected 1 to 15, found ${endpoint}`);
  return endpoint;
}

/** A request whose direction bit contradicts the call would have the device write into a buffer that is being read. */
function directed(setup: Setup, direction: number): Setup {
  if ((setup.requestType & DIRECTION_IN) === direction) return setup;
  const found = `0x${setup.requestType.toString(16)}`;
  throw new DeviceError(
    "invalid",
    `requestType: expected direction bit 0x${direction.toString(16)}, found ${found}`,
  );
}
