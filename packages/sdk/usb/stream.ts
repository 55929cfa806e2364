// Runs in: driver host, sdk/test. Owns: one IN endpoint's transfers, done over and over with several in flight, and the memory that they fill.
import { DeviceError } from "@ring3/core/errors";
import type { IsochronousOutcome, Outcome, UsbTransport } from "@ring3/kernel/usb/transport";
import type { RawPacket, Received, StreamOptions, UsbEndpoint, UsbStream } from "./types.ts";

const TRANSFERS_MAX = 64;
const TRANSFER_BYTES_MAX = 1 << 20; // one URB of usbfs
/** Half of what usbfs has for the whole machine (usbfs_memory_mb). */
const STREAM_BYTES_MAX = 8 << 20;
const PACKETS_MAX = 128; // of one isochronous URB: drivers/usb/core/devio.c, proc_do_submiturb
const DIRECTION_IN = 0x80; // bEndpointAddress bit 7, USB 2.0 table 9-13
const NO_PACKETS: readonly RawPacket[] = [];

type Submit = (into: Uint8Array, signal: AbortSignal) => Promise<Outcome | IsochronousOutcome>;

/** Throws DeviceError "invalid" for options that do not fit the endpoint. */
export function usbStream(transport: UsbTransport, endpoint: UsbEndpoint, options: StreamOptions): UsbStream {
  check(endpoint, options);
  const stop = new AbortController();
  const received = receive(transport, submission(transport, endpoint, options), options, stop);
  return {
    [Symbol.asyncIterator]: () => received,
    async [Symbol.asyncDispose]() {
      stop.abort(); // or `return` would wait for a device that says nothing
      await received.return();
    },
  };
}

/** Transfers of one endpoint are executed in the order of the calls: so they are waited for in that order, and each is sent again behind all others. */
async function* receive(
  transport: UsbTransport,
  submit: Submit,
  options: StreamOptions,
  stop: AbortController,
): AsyncGenerator<Received, void, void> {
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal]);
  const memories = Array.from({ length: options.transfers }, () => transport.memory(options.transferBytes));
  const inFlight = memories.map(({ bytes: into }) => ({ into, outcome: submit(into, signal) }));
  try {
    for (let oldest = inFlight.shift(); oldest !== undefined; oldest = inFlight.shift()) {
      const { into } = oldest;
      const outcome = await oldest.outcome;
      const { status, errno } = outcome;
      const bytes = into.length === 0 ? 0 : outcome.bytes; // the transport has been closed, and took its memory
      // What this stream has taken back itself is nobody's news.
      const isNews = status === "ok" || bytes > 0 || !signal.aborted;
      if (status !== "ok") stop.abort();
      const packets = "packets" in outcome ? outcome.packets : NO_PACKETS;
      const data = packets === NO_PACKETS && bytes < into.length ? into.subarray(0, bytes) : into;
      if (isNews) yield { status, bytes, errno, data, packets };
      if (status === "ok") inFlight.push({ into, outcome: submit(into, signal) });
    }
  } finally {
    stop.abort();
    await Promise.all(inFlight.map(({ outcome }) => outcome));
    for (const memory of memories) memory.release();
  }
}

function submission(transport: UsbTransport, endpoint: UsbEndpoint, options: StreamOptions): Submit {
  const address = endpoint.endpointNumber | DIRECTION_IN;
  if (endpoint.type !== "isochronous") {
    const type = endpoint.type === "interrupt" ? "interrupt" : "bulk";
    return (into, signal) => transport.transfer(type, address, into, signal);
  }
  const packetBytes = options.packetBytes!;
  const lengths = new Uint32Array(options.transferBytes / packetBytes).fill(packetBytes);
  return (into, signal) => transport.isochronous(address, into, lengths, signal);
}

function check({ type, endpointNumber, packetSize }: UsbEndpoint, options: StreamOptions): void {
  const { transferBytes, transfers, packetBytes } = options;
  const refuse = (field: string, expected: string, found: unknown): never => {
    throw new DeviceError(
      "invalid",
      `stream from endpoint ${endpointNumber}: ${field}: expected ${expected}, found ${found}`,
    );
  };
  if (!isBetween(transfers, 1, TRANSFERS_MAX)) refuse("transfers", `1 to ${TRANSFERS_MAX}`, transfers);
  if (!isBetween(transferBytes, 1, TRANSFER_BYTES_MAX))
    refuse("transferBytes", `1 to ${TRANSFER_BYTES_MAX}`, transferBytes);
  if (transfers * transferBytes > STREAM_BYTES_MAX)
    refuse("transfers × transferBytes", `at most ${STREAM_BYTES_MAX}`, transfers * transferBytes);
  if (type === "isochronous") {
    if (!isBetween(transferBytes / (packetBytes ?? Number.NaN), 1, PACKETS_MAX))
      refuse("packetBytes", `1/1 to 1/${PACKETS_MAX} of the ${transferBytes} of a transfer`, packetBytes);
  } else {
    if (packetBytes !== undefined) refuse("packetBytes", `none on a ${type} endpoint`, packetBytes);
    // A packet that does not fit into what is left of a transfer is babble (USB 2.0 §8.7.4).
    if (transferBytes % packetSize !== 0)
      refuse("transferBytes", `a multiple of the endpoint's packetSize ${packetSize}`, transferBytes);
  }
}

const isBetween = (value: number, low: number, high: number): boolean =>
  Number.isInteger(value) && value >= low && value <= high;
