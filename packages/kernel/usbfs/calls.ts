// Runs in: driver host. Owns: one usbfs descriptor and its URB table. The kernel as the transport sees it; tests script this interface.
import type { Descriptor } from "../fd/descriptor.ts";
import { check } from "../fd/descriptor.ts";
import { native, type UsbfsHandle } from "../native.ts";
import { watch } from "../poll/watch.ts";

/** Every answer is >= 0 or a negative errno. */
export interface UsbfsCalls {
  ioctl(request: number, argument: Uint8Array | number): number;
  submit(
    id: number,
    type: number,
    endpoint: number,
    flags: number,
    buffer: Uint8Array,
    packetLengths: Uint32Array | null,
  ): number;
  /** -EINVAL when the URB has completed already. */
  discard(id: number): number;
  /** 1: `out` is [id, status, actual length, error count]; 0: none is ready; -ENODEV: none is left and the device is away. */
  reap(out: Int32Array, packets: Int32Array | null): number;
  /** Memory that the device reaches itself. */
  map(length: number): ArrayBuffer | number;
  /** Nothing of it may be in flight. It outlives `close`. */
  unmap(buffer: ArrayBuffer): void;
  /** Calls `run` whenever URBs can be reaped or the device is away, until close. usbfs signals both by poll (devio.c, usbdev_poll). */
  watch(run: () => void): void;
  close(): void;
}

/** Takes the descriptor over. */
export function usbfsCalls(descriptor: Descriptor): UsbfsCalls {
  const { fd } = descriptor;
  const opened = native.usbfsOpen(fd);
  if (typeof opened === "number") check(opened, `usbfs descriptor ${fd}`);
  const handle = opened as UsbfsHandle;
  descriptor.take(); // usbfsClose closes it from here on
  let watching: { close(): void } | undefined;
  return {
    ioctl: (request, argument) => native.ioctl(fd, request, argument),
    submit: (id, type, endpoint, flags, buffer, packetLengths) =>
      native.usbfsSubmit(handle, id, type, endpoint, flags, buffer, packetLengths),
    discard: (id) => native.usbfsDiscard(handle, id),
    reap: (out, packets) => native.usbfsReap(handle, out, packets),
    map: (length) => native.usbfsMap(handle, length),
    unmap: (buffer) => void check(native.usbfsUnmap(handle, buffer), "unmap usbfs memory"),
    watch(run) {
      watching = watch(fd, { writable: true }, run);
    },
    close() {
      watching?.close();
      native.usbfsClose(handle);
    },
  };
}
