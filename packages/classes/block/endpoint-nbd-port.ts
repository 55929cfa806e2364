// Runs in: reflector. Owns: the one port to the driver that all NBD connections of a disk share, open while there is a connection, and who
// gets its slots.
import type { Clock, Timer } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { Slot, SlotPort } from "@ring3/core/slot-port";
import { BLOCK_READ_ONLY, type Block, type Geometry } from "./contract.ts";
import { type DiskExport, diskExport } from "./endpoint-nbd-export.ts";

/** Whoever waits longer for slots has those freed that lie with clients that neither read nor write. */
const STALL_MS = 200;
/** Bytes of stalled clients kept in private memory. Beyond, the client with the most of them is hung up on. */
const SPILLED_MAX = 256 * 1024 * 1024;

/** A connection as far as it holds slots. */
export interface SlotHolder {
  /** Changes whenever its client took or gave a byte. */
  readonly progress: number;
  /** Moves what its client keeps in slots, by not reading or not writing, to private memory. */
  spill(): void;
  /** Bytes there. */
  readonly spilled: number;
  hangUp(why: string): void;
}

export interface OpenDisk {
  readonly port: SlotPort<Block>;
  readonly disk: DiskExport;
}

export interface NbdPortOptions {
  readonly geometry: () => Geometry | undefined;
  readonly open: (mode: "read" | "write") => Promise<SlotPort<Block>>;
  readonly clock: Clock;
}

export class NbdPort {
  readonly #options: NbdPortOptions;
  readonly #holders = new Map<SlotHolder, number>();
  #users = 0;
  #opening: Promise<{ port: SlotPort<Block>; readOnly: boolean }> | undefined;
  #closing: Promise<void> = Promise.resolve();
  #waiting = 0;
  #timer: Timer | undefined;

  constructor(options: NbdPortOptions) {
    this.#options = options;
  }

  /** Rejects with DeviceError: no medium, another writer, no access … Whoever gets an answer must `leave`. */
  async enter(holder: SlotHolder): Promise<OpenDisk> {
    this.#users++;
    try {
      this.#opening ??= this.#closing
        .then(() => this.#open())
        .catch((error) => {
          this.#opening = undefined; // the next one tries again
          throw error;
        });
      const { port, readOnly } = await this.#opening;
      const geometry = this.#options.geometry();
      if (geometry === undefined) throw new DeviceError("no-medium", "export the disk");
      const { slots, slotBytes } = port;
      const disk = diskExport(geometry, { slots, slotBytes, readOnly, canDiscard: port.supports("discard") });
      this.#holders.set(holder, holder.progress);
      return { port, disk };
    } catch (error) {
      this.leave(holder);
      throw error;
    }
  }

  /** The last one out closes the port, which takes until its journal is empty; who enters meanwhile waits. */
  leave(holder: SlotHolder): void {
    this.#holders.delete(holder);
    this.#users--;
    if (this.#users > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    const opening = this.#opening;
    this.#opening = undefined;
    if (opening !== undefined) this.#closing = opening.then(({ port }) => port.close());
  }

  /** Resolves once the port is closed. */
  closed(): Promise<void> {
    return this.#closing;
  }

  async reserve(port: SlotPort<Block>, count: number): Promise<Slot[]> {
    this.#waiting++;
    this.#timer ??= this.#options.clock.after(STALL_MS, () => this.#relieve());
    try {
      return await port.reserve(count);
    } finally {
      this.#waiting--;
    }
  }

  async #open(): Promise<{ port: SlotPort<Block>; readOnly: boolean }> {
    const geometry = this.#options.geometry();
    if (geometry === undefined) throw new DeviceError("no-medium", "export the disk");
    if ((geometry.flags & BLOCK_READ_ONLY) !== 0)
      return { port: await this.#options.open("read"), readOnly: true };
    try {
      return { port: await this.#options.open("write"), readOnly: false };
    } catch (error) {
      if (!(error instanceof DeviceError) || error.kind !== "read-only") throw error;
      return { port: await this.#options.open("read"), readOnly: true };
    }
  }

  #relieve(): void {
    this.#timer = undefined;
    if (this.#waiting === 0) return;
    let most: SlotHolder | undefined;
    let total = 0;
    for (const [holder, before] of this.#holders) {
      if (holder.progress === before) holder.spill();
      this.#holders.set(holder, holder.progress);
      total += holder.spilled;
      if (most === undefined || holder.spilled > most.spilled) most = holder;
    }
    if (total > SPILLED_MAX) most?.hangUp(`its client neither reads nor writes, and others wait`);
    this.#timer = this.#options.clock.after(STALL_MS, () => this.#relieve());
  }
}
