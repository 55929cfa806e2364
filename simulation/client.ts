// Runs in: the simulation, as a client's process. Owns: what one program does with the disks that it finds, by the very client end of ring3.
import { type Block, block } from "@ring3/classes/block/contract";
import { recovery } from "@ring3/classes/block/recovery";
import { ManagerConnection } from "@ring3/client/manager-connection";
import type { UnitSession } from "@ring3/client/unit-session";
import { Units } from "@ring3/client/units";
import type { Access } from "@ring3/control/fields";
import type { Clock } from "@ring3/core/clock";
import type { DeviceError } from "@ring3/core/errors";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import type { Dice } from "./dice.ts";
import type { Process } from "./kernel/process.ts";
import type { Ledger } from "./ledger.ts";
import { sectors } from "./ledger.ts";
import { type Medium, SECTOR_BYTES, SECTORS } from "./medium.ts";

/** At most so many sectors in one request. */
const COUNT_MAX = 4;
/** How long a request may take, in milliseconds, and how long a program thinks before the next. */
const DEADLINE_MS = [150, 1500] as const;
const THINKS_MS = [0, 4] as const;
const TRIES_AGAIN_MS = [5, 60] as const;

/** What a client needs of the world around it. */
export interface World {
  readonly dice: Dice;
  readonly ledger: Ledger;
  /** The faults are over: read once more, and end. */
  readonly winding: boolean;
  /** For who reads a trace. */
  say(client: Client, text: string): undefined;
  /** A request is under way; call the answer when it is over. */
  began(client: Client, what: string): () => void;
}

/** How a client comes by its connections to one manager after the other. */
export interface Streams {
  /** Throws DeviceError where ring3 has ended. */
  next(): Descriptor;
  resumed(connection: ManagerConnection): Promise<void>;
}

/** What a session has been told was written, and what it was told was lost. */
interface Vouched {
  readonly done: Map<number, number>;
  readonly lost: Map<number, number>;
}

export class Client {
  readonly process: Process;
  readonly #world: World;
  readonly #clock: Clock;
  readonly mode: Access;
  readonly #units: Units;
  readonly #using = new Set<string>();
  readonly #read = new Set<string>();
  readonly #aborts = new Set<AbortController>();
  over = false;
  /** It breaks the rules of its own channels. */
  rogue = false;

  /** `streams`: to the manager there is, and to those after it. */
  constructor(process: Process, streams: Streams, mode: Access, clock: Clock, world: World) {
    this.process = process;
    this.#world = world;
    this.#clock = clock;
    this.mode = mode;
    this.#units = new Units((notices) => new ManagerConnection(() => streams.next(), notices, clock), clock, {
      added: ({ unit }) => this.#use(unit),
      changed: ({ unit }) => this.#use(unit),
      resumed: () => void streams.resumed(this.#units.connection).catch(() => {}), // that manager is dead too
    });
    this.#units.connection.signal.addEventListener("abort", () => {
      this.over = true;
    });
    this.#units.subscribe("block").catch(() => {}); // the connection is over then
  }

  /** Units that were read when the faults were over. */
  get read(): ReadonlySet<string> {
    return this.#read;
  }

  get using(): number {
    return this.#using.size;
  }

  /** A request is under way that can be taken back. */
  get waiting(): boolean {
    return this.#aborts.size > 0;
  }

  cancelOne(): void {
    const [abort] = this.#aborts;
    if (abort === undefined) return; // answered meanwhile
    this.#aborts.delete(abort);
    abort.abort();
  }

  disconnect(): void {
    this.#units.connection.disconnect();
  }

  #use(unit: string): void {
    if (this.#using.has(unit)) return;
    this.#using.add(unit);
    void this.#useUntilOver(unit).finally(() => this.#using.delete(unit));
  }

  async #useUntilOver(unit: string): Promise<void> {
    while (!this.over && this.#units.info(unit) !== undefined && !this.#read.has(unit)) {
      const session = await this.#units
        .open(unit, { contract: block, recovery }, this.mode)
        .catch((error: Error) => this.#world.say(this, `cannot open ${unit}: ${error.message}`));
      if (session !== undefined) {
        await this.#work(unit, session);
        await session.close();
      }
      await this.#sleep(...TRIES_AGAIN_MS);
    }
  }

  async #work(unit: string, session: UnitSession<Block>): Promise<void> {
    const { dice, ledger } = this.#world;
    const number = await this.#label(session);
    if (number === undefined) return;
    const medium = ledger.medium(number);
    const vouched: Vouched = { done: new Map(), lost: new Map() };
    const lane = async (): Promise<void> => {
      while (session.end.ended === undefined && !this.#world.winding) {
        const kind = dice.next();
        if (this.mode === "read" || kind < 0.3) await this.#readOnce(session, medium);
        else if (kind < 0.9) await this.#write(session, medium, vouched);
        else await this.#flush(session, medium, vouched);
        if (dice.chance(0.8)) await this.#sleep(...THINKS_MS);
      }
    };
    await Promise.all(Array.from({ length: 1 + dice.below(3) }, lane));
    while (this.#world.winding && session.end.ended === undefined && !this.#read.has(unit))
      if (await this.#readOnce(session, medium)) this.#read.add(unit);
      else await this.#sleep(...TRIES_AGAIN_MS);
  }

  /** Which medium this session is about: every sector says so. */
  async #label(session: UnitSession<Block>): Promise<number | undefined> {
    const answer = await this.#ask(session, "read", "label", { lba: 0, count: 1 }, { length: SECTOR_BYTES });
    if (typeof answer === "string" || answer.length < SECTOR_BYTES) return undefined;
    return viewOf(answer).getUint32(0, true);
  }

  async #readOnce(session: UnitSession<Block>, medium: Medium): Promise<boolean> {
    const range = this.#range();
    const floor = medium.floor.slice();
    const losses = medium.losses.length;
    const length = range.count * SECTOR_BYTES;
    const answer = await this.#ask(session, "read", "read", range, { length });
    if (typeof answer === "string" || answer.length < length) return false; // a driver that answers with less is a liar
    const view = viewOf(answer);
    for (const at of sectors(range)) {
      const offset = (at - range.lba) * SECTOR_BYTES;
      const least = Math.min(floor[at]!, medium.losses[losses]?.[at] ?? floor[at]!);
      this.#world.ledger.read(
        view.getUint32(offset, true),
        view.getUint32(offset + 4, true),
        medium,
        at,
        least,
      );
    }
    return true;
  }

  async #write(session: UnitSession<Block>, medium: Medium, vouched: Vouched): Promise<void> {
    const { dice, ledger } = this.#world;
    const range = this.#range();
    const forced = dice.chance(0.15);
    const write = ledger.asked(medium.number, range.lba, range.count, forced);
    const data = new Uint8Array(range.count * SECTOR_BYTES);
    for (let offset = 0; offset < data.length; offset += SECTOR_BYTES) {
      viewOf(data).setUint32(offset, medium.number, true);
      viewOf(data).setUint32(offset + 4, write.stamp, true);
    }
    const input = { ...range, fua: forced ? 1 : 0 };
    const answer = await this.#ask(session, "write", `write ${write.stamp}`, input, { data });
    if (typeof answer !== "string") {
      ledger.done(write, medium);
      for (const at of sectors(range)) vouched.done.set(at, write.stamp);
    } else if (this.over) ledger.orphaned(write);
    else ledger.failed(write, answer);
  }

  async #flush(session: UnitSession<Block>, medium: Medium, vouched: Vouched): Promise<void> {
    const before = new Map(vouched.done);
    const answer = await this.#ask(session, "flush", "flush", {}, {});
    if (answer === "lost-writes") {
      for (const [at, stamp] of vouched.done) if (medium.durable[at]! < stamp) vouched.lost.set(at, stamp);
    } else if (typeof answer !== "string")
      for (const [at, stamp] of before)
        if ((vouched.lost.get(at) ?? 0) < stamp) this.#world.ledger.flushed(medium, at, stamp);
  }

  /** The bytes read, or the kind of the failure. */
  async #ask(
    session: UnitSession<Block>,
    name: "read" | "write" | "flush",
    what: string,
    input: object,
    options: { data?: Uint8Array; length?: number },
  ): Promise<Uint8Array | string> {
    const { dice } = this.#world;
    if (!this.process.alive || this.rogue) return await new Promise(() => {});
    const answered = this.#world.began(this, what);
    const abort = new AbortController();
    this.#aborts.add(abort);
    const deadlineMs = Math.round(dice.between(...DEADLINE_MS));
    const { end } = session;
    const whole = { ...input, medium: end.properties.medium } as never;
    const answer = await end.request(name, whole, { ...options, deadlineMs, signal: abort.signal }).then(
      ({ data }) => data,
      (error: DeviceError) => error.kind,
    );
    if (!this.process.alive || this.rogue) return await new Promise(() => {}); // nothing that it says is true any more
    this.#aborts.delete(abort);
    answered();
    return answer;
  }

  #range(): { lba: number; count: number } {
    const { dice } = this.#world;
    const count = 1 + dice.below(COUNT_MAX);
    return { lba: dice.below(SECTORS - count + 1), count };
  }

  #sleep(least: number, end: number): Promise<void> {
    return new Promise((resolve) => this.#clock.after(this.#world.dice.between(least, end), resolve));
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
