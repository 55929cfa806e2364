// Runs in: driver host, manager (while it imports a device). Owns: nothing. The one way to speak to a USB device, whatever carries it.

export type TransferStatus = "ok" | "stall" | "gone" | "cancelled" | "overflow" | "error";

export interface Outcome {
  readonly status: TransferStatus;
  /** Bytes moved; partial bytes survive every status. */
  readonly bytes: number;
  /** Positive Linux errno; 0 when ok. */
  readonly errno: number;
}

export interface IsochronousOutcome extends Outcome {
  readonly packets: { readonly status: TransferStatus; readonly bytes: number }[];
}

/** The setup packet of a control transfer (USB 2.0 §9.3); wLength is the length of the data that goes with it. */
export interface Setup {
  readonly requestType: number;
  readonly request: number;
  readonly value: number;
  readonly index: number;
}

/** Memory for transfers that are done over and over. */
export interface TransferMemory {
  readonly bytes: Uint8Array;
  /** Nothing of it may be in flight. Views of it are empty from now on. */
  release(): void;
}

/** No call rejects for what a device does: that is the outcome's status. An aborted `signal` cancels; the promise settles once the
 *  buffer is no longer in use. A transfer that was done before the cancellation reached it reports what it did. */
export interface UsbTransport {
  /** Direction by bit 7 of `requestType`; IN fills `data`. */
  control(setup: Setup, data: Uint8Array, signal?: AbortSignal): Promise<Outcome>;
  /** `endpoint` carries the direction bit 7. Transfers of one endpoint are executed in the order of the calls. */
  transfer(
    type: "bulk" | "interrupt",
    endpoint: number,
    data: Uint8Array,
    signal?: AbortSignal,
  ): Promise<Outcome>;
  /** The packets lie one behind the other in `data`; a short IN packet leaves the rest of its room untouched. */
  isochronous(
    endpoint: number,
    data: Uint8Array,
    packetLengths: Uint32Array,
    signal?: AbortSignal,
  ): Promise<IsochronousOutcome>;
  /** Such that a transfer in it is copied as little as this transport can. It is the transport's: empty once that is closed, but
   *  not when the device goes. */
  memory(length: number): TransferMemory;
  clearHalt(endpoint: number): Promise<Outcome>;
  setInterface(interfaceNumber: number, alternate: number): Promise<Outcome>;
  claim(interfaceNumber: number): Promise<Outcome>;
  release(interfaceNumber: number): Promise<Outcome>;
  reset(): Promise<Outcome>;
  /** Resolves when the device is certainly away (ENODEV, stream closed). Never rejects. */
  readonly gone: Promise<void>;
  /** Cancels and reaps what is in flight, then lets go of the device. */
  close(): Promise<void>;
}
