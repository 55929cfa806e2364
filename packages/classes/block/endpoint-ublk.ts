// Runs in: reflector. Owns: what the kernel asks of one disk, /dev/ublkbN: it goes to the driver.
import { DeviceError, errnoOf, kindOfCode } from "@ring3/core/errors";
import type { Log } from "@ring3/core/log";
import type { Completion, Slot, SlotPort } from "@ring3/core/slot-port";
import type { KernelDisk } from "@ring3/kernel/disk/kernel-disk";
import {
  UBLK_IO_F_FUA,
  UBLK_IO_F_NOUNMAP,
  UBLK_IO_OP_DISCARD,
  UBLK_IO_OP_FLUSH,
  UBLK_IO_OP_READ,
  UBLK_IO_OP_WRITE,
  UBLK_IO_OP_WRITE_ZEROES,
} from "@ring3/kernel/ublk/constants";
import type { UblkDisk, UblkRequest } from "@ring3/kernel/ublk/server";
import { type Block, block } from "./contract.ts";
import { type KernelDiskEndpoint, type KernelDiskOptions, startKernelDisk } from "./endpoint-kernel-disk.ts";
import type { EndpointPort } from "./endpoint-port.ts";
import { RequestTrace } from "./endpoint-trace.ts";

/** Their numbers in the contract, by ublk's: for traces. */
const { read, write, flush, discard, writeZeroes } = block.operations;
const operations: ReadonlyMap<number, number> = new Map([
  [UBLK_IO_OP_READ, read.nr],
  [UBLK_IO_OP_WRITE, write.nr],
  [UBLK_IO_OP_FLUSH, flush.nr],
  [UBLK_IO_OP_DISCARD, discard.nr],
  [UBLK_IO_OP_WRITE_ZEROES, writeZeroes.nr],
]);

export interface UblkEndpointOptions extends KernelDiskOptions {
  /** The manager makes the disk, and ends it. Rejects with DeviceError. */
  readonly publish: (
    medium: number,
    disk: KernelDisk,
    serve: (request: UblkRequest) => void,
  ) => Promise<UblkDisk>;
}

interface Serving {
  readonly port: SlotPort<Block>;
  readonly shared: EndpointPort;
  readonly trace: RequestTrace<UblkRequest>;
  readonly log: Log;
}

export function startUblkEndpoint(options: UblkEndpointOptions): KernelDiskEndpoint {
  return startKernelDisk(options, async (disk, { port }, shared) => {
    const trace = new RequestTrace<UblkRequest>(port, 0);
    const serving = { port, shared, trace, log: options.log };
    const { gone } = await options.publish(port.properties.medium, disk, (request) =>
      execute(serving, request),
    );
    return { gone, lasts: false };
  });
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

function start({ port, shared, trace, log }: Serving, request: UblkRequest, slot: Slot): void {
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
        const whole = done.data.length === length && moved(log, () => request.give(done.data));
        if (done.kind === 0 && !whole) return refuse();
        answer(done);
      });
    case UBLK_IO_OP_WRITE:
      if (!moved(log, () => request.take(slot.room(length)))) return refuse();
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

function moved(log: Log, move: () => void): boolean {
  try {
    move();
    return true;
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    log.warn(error.message);
    return false;
  }
}

function failure({ kind, errno }: Completion<unknown>): number {
  return -(errno || errnoOf(kindOfCode(kind) ?? "internal"));
}
