// Runs in: manager and reflector. Owns: one ring of io_uring: commands to devices go in, their results come out.
import { DeviceError, systemError } from "@ring3/core/errors";
import { check } from "../fd/descriptor.ts";
import { native, type RingHandle } from "../native.ts";

// linux/io_uring.h: struct io_uring_sqe
const OPCODE = 0;
const DESCRIPTOR = 4;
const COMMAND_OPERATION = 8;
const USER_DATA = 32;
/** Where a command's own bytes begin: 16 of them, or 80 in a wide ring. */
const COMMAND = 48;
const IORING_OP_URING_CMD = 46;

/** The supervisors' filter lets through rings with so many entries: those that the event loop would make for itself have others. */
export const RING_ENTRIES = 128;
const COMPLETIONS = 8192;

/** Completions that one look takes. */
const REAPED = 64;

export interface Command {
  readonly descriptor: number;
  /** An ioctl number of the device's. */
  readonly operation: number;
  /** 0 to 2³²-1; told with the result. */
  readonly id: number;
}

export class CommandRing {
  readonly #ring: RingHandle;
  readonly #entryBytes: number;
  readonly #waiting: Uint8Array;
  readonly #view: DataView;
  readonly #reaped = new Int32Array(2 * REAPED);
  #queued = 0;

  /** Throws DeviceError("unsupported") where this kernel, or a filter, lets this process have none. */
  constructor(wide: boolean) {
    const ring = native.uringOpen(RING_ENTRIES, COMPLETIONS, wide);
    if (typeof ring === "number")
      throw new DeviceError("unsupported", "a ring of io_uring", {
        cause: systemError("io_uring_setup", ring),
      });
    this.#ring = ring;
    this.#entryBytes = wide ? 128 : 64;
    this.#waiting = new Uint8Array(RING_ENTRIES * this.#entryBytes);
    this.#view = new DataView(this.#waiting.buffer);
  }

  /** Readable while there is a result. */
  get fd(): number {
    return native.uringFd(this.#ring);
  }

  /** Takes it in; `flush` sends it. `fill` writes the command's own bytes, which are zero before, from `offset`. */
  push({ descriptor, operation, id }: Command, fill: (view: DataView, offset: number) => void): void {
    if (this.#queued === RING_ENTRIES) this.flush();
    const at = this.#queued++ * this.#entryBytes;
    this.#waiting.fill(0, at, at + this.#entryBytes);
    this.#view.setUint8(at + OPCODE, IORING_OP_URING_CMD);
    this.#view.setInt32(at + DESCRIPTOR, descriptor, true);
    this.#view.setUint32(at + COMMAND_OPERATION, operation, true);
    this.#view.setUint32(at + USER_DATA, id, true);
    fill(this.#view, at + COMMAND);
  }

  /** `memory`: what the first command points to, by the u64 8 bytes into it; the caller keeps it until that one's result is there. */
  flush(memory: Uint8Array | null = null): void {
    if (this.#queued === 0) return;
    const commands = this.#waiting.subarray(0, this.#queued * this.#entryBytes);
    this.#queued = 0;
    check(native.uringSubmit(this.#ring, commands, memory), "submit to a ring of io_uring");
  }

  /** Tells of every result there is; a negative one is an errno. */
  reap(told: (id: number, result: number) => void): void {
    for (let count = REAPED; count === REAPED; ) {
      count = check(native.uringReap(this.#ring, this.#reaped), "look into a ring of io_uring");
      for (let index = 0; index < count; index++)
        told(this.#reaped[2 * index]! >>> 0, this.#reaped[2 * index + 1]!);
    }
  }

  /** Its descriptor must not be watched any more. */
  close(): void {
    native.uringClose(this.#ring);
  }
}
