// Runs in: driver host. Owns: the URBs in flight on one usbfs descriptor. Whoever submits learns the outcome once the kernel has let go of the buffer.
import { EBUSY, ECONNRESET, EINVAL, ENODEV, ENOMEM, EREMOTEIO, gone, outcome } from "../usb/outcome.ts";
import type { Outcome } from "../usb/transport.ts";
import type { UsbfsCalls } from "./calls.ts";
import {
  MAX_ISOCHRONOUS_PACKETS,
  USBDEVFS_URB_BULK_CONTINUATION,
  USBDEVFS_URB_SHORT_NOT_OK,
  USBDEVFS_URB_TYPE_BULK,
} from "./constants.ts";
import { endsTransfer, outcomeOfPieces, type PieceResult, type SplitRule } from "./split.ts";

export interface UrbRequest {
  readonly type: number;
  /** With the direction bit; 0 for control transfers. */
  readonly endpoint: number;
  readonly flags: number;
  /** Control: the setup packet's 8 bytes, then the data. */
  readonly buffer: Uint8Array;
  readonly packetLengths?: Uint32Array;
  /** Filled with [actual length, errno] of each isochronous packet. */
  readonly packetResults?: Int32Array;
}

interface Piece extends PieceResult {
  actual: number;
  errno: number;
  inFlight: boolean;
}

interface Transfer extends UrbRequest {
  readonly split: boolean;
  readonly pieces: Map<number, Piece>; // by URB id, in the order of submission
  next: number; // first byte not submitted yet
  inFlight: number;
  unsent: number; // why the rest is not submitted; 0 while it still is to be
  asked: boolean; // cancelled by the caller
  settle(outcome: Outcome): void;
}

export class UrbQueue {
  readonly #calls: UsbfsCalls;
  readonly #rule: SplitRule;
  readonly #onGone: () => void;
  readonly #lanes = new Map<number, Transfer[]>(); // one an endpoint; executed in order
  readonly #owners = new Map<number, Transfer>(); // by URB id, in flight only
  readonly #result = new Int32Array(4);
  readonly #packets = new Int32Array(MAX_ISOCHRONOUS_PACKETS * 2);
  #nextId = 1;
  #state: "open" | "gone" | "closed" = "open";
  #reaping = false;

  constructor(calls: UsbfsCalls, rule: SplitRule, onGone: () => void) {
    this.#calls = calls;
    this.#rule = rule;
    this.#onGone = onGone;
  }

  run(request: UrbRequest, signal?: AbortSignal): Promise<Outcome> {
    if (this.#state !== "open") return Promise.resolve(gone());
    if (signal?.aborted) return Promise.resolve(outcome(ECONNRESET));
    return new Promise((resolve) => {
      const abort = () => this.#cancel([transfer]);
      const transfer: Transfer = {
        ...request,
        split: request.type === USBDEVFS_URB_TYPE_BULK,
        pieces: new Map(),
        next: 0,
        inFlight: 0,
        unsent: 0,
        asked: false,
        settle: (settled) => {
          signal?.removeEventListener("abort", abort);
          resolve(settled);
        },
      };
      signal?.addEventListener("abort", abort);
      const lane = this.#lanes.get(request.endpoint);
      if (lane === undefined) this.#lanes.set(request.endpoint, [transfer]);
      else lane.push(transfer);
      this.#pump();
    });
  }

  /** Reaps what is ready, settles what is finished, submits what waited for it. */
  reap(): void {
    if (this.#reaping || this.#state !== "open") return;
    this.#reaping = true;
    let answer = this.#calls.reap(this.#result, this.#packets);
    for (; answer > 0; answer = this.#calls.reap(this.#result, this.#packets)) this.#reaped();
    this.#reaping = false;
    // Settled only now: the answer behind the last URB tells whether the device's removal cancelled them all.
    if (answer === -ENODEV) this.#away();
    else this.#pump();
  }

  /** Discards all that is in flight. Discarding waits for the controller (usb_kill_urb), so one round of reaping gets all of it back. */
  cancelAll(): void {
    this.#cancel([...this.#lanes.values()].flat());
  }

  close(): void {
    this.cancelAll();
    if (this.#state === "open") this.#state = "closed";
    this.#drop(ECONNRESET);
  }

  #cancel(transfers: readonly Transfer[]): void {
    for (const transfer of transfers) {
      transfer.asked = true;
      if (transfer.unsent === 0 && !sentAll(transfer)) transfer.unsent = ECONNRESET;
    }
    // The last first, so that no URB starts because the one before it is gone.
    for (const [id, owner] of [...this.#owners].reverse()) {
      if (transfers.includes(owner)) this.#calls.discard(id);
    }
    this.reap();
  }

  #pump(): void {
    if (this.#state !== "open") return;
    let away = false;
    for (const [endpoint, lane] of this.#lanes) {
      for (const transfer of lane) {
        this.#submit(transfer);
        // Another driver has the interface, since somebody has reset the bus (devio.c, checkintf): for this descriptor the device is away.
        if (transfer.unsent === EBUSY) return this.#away();
        away ||= transfer.unsent === ENODEV;
        // Whoever comes later waits until this one is in the kernel's hands as a whole.
        if (transfer.unsent === 0 && !sentAll(transfer)) break;
      }
      const finished = lane.filter(isFinished);
      const left = lane.filter((transfer) => !isFinished(transfer));
      if (left.length === 0) this.#lanes.delete(endpoint);
      else this.#lanes.set(endpoint, left);
      for (const transfer of finished) this.#settle(transfer);
    }
    if (away) this.reap();
  }

  #submit(transfer: Transfer): void {
    const { buffer, split, pieces } = transfer;
    const together = this.#rule.inFlight > 1;
    while (transfer.unsent === 0 && !sentAll(transfer)) {
      if (transfer.inFlight >= this.#rule.inFlight) return;
      const left = buffer.length - transfer.next;
      const length = split ? Math.min(left, this.#rule.pieceBytes) : left;
      const isLast = length === left;
      let { flags } = transfer;
      if (split && pieces.size > 0 && together) flags |= USBDEVFS_URB_BULK_CONTINUATION;
      if (split && !isLast && together && transfer.endpoint >= 0x80) flags |= USBDEVFS_URB_SHORT_NOT_OK;
      const id = this.#newId();
      const answer = this.#calls.submit(
        id,
        transfer.type,
        transfer.endpoint,
        flags,
        buffer.subarray(transfer.next, transfer.next + length),
        transfer.packetLengths ?? null,
      );
      if (answer >= 0) {
        pieces.set(id, { length, actual: 0, errno: 0, inFlight: true });
        this.#owners.set(id, transfer);
        transfer.inFlight++;
        transfer.next += length;
      } else if (answer === -ENOMEM && this.#owners.size > 0) {
        return; // usbfs' memory is one budget for the machine; our own URBs will give some of it back
      } else {
        // EREMOTEIO: an earlier piece came back short and the kernel takes no continuation of it.
        transfer.unsent = -answer;
      }
    }
  }

  #reaped(): void {
    const [id, status, actual] = this.#result as unknown as [number, number, number];
    const transfer = this.#owners.get(id);
    const piece = transfer?.pieces.get(id);
    if (transfer === undefined || piece === undefined) return;
    this.#owners.delete(id);
    transfer.inFlight--;
    piece.inFlight = false;
    piece.actual = actual;
    piece.errno = Math.abs(status);
    transfer.packetResults?.set(this.#packets.subarray(0, transfer.packetResults.length));
    // What is short ends here. An isochronous transfer has one URB and its sum says nothing.
    if (transfer.packetLengths === undefined && endsTransfer(piece) && !sentAll(transfer)) {
      transfer.unsent ||= EREMOTEIO;
    }
  }

  #settle(transfer: Transfer): void {
    const pieces = [...transfer.pieces.values()];
    const facts = { asked: transfer.asked, away: this.#state === "gone" };
    transfer.settle(outcomeOfPieces(pieces, transfer.unsent, facts));
  }

  #away(): void {
    this.#state = "gone";
    this.#drop(ENODEV);
    this.#onGone();
  }

  #drop(errno: number): void {
    const transfers = [...this.#lanes.values()].flat();
    this.#lanes.clear();
    this.#owners.clear();
    for (const transfer of transfers) {
      for (const piece of transfer.pieces.values()) if (piece.inFlight) piece.errno = errno;
      if (!sentAll(transfer) && (transfer.unsent === 0 || transfer.unsent === EBUSY)) transfer.unsent = errno;
      this.#settle(transfer);
    }
  }

  #newId(): number {
    do {
      this.#nextId = (this.#nextId % 0x7fffffff) + 1;
    } while (this.#owners.has(this.#nextId));
    return this.#nextId;
  }
}

/** A transfer without data is one empty URB. */
function sentAll({ buffer, next, pieces }: Transfer): boolean {
  return next === buffer.length && pieces.size > 0;
}

function isFinished(transfer: Transfer): boolean {
  return transfer.inFlight === 0 && (transfer.unsent !== 0 || sentAll(transfer));
}

export const invalid = (): Outcome => outcome(EINVAL);
