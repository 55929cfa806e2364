// Runs in: reflector. Owns: the one port to the driver that all who use an endpoint share while a medium is in, and who gets its slots.
import type { Clock, Timer } from "@ring3/core/clock";
import { DeviceError, type DeviceErrorKind, errnoOf, kindCode } from "@ring3/core/errors";
import type { Completion, Slot, SlotPort } from "@ring3/core/slot-port";
import { BLOCK_READ_ONLY, type Block, type Geometry } from "./contract.ts";

/** Whoever waits longer for slots has those freed that lie with clients that neither read nor write. */
const STALL_MS = 200;
/** Bytes of stalled clients kept in private memory. Beyond, the client with the most of them is hung up on. */
const SPILLED_MAX = 256 * 1024 * 1024;

const NOTHING = new Uint8Array(0);
/** Whatever comes next in its place has nothing to do with what was written. */
const gone: ReadonlySet<DeviceErrorKind> = new Set(["disconnected", "no-medium", "medium-changed"]);

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
  readonly readOnly: boolean;
}

export interface EndpointPortOptions {
  readonly geometry: () => Geometry | undefined;
  readonly open: (mode: "read" | "write") => Promise<SlotPort<Block>>;
  readonly clock: Clock;
}

/** One opening of the disk. */
interface Shared {
  users: number;
  readonly opening: Promise<OpenDisk>;
  readonly closed: PromiseWithResolvers<void>;
}

export class EndpointPort {
  readonly #options: EndpointPortOptions;
  readonly #holders = new Map<SlotHolder, number>();
  readonly #entered = new Map<SlotHolder, Shared>();
  /** What the next one to enter shares with those before; undefined: it opens the disk anew. */
  #shared: Shared | undefined;
  /** Resolves once the newest opening is over: the disk has one writer. */
  #closing: Promise<void> = Promise.resolve();
  /** Something was written through them, which a flush is still owed. */
  readonly #written = new WeakSet<SlotPort<Block>>();
  /** The number of the medium that the last flush of an earlier opening failed for, until a client has heard of it. */
  #unsaved: number | undefined;
  #waiting = 0;
  #timer: Timer | undefined;

  constructor(options: EndpointPortOptions) {
    this.#options = options;
  }

  /** Rejects with DeviceError: no medium, another writer, no access … Whoever gets an answer must `leave`. */
  async enter(holder: SlotHolder): Promise<OpenDisk> {
    this.#shared ??= this.#share();
    const shared = this.#shared;
    shared.users++;
    this.#entered.set(holder, shared);
    try {
      const opened = await shared.opening;
      this.#holders.set(holder, holder.progress);
      return opened;
    } catch (error) {
      this.leave(holder);
      throw error;
    }
  }

  #share(): Shared {
    const opening = this.#closing.then(() => this.#open());
    const shared: Shared = { users: 0, opening, closed: Promise.withResolvers() };
    this.#closing = shared.closed.promise;
    opening.catch(() => {
      if (this.#shared === shared) this.#shared = undefined; // the next one tries again
    });
    return shared;
  }

  /** The last one out closes the port, which takes until its journal is empty; who enters meanwhile waits. */
  leave(holder: SlotHolder): void {
    const shared = this.#entered.get(holder);
    if (shared === undefined) return;
    this.#entered.delete(holder);
    this.#holders.delete(holder);
    if (this.#entered.size === 0) {
      this.#timer?.cancel();
      this.#timer = undefined;
    }
    shared.users--;
    if (shared.users > 0) return;
    if (this.#shared === shared) this.#shared = undefined;
    const closed = shared.opening.then(
      ({ port }) => this.#close(port),
      () => {}, // it was never open
    );
    shared.closed.resolve(closed);
  }

  /** A port alone knows what was written through it and lost. It may take that along only once nothing can be lost any more. */
  async #close(port: SlotPort<Block>): Promise<void> {
    if (this.#written.delete(port))
      await port.request("flush", { medium: port.properties.medium }).catch((error: DeviceError) => {
        if (!gone.has(error.kind)) this.#unsaved = port.properties.medium;
      });
    await port.close();
  }

  /** To be called for each write. */
  written(port: SlotPort<Block>): void {
    this.#written.add(port);
  }

  /** The port's own, but that it fails once for what the opening before has left unsaved on the same medium. */
  async flush(port: SlotPort<Block>, slot: Slot): Promise<Completion<unknown>> {
    const { medium } = port.properties;
    if (this.#unsaved !== medium) return await port.submit("flush", { medium }, slot, 0);
    this.#unsaved = undefined;
    return { kind: kindCode("lost-writes"), errno: errnoOf("lost-writes"), out: undefined, data: NOTHING };
  }

  /** Another medium is in: whoever enters from now on waits for those before to leave, and opens the disk anew. */
  retire(): void {
    this.#shared = undefined;
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

  async #open(): Promise<OpenDisk> {
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
