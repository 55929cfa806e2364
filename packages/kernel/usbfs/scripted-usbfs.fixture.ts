// Runs in: tests. Owns: nothing. The kernel's side of usbfs as devio.c behaves, moved by hand: the test says when and how each URB completes.
import type { UsbfsCalls } from "./calls.ts";
import {
  USBDEVFS_CLAIMINTERFACE,
  USBDEVFS_GET_CAPABILITIES,
  USBDEVFS_GETDRIVER,
  USBDEVFS_RELEASEINTERFACE,
} from "./constants.ts";

const ENOENT = 2;
const EAGAIN_NONE = 0;
const ENODEV = 19;
const EINVAL = 22;
const ENODATA = 61;

export interface Urb {
  id: number;
  type: number;
  endpoint: number;
  flags: number;
  buffer: Uint8Array;
  packetLengths: Uint32Array | null;
}

export class ScriptedUsbfs implements UsbfsCalls {
  readonly pending: Urb[] = [];
  readonly submitted: Urb[] = [];
  readonly ioctls: { request: number; argument: Uint8Array | number }[] = [];
  readonly drivers = new Map<number, string>();
  /** Answers of the next submissions; 0 when empty. */
  readonly submitAnswers: number[] = [];
  readonly ioctlAnswers = new Map<number, number>();
  capabilities: number;
  closed = false;
  connected = true;
  /** What was mapped and is not yet unmapped. */
  readonly mapped: ArrayBuffer[] = [];
  mapAnswer = 0;
  readonly #completed: { urb: Urb; status: number; actual: number; packets: number[] }[] = [];
  #wake: () => void = () => {};

  constructor(capabilities: number) {
    this.capabilities = capabilities;
  }

  ioctl(request: number, argument: Uint8Array | number): number {
    this.ioctls.push({ request, argument: typeof argument === "number" ? argument : argument.slice() });
    if (!this.connected) return -ENODEV;
    const scripted = this.ioctlAnswers.get(request);
    if (scripted !== undefined) return scripted;
    if (typeof argument === "number") return 0;
    const view = new DataView(argument.buffer);
    const interfaceNumber = view.getUint32(0, true);
    if (request === USBDEVFS_GET_CAPABILITIES) view.setUint32(0, this.capabilities, true);
    if (request === USBDEVFS_CLAIMINTERFACE) this.drivers.set(interfaceNumber, "usbfs");
    if (request === USBDEVFS_RELEASEINTERFACE) this.drivers.delete(interfaceNumber);
    if (request === USBDEVFS_GETDRIVER) {
      const driver = this.drivers.get(interfaceNumber);
      if (driver === undefined) return -ENODATA;
      argument.set(new TextEncoder().encode(`${driver}\0`), 4);
    }
    return 0;
  }

  submit(
    id: number,
    type: number,
    endpoint: number,
    flags: number,
    buffer: Uint8Array,
    packetLengths: Uint32Array | null,
  ): number {
    if (!this.connected) return -ENODEV;
    const answer = this.submitAnswers.shift() ?? 0;
    if (answer < 0) return answer;
    const urb = { id, type, endpoint, flags, buffer, packetLengths };
    this.pending.push(urb);
    this.submitted.push(urb);
    return 0;
  }

  discard(id: number): number {
    const urb = this.pending.find((other) => other.id === id);
    if (urb === undefined) return -EINVAL;
    this.#complete(urb, -ENOENT, 0, []);
    return 0;
  }

  reap(out: Int32Array, packets: Int32Array | null): number {
    const done = this.#completed.shift();
    if (done === undefined) return this.connected ? EAGAIN_NONE : -ENODEV;
    out.set([done.urb.id, done.status, done.actual, 0]);
    packets?.set(done.packets);
    return 1;
  }

  map(length: number): ArrayBuffer | number {
    if (this.mapAnswer < 0) return this.mapAnswer;
    const buffer = new ArrayBuffer(length);
    this.mapped.push(buffer);
    return buffer;
  }

  /** As the addon does it: nothing in flight may lie in it. */
  unmap(buffer: ArrayBuffer): void {
    const used = this.pending.some((urb) => urb.buffer.buffer === buffer);
    if (used) throw new Error("unmapped under an URB in flight");
    this.mapped.splice(this.mapped.indexOf(buffer), 1);
    buffer.transfer();
  }

  watch(run: () => void): void {
    this.#wake = run;
  }

  close(): void {
    this.closed = true;
    this.#wake = () => {};
  }

  /** The oldest URB in flight completes; `status` is 0 or a negative errno. */
  complete(status: number, bytes: ArrayLike<number> | number, packets: number[] = []): void {
    const urb = this.pending[0]!;
    if (typeof bytes !== "number") urb.buffer.set(bytes, urb.type === 2 ? 8 : 0);
    this.#complete(urb, status, typeof bytes === "number" ? bytes : bytes.length, packets);
    this.#wake();
  }

  /** The oldest URB in flight completes, but nobody is told yet. */
  completeQuietly(status: number, actual: number): void {
    this.#complete(this.pending[0]!, status, actual, []);
  }

  /** As usb_disconnect does it: not connected first, then every URB is killed. */
  unplug(): void {
    this.connected = false;
    for (const urb of [...this.pending]) this.#complete(urb, -ENOENT, 0, []);
    this.#wake();
  }

  #complete(urb: Urb, status: number, actual: number, packets: number[]): void {
    this.pending.splice(this.pending.indexOf(urb), 1);
    this.#completed.push({ urb, status, actual, packets });
  }
}
