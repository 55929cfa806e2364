// Runs in: manager. Owns: the disks that the kernel has of us: each is made for one medium in a unit, given to the unit's reflector, and ends
// with either. Which there are is the kernel's to say, over the deaths of managers and keepers: a disk bears the marks of its maker.
import { createHash } from "node:crypto";
import { DeviceError } from "@ring3/core/errors";
import type { Log } from "@ring3/core/log";
import type { KernelDisk } from "@ring3/kernel/disk/kernel-disk";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";

/** One of the kernel's drivers for disks that a process serves. It numbers them. */
export interface DiskDriver {
  node(number: number): string;
  /** All that ring3s of this state directory have made. */
  found(): Promise<FoundDisk[]>;
  /** For the process `server`; nobody sees it yet. */
  make(mark: number, server: number, disk: KernelDisk): Promise<ServedDisk & { readonly number: number }>;
  /** With all that waits in it to another process, or once more to the same. undefined: it is another disk than this, or beyond that. */
  giveTo(server: number, found: FoundDisk, disk: KernelDisk): Promise<ServedDisk | undefined>;
  /** Resolves once its node is there, for which its server has to serve it. */
  begin(number: number, server: number): Promise<void>;
  /** Whoever has it open is told of errors from now on, and does not wait. */
  end(number: number): Promise<void>;
}

export interface FoundDisk {
  readonly number: number;
  /** What it was made with; 0: it can only be ended. */
  readonly mark: number;
  /** A process. */
  readonly server: number;
  /** It lives. */
  readonly served: boolean;
}

/** What its server serves it by. */
export interface ServedDisk {
  readonly device: Descriptor;
  readonly queues: number;
  readonly depth: number;
}

/** What a disk is of: a unit is a place, where another medium or device may be by now. */
export interface DiskIdentity {
  readonly unit: string;
  readonly enumeration: number;
  readonly medium: number;
}

export class KernelDisks {
  readonly #driver: DiskDriver;
  readonly #log: Log;
  /** Those that were published here, by their units. */
  readonly #published = new Map<string, number>();
  /** One thing at a time is done for a unit. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(driver: DiskDriver, log: Log) {
    this.#driver = driver;
    this.#log = log;
  }

  /** Ends what is of none of these and has no server either: a unit went while it had no reflector that could withdraw it. */
  async keep(identities: readonly DiskIdentity[]): Promise<void> {
    const units = new Map(identities.map((identity) => [markOf(identity), identity.unit]));
    const disks = await this.#driver.found();
    for (const { number, mark } of disks) {
      const unit = units.get(mark); // an earlier manager's
      if (unit !== undefined && !this.#published.has(unit)) this.#published.set(unit, number);
    }
    const kept = new Set(identities.map(({ unit }) => this.#published.get(unit)));
    const left = disks.filter(({ number, served }) => !kept.has(number) && !served);
    await Promise.all(left.map(({ number }) => this.#end(number)));
  }

  /** Whoever uses it has the disk in his caches, also while it has no server: nobody else may write there. */
  has(unit: string): boolean {
    return this.#published.has(unit);
  }

  /** Also those that an earlier ring3 has left which was killed. */
  async endAll(): Promise<void> {
    await Promise.all((await this.#driver.found()).map(({ number }) => this.#end(number)));
  }

  /** For the process `server`: the disk that there is, where it is the same and its server has let go of it; else a new one. */
  publish(identity: DiskIdentity, server: number, disk: KernelDisk): Promise<ServedDisk> {
    return this.#inTurn(identity.unit, async () => {
      const left = await this.#find(identity);
      if (left !== undefined) {
        const same = left.mark === markOf(identity); // otherwise it is another medium's
        const served = same ? await this.#driver.giveTo(server, left, disk) : undefined;
        if (served !== undefined) {
          this.#log.info(`${this.#driver.node(left.number)} is served again`);
          this.#published.set(identity.unit, left.number);
          return served;
        }
        await this.#end(left.number);
      }
      const { number, ...made } = await this.#driver.make(markOf(identity), server, disk);
      this.#published.set(identity.unit, number);
      return made;
    });
  }

  /** Of what that server has published. Resolves with the disk's node. */
  begin(identity: DiskIdentity, server: number): Promise<string> {
    return this.#inTurn(identity.unit, async () => {
      const found = await this.#find(identity);
      if (found === undefined)
        throw new DeviceError("invalid", `begin ${identity.unit}: it is not published`);
      await this.#driver.begin(found.number, server);
      return this.#driver.node(found.number);
    });
  }

  /** Resolves once the unit's disk is gone, if it has one. False: neither the unit (`its`) nor the disk is that server's. */
  withdraw(identity: DiskIdentity, server: number, its: boolean): Promise<boolean> {
    return this.#inTurn(identity.unit, async () => {
      const found = await this.#find(identity);
      if (found === undefined) return true;
      if (!its && found.server !== server) return false;
      await this.#end(found.number);
      return true;
    });
  }

  #inTurn<T>(unit: string, act: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(unit) ?? Promise.resolve()).then(act);
    const over = turn
      .catch(() => {}) // whoever asked is told
      .finally(() => {
        if (this.#turns.get(unit) === over) this.#turns.delete(unit);
      });
    this.#turns.set(unit, over);
    return turn;
  }

  async #end(number: number): Promise<void> {
    await this.#driver.end(number);
    this.#log.info(`${this.#driver.node(number)} is ended`);
    for (const [unit, published] of this.#published) if (published === number) this.#published.delete(unit);
  }

  async #find(identity: DiskIdentity): Promise<FoundDisk | undefined> {
    const [published, its] = [this.#published.get(identity.unit), markOf(identity)];
    const disks = await this.#driver.found();
    return disks.find(({ number, mark }) => (published === undefined ? mark === its : number === published));
  }
}

/** 32 bits, and never 0, which those have that nobody has marked. */
export const markOfText = (text: string): number =>
  createHash("sha256").update(text).digest().readUInt32LE(0) || 1;

const markOf = ({ unit, enumeration, medium }: DiskIdentity): number =>
  markOfText(`${unit} ${enumeration} ${medium}`);
