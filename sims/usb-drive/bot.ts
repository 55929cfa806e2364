// Runs in: the usb-drive sim. Owns: the Bulk-Only state machine: command, data, status, one command at a time.
// Source: USB Mass Storage Class, Bulk-Only Transport 1.0 ("BOT").

import { splitChunks } from "../usbip/byte-queue.ts";
import {
  type Cbw,
  CSW_BYTES,
  CSW_SIGNATURE,
  decodeCbw,
  encodeCsw,
  FAILED,
  PASSED,
  PHASE_ERROR,
} from "./bot-wrappers.ts";
import { type DriveEvent, type Fault, type Faults, isDriveEvent } from "./faults.ts";
import type { InPipe } from "./in-pipe.ts";
import { aborted, type OutPipe, type Piece } from "./out-pipe.ts";
import { fail, type Plan } from "./scsi/plan.ts";
import { COMMUNICATION_FAILURE, type Sense, WRITE_PROTECTED } from "./scsi/sense.ts";
import type { ScsiTarget } from "./scsi/target.ts";

const MAX_UNWRITTEN_BYTES = 8 * 1048576; // OUT data accepted from the host ahead of the image file
const BAD_SIGNATURE = 0xdeadbeef; // anything but CSW_SIGNATURE

interface Outcome {
  readonly residue: number;
  readonly status: number;
}

export interface Pipes {
  readonly in: InPipe;
  readonly out: OutPipe;
  readonly packetBytes: number;
}

export class BulkOnly {
  readonly #pipes: Pipes;
  readonly #target: ScsiTarget;
  readonly #faults: Faults;
  readonly #happen: (event: DriveEvent, argument: number | undefined) => void;
  readonly #finished: Promise<void>;
  #abortion = abortion();
  #aborting = false;
  #stopped = false;
  #wedged = false;
  #hung = false;
  readonly #writes = new Set<Promise<void>>();
  #unwritten = 0;

  constructor(
    pipes: Pipes,
    target: ScsiTarget,
    faults: Faults,
    happen: (event: DriveEvent, argument: number | undefined) => void,
  ) {
    this.#pipes = pipes;
    this.#target = target;
    this.#faults = faults;
    this.#happen = happen;
    this.#finished = this.#run();
  }

  /** An invalid CBW keeps both pipes halted until a reset; CLEAR_FEATURE alone does not help (BOT §6.6.1). */
  get wedged(): boolean {
    return this.#wedged;
  }

  /** The firmware is caught in a loop: only hardware still answers. */
  get hung(): boolean {
    return this.#hung;
  }

  /** Ready for the next CBW; halts stay as they are (BOT §3.1). The command under way is dropped once its file I/O has ended. */
  reset(): void {
    this.#wedged = false;
    this.#hung = false;
    this.#aborting = true;
    this.#abortion.reject(aborted);
    this.#pipes.in.abort();
    this.#pipes.out.abort();
  }

  /** The device is off the bus. Resolves when it touches no image any more. */
  stop(): Promise<void> {
    this.#stopped = true;
    this.reset();
    return this.#finished;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#command();
      } catch (reason) {
        if (reason !== aborted) throw reason;
        await Promise.all(this.#writes); // a write of the old command must not land on top of a new one
        this.#aborting = false;
        this.#abortion = abortion();
      }
    }
  }

  async #command(): Promise<void> {
    const { in: bulkIn, out: bulkOut, packetBytes } = this.#pipes;
    const piece = await this.#take(packetBytes);
    const cbw = piece.last ? decodeCbw(Buffer.concat(piece.chunks, piece.length)) : undefined;
    const transfer = cbw === undefined ? undefined : this.#target.transferOf(cbw.cdb);
    const fault = transfer === undefined ? undefined : this.#faults.next(transfer === "write");
    if (cbw === undefined || fault?.kind === "stall-command") {
      this.#wedged = true;
      if (fault === undefined) piece.accept();
      else piece.refuse();
      bulkOut.halt();
      bulkIn.halt();
      return this.#abortion.promise;
    }
    piece.accept();
    if (transfer !== undefined && this.#faults.slowMs > 0) await this.#sleep(this.#faults.slowMs);
    if (fault?.kind === "hang") {
      this.#hung = true;
      return this.#abortion.promise;
    }
    if (fault?.kind === "unit-attention-power-on") this.#happen(fault.kind, undefined);
    const refused = fault?.kind === "write-protect-error";
    const plan = refused ? fail(WRITE_PROTECTED) : this.#target.plan(cbw.lun, cbw.cdb);
    await this.#sendStatus(cbw, await this.#transfer(cbw, plan, fault), fault);
  }

  /**
   * The thirteen cases of host and device disagreeing, BOT §6.7. H is what the host expects, D what the device intends:
   * n no data, i data in, o data out.
   */
  #transfer(cbw: Cbw, plan: Plan, fault: Fault | undefined): Promise<Outcome> {
    if (cbw.dataLength === 0) return this.#noData(cbw, plan, fault);
    return cbw.in ? this.#dataIn(cbw, plan, fault) : this.#dataOut(cbw, plan, fault);
  }

  async #noData(cbw: Cbw, plan: Plan, fault: Fault | undefined): Promise<Outcome> {
    await this.#interrupt(fault);
    if (plan.length > 0) return { residue: 0, status: PHASE_ERROR }; // cases 2 and 3
    return { residue: 0, status: await this.#conclude(cbw, plan) };
  }

  async #dataIn(cbw: Cbw, plan: Plan, fault: Fault | undefined): Promise<Outcome> {
    const expected = cbw.dataLength;
    if (plan.direction === "out" && plan.length > 0) {
      this.#pipes.in.halt(); // case 8
      return { residue: expected, status: PHASE_ERROR };
    }
    const agreed = Math.min(expected, plan.length);
    const half = this.#wholePackets(agreed / 2);
    await this.#send(half, plan.source);
    await this.#interrupt(fault);
    const sent = sentOf(fault, agreed, half, this.#pipes.packetBytes);
    await this.#send(sent - half, (offset, length) => plan.source(half + offset, length));
    if (sent < expected && fault?.kind !== "short-data") this.#pipes.in.halt(); // cases 4 and 5
    const status = await this.#conclude(
      cbw,
      fault?.kind === "stall-data" ? fail(COMMUNICATION_FAILURE) : plan,
    );
    return { residue: expected - sent, status: plan.length > expected ? PHASE_ERROR : status }; // case 7
  }

  async #dataOut(cbw: Cbw, plan: Plan, fault: Fault | undefined): Promise<Outcome> {
    const expected = cbw.dataLength;
    if (plan.direction === "in" && plan.length > 0) {
      this.#pipes.out.halt(); // case 10
      return { residue: expected, status: PHASE_ERROR };
    }
    const agreed = Math.min(expected, plan.length);
    const half = this.#wholePackets(agreed / 2);
    const kept = keptOf(fault, agreed, half);
    let received = await this.#receive(plan, half, kept);
    await this.#interrupt(fault);
    if (received === half && fault?.kind !== "stall-data") {
      received += await this.#receive(plan, agreed - half, kept - half);
    }
    const early = received < (fault?.kind === "stall-data" ? half : agreed);
    if (received < expected && !early) this.#pipes.out.halt(); // cases 9 and 11
    await this.#io(Promise.all(this.#writes));
    const residue = expected - Math.min(received, kept);
    if (early || plan.length > expected) return { residue, status: PHASE_ERROR }; // a short packet from the host; case 13
    if (fault?.kind === "phase-error") return { residue, status: PHASE_ERROR };
    const status = await this.#conclude(
      cbw,
      fault?.kind === "stall-data" ? fail(COMMUNICATION_FAILURE) : plan,
    );
    return { residue, status };
  }

  /** Takes `wanted` bytes, fewer if the host sends a short packet, and gives the first `kept` of them to the plan. */
  async #receive(plan: Plan, wanted: number, kept: number): Promise<number> {
    let received = 0;
    while (received < wanted) {
      const piece = await this.#take(wanted - received);
      this.#write(plan, piece, Math.min(piece.length, kept - received));
      if (this.#unwritten > MAX_UNWRITTEN_BYTES) await this.#io(Promise.all(this.#writes));
      piece.accept();
      received += piece.length;
      if (piece.short) break;
    }
    return received;
  }

  #write(plan: Plan, piece: Piece, length: number): void {
    if (length <= 0) return;
    const chunks = length === piece.length ? piece.chunks : splitChunks(piece.chunks, length)[0];
    const write = plan.sink(chunks, length).then(() => {
      this.#writes.delete(write);
      this.#unwritten -= length;
    });
    this.#writes.add(write);
    this.#unwritten += length;
  }

  async #conclude(cbw: Cbw, plan: Plan): Promise<number> {
    const sense: Sense | undefined = await this.#io(plan.finish());
    this.#target.conclude(cbw.lun, sense);
    return sense === undefined ? PASSED : FAILED;
  }

  async #sendStatus(cbw: Cbw, outcome: Outcome, fault: Fault | undefined): Promise<void> {
    const csw = encodeCsw({
      signature: fault?.kind === "bad-signature" ? BAD_SIGNATURE : CSW_SIGNATURE,
      tag: fault?.kind === "wrong-tag" ? ~cbw.tag >>> 0 : cbw.tag,
      residue: fault?.kind === "residue-lie" ? cbw.dataLength : outcome.residue,
      status: fault?.kind === "phase-error" ? PHASE_ERROR : outcome.status,
    });
    if (fault?.kind === "stall-status") this.#pipes.in.halt();
    await this.#send(CSW_BYTES, () => csw);
  }

  /** What befalls the whole drive in the middle of this command. Only `cut` leaves the command standing. */
  async #interrupt(fault: Fault | undefined): Promise<void> {
    if (fault === undefined || !isDriveEvent(fault.kind) || fault.kind === "unit-attention-power-on") return;
    this.#happen(fault.kind, fault.argument);
    if (fault.kind !== "cut") await this.#abortion.promise;
  }

  #wholePackets(length: number): number {
    return length - (length % this.#pipes.packetBytes);
  }

  #take(max: number): Promise<Piece> {
    this.#checkpoint();
    return this.#pipes.out.take(max);
  }

  async #send(length: number, source: Plan["source"]): Promise<void> {
    this.#checkpoint();
    if (length > 0) await this.#pipes.in.send(length, source);
  }

  #sleep(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, ms);
    return Promise.race([promise, this.#abortion.promise]);
  }

  /** File I/O is always waited for, so that none is under way when the next command starts. */
  async #io<T>(work: T | Promise<T>): Promise<T> {
    const result = await work;
    this.#checkpoint();
    return result;
  }

  #checkpoint(): void {
    if (this.#aborting) throw aborted;
  }
}

function abortion(): PromiseWithResolvers<never> {
  const created = Promise.withResolvers<never>();
  created.promise.catch(() => {}); // most commands never wait for it
  return created;
}

/** Bytes that a data-in stage really carries. */
function sentOf(fault: Fault | undefined, agreed: number, half: number, packetBytes: number): number {
  if (fault?.kind === "stall-data") return half;
  if (fault?.kind !== "short-data") return agreed;
  const some = Math.max(half, Math.floor(agreed / 2));
  return some % packetBytes === 0 ? Math.min(agreed, some + 1) : some; // the last packet has to be a short one
}

/** Bytes of a data-out stage that are not thrown away. */
function keptOf(fault: Fault | undefined, agreed: number, half: number): number {
  if (fault?.kind === "phase-error") return 0;
  return fault?.kind === "short-data" || fault?.kind === "stall-data" ? half : agreed;
}
