// Runs in: driver host, jailed. Owns: what must be known of a device and its LUNs beyond this driver's death, in `ctx.state`: the number of a
// LUN's medium, what a device tells only once and clients have not heard yet, and what it need not be asked again.
import type { Context, Json } from "@ring3/sdk";
import { LUN_MAX } from "./bot.ts";
import { type Particulars, particularsIn } from "./medium.ts";
import { type Inquiry, inquiryIn } from "./replies.ts";

/** The event that clients are to be told. Lost writes are the graver one, as they need no cache to be lost from. */
export type Loss = "powerLost" | "writesLost";

interface Known {
  /** Of the medium; 0 before the first. */
  readonly number: number;
  /** 0: none is in; null: not looked at yet. */
  readonly sectors: number | null;
  readonly sectorBytes: number;
  readonly removable: boolean;
  /** REQUEST SENSE is under way: what it tells is lost if the driver dies before it has acted on it. */
  readonly asking: boolean;
  /** It is not certain that clients have heard of it. */
  readonly loss: Loss | null;
  /** All that was acknowledged is on the medium. */
  readonly clean: boolean;
  /** Of a fixed medium of that size. */
  readonly particulars: Particulars | null;
  /** What the device has said the LUN is. */
  readonly about: Inquiry | null;
}

const nothing: Known = {
  number: 0,
  sectors: null,
  sectorBytes: 0,
  removable: false,
  asking: false,
  loss: null,
  clean: false,
  particulars: null,
  about: null,
};
/** `ctx.state` has room for what so many have said. */
const TALKATIVE_LUNS = 3;
/** Should the state be lost, numbers go on so far apart that no incarnation before can have given them. */
const APART = 0x1_0000;

type State = Context["state"];

export class Kept {
  readonly #lun: string;
  readonly #ctx: Pick<Context, "state" | "incarnation">;
  /** What the device had to say to the incarnation before has to be asked for first. */
  readonly owed: boolean;
  #known: Known;

  constructor(lun: number, ctx: Pick<Context, "state" | "incarnation" | "log">) {
    this.#lun = String(lun);
    this.#ctx = ctx;
    this.#known = knownOf(ctx.state.get(), this.#lun);
    this.owed = this.#known.number !== 0;
    if (!this.#known.asking) return;
    const meant = this.removable ? "another medium" : "a loss of power";
    ctx.log.warn(
      `LUN ${lun}: the driver died over sense data that nobody can ask for again: taken for ${meant}`,
    );
    if (this.removable) this.changed();
    else if (this.clean) this.asking(false);
    else this.lost("powerLost");
  }

  /** Before the first use, once the device has said what it is. */
  begin(about: Inquiry): void {
    const { removable } = about;
    const { incarnation } = this.#ctx;
    const first = removable && incarnation > 1 ? (incarnation * APART) >>> 0 : 1;
    const number = this.#known.number === 0 ? first : this.#known.number;
    this.#keep({ number, removable, about: Number(this.#lun) < TALKATIVE_LUNS ? about : null });
  }

  /** What the device has told a driver before; undefined: it is to be asked. */
  get about(): Inquiry | undefined {
    return this.#known.about ?? undefined;
  }

  /** The medium can be exchanged. */
  get removable(): boolean {
    return this.#known.removable;
  }

  get medium(): number {
    return this.#known.number;
  }

  /** Another medium may be in; what it is will be `found`. */
  changed(): void {
    this.#keep({ number: (this.#known.number + 1) >>> 0, sectors: null, particulars: null, asking: false });
  }

  /** What is in now. Of another size it is another medium. */
  found(sectors: number, sectorBytes: number): void {
    const { sectors: before, sectorBytes: bytesBefore } = this.#known;
    if (before !== null && (before !== sectors || bytesBefore !== sectorBytes)) this.changed();
    this.#keep({ sectors, sectorBytes, asking: false });
  }

  /** What the device has answered about the medium that was found. */
  asked({
    sectors,
    sectorBytes,
    ...particulars
  }: Particulars & { sectors: number; sectorBytes: number }): void {
    if (Number(this.#lun) < TALKATIVE_LUNS) this.#keep({ particulars });
  }

  /** A medium was found, and asked about. */
  get looked(): boolean {
    return this.#known.particulars !== null;
  }

  particularsOf(sectors: number, sectorBytes: number): Particulars | undefined {
    const { particulars, sectors: before, sectorBytes: bytesBefore } = this.#known;
    return sectors === before && sectorBytes === bytesBefore ? (particulars ?? undefined) : undefined;
  }

  asking(asking: boolean): void {
    this.#keep({ asking });
  }

  get loss(): Loss | null {
    return this.#known.loss;
  }

  lost(loss: Loss): void {
    this.#keep({ loss: this.#known.loss === "writesLost" ? "writesLost" : loss, asking: false });
  }

  toldLoss(): void {
    this.#keep({ loss: null });
  }

  /** No loss of power loses anything: no command was run since all was flushed. */
  get clean(): boolean {
    return this.#known.clean;
  }

  setClean(clean: boolean): void {
    if (clean !== this.clean) this.#keep({ clean });
  }

  #keep(change: Partial<Known>): void {
    const known: Known = { ...this.#known, ...change };
    if (JSON.stringify(known) === JSON.stringify(this.#known)) return;
    this.#known = known;
    this.#ctx.state.set({ ...recordOf(this.#ctx.state.get()), [this.#lun]: known as unknown as Json });
  }
}

/** What a device as a whole has told a driver before. */
export interface KeptDevice {
  /** The highest LUN; null: it has not said. */
  readonly last: number | null;
  /** Its residues are wrong even when all is well. */
  readonly ignoreResidue: boolean;
}

export function keptDevice(state: State): KeptDevice | undefined {
  const { last, ignoreResidue } = recordOf(recordOf(state.get()).device);
  const fits =
    last === null || (Number.isInteger(last) && (last as number) >= 0 && (last as number) <= LUN_MAX);
  return fits && typeof ignoreResidue === "boolean"
    ? { last: last as number | null, ignoreResidue }
    : undefined;
}

export function keepDevice(state: State, device: KeptDevice): void {
  const kept = keptDevice(state);
  if (kept?.last === device.last && kept.ignoreResidue === device.ignoreResidue) return;
  state.set({ ...recordOf(state.get()), device: { ...device } });
}

/** An earlier version of this driver may have kept something else. */
function recordOf(state: Json | undefined): Readonly<Record<string, Json>> {
  const isRecord = typeof state === "object" && state !== null && !Array.isArray(state);
  return isRecord ? (state as Readonly<Record<string, Json>>) : {};
}

function knownOf(state: Json | undefined, lun: string): Known {
  const { number, sectors, sectorBytes, removable, asking, loss } = recordOf(recordOf(state)[lun]);
  const fits =
    typeof number === "number" &&
    (typeof sectors === "number" || sectors === null) &&
    typeof sectorBytes === "number" &&
    typeof removable === "boolean" &&
    typeof asking === "boolean" &&
    (loss === "powerLost" || loss === "writesLost" || loss === null);
  if (!fits) return nothing;
  const particulars = particularsIn(recordOf(recordOf(state)[lun]).particulars) ?? null;
  const about = inquiryIn(recordOf(recordOf(state)[lun]).about) ?? null;
  const clean = recordOf(recordOf(state)[lun]).clean === true;
  return { number, sectors, sectorBytes, removable, asking, loss, clean, particulars, about };
}
