// Runs in: CLI. Owns: one simulated drive, who uses it, and the ledger of it: each request is sent, checked and accounted for here.
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { integer, type Random } from "@ring3/core/chance";
import { SimulatedDrive } from "../simulated-drive.ts";
import { ApplicationDoor } from "./application-door.ts";
import { type Door, eventually, RequestFailure } from "./door.ts";
import type { DoorKind, End } from "./fault.ts";
import type { Instance } from "./instance.ts";
import { Ledger, type Range, SECTOR_BYTES, sectorsOf } from "./ledger.ts";
import { NbdDoor } from "./nbd-door.ts";

/** The ledger's part of the disk. Its last two sectors are packages/host/torture's. */
const LEDGER_SECTORS = 8192;
const DISK_BYTES = 8 << 20;
const ORDER_LBA = DISK_BYTES / SECTOR_BYTES - 1;
const POISON_LBA = ORDER_LBA - 1;
const EXTENT_MAX = 64;
/** Shares of reads among requests, and of writes with FUA among writes. */
const READS = 0.45;
const FORCED = 0.2;
/** Requests at once. */
export const VOLLEY_MIN = 2;
const VOLLEY_MAX = 5;
/** A request that is not answered by then never will be: a driver that hangs is known by its deadlines, of which the longest is 30 s. */
const LOST_MS = 90_000;
/** An application that has suspected its driver 12 times within a minute is hung up on (manager/clients.ts). */
const DEATHS_MAX = 8;
/** Of more only the number is kept. */
const COMPLAINTS_MAX = 100;

export interface Tally {
  requests: number;
  failed: number;
  lost: number;
  corrupt: number;
  /** All disks could be read at the end. */
  verified: boolean;
  /** For people. */
  readonly wrong: string[];
}

export class Disk {
  readonly door: DoorKind;
  readonly drive: SimulatedDrive;
  readonly ledger = new Ledger(LEDGER_SECTORS);
  readonly #instance: Instance;
  readonly #tally: Tally;
  readonly #busy = new Uint8Array(LEDGER_SECTORS);
  #door!: Door;
  /** In this round. */
  deaths: { readonly end: End; readonly reason: string }[] = [];
  quarantines: string[] = [];
  /** Counts how often it was opened. */
  session = 1;
  #deathsOfDoor = 0;
  #unheard = false;
  #died: (() => void)[] = [];
  /** Since when it does not serve, and how long it did not until it did again. */
  #awaySince: number | undefined;
  awayMs: number | undefined;
  /** Of requests from now on. */
  deadlineMs: number | undefined;
  /** What is written down of anything wrong. */
  where = "";

  constructor(instance: Instance, door: DoorKind, name: string, tally: Tally) {
    this.door = door;
    this.#instance = instance;
    this.#tally = tally;
    this.drive = new SimulatedDrive(instance.ring3, name, [
      ...["--create", String(DISK_BYTES), "--write-cache", "--serial", `TORTURE-${name}`],
    ]);
    instance.watch(this.drive.device, {
      failed: (end, reason) => this.#failed(end, reason),
      quarantined: (reason) => this.quarantines.push(reason),
    });
  }

  async start(): Promise<void> {
    const { ring3 } = this.#instance;
    await this.drive.plug();
    await ring3.reached(this.drive.device);
    if (this.door === "application") this.#door = new ApplicationDoor(ring3.directory, this.drive.device);
    else {
      const address = await eventually(`an endpoint of ${this.drive.device}`, async () => {
        const { units } = await ring3.device(this.drive.device);
        return units[0]!.endpoints[0]!.address;
      });
      this.#door = new NbdDoor(new URL(address).searchParams.get("socket")!, (what) => this.corrupt(what));
    }
    await this.#open();
  }

  async #open(): Promise<void> {
    await eventually(`open ${this.drive.device}`, async () => {
      await this.#release();
      await this.#door.open();
    });
  }

  /** Of the device. Once it is known, all that the log has told of it until then is counted. */
  async state(): Promise<string> {
    const { ring3 } = this.#instance;
    const { device } = this.drive;
    return await eventually(`state of ${device}`, async () => (await ring3.device(device)).state);
  }

  /** Out of a quarantine, which ends all connections and which it may have got into without being meant to. */
  async #release(): Promise<boolean> {
    if ((await this.state()) !== "quarantined") return false;
    await this.#instance.ring3.manager.ask("restart", { device: this.drive.device });
    return true;
  }

  #failed(end: End, reason: string): void {
    this.deaths.push({ end, reason });
    this.#deathsOfDoor++;
    this.#unheard = true;
    for (const resolve of this.#died.splice(0)) resolve();
  }

  /** Resolves with the driver's next death, or after that time. */
  async death(withinMs: number): Promise<void> {
    const timer = new AbortController();
    const died = new Promise<void>((resolve) => this.#died.push(resolve));
    await Promise.race([died, sleep(withinMs, undefined, { signal: timer.signal }).catch(() => {})]);
    timer.abort();
  }

  /** A round begins. */
  begin(where: string): void {
    this.where = where;
    this.deaths = [];
    this.quarantines = [];
    this.#awaySince = undefined;
    this.awayMs = undefined;
  }

  /** From now on it may not serve; the first request that it answers after its driver's death ends that. */
  struck(): void {
    this.#awaySince = performance.now();
  }

  #served(): void {
    if (this.#awaySince === undefined || this.deaths.length === 0) return;
    this.awayMs = performance.now() - this.#awaySince;
    this.#awaySince = undefined;
  }

  /** It was told what is not so. */
  corrupt(what: string): void {
    this.#tally.corrupt++;
    this.#complain(what);
  }

  #complain(what: string): void {
    const { wrong } = this.#tally;
    if (wrong.length < COMPLAINTS_MAX)
      wrong.push(`${this.where}, ${this.drive.device}, ${this.door}: ${what}`);
  }

  /** Some reads and writes at once, no two of which touch each other; resolves with the reasons of those that have failed. */
  async volley(random: Random): Promise<string[]> {
    const count = VOLLEY_MIN + integer(random, VOLLEY_MAX - VOLLEY_MIN + 1);
    return failuresIn(await Promise.all(Array.from({ length: count }, () => this.#any(random))));
  }

  #any(random: Random): Promise<string | undefined> {
    return this.#alone(random, (range) =>
      random() < READS ? this.#read(range) : this.#write(range, random() < FORCED),
    );
  }

  /** undefined: answered as it must be. */
  read(random: Random): Promise<string | undefined> {
    return this.#alone(random, (range) => this.#read(range));
  }

  /** Something that only the cache has. */
  unforced(random: Random): Promise<string | undefined> {
    return this.#alone(random, (range) => this.#write(range, false));
  }

  /** On sectors that no other request touches meanwhile. */
  async #alone(
    random: Random,
    request: (range: Range) => Promise<string | undefined>,
  ): Promise<string | undefined> {
    const range = this.#take(random);
    try {
      return await request(range);
    } finally {
      this.#busy.fill(0, range.lba, range.lba + range.count);
    }
  }

  #take(random: Random): Range {
    for (;;) {
      const lba = integer(random, LEDGER_SECTORS - EXTENT_MAX);
      const count = 1 + integer(random, EXTENT_MAX);
      if (this.#busy.subarray(lba, lba + count).includes(1)) continue;
      this.#busy.fill(1, lba, lba + count);
      return { lba, count };
    }
  }

  async #read(range: Range): Promise<string | undefined> {
    let bytes: Uint8Array | undefined;
    const failure = await this.#accounted("read", async () => {
      bytes = await this.#door.read(range, this.deadlineMs);
    });
    if (bytes === undefined) return failure;
    const wrong = this.ledger.read(range, bytes);
    if (wrong === undefined) return undefined;
    this.corrupt(wrong);
    return "corrupt";
  }

  async #write(range: Range, forced: boolean): Promise<string | undefined> {
    const version = this.ledger.next();
    const bytes = sectorsOf(range, version);
    const failure = await this.#accounted("write", () =>
      this.#door.write(range, bytes, forced, this.deadlineMs),
    );
    if (failure === undefined) this.ledger.written(range, version, forced);
    else this.ledger.failed(range, version);
    return failure;
  }

  /** All that was acknowledged is on the medium; call while nothing is under way. */
  async flush(): Promise<string | undefined> {
    const failure = await this.#accounted("flush", () => this.#door.flush());
    if (failure !== undefined) return failure;
    this.ledger.flushed();
    this.#unheard = false;
    return undefined;
  }

  /**
   * A flush that is to be done. Where since the last one a driver has died or a request has failed, a loss may be told of first: the device may
   * have been about to say why it refused a command, and nobody has heard whether that was a loss of power.
   */
  async settle(): Promise<string | undefined> {
    const unheard = this.#unheard;
    const first = await this.flush();
    return unheard && tellsOfLoss(first) ? await this.flush() : first;
  }

  /** Each ends once: undefined for done, the reason of its failure, or "lost". */
  async #accounted(what: string, run: () => Promise<void>): Promise<string | undefined> {
    this.#tally.requests++;
    const timer = new AbortController();
    const lost = sleep(LOST_MS, "lost", { signal: timer.signal, ref: false }).catch(() => "lost");
    const failure = await Promise.race([lost, run().then(() => undefined, kindOf)]);
    timer.abort();
    if (failure === undefined) {
      this.#served();
      return undefined;
    }
    this.#tally.failed++;
    this.#unheard = true;
    if (failure === "lost") {
      this.#tally.lost++;
      this.#complain(`a ${what} was not answered within ${LOST_MS} ms`);
    }
    return failure;
  }

  /** To packages/host/torture. Nothing that may fail a request is under way. */
  async order(order: object): Promise<void> {
    const sector = new Uint8Array(SECTOR_BYTES);
    new TextEncoder().encodeInto(JSON.stringify(order), sector);
    const failure = await this.#accounted("order", () =>
      this.#door.write({ lba: ORDER_LBA, count: 1 }, sector, false, undefined),
    );
    if (failure !== undefined) throw new RequestFailure(failure, `order: ${failure}`);
  }

  /** Resolves with the reasons for which they have failed. */
  async poison(reads: number): Promise<string[]> {
    const poisonous = () =>
      this.#accounted("poisonous read", async () => {
        await this.#door.read({ lba: POISON_LBA, count: 1 }, undefined);
      });
    return failuresIn(await Promise.all(Array.from({ length: reads }, poisonous)));
  }

  /** Opens the disk anew where it has to be. Call while nothing is under way. */
  async renew(): Promise<void> {
    const closed = (await this.#release()) || this.#door.closed;
    const tired = this.door === "application" && this.#deathsOfDoor >= DEATHS_MAX;
    if (!closed && !tired) return;
    if (!closed) await this.settle();
    this.#deathsOfDoor = 0;
    await this.#open();
    this.session++;
    this.ledger.disown();
  }

  /** Everything is flushed, read once more, and looked up in the image file; resolves with what is wrong. */
  async verify(): Promise<string | undefined> {
    const flush = await this.settle();
    if (flush !== undefined) return `flush: ${flush}`;
    for (let lba = 0; lba < LEDGER_SECTORS; lba += EXTENT_MAX) {
      const failure = await this.#read({ lba, count: EXTENT_MAX });
      if (failure !== undefined) return `read: ${failure}`;
    }
    const { image } = this.drive;
    const wrong = this.ledger.read(
      { lba: 0, count: LEDGER_SECTORS },
      readFileSync(image).subarray(0, LEDGER_SECTORS * SECTOR_BYTES),
    );
    if (wrong !== undefined) this.corrupt(`its image: ${wrong}`);
    const other = `${image}.other`; // what fault another-disk has plugged in
    if (existsSync(other) && readFileSync(other).some((byte) => byte !== 0))
      this.corrupt("another disk was written to");
    return undefined;
  }

  async end(): Promise<void> {
    await this.#door?.close();
  }
}

function kindOf(error: Error): string {
  if (error instanceof RequestFailure) return error.kind;
  throw error;
}

/** NBD has no word of its own for it. */
export const tellsOfLoss = (failure: string | undefined): boolean =>
  failure === "lost-writes" || failure === "refused";

const failuresIn = (failures: readonly (string | undefined)[]): string[] =>
  failures.filter((failure) => failure !== undefined);
