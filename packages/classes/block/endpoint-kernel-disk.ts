// Runs in: reflector. Owns: one disk of the kernel's, for as long as there is a medium: the manager makes it, and ends it; who serves it says its kind.
import type { Clock, Timer } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { Log } from "@ring3/core/log";
import type { KernelDisk } from "@ring3/kernel/disk/kernel-disk";
import { BLOCK_DISCARD, BLOCK_FUA, BLOCK_ROTATIONAL, BLOCK_WRITE_CACHE } from "./contract.ts";
import { EndpointPort, type EndpointPortOptions, type OpenDisk, type SlotHolder } from "./endpoint-port.ts";

/** As many as processors use at once; each has its share of the slots. */
const QUEUES = 2;
/** Zeroes and discards that any disk finishes within their deadline: a full-speed one writes 1 MB/s. */
const RANGE_BYTES = 16 * 1024 * 1024;
/** Another has the disk open, or there is no number left for it. */
const AGAIN_MS = 1000;
const AGAIN_MAX_MS = 30_000;

export interface KernelDiskOptions extends EndpointPortOptions {
  /** Of what was published; resolves with its node, once that is there. Rejects with DeviceError, as the next does. */
  readonly begin: (medium: number) => Promise<string>;
  readonly withdraw: (medium: number) => Promise<void>;
  /** null: it is not there any more. */
  readonly announce: (node: string | null) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** What the kernel asks is served until `gone`: then it asks here no more, and nothing of it is under way. */
export interface ServedDisk {
  readonly gone: Promise<void>;
  /** The kernel has it still, and asks whoever publishes it next. */
  readonly lasts: boolean;
}

/** Publishes the disk, and serves it. Rejects with DeviceError. */
export type Publish = (disk: KernelDisk, opened: OpenDisk, shared: EndpointPort) => Promise<ServedDisk>;

export interface KernelDiskEndpoint {
  readonly node: string | null;
  /** The unit's properties are others: there may be a medium now. */
  changed(): void;
  /** The disk is there no more, and comes again with the next medium. */
  retire(reason: string): void;
  close(): Promise<void>;
}

export function startKernelDisk(options: KernelDiskOptions, publish: Publish): KernelDiskEndpoint {
  const { log, clock, geometry } = options;
  const shared = new EndpointPort(options);
  /** Keeps the disk open while the kernel has it: it has no slots of its own, and never makes anybody wait. */
  const own: SlotHolder = { progress: 0, spilled: 0, spill() {}, hangUp() {} };
  let node: string | null = null;
  let closing = false;
  let retire = () => {};
  let lookAgain = () => {};
  /** How often something was said to have changed. */
  let changes = 0;

  function tell(now: string | null): void {
    if (now !== node) options.announce(now);
    node = now;
  }

  async function serveMedium(): Promise<void> {
    let over = false;
    const retired = new Promise<void>((resolve) => {
      // first: the medium may be changed while it is opened
      retire = () => {
        over = true;
        resolve();
      };
    });
    const opened = await shared.enter(own);
    const { medium } = opened.port.properties;
    let disk: ServedDisk | undefined;
    try {
      do {
        if (disk !== undefined) await Promise.race([retired, pause(AGAIN_MS)]);
        disk = await publish(kernelDisk(opened), opened, shared);
        tell(await options.begin(medium));
        await Promise.race([retired, disk.gone]);
      } while (disk.lasts && !over);
    } finally {
      tell(null);
      if (disk !== undefined) await withdrawn(medium);
      await disk?.gone;
      shared.leave(own);
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
        await pause(AGAIN_MS);
      }
    }
  }

  const pause = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));

  /** Resolves when something has changed since there were so many changes, or when it is time to try again. */
  async function change(since: number, withinMs: number | undefined): Promise<void> {
    if (changes !== since) return;
    await new Promise<void>((resolve) => {
      const timer: Timer | undefined = withinMs === undefined ? undefined : clock.after(withinMs, resolve);
      lookAgain = () => {
        timer?.cancel();
        resolve();
      };
    });
  }

  async function run(): Promise<void> {
    for (let againMs = AGAIN_MS; !closing; ) {
      const since = changes; // it may be another medium by the time this one is let go of
      if (geometry() === undefined) {
        await change(since, undefined);
        continue;
      }
      try {
        await serveMedium();
        againMs = AGAIN_MS;
      } catch (error) {
        if (!(error instanceof DeviceError)) throw error;
        if (closing) return;
        if (error.kind === "unsupported") {
          log.error(`${error.message}; with "endpoints: {block: nbd}" in ring3.yaml it is met by NBD`);
          await change(since, undefined);
          continue;
        }
        log.warn(`no disk of the kernel's for now: ${error.message}`);
        await change(since, againMs);
        againMs = Math.min(2 * againMs, AGAIN_MAX_MS);
      }
    }
  }

  const running = run();
  const closed = running.then(() => shared.closed());
  return {
    get node() {
      return node;
    },
    changed() {
      changes++;
      lookAgain();
    },
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
