// Runs in: manager. Owns: a stream while requests and replies of fixed shape go over it, before URBs do.
import { DeviceError, systemError } from "@ring3/core/errors";
import type { Descriptor } from "../fd/descriptor.ts";
import { check } from "../fd/descriptor.ts";
import { native } from "../native.ts";
import { watch } from "../poll/watch.ts";
import { EAGAIN } from "../usb/outcome.ts";
import type { Decoded } from "./operations.ts";

/**
 * Sends a request and reads its reply, and not one byte beyond it. Rejects with what `decode` throws, with "disconnected" when the server
 * hangs up, and with the signal's reason.
 */
export async function exchange<T>(
  stream: Descriptor,
  request: Uint8Array,
  decode: (bytes: Uint8Array) => Decoded<T>,
  what: string,
  signal: AbortSignal,
): Promise<T> {
  signal.throwIfAborted();
  // A request is some 40 bytes and the first on its socket: it fits.
  const sent = check(native.sendmsg(stream.fd, [request], []), what);
  if (sent !== request.length)
    throw new DeviceError("io", `${what}: ${sent} of ${request.length} bytes sent`);
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  let bytes = new Uint8Array(0);
  const watching = watch(stream.fd, { readable: true }, () => {
    try {
      for (let decoded = decode(bytes); ; decoded = decode(bytes)) {
        if ("value" in decoded) {
          resolve(decoded.value);
          return;
        }
        const more = receive(stream, decoded.needs - bytes.length, what);
        if (more === undefined) return;
        bytes = Uint8Array.from([...bytes, ...more]);
      }
    } catch (error) {
      reject(error);
    }
  });
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", abort);
    watching.close();
  }
}

function receive(stream: Descriptor, count: number, what: string): Uint8Array | undefined {
  const room = new Uint8Array(count);
  const received = native.read(stream.fd, room);
  if (received === -EAGAIN) return undefined;
  if (received < 0) throw systemError(what, received);
  if (received === 0) throw new DeviceError("disconnected", `${what}: the server hung up`);
  return room.subarray(0, received);
}
