// Runs in: manager. Owns: a stream to a USB/IP server until the device behind it is known and the stream is handed on.
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { Descriptor } from "../fd/descriptor.ts";
import { connect, peerOf } from "../socket/unix.ts";
import { describedInterfaces, type UsbDeviceInfo } from "../usb/device-info.ts";
import { failure } from "../usb/outcome.ts";
import { setConfiguration } from "../usb/requests.ts";
import { exchange } from "./handshake.ts";
import {
  decodeDevlistReply,
  decodeImportReply,
  type ExportedDevice,
  encodeRequest,
  type ListedDevice,
} from "./operations.ts";
import { readDescriptors, readStrings } from "./read-descriptors.ts";
import { type UsbipTransport, usbipTransport } from "./transport.ts";

const DEADLINE_MS = 5000;

export interface Imported {
  readonly stream: Descriptor;
  readonly info: UsbDeviceInfo;
  /** The process that listens there: another one has lost what the first kept in its memory. */
  readonly serverPid: number;
}

export interface ImportOptions {
  /** For the whole of it. Default 5000. */
  readonly deadlineMs?: number;
  /** The port's name in the device's id; by default the bus id. */
  readonly port?: string;
  /** What was plugged in there before, most likely the same: then its strings are asked for together with its descriptors. */
  readonly before?: UsbDeviceInfo | undefined;
}

/** What the server at a Unix socket exports. */
export function listDevices(
  socketPath: string,
  clock: Clock,
  { deadlineMs = DEADLINE_MS }: ImportOptions = {},
): Promise<ListedDevice[]> {
  const what = `list the USB/IP devices at ${socketPath}`;
  return withDeadline(clock, deadlineMs, what, async (signal) => {
    using stream = connect(socketPath);
    return await exchange(stream, encodeRequest({ request: "devlist" }), decodeDevlistReply, what, signal);
  });
}

/**
 * Imports a device, which fences whoever had it, reads what it says of itself and leaves it configured. The stream is ready for a
 * `usbipTransport` with `devid` (info.busNumber << 16) | info.deviceNumber.
 */
export function importDevice(
  socketPath: string,
  busid: string,
  clock: Clock,
  { deadlineMs = DEADLINE_MS, port = busid, before }: ImportOptions = {},
): Promise<Imported> {
  const what = `import ${busid} from ${socketPath}`;
  return withDeadline(clock, deadlineMs, what, async (signal) => {
    const stream = connect(socketPath);
    try {
      const request = encodeRequest({ request: "import", busid });
      const exported = await exchange(
        stream,
        request,
        (bytes) => decodeImportReply(bytes, busid),
        what,
        signal,
      );
      const devid = (exported.busNumber << 16) | exported.deviceNumber;
      let broken: DeviceError | undefined;
      const transport = usbipTransport(stream, { devid: devid >>> 0, speed: exported.speed }, clock, {
        onError: (error) => {
          broken = error;
        },
      });
      try {
        const info = await readInfo(transport, exported, { port, before }, what, signal);
        transport.detach();
        return { stream, info, serverPid: peerOf(stream.fd).pid };
      } catch (error) {
        await transport.close();
        throw broken ?? error; // what broke the stream says more than that it is gone
      }
    } catch (error) {
      stream.close();
      throw error;
    }
  });
}

async function readInfo(
  transport: UsbipTransport,
  exported: ExportedDevice,
  { port, before }: { readonly port: string; readonly before: UsbDeviceInfo | undefined },
  what: string,
  signal: AbortSignal,
): Promise<UsbDeviceInfo> {
  const readingAhead = before && readStrings(transport, before.descriptors.device, what, signal);
  readingAhead?.catch(() => {}); // what it rejects with, the descriptors do as well
  const descriptors = await readDescriptors(transport, what, signal);
  const { device, configurations } = descriptors;
  if (device.vendorId !== exported.vendorId || device.productId !== exported.productId) {
    const expected = ids(exported.vendorId, exported.productId);
    const found = ids(device.vendorId, device.productId);
    throw new DeviceError("protocol", `${what}: expected ${expected} as exported, found ${found}`);
  }
  const readAhead = await readingAhead;
  const strings =
    readAhead !== undefined && isDeepStrictEqual(before!.descriptors.device, device)
      ? readAhead
      : await readStrings(transport, device, what, signal);
  const configurationValue = exported.configurationValue || configurations[0]!.value;
  if (!configurations.some(({ value }) => value === configurationValue)) {
    throw new DeviceError(
      "protocol",
      `${what}: it is in configuration ${configurationValue}, which it does not describe`,
    );
  }
  if (exported.configurationValue === 0) {
    const configured = await transport.control(
      setConfiguration(configurationValue),
      new Uint8Array(0),
      signal,
    );
    if (configured.status !== "ok")
      throw failure(configured, `${what}: set configuration ${configurationValue}`);
  }
  return {
    port,
    busNumber: exported.busNumber,
    deviceNumber: exported.deviceNumber,
    speed: exported.speed,
    configurationValue,
    descriptors,
    strings,
    interfaces: describedInterfaces(descriptors, configurationValue, port),
  };
}

async function withDeadline<T>(
  clock: Clock,
  ms: number,
  what: string,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
  const timer = clock.after(ms, () => abort.abort(new DeviceError("timeout", `${what}, within ${ms} ms`)));
  try {
    return await run(abort.signal);
  } catch (error) {
    throw abort.signal.aborted ? abort.signal.reason : error;
  } finally {
    timer.cancel();
  }
}

const ids = (vendor: number, product: number) =>
  `${vendor.toString(16).padStart(4, "0")}:${product.toString(16).padStart(4, "0")}`;
