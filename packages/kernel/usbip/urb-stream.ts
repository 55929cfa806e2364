// Runs in: driver host, manager. Owns: one USB/IP stream and the URBs in flight on it.
import type { Clock, Timer } from "@ring3/core/clock";
import { DeviceError, systemError } from "@ring3/core/errors";
import type { Descriptor } from "../fd/descriptor.ts";
import { native } from "../native.ts";
import { type Watch, watch } from "../poll/watch.ts";
import { cancelled, EAGAIN, EPROTO, gone, outcome } from "../usb/outcome.ts";
import type { Outcome } from "../usb/transport.ts";
import {
  type CmdSubmit,
  encodeCommand,
  PACKET_BYTES,
  type Reply,
  type RetSubmit,
  type RetUnlink,
} from "./codec.ts";
import { ReplyReader } from "./reply-reader.ts";
import { type Outgoing, SendQueue } from "./send-queue.ts";

const READS_A_TURN = 16; // then others on the loop get theirs
const MAX_LATE = 64; // unlinked URBs whose RET_SUBMIT may still come
const MAX_SEQNUM = 0x7fffffff;
/** A third of what queueMicrotask costs, which makes an AsyncResource each time. */
const SOON = Promise.resolve();

export type UrbSubmission = Omit<CmdSubmit, "command" | "seqnum" | "devid">;

export interface Urb {
  readonly submission: UrbSubmission;
  /** OUT: sent from here; IN: received right into it. */
  readonly data: Uint8Array;
  /** Isochronous: the packet descriptors, sent from and received into it. */
  readonly packets: Uint8Array;
}

interface Pending {
  readonly urb: Urb;
  readonly outgoing: Outgoing;
  unlinking: boolean;
  timer: Timer | undefined;
  readonly settled: Promise<Outcome>;
  settle(outcome: Outcome): void;
}

export interface UrbStreamOptions {
  readonly clock: Clock;
  /** How long the server may take to answer an unlink before the stream counts as broken. */
  readonly unlinkDeadlineMs: number;
  /** Why the stream ended; undefined when the server closed it. */
  onEnd(error: DeviceError | undefined): void;
}

export class UrbStream {
  readonly #stream: Descriptor;
  readonly #devid: number;
  readonly #options: UrbStreamOptions;
  readonly #watch: Watch;
  readonly #out: SendQueue;
  readonly #reader: ReplyReader;
  readonly #pending = new Map<number, Pending>(); // by seqnum of CMD_SUBMIT
  readonly #unlinks = new Map<number, number>(); // seqnum of CMD_UNLINK -> of the CMD_SUBMIT it unlinks
  readonly #late = new Map<number, Urb>(); // answered by RET_UNLINK 0: their RET_SUBMIT may have been overtaken
  #seqnum = 0;
  #open = true;
  #blocked = false;
  #flushing = false;

  /** Owns `stream`, a non-blocking one, from now on. */
  constructor(stream: Descriptor, devid: number, options: UrbStreamOptions) {
    this.#stream = stream;
    this.#devid = devid;
    this.#options = options;
    this.#out = new SendQueue((buffers) => native.sendmsg(stream.fd, buffers, []));
    this.#reader = new ReplyReader({
      begin: (reply) => this.#begin(reply),
      end: (reply) => this.#end(reply),
    });
    this.#watch = watch(stream.fd, { readable: true }, (ready) => {
      if (ready.writable) this.#flush();
      if (ready.readable) this.#receive();
    });
  }

  submit(urb: Urb, signal?: AbortSignal): Promise<Outcome> {
    if (!this.#open) return Promise.resolve(gone());
    if (signal?.aborted) return Promise.resolve(cancelled());
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const seqnum = this.#nextSeqnum();
    const abort = () => this.#unlink(seqnum);
    const header = encodeCommand({ command: "submit", seqnum, devid: this.#devid, ...urb.submission });
    const isOut = urb.submission.direction === "out";
    const pending: Pending = {
      urb,
      outgoing: this.#out.push(header, ...(isOut ? [urb.data] : []), urb.packets),
      unlinking: false,
      timer: undefined,
      settled: promise,
      settle: (settled) => {
        signal?.removeEventListener("abort", abort);
        pending.timer?.cancel();
        this.#pending.delete(seqnum);
        resolve(settled);
      },
    };
    this.#pending.set(seqnum, pending);
    signal?.addEventListener("abort", abort);
    this.#flushSoon();
    return promise;
  }

  /** Cancels all that is in flight; resolves once it is settled. */
  async cancelAll(): Promise<void> {
    const settled = [...this.#pending.values()].map((pending) => pending.settled);
    for (const seqnum of [...this.#pending.keys()]) this.#unlink(seqnum);
    await Promise.all(settled);
  }

  /** Ends the stream: the server drops what it has. Nothing is written into a caller's buffer any more. */
  close(): void {
    this.#shut();
    for (const pending of [...this.#pending.values()]) pending.settle(cancelled());
  }

  /** Hands the stream over, between two URBs, to whoever goes on with it. */
  detach(): Descriptor {
    if (!this.#open || this.#pending.size > 0 || this.#unlinks.size > 0 || !this.#reader.idle) {
      throw new DeviceError("internal", "hand a USB/IP stream over while something is in flight");
    }
    this.#open = false;
    this.#watch.close();
    return this.#stream;
  }

  #unlink(target: number): void {
    const pending = this.#pending.get(target);
    if (pending === undefined || pending.unlinking) return;
    if (this.#out.remove(pending.outgoing)) {
      pending.settle(cancelled());
      return;
    }
    pending.unlinking = true;
    const seqnum = this.#nextSeqnum();
    this.#unlinks.set(seqnum, target);
    this.#out.push(encodeCommand({ command: "unlink", seqnum, devid: this.#devid, unlinkSeqnum: target }));
    const ms = this.#options.unlinkDeadlineMs;
    pending.timer = this.#options.clock.after(ms, () => {
      this.#fail(new DeviceError("timeout", `USB/IP: no answer to an unlink within ${ms} ms`));
    });
    this.#flush();
  }

  /** One system call for all that one turn asks for, behind what is told of the replies that it asks after: that wakes others, too. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    void SOON.then(this.#flushed);
  }

  readonly #flushed = (): void => {
    this.#flushing = false;
    this.#flush();
  };

  #flush(): void {
    if (!this.#open) return;
    const result = this.#out.flush();
    if (result < 0) {
      this.#fail(systemError("send on a USB/IP stream", result));
      return;
    }
    const blocked = !this.#out.empty;
    if (blocked === this.#blocked) return;
    this.#blocked = blocked;
    this.#watch.set({ readable: true, writable: blocked });
  }

  #receive(): void {
    for (let reads = 0; reads < READS_A_TURN && this.#open; reads++) {
      const room = this.#reader.room();
      const count = native.read(this.#stream.fd, room);
      if (count === -EAGAIN) return;
      if (count <= 0) {
        this.#fail(count === 0 ? undefined : systemError("receive on a USB/IP stream", count));
        return;
      }
      try {
        this.#reader.filled(count);
      } catch (error) {
        this.#fail(error as DeviceError);
        return;
      }
      const nothingIsDue = this.#pending.size === 0 && this.#unlinks.size === 0;
      if (count < room.length || nothingIsDue) return; // a further read would find nothing
    }
  }

  #begin(reply: Reply): Uint8Array[] {
    if (reply.reply === "unlink") {
      if (!this.#unlinks.has(reply.seqnum))
        refuse(`RET_UNLINK for sequence number ${reply.seqnum}, which is no unlink`);
      return [];
    }
    const pending = this.#pending.get(reply.seqnum);
    const urb = pending?.urb ?? this.#late.get(reply.seqnum);
    if (urb === undefined) refuse(`RET_SUBMIT for sequence number ${reply.seqnum}, which is not in flight`);
    if (pending !== undefined && !pending.outgoing.done) {
      refuse(`RET_SUBMIT for sequence number ${reply.seqnum} before it was sent`);
    }
    return this.#payload(reply, urb, pending === undefined);
  }

  #payload(reply: RetSubmit, urb: Urb, isLate: boolean): Uint8Array[] {
    if (reply.length > urb.data.length) {
      refuse(`actual_length ${reply.length} for a transfer of ${urb.data.length} bytes`);
    }
    if (reply.packetCount * PACKET_BYTES !== urb.packets.length) {
      refuse(`number_of_packets ${reply.packetCount} for a transfer of ${urb.packets.length / PACKET_BYTES}`);
    }
    const bytes = urb.submission.direction === "in" ? reply.length : 0;
    // The caller has its buffer back by now: what comes late goes to waste.
    if (isLate) return [new Uint8Array(bytes + urb.packets.length)];
    return [urb.data.subarray(0, bytes), urb.packets];
  }

  #end(reply: Reply): void {
    if (reply.reply === "unlink") this.#unlinked(reply);
    else if (!this.#late.delete(reply.seqnum)) {
      this.#pending.get(reply.seqnum)?.settle(outcome(reply.status, reply.length));
    }
  }

  // Linux's server answers an unlink with 0 when the URB had completed; its RET_SUBMIT comes first as a rule, but two
  // threads can overtake each other (stub_tx.c). With any other status there is no RET_SUBMIT.
  #unlinked(reply: RetUnlink): void {
    const target = this.#unlinks.get(reply.seqnum)!;
    this.#unlinks.delete(reply.seqnum);
    const pending = this.#pending.get(target);
    if (pending === undefined) return; // its RET_SUBMIT came first
    if (reply.status === 0) {
      this.#late.set(target, pending.urb);
      const oldest = this.#late.size > MAX_LATE ? this.#late.keys().next().value : undefined;
      if (oldest !== undefined) this.#late.delete(oldest);
    }
    pending.settle(cancelled());
  }

  #fail(error: DeviceError | undefined): void {
    if (!this.#open) return;
    this.#shut();
    const errno = error?.kind === "protocol" ? EPROTO : gone().errno;
    for (const pending of [...this.#pending.values()]) pending.settle({ status: "gone", bytes: 0, errno });
    this.#options.onEnd(error);
  }

  #shut(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#watch.close();
    this.#stream.close();
  }

  #nextSeqnum(): number {
    do {
      this.#seqnum = (this.#seqnum % MAX_SEQNUM) + 1;
    } while (
      this.#pending.has(this.#seqnum) ||
      this.#unlinks.has(this.#seqnum) ||
      this.#late.has(this.#seqnum)
    );
    return this.#seqnum;
  }
}

function refuse(what: string): never {
  throw new DeviceError("protocol", `USB/IP: ${what}`);
}
