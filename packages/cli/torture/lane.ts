// Runs in: CLI. Owns: two disks, one for each way to use them, and one fault at a time: what it does to requests, and what is to be right afterwards.
import { setTimeout as sleep } from "node:timers/promises";
import { integer, pick, type Random } from "@ring3/core/chance";
import { Disk, type Tally, tellsOfLoss, VOLLEY_MIN } from "./disk.ts";
import { eventually } from "./door.ts";
import { type DoorKind, doorKinds, type Fault, type Scene } from "./fault.ts";
import type { Instance } from "./instance.ts";
import type { Planned } from "./plan.ts";

/** Of requests that a fault may leave unanswered, and of those after it. */
const SHORT_MS = 80;
const AFTER_MS = 2000;
/** A death that a fault brings comes within this, or has not been noticed. */
const NOTICED_MS = 2000;
const PROOFS = 8;
/** The share of faults that are followed by a flush, of those that bring no loss. */
const FLUSHES = 0.1;

export interface Outcome {
  readonly planned: Planned;
  /** undefined: the next request was done as it must be, and none failed that must not have. */
  readonly wrong: string | undefined;
  readonly crashes: number;
  readonly hangs: number;
  /** Why, of each time. */
  readonly quarantined: readonly string[];
  /** How long the disk did not serve, where it did not. */
  readonly recoveryMs: number | undefined;
  /** Its driver was to end, and did not. */
  readonly unnoticed: boolean;
}

export class Lane {
  readonly #instance: Instance;
  readonly #disks: Readonly<Record<DoorKind, Disk>>;

  constructor(instance: Instance, name: string, tally: Tally) {
    this.#instance = instance;
    const disk = (door: DoorKind) => new Disk(instance, door, `${name}-${door}`, tally);
    this.#disks = { application: disk("application"), nbd: disk("nbd") };
  }

  get disks(): readonly Disk[] {
    return Object.values(this.#disks);
  }

  async start(): Promise<void> {
    await Promise.all(this.disks.map((disk) => disk.start()));
  }

  async run(planned: Planned): Promise<Outcome> {
    const { fault, door, number, random } = planned;
    const disk = this.#disks[door];
    const beside = this.#disks[doorKinds.find((kind) => kind !== door)!];
    for (const each of this.disks) each.begin(`fault ${number} (${fault.name})`);
    const began = performance.now();
    const [wrong, besideWrong] = await Promise.all([this.#strike(disk, planned), beside.read(random)]);
    const cut = this.#instance.cutSince(began);
    const noticed =
      besideWrong === undefined || (cut && besideWrong === "disconnected") ? undefined : besideWrong;
    await beside.renew();
    const deaths = [...disk.deaths, ...beside.deaths];
    const hangs = deaths.filter(({ end }) => end === "hang").length;
    return {
      planned,
      wrong: wrong ?? (noticed && `the disk beside it: ${noticed}`),
      crashes: deaths.length - hangs,
      hangs,
      quarantined: [...disk.quarantines, ...beside.quarantines],
      recoveryMs: disk.awayMs,
      unnoticed: fault.ends !== undefined && !fault.ends.includes("maybe") && disk.deaths.length === 0,
    };
  }

  async #strike(disk: Disk, { fault, random }: Planned): Promise<string | undefined> {
    const scene = this.#scene(disk, random);
    const began = performance.now();
    const before = fault.losesPower ? await disk.unforced(random) : undefined; // so that there is something to lose
    await fault.arm?.(scene);
    if (fault.deadline) disk.deadlineMs = SHORT_MS;
    const { session } = disk;
    const { owed } = disk.ledger;
    if (fault.losesPower) disk.ledger.lostPower(); // the requests that are under way then may see it
    disk.struck();
    const volley = disk.volley(random);
    await fault.strike?.(scene);
    const failures = await volley;
    if (fault.losesPower) disk.ledger.lostPower();
    if (fault.ends !== undefined && !fault.ends.includes("maybe") && disk.deaths.length === 0)
      await disk.death(NOTICED_MS);
    await fault.mend?.(scene);
    disk.deadlineMs = AFTER_MS;
    const cut = () => this.#instance.cutSince(began);
    const may = (kind: string) => allowed(fault.mayFail, disk, kind, cut());
    const early = before !== undefined && !allowed([], disk, before, cut()) ? before : undefined;
    const failure = early ?? failures.find((kind) => !may(kind));
    await disk.renew();
    const proof = await this.#proven(disk, random, may);
    if (cut()) await scene.order("none"); // what was to be struck may never have come
    const flush = await this.#flushed(disk, fault, random, owed && disk.session === session);
    disk.deadlineMs = undefined;
    return failure ?? proof ?? (flush !== undefined && !may(flush) ? `flush: ${flush}` : undefined);
  }

  /** The next request must be done. Where a driver may still be ending for what was done to it, one of the next. */
  async #proven(disk: Disk, random: Random, may: (kind: string) => boolean): Promise<string | undefined> {
    for (let proof = 1; ; proof++) {
      const failure = await disk.read(random);
      if (failure === undefined) return undefined;
      if (proof === PROOFS || !may(failure)) return `afterwards: ${failure}`;
      await disk.renew();
    }
  }

  /** A loss is told of once. `owed`: what was acknowledged before was in the cache that is lost. */
  async #flushed(disk: Disk, fault: Fault, random: Random, owed: boolean): Promise<string | undefined> {
    if (fault.losesPower !== true && fault.tellsOfLoss !== true)
      return random() < FLUSHES ? await disk.settle() : undefined;
    const first = await disk.flush();
    if (first !== undefined) return tellsOfLoss(first) ? await disk.flush() : first;
    if (fault.losesPower !== true || !owed) return undefined;
    disk.corrupt("a flush has vouched for what was lost");
    return "corrupt";
  }

  #scene(disk: Disk, random: Random): Scene {
    const { device } = disk.drive;
    const { ring3, hangMs } = this.#instance;
    return {
      random,
      async order(fault) {
        const order = {
          fault,
          at: pick(random, ["before", "during", "after"]),
          after: integer(random, VOLLEY_MIN), // at most one less than there are at least
          seed: integer(random, 2 ** 32),
          hangMs,
        };
        await eventually(`order ${fault}`, async () => {
          await disk.renew();
          await disk.order(order);
        });
      },
      say: (command) => disk.drive.say(command),
      signal: (signal) => this.#instance.signal(device, signal),
      killManager: () => this.#instance.killManager(),
      killReflector: () => this.#instance.killReflector(),
      async poison(reads) {
        const before = disk.quarantines.length;
        let failures: readonly string[];
        do {
          await disk.renew(); // where a reflector's death has come between
          failures = await disk.poison(reads);
          await disk.state();
        } while (failures.includes("disconnected") && disk.quarantines.length === before);
      },
      async release() {
        await ring3.manager.ask("wait", { device, state: "quarantined", timeoutMs: AFTER_MS * PROOFS });
        await disk.renew();
      },
      sleep: (ms) => sleep(ms),
    };
  }

  /** Do the disks hold what their ledgers say? */
  async verify(): Promise<string | undefined> {
    for (const disk of this.disks) {
      disk.begin("at the end");
      const failure = await disk.verify();
      if (failure !== undefined) return `${disk.drive.device}: ${failure}`;
    }
    return undefined;
  }

  async end(): Promise<void> {
    await Promise.allSettled(this.disks.map((disk) => disk.end()));
    await Promise.all(this.disks.map((disk) => disk.drive.end()));
  }
}

function allowed(mayFail: Fault["mayFail"] = [], { door }: Disk, kind: string, cut: boolean): boolean {
  if (door === "application") return mayFail.includes(kind);
  return kind === "disconnected" ? cut || mayFail.includes(kind) : kind === "refused" && mayFail.length > 0;
}
