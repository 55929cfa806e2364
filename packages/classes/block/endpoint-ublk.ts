// Runs in: reflector. Owns: one disk of the kernel's, /dev/ublkbN, for as long as there is a medium: what is asked of it goes to the driver.
import type { Clock, Timer } from "@ring3/core/clock";
import { DeviceError, errnoOf, kindOfCode } from "@ring3/core/errors";
import type { Log } from "@ring3/core/log";
import type { Completion, Slot, SlotPort } from "@ring3/core/slot-port";
import {
  UBLK_IO_F_FUA,
  UBLK_IO_F_NOUNMAP,
  UBLK_IO_OP_DISCARD,
  UBLK_IO_OP_FLUSH,
  UBLK_IO_OP_READ,
  UBLK_IO_OP_WRITE,
  UBLK_IO_OP_WRITE_ZEROES,
} from "@ring3/kernel/ublk/constants";
import type { KernelDisk } from "@ring3/kernel/ublk/disk";
import type { UblkDisk, UblkRequest } from "@ring3/kernel/ublk/server";
import {
  BLOCK_DISCARD,
  BLOCK_FUA,
  BLOCK_ROTATIONAL,
  BLOCK_WRITE_CACHE,
  type Block,
  block,
} from "./contract.ts";
import { EndpointPort, type EndpointPortOptions, type OpenDisk, type SlotHolder } from "./endpoint-port.ts";
import { RequestTrace } from "./endpoint-trace.ts";

/** As many as processors use at once; each has its share of the slots. */
const QUEUES = 2;
/** Their numbers in the contract, by ublk's: for traces. */
const { read, write, flush, discard, writeZeroes } = block.operations;
const operations: ReadonlyMap<number, number> = new Map([
  [UBLK_IO_OP_READ, read.nr],
  [UBLK_IO_OP_WRITE, write.nr],
  [UBLK_IO_OP_FLUSH, flush.nr],
  [UBLK_IO_OP_DISCARD, discard.nr],
  [UBLK_IO_OP_WRITE_ZEROES, writeZeroes.nr],
]);

/** Zeroes and discards that any disk finishes within their deadline: a full-speed one writes 1 MB/s. */
const RANGE_BYTES = 16 * 1024 * 1024;
/** Another has the disk open, or there is no number left for it. */
const AGAIN_MS = 1000;
const AGAIN_MAX_MS = 30_000;

export interface UblkEndpointOptions extends EndpointPortOptions {
  /** The manager makes the disk, and ends it. Each rejects with DeviceError. */
  readonly publish: (
    medium: number,
    disk: KernelDisk,
    serve: (request: UblkRequest) => void,
  ) => Promise<UblkDisk>;
  /** Resolves with its node, once that is there. */
  readonly begin: (medium: number) => Promise<string>;
  readonly withdraw: (medium: number) => Promise<void>;
  /** null: it is not there any more. */
  readonly announce: (node: string | null) => void;
  readonly clock: Clock;
  readonly log: Log;
}

export interface UblkEndpoint {
  readonly node: string | null;
  /** The unit's properties are others: there may be a medium now. */
  changed(): void;
  /** The disk is there no more, and comes again with the next medium. */
  retire(reason: string): void;
  close(): Promise<void>;
}

interface Serving {
  readonly port: SlotPort<Block>;
  readonly trace: RequestTrace<UblkRequest>;
}

/** It alone has the port's slots, and as many requests as those: it never makes anybody wait. */
const holder: SlotHolder = { progress: 0, spilled: 0, spill() {}, hangUp() {} };

export function startUblkEndpoint(options: UblkEndpointOptions): UblkEndpoint {
  const { log, clock, geometry } = options;
  const shared = new EndpointPort(options);
  let node: string | null = null;
  let closing = false;
  let retire = () => {};
  let lookAgain = () => {};

  async function serveMedium(): Promise<void> {
    const retired = new Promise<void>((resolve) => {
      retire = resolve; // first: the medium may be changed while it is opened
    });
    const opened = await shared.enter(holder);
    const { medium } = opened.port.properties;
    try {
      const serving = { port: opened.port, trace: new RequestTrace<UblkRequest>(opened.port, 0) };
      const disk = await options.publish(medium, kernelDisk(opened), (request) => execute(serving, request));
      try {
        node = await options.begin(medium);
        options.announce(node);
        await Promise.race([retired, disk.gone]);
      } finally {
        if (node !== null) options.announce(null);
        node = null;
        await withdrawn(medium);
        await disk.gone;
      }
    } finally {
      shared.leave(holder);
      await shared.closed();
    }
  }

  /** As long as the kernel has the disk it asks, and must be answered. */
  async function withdrawn(medium: number): Promise<void> {
    for (;;) {
      try {
        return await options.withdraw(medium);
      } catch (error) {
        log.warn(`the kernel's disk cannot be withdrawn: ${(error as Error).message}`);
        await new Promise<void>((resolve) => clock.after(AGAIN_MS, resolve));
      }
    }
  }

  /** Resolves when something has changed, or when it is time to try again. */
  function change(withinMs: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer: Timer | undefined = withinMs === undefined ? undefined : clock.after(withinMs, resolve);
      lookAgain = () => {
        timer?.cancel();
        resolve();
      };
    });
  }

  async function run(): Promise<void> {
    for (let againMs = AGAIN_MS; !closing; ) {
      if (geometry() === undefined) {
        await change(undefined);
        continue;
      }
      try {
        await serveMedium();
        againMs = AGAIN_MS;
      } catch (error) {
        if (!(error instanceof DeviceError)) throw error;
        if (closing) return;
        log.warn(`no disk of the kernel's for now: ${error.message}`);
        await change(againMs);
        againMs = Math.min(2 * againMs, AGAIN_MAX_MS);
      }
    }
  }

  function execute(serving: Serving, request: UblkRequest): void {
    const { operation, length, offset } = request;
    const nr = operations.get(operation);
    if (nr === undefined) return request.answer(-errnoOf("unsupported"));
    serving.trace.received(request, nr, length, offset);
    const slot = serving.port.take();
    if (slot !== undefined) return start(serving, request, slot);
    void serving.port.reserve(1).then(([reserved]) => start(serving, request, reserved!));
  }

  function start({ port, trace }: Serving, request: UblkRequest, slot: Slot): void {
    const { operation, flags, offset, length } = request;
    trace.part(request, slot);
    const { sectorBytes, medium } = port.properties;
    const lba = offset / sectorBytes;
    const count = length / sectorBytes;
    const fua = (flags & UBLK_IO_F_FUA) === 0 ? 0 : 1;
    const reply = (result: number) => {
      port.release(slot);
      trace.replied(request, result < 0);
      request.answer(result);
    };
    const refuse = () => reply(-errnoOf("io"));
    const answer = (done: Completion<unknown>, bytes = length) =>
      reply(done.kind === 0 ? bytes : failure(done));
    switch (operation) {
      case UBLK_IO_OP_READ:
        return port.send("read", { lba, count, medium }, slot, length, (done) => {
          const whole = done.data.length === length && moved(() => request.give(done.data));
          if (done.kind === 0 && !whole) return refuse();
          answer(done);
        });
      case UBLK_IO_OP_WRITE:
        if (!moved(() => request.take(slot.room(length)))) return refuse();
        shared.written(port);
        return port.send("write", { lba, count, fua, medium }, slot, length, answer);
      case UBLK_IO_OP_FLUSH:
        return void shared.flush(port, slot).then((done) => answer(done, 0));
      case UBLK_IO_OP_DISCARD:
        return port.send("discard", { lba, count, medium }, slot, 0, answer);
      case UBLK_IO_OP_WRITE_ZEROES: {
        const unmap = (flags & UBLK_IO_F_NOUNMAP) === 0 ? 1 : 0;
        shared.written(port);
        return port.send("writeZeroes", { lba, count, fua, unmap, medium }, slot, 0, answer);
      }
    }
  }

  function moved(move: () => void): boolean {
    try {
      move();
      return true;
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      log.warn(error.message);
      return false;
    }
  }

  const running = run();
  const closed = running.then(() => shared.closed());
  return {
    get node() {
      return node;
    },
    changed: () => lookAgain(),
    retire(reason) {
      if (node !== null) log.info(`${node} goes: ${reason}`);
      shared.retire();
      retire();
    },
    close() {
      closing = true;
      shared.retire();
      retire();
      lookAgain();
      return closed;
    },
  };
}

/** The disk as the kernel is told of it. */
function kernelDisk({ port, readOnly }: OpenDisk): KernelDisk {
  const { sectorBytes, sectors, maxTransferSectors, flags } = port.properties;
  const has = (bit: number) => (flags & bit) !== 0;
  return {
    bytes: sectors * sectorBytes,
    sectorBytes,
    transferBytes: Math.min(maxTransferSectors * sectorBytes, port.slotBytes),
    queues: QUEUES,
    depth: Math.floor(port.slots / QUEUES),
    readOnly,
    rotational: has(BLOCK_ROTATIONAL),
    writeCache: has(BLOCK_WRITE_CACHE),
    fua: has(BLOCK_FUA),
    discardBytes: !readOnly && has(BLOCK_DISCARD) ? RANGE_BYTES : 0,
    zeroesBytes: !readOnly && port.supports("writeZeroes") ? RANGE_BYTES : 0,
  };
}

function failure({ kind, errno }: Completion<unknown>): number {
  return -(errno || errnoOf(kindOfCode(kind) ?? "internal"));
}
