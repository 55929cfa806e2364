// Runs in: the simulation. Owns: what clients have asked for and been told, what disks have executed, and the judgement whether both fit.
import { Medium, SECTORS } from "./medium.ts";

/** One write, by its stamp: they count up over all clients in the order in which they were asked for. */
export interface Write {
  readonly stamp: number;
  /** The medium that its client meant. */
  readonly medium: number;
  readonly lba: number;
  readonly count: number;
  readonly forced: boolean;
  /** "orphan": its client is gone, or has lost the connection, and was told nothing for certain. */
  state: "pending" | "done" | "failed" | "orphan";
  executions: number;
}

/** What must hold after each step; a broken one is named by its key. */
export const invariants = {
  lost: "no request is lost: each is answered in the end",
  twice: "no request is completed twice, or without having been executed",
  order: "no write is executed out of order against one that overlaps with it, or after it was answered",
  identity: "no write is executed on another medium than it was meant for",
  fence:
    "no device is opened while a process of an earlier incarnation lives or a message of it is in flight",
  bytes: "what is read is what was written",
  flush: "what a flush or a forced write has vouched for is on the medium",
  own: "no process of ring3 fails by itself, uses a descriptor that it has not, or keeps one",
  recovery: "when the faults are over, each disk can be read again",
} as const;
export type Invariant = keyof typeof invariants;

export class Ledger {
  readonly #broken: (invariant: Invariant, text: string) => void;
  readonly #trace: (text: () => string) => void;
  readonly #writes = new Map<number, Write>();
  readonly #media: Medium[] = [];
  #lastStamp = 0;

  constructor(broken: (invariant: Invariant, text: string) => void, trace: (text: () => string) => void) {
    this.#broken = broken;
    this.#trace = trace;
  }

  /** `alike`: of the same size as all others. */
  createMedium(alike: boolean): Medium {
    const number = this.#media.length + 1;
    const medium = new Medium(number, alike ? SECTORS : SECTORS + number);
    this.#media.push(medium);
    return medium;
  }

  /** By the number that was read from it. */
  medium(number: number): Medium {
    const medium = this.#media[number - 1];
    if (medium === undefined) this.#broken("bytes", `a label reads as medium ${number}, and there is none`);
    return medium ?? this.#media[0]!;
  }

  asked(medium: number, lba: number, count: number, forced: boolean): Write {
    const stamp = ++this.#lastStamp;
    const write: Write = { stamp, medium, lba, count, forced, state: "pending", executions: 0 };
    this.#writes.set(stamp, write);
    this.#trace(() => `write ${stamp} of ${count} at ${lba}${forced ? ", forced" : ""} is asked for`);
    return write;
  }

  /** Its client was told that it is done. */
  done(write: Write, medium: Medium): void {
    this.#trace(() => `write ${write.stamp} is done`);
    if (write.state !== "pending")
      this.#broken("twice", `write ${write.stamp} is done and was ${write.state}`);
    if (write.executions === 0) this.#broken("twice", `write ${write.stamp} is done and was never executed`);
    write.state = "done";
    for (const at of sectors(write)) {
      // What a loss of power has taken meanwhile, the next flush has to report.
      medium.floor[at] = Math.max(medium.floor[at]!, Math.min(write.stamp, medium.cached[at]!));
      if (write.forced && medium.durable[at]! < write.stamp)
        this.#broken("flush", `write ${write.stamp} was forced and is not on the medium at ${at}`);
    }
  }

  failed(write: Write, kind: string): void {
    this.#trace(() => `write ${write.stamp} has failed: ${kind}`);
    write.state = "failed";
  }

  orphaned(write: Write): void {
    if (write.state === "pending") write.state = "orphan";
  }

  /** A disk begins to change a sector as it was told. */
  executes(stamp: number, meant: number, medium: Medium, at: number): void {
    const write = this.#writes.get(stamp);
    if (write === undefined || at < write.lba || at >= write.lba + write.count)
      return this.#broken("bytes", `sector ${at} is written with ${stamp}, which nobody has asked for`);
    if (at === write.lba) {
      write.executions++;
      this.#trace(() => `write ${stamp} is executed on medium ${medium.number}`);
    }
    if (write.medium !== medium.number || meant !== medium.number)
      this.#broken("identity", `write ${stamp} for medium ${write.medium} is executed on ${medium.number}`);
    if (write.state === "done" || write.state === "failed")
      this.#broken("order", `write ${stamp} is executed although it was ${write.state} before`);
    if (medium.executed[at]! > stamp)
      this.#broken("order", `write ${stamp} is executed at ${at} after ${medium.executed[at]}`);
    medium.executed[at] = Math.max(medium.executed[at]!, stamp);
  }

  /** A client has read a sector: the medium and the stamp found there, of which at least `least` has to be. */
  read(number: number, found: number, medium: Medium, at: number, least: number): void {
    if (number !== medium.number)
      this.#broken("identity", `sector ${at} of medium ${medium.number} was read from medium ${number}`);
    if (found !== 0 && this.#writes.get(found)?.medium !== medium.number)
      this.#broken(
        "bytes",
        `sector ${at} of medium ${medium.number} reads as ${found}, which was not written there`,
      );
    if (found < least) this.#broken("bytes", `sector ${at} reads as ${found} after ${least} was done`);
  }

  /** A flush that was asked for after a write was done has vouched for it. */
  flushed(medium: Medium, at: number, stamp: number): void {
    if (medium.durable[at]! < stamp)
      this.#broken(
        "flush",
        `a flush has vouched for write ${stamp}, and ${medium.durable[at]} is on the medium at ${at}`,
      );
  }
}

export function* sectors({ lba, count }: { lba: number; count: number }): Iterable<number> {
  for (let at = lba; at < lba + count; at++) yield at;
}
