// Runs in: driver host, jailed. Owns: one usbfs descriptor with its claimed interfaces. Never opens a path.
// The ioctls for clear halt, set interface and reset block until the device has answered: at most 5 s, the kernel's own limit.
import type { Descriptor } from "../fd/descriptor.ts";
import { ownMemory } from "../usb/memory.ts";
import { EBUSY, ENODEV, gone, outcome, statusOfErrno } from "../usb/outcome.ts";
import { DIRECTION_IN, SETUP_BYTES, setupBytes, setupFault } from "../usb/requests.ts";
import type { IsochronousOutcome, Outcome, Setup, TransferMemory, UsbTransport } from "../usb/transport.ts";
import { type UsbfsCalls, usbfsCalls } from "./calls.ts";
import {
  MAX_ISOCHRONOUS_PACKETS,
  setInterfaceArgument,
  USBDEVFS_CAP_MMAP,
  USBDEVFS_CLAIMINTERFACE,
  USBDEVFS_CLEAR_HALT,
  USBDEVFS_GET_CAPABILITIES,
  USBDEVFS_RELEASEINTERFACE,
  USBDEVFS_RESET,
  USBDEVFS_SETINTERFACE,
  USBDEVFS_URB_ISO_ASAP,
  USBDEVFS_URB_TYPE_BULK,
  USBDEVFS_URB_TYPE_CONTROL,
  USBDEVFS_URB_TYPE_INTERRUPT,
  USBDEVFS_URB_TYPE_ISO,
} from "./constants.ts";
import { driverOf } from "./driver-of.ts";
import { splitRule } from "./split.ts";
import { invalid, UrbQueue } from "./urb-queue.ts";

/** Takes the descriptor over. `claimed`: the interfaces that were claimed on it. */
export function usbfsTransport(descriptor: Descriptor, claimed: readonly number[]): UsbTransport {
  return new UsbfsTransport(usbfsCalls(descriptor), claimed);
}

export class UsbfsTransport implements UsbTransport {
  readonly gone: Promise<void>;
  readonly #calls: UsbfsCalls;
  readonly #claimed: Set<number>;
  readonly #urbs: UrbQueue;
  readonly #mayMap: boolean;
  readonly #mapped = new Set<ArrayBuffer>();
  #open = true;

  constructor(calls: UsbfsCalls, claimed: readonly number[]) {
    this.#calls = calls;
    this.#claimed = new Set(claimed);
    const capabilities = new Uint32Array(1);
    calls.ioctl(USBDEVFS_GET_CAPABILITIES, new Uint8Array(capabilities.buffer)); // stays 0 where it fails: the careful way
    this.#mayMap = (capabilities[0]! & USBDEVFS_CAP_MMAP) !== 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.gone = promise;
    this.#urbs = new UrbQueue(calls, splitRule(capabilities[0]!), () => {
      this.#shut(); // a hung-up descriptor stays ready for ever and would keep the loop spinning
      resolve();
    });
    calls.watch(() => this.#urbs.reap());
  }

  async control(setup: Setup, data: Uint8Array, signal?: AbortSignal): Promise<Outcome> {
    if (setupFault(setup, data.length) !== undefined) return invalid();
    const buffer = new Uint8Array(SETUP_BYTES + data.length);
    setupBytes(setup, data.length, buffer);
    const isIn = (setup.requestType & DIRECTION_IN) !== 0;
    if (!isIn) buffer.set(data, SETUP_BYTES);
    const type = USBDEVFS_URB_TYPE_CONTROL;
    const result = await this.#urbs.run({ type, endpoint: 0, flags: 0, buffer }, signal);
    if (isIn) data.set(buffer.subarray(SETUP_BYTES, SETUP_BYTES + result.bytes));
    return result;
  }

  transfer(
    type: "bulk" | "interrupt",
    endpoint: number,
    data: Uint8Array,
    signal?: AbortSignal,
  ): Promise<Outcome> {
    const urbType = type === "bulk" ? USBDEVFS_URB_TYPE_BULK : USBDEVFS_URB_TYPE_INTERRUPT;
    return this.#urbs.run({ type: urbType, endpoint, flags: 0, buffer: data }, signal);
  }

  async isochronous(
    endpoint: number,
    data: Uint8Array,
    packetLengths: Uint32Array,
    signal?: AbortSignal,
  ): Promise<IsochronousOutcome> {
    const count = packetLengths.length;
    const sum = packetLengths.reduce((total, length) => total + length, 0);
    if (count < 1 || count > MAX_ISOCHRONOUS_PACKETS || sum > data.length)
      return { ...invalid(), packets: [] };
    const packetResults = new Int32Array(count * 2);
    const type = USBDEVFS_URB_TYPE_ISO;
    const flags = USBDEVFS_URB_ISO_ASAP;
    const request = { type, endpoint, flags, buffer: data, packetLengths, packetResults };
    const result = await this.#urbs.run(request, signal);
    const packets = Array.from({ length: count }, (_, index) => ({
      bytes: packetResults[index * 2]!,
      status: statusOfErrno(packetResults[index * 2 + 1]!),
    }));
    return { ...result, packets };
  }

  /** The kernel's own, as long as there is room in its budget; it copies what lies elsewhere, once (devio.c, copy_urb_data_to_user). */
  memory(length: number): TransferMemory {
    const mapped = this.#open && this.#mayMap ? this.#calls.map(length) : -ENODEV;
    if (typeof mapped === "number") return ownMemory(length);
    this.#mapped.add(mapped);
    return { bytes: new Uint8Array(mapped), release: () => this.#unmap(mapped) };
  }

  async clearHalt(endpoint: number): Promise<Outcome> {
    return this.#ioctl(USBDEVFS_CLEAR_HALT, word(endpoint));
  }

  /** What is in flight on the interface ends as cancelled: usbfs unlinks it. */
  async setInterface(interfaceNumber: number, alternate: number): Promise<Outcome> {
    const argument = new Uint8Array(setInterfaceArgument.size);
    setInterfaceArgument.encode({ interface: interfaceNumber, alternate }, new DataView(argument.buffer), 0);
    return this.#ioctl(USBDEVFS_SETINTERFACE, argument);
  }

  async claim(interfaceNumber: number): Promise<Outcome> {
    return this.#claim(interfaceNumber);
  }

  async release(interfaceNumber: number): Promise<Outcome> {
    this.#claimed.delete(interfaceNumber);
    return this.#ioctl(USBDEVFS_RELEASEINTERFACE, word(interfaceNumber));
  }

  /**
   * Released first: the kernel unbinds a claimed interface for a reset and hands it to its own drivers afterwards. One that is not bound it
   * leaves alone, so that it is still free to be claimed again. No other call of ours runs in between.
   */
  async reset(): Promise<Outcome> {
    this.#urbs.cancelAll();
    const interfaces = [...this.#claimed];
    const failures = interfaces.map((number) => this.#ioctl(USBDEVFS_RELEASEINTERFACE, word(number)));
    failures.push(this.#ioctl(USBDEVFS_RESET, 0));
    failures.push(...interfaces.map((number) => this.#claim(number)));
    return failures.find(({ status }) => status !== "ok") ?? outcome(0);
  }

  async close(): Promise<void> {
    this.#urbs.close();
    this.#shut();
    for (const buffer of this.#mapped) this.#unmap(buffer); // it would keep the device claimed
  }

  #unmap(buffer: ArrayBuffer): void {
    if (this.#mapped.delete(buffer)) this.#calls.unmap(buffer);
  }

  #claim(interfaceNumber: number): Outcome {
    const claimed = this.#ioctl(USBDEVFS_CLAIMINTERFACE, word(interfaceNumber));
    if (claimed.status !== "ok") return claimed;
    if (driverOf(this.#calls, interfaceNumber) !== "usbfs") return outcome(EBUSY);
    this.#claimed.add(interfaceNumber);
    return claimed;
  }

  #ioctl(request: number, argument: Uint8Array | number): Outcome {
    if (!this.#open) return gone();
    const answer = this.#calls.ioctl(request, argument);
    if (answer === -ENODEV)
      this.#urbs.reap(); // the reap says for certain whether the device is away
    else if (request === USBDEVFS_RELEASEINTERFACE || request === USBDEVFS_SETINTERFACE) this.#urbs.reap();
    return outcome(Math.min(answer, 0));
  }

  #shut(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#calls.close();
  }
}

function word(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
