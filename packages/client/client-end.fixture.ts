// Runs in: node --test. Owns: client ends, and driver sides that come and go as a driver's incarnations do.
import { afterEach } from "node:test";
import { DriverEnd, type Submission } from "@ring3/channel/driver-end";
import { createDriverMemory } from "@ring3/channel/driver-memory";
import { BLOCK_MEDIUM_PRESENT, BLOCK_WRITE_CACHE, type Block, block } from "@ring3/classes/block/contract";
import { recovery } from "@ring3/classes/block/recovery";
import { manualClock } from "@ring3/core/clock";
import type { Contract } from "@ring3/core/contract";
import { DeviceError } from "@ring3/core/errors";
import { duplicate, pipe } from "@ring3/kernel/fd/descriptor";
import { ClientEnd } from "./client-end.ts";

export const SECTOR = 512;
export const properties = {
  sectorBytes: SECTOR,
  maxTransferSectors: 2048,
  sectors: 1024,
  flags: BLOCK_MEDIUM_PRESENT | BLOCK_WRITE_CACHE,
  optimalTransferSectors: 8,
  medium: 1,
};

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

export function clientEnd(clock = manualClock()) {
  const suspicions: string[] = [];
  let progress = 0;
  const replayed: number[] = [];
  const end = new ClientEnd<Block>({
    contract: block,
    recovery,
    properties,
    operations: ["read", "write", "flush"],
    clock,
    listener: {
      suspect: (kind, text) => suspicions.push(`${kind}: ${text}`),
      progress: () => {
        progress++;
      },
      replayed: (requests) => replayed.push(requests),
    },
  });
  open.push(() => {
    end.end(new DeviceError("cancelled", "the test is over"));
    end.close();
  });
  return { end, clock, suspicions, replayed, progress: () => progress };
}

/** An incarnation: requests wait in `held` until the test completes them. `meanwhile`: while its channel is being opened. */
export function driver<C extends Contract>(
  end: ClientEnd<C>,
  generation: number,
  cancelMs = 1000,
  meanwhile = () => {},
) {
  end.prepare();
  meanwhile();
  const toDriver = pipe();
  const toClient = pipe();
  const held: Submission[] = [];
  const cancelled: number[] = [];
  const memory = createDriverMemory(end.contract);
  const side = new DriverEnd(
    end.contract,
    {
      memory: duplicate(end.memoryFd),
      bellIn: toDriver.read,
      bellOut: toClient.write,
      own: duplicate(memory.fd.fd),
      generation,
      poll: false,
    },
    {
      submitted: (request) => held.push(request),
      cancelled: (tag) => cancelled.push(tag),
      malformed(error) {
        throw error;
      },
    },
  );
  memory.seal();
  side.start();
  open.push(() => side.close());
  end.attach(
    { memory: memory.fd, bellIn: toClient.read, bellOut: toDriver.write, generation, poll: false },
    cancelMs,
  );
  const kill = (outside = true) => {
    side.close();
    end.driverLost({ outside, shared: false });
  };
  const done = (request: Submission, kind = 0) =>
    side.complete(
      request.tag,
      kind,
      kind,
      kind === 0 && request.operation === "read" ? request.data.length : 0,
    );
  return { side, held, cancelled, kill, done };
}

/** Lets both sides' event loops turn until nothing more happens. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await new Promise(setImmediate);
}

export const sector = (fill: number) => new Uint8Array(SECTOR).fill(fill);
export const write = (end: ClientEnd<Block>, lba: number, fill: number) =>
  end.request("write", { lba, count: 1, fua: 0, medium: 1 }, { data: sector(fill) });
