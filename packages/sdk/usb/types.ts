// Runs in: driver host, in a driver's code. Owns: the shape of `usb`: WebUSB's USBDevice where it fits, and `raw` for what WebUSB lacks.
import type { Outcome } from "../outcome.ts";
import type { Wait } from "../wait.ts";

/** The setup packet of a control transfer (USB 2.0 §9.3), raw; wLength is the length of the data that goes with it. */
export interface Setup {
  /** bmRequestType: bit 7 set for a transfer in. */
  readonly requestType: number;
  readonly request: number;
  readonly value: number;
  readonly index: number;
}

/** What the web calls BufferSource. */
export type UsbBytes = ArrayBufferLike | ArrayBufferView;
/** WebUSB USBTransferStatus. */
export type UsbStatus = "ok" | "stall" | "babble";
export type UsbEndpointType = "bulk" | "interrupt" | "isochronous" | "control";

export interface UsbEndpoint {
  /** Without the direction bit. */
  readonly endpointNumber: number;
  readonly direction: "in" | "out";
  readonly type: UsbEndpointType;
  /** Bytes. */
  readonly packetSize: number;
  /** bInterval as the descriptor has it. */
  readonly interval: number;
}

export interface UsbAlternateInterface {
  readonly alternateSetting: number;
  readonly interfaceClass: number;
  readonly interfaceSubclass: number;
  readonly interfaceProtocol: number;
  readonly endpoints: readonly UsbEndpoint[];
  /** Class-specific descriptors as they stand behind the interface descriptor. */
  readonly extra: Uint8Array;
}

export interface UsbInterface {
  readonly interfaceNumber: number;
  /** The alternate setting now in use. */
  readonly alternate: UsbAlternateInterface;
  readonly alternates: readonly UsbAlternateInterface[];
  readonly claimed: boolean;
}

export interface UsbConfiguration {
  readonly configurationValue: number;
  readonly interfaces: readonly UsbInterface[];
}

export interface UsbControlSetup {
  readonly requestType: "standard" | "class" | "vendor";
  readonly recipient: "device" | "interface" | "endpoint" | "other";
  readonly request: number;
  readonly value: number;
  readonly index: number;
}

export interface UsbInResult {
  readonly status: UsbStatus;
  /** The bytes received: as many as there came. */
  readonly data: DataView<ArrayBuffer>;
}

export interface UsbOutResult {
  readonly status: UsbStatus;
  readonly bytesWritten: number;
}

export interface UsbIsochronousInResult {
  /** All packets' room, one behind the other. */
  readonly data: DataView<ArrayBuffer>;
  readonly packets: readonly UsbInResult[];
}

export interface UsbIsochronousOutResult {
  readonly packets: readonly UsbOutResult[];
}

/**
 * A USB device, already open. Endpoint numbers carry no direction bit, as in WebUSB.
 * Every wait takes `{ signal, deadlineMs }` last and otherwise has the current request's. It rejects with DeviceError:
 * "disconnected" when the device is gone, "timeout" or "cancelled" once the transfer has been cancelled and reaped.
 */
export interface UsbDevice {
  readonly usbVersionMajor: number;
  readonly usbVersionMinor: number;
  readonly usbVersionSubminor: number;
  readonly deviceClass: number;
  readonly deviceSubclass: number;
  readonly deviceProtocol: number;
  readonly vendorId: number;
  readonly productId: number;
  readonly deviceVersionMajor: number;
  readonly deviceVersionMinor: number;
  readonly deviceVersionSubminor: number;
  readonly manufacturerName: string | undefined;
  readonly productName: string | undefined;
  readonly serialNumber: string | undefined;
  readonly configuration: UsbConfiguration;
  readonly configurations: readonly UsbConfiguration[];
  /** The interface that the manifest's rule matched. */
  readonly matched: UsbInterface;
  readonly raw: RawUsb;

  claimInterface(interfaceNumber: number, wait?: Wait): Promise<void>;
  releaseInterface(interfaceNumber: number, wait?: Wait): Promise<void>;
  selectAlternateInterface(interfaceNumber: number, alternateSetting: number, wait?: Wait): Promise<void>;
  controlTransferIn(setup: UsbControlSetup, length: number, wait?: Wait): Promise<UsbInResult>;
  controlTransferOut(setup: UsbControlSetup, data?: UsbBytes, wait?: Wait): Promise<UsbOutResult>;
  transferIn(endpointNumber: number, length: number, wait?: Wait): Promise<UsbInResult>;
  transferOut(endpointNumber: number, data: UsbBytes, wait?: Wait): Promise<UsbOutResult>;
  isochronousTransferIn(
    endpointNumber: number,
    packetLengths: readonly number[],
    wait?: Wait,
  ): Promise<UsbIsochronousInResult>;
  isochronousTransferOut(
    endpointNumber: number,
    data: UsbBytes,
    packetLengths: readonly number[],
    wait?: Wait,
  ): Promise<UsbIsochronousOutResult>;
  clearHalt(direction: "in" | "out", endpointNumber: number, wait?: Wait): Promise<void>;
  /** Resets the whole device; claimed interfaces stay claimed, alternate settings go back to 0. */
  reset(wait?: Wait): Promise<void>;
}

export interface RawPacket {
  readonly status: Outcome["status"];
  readonly bytes: number;
}

export interface StreamOptions {
  /** Bytes of one transfer, at most 1 MiB: a multiple of the endpoint's `packetSize`, or else a full packet could be too long for what is left. */
  readonly transferBytes: number;
  /** How many transfers are in flight at once, 1 to 64: what the device can send while the driver is busy. All together at most 8 MiB. */
  readonly transfers: number;
  /** Bytes of one packet, on an isochronous endpoint and no other: a transfer has `transferBytes / packetBytes` of them, at most 128. */
  readonly packetBytes?: number;
  /** Ends the stream. A request's own signal and deadline do not: a stream outlives requests. */
  readonly signal?: AbortSignal | undefined;
}

/** What one transfer of a stream has brought. */
export interface Received extends Outcome {
  /** Lent until the next one is asked for: what came; of an isochronous transfer the room of all packets, one behind the other. */
  readonly data: Uint8Array;
  /** Of an isochronous transfer: how each packet fared. */
  readonly packets: readonly RawPacket[];
}

/**
 * What an endpoint sends, for one `for await`, from its start on. A short transfer is an ordinary one. One that is not "ok" (a stall, a
 * device that is gone, a reset) is told and is the last: the others are taken back, and only what they have brought is told yet. Who takes
 * his time holds the device up, not memory. Leaving the loop, the signal, or disposing of the stream takes back what is in flight and waits
 * for it; data that nobody has asked for are lost then.
 */
export interface UsbStream extends AsyncDisposable {
  [Symbol.asyncIterator](): AsyncIterator<Received, void, void>;
}

/**
 * Transfers straight from and into the caller's buffers, with outcomes as values; nothing is thrown for what a device does.
 * A buffer is lent: hands off until the promise settles. A long buffer is sent as several transfers in flight.
 */
export interface RawUsb {
  bulkIn(endpointNumber: number, into: Uint8Array, wait?: Wait): Promise<Outcome>;
  bulkOut(endpointNumber: number, from: Uint8Array, wait?: Wait): Promise<Outcome>;
  interruptIn(endpointNumber: number, into: Uint8Array, wait?: Wait): Promise<Outcome>;
  interruptOut(endpointNumber: number, from: Uint8Array, wait?: Wait): Promise<Outcome>;
  controlIn(setup: Setup, into: Uint8Array, wait?: Wait): Promise<Outcome>;
  controlOut(setup: Setup, from: Uint8Array, wait?: Wait): Promise<Outcome>;
  isochronousIn(
    endpointNumber: number,
    into: Uint8Array,
    packetLengths: Uint32Array,
    wait?: Wait,
  ): Promise<Outcome & { readonly packets: readonly RawPacket[] }>;
  isochronousOut(
    endpointNumber: number,
    from: Uint8Array,
    packetLengths: Uint32Array,
    wait?: Wait,
  ): Promise<Outcome & { readonly packets: readonly RawPacket[] }>;
  /**
   * Reads a bulk, interrupt or isochronous IN endpoint for as long as it is iterated. Over usbfs the buffers are, where the kernel has some
   * left, memory into which the device's controller writes itself. Throws DeviceError "invalid" for options that do not fit the endpoint.
   */
  stream(endpointNumber: number, options: StreamOptions): UsbStream;
  clearHalt(direction: "in" | "out", endpointNumber: number, wait?: Wait): Promise<Outcome>;
  reset(wait?: Wait): Promise<Outcome>;
}
