// Runs in: driver host, jailed. Owns: one LUN: its medium, how that changes, and what clients must hear of it.
import { type Block, block, DeviceError, type EventData, type Geometry, type Wait } from "@ring3/sdk";
import { inquiry, type ScsiCommand, testUnitReady } from "./cdb.ts";
import type { Kept, Loss } from "./kept.ts";
import { flagsOf, type Medium, type Particulars, readMedium } from "./medium.ts";
import { INQUIRY_BYTES, type Inquiry, parseInquiry } from "./replies.ts";
import { type Attention, type Sense, senseText } from "./sense.ts";
import { Target } from "./target.ts";
import type { BulkOnly, Host } from "./transport.ts";

const NO_BYTES = new Uint8Array(0);
const REQUEST_BYTES_MAX = block.slotBytes;
/** What is said of the sectors while there is no medium to ask. */
const ABSENT_SECTOR_BYTES = 512;

export interface LunEvents {
  mediumChanged(now: EventData<Block, "mediumChanged">): void;
  lost(event: Loss): void;
}

export interface LunParts {
  readonly bot: BulkOnly;
  readonly host: Host;
  readonly events: LunEvents;
  readonly kept: Kept;
  /** Largest data phase of one command, in bytes. */
  readonly commandBytes: number;
  /** False at the first start since the device was plugged in: what it then says of its past is no one's concern. */
  readonly restarted: boolean;
}

export class Lun {
  readonly number: number;
  readonly commandBytes: number;
  readonly #bot: BulkOnly;
  readonly #host: Host;
  readonly #events: LunEvents;
  readonly #target: Target;
  readonly #kept: Kept;
  #about!: Inquiry; // from `inquire`, which comes before all else
  #medium: Medium | undefined;
  /** The number of the medium that clients have been told last. */
  #told = 0;
  /** Resets of the device whose unit attention, should there be one, has been told. */
  #resetsSeen = 0;
  /** True before the first unit attention of a freshly plugged-in device could mean anything to a client. */
  #fresh: boolean;
  /** True while the medium is looked at: attentions are then about what is being found out. */
  #looking = true;
  /** The device has told of nothing since the driver before. */
  #unheardOf: boolean;
  #lookAgain = false;
  /** Nobody can be told before the driver's probe is over and a request has come. */
  #probed = false;
  #activeMs = 0;
  #losses = 0;
  /** The loss that is kept has been told. */
  #toldLoss = false;
  #complaint: string | undefined;

  constructor(number: number, { bot, host, events, kept, commandBytes, restarted }: LunParts) {
    this.number = number;
    this.commandBytes = commandBytes;
    this.#bot = bot;
    this.#host = host;
    this.#events = events;
    this.#kept = kept;
    this.#fresh = !restarted;
    this.#unheardOf = restarted;
    const told = {
      asking: (asking: boolean) => kept.asking(asking),
      attention: (of: Attention, wait: Wait) => this.#attention(of, wait),
      deferredError: (sense: Sense) => this.#deferredError(sense),
      unheard: (wait: Wait) => this.#attention(kept.removable ? "medium-changed" : "power-on", wait),
      noMedium: () => this.#mediumGone(),
    };
    this.#target = new Target(number, bot, host, told, kept.owed);
    this.#target.changeable = kept.removable;
  }

  /** undefined: the device says that there is no such LUN. What it has told the driver before holds until it is unplugged. */
  async inquire(wait: Wait): Promise<Inquiry | undefined> {
    if (this.#kept.about !== undefined) {
      this.#about = this.#kept.about;
      return this.#about;
    }
    const data = new Uint8Array(INQUIRY_BYTES);
    using _turn = await this.#bot.turns.take(wait);
    try {
      const bytes = await this.#target.run(inquiry(INQUIRY_BYTES), data, wait);
      this.#about = parseInquiry(data.subarray(0, bytes));
      return this.#about;
    } catch (error) {
      if (!(error instanceof DeviceError) || error.kind !== "unsupported" || this.number === 0) throw error;
      return undefined;
    }
  }

  /** Gets the LUN ready and looks at its medium; having none is no failure. */
  async probe(wait: Wait): Promise<void> {
    const { removable } = this.#about;
    this.#target.changeable = removable;
    this.#kept.begin(this.#about);
    using _turn = await this.#bot.turns.take(wait);
    await this.#look(wait);
    this.#begun();
  }

  /** Its probe has failed, and others are there to serve: it has no medium until the poll finds a usable one. */
  beginWithout(why: DeviceError): void {
    this.#unusable(why);
    this.#begun();
  }

  #begun(): void {
    this.#unheardOf = false;
    this.#told = this.#kept.medium;
    this.#fresh = false;
    this.#probed = true;
  }

  /** How often this driver has learned that acknowledged writes may be lost. */
  get losses(): number {
    return this.#losses;
  }

  get geometry(): Geometry {
    const sectorBytes = this.#medium?.sectorBytes ?? ABSENT_SECTOR_BYTES;
    const { optimalTransfer = 0 } = this.#medium?.limits ?? {};
    const maxTransferSectors = REQUEST_BYTES_MAX / sectorBytes;
    return {
      sectorBytes,
      sectors: this.#medium?.sectors ?? 0,
      maxTransferSectors,
      optimalTransferSectors: Math.min(
        optimalTransfer === 0 ? this.commandBytes / sectorBytes : optimalTransfer,
        maxTransferSectors,
      ),
      flags: flagsOf(this.#about, this.#medium),
      medium: this.#kept.medium,
    };
  }

  /** To be called now and then: looks whether a medium came or went, where that can be. */
  async poll(idleMs: number, wait: Wait): Promise<void> {
    if (!this.#about.removable && this.#medium !== undefined) return;
    if (this.#bot.turns.busy || this.#host.now() - this.#activeMs < idleMs) return;
    using _turn = await this.#bot.turns.take(wait);
    try {
      if (this.#medium === undefined) await this.#lookAfresh(wait);
      else await this.#ready(wait);
    } catch (error) {
      // Both have been told as an event by now.
      if (!(error instanceof DeviceError) || !["no-medium", "medium-changed"].includes(error.kind))
        throw error;
    }
  }

  /** Medium `number`. DeviceError: "medium-changed" if another one has its place, "no-medium" if that is the number of none. */
  present(what: string, number: number): Medium {
    this.#checkNumber(number);
    if (this.#medium === undefined) throw new DeviceError("no-medium", `${what}, LUN ${this.number}`);
    return this.#medium;
  }

  /** One command to medium `number`, moving all its data. */
  async run(number: number, command: ScsiCommand, data: Uint8Array, wait: Wait): Promise<void> {
    using _turn = await this.#bot.turns.take(wait);
    this.#activeMs = this.#host.now();
    this.#tellHeld();
    this.#checkNumber(number);
    await this.#target.run(command, data, wait, { whole: true });
    this.#resetsSeen = this.#bot.resets;
    this.#kept.setClean(false); // not before: the command was sent again if the power had been lost until then
  }

  /** All that was acknowledged was flushed, and no request is under way. */
  flushed(): void {
    this.#kept.setClean(true);
  }

  /** Tells what is untold, for a request that needs no command. */
  async tell(number: number, wait: Wait): Promise<void> {
    using _turn = await this.#bot.turns.take(wait);
    this.#tellHeld();
    this.#checkNumber(number);
  }

  /**
   * What the client must know before it gets its next answer. An event is on its way once the request that told it is over, so only the
   * next one forgets: a death in between tells it twice rather than never.
   */
  #tellHeld(): void {
    const { loss } = this.#kept;
    if (loss === null) return;
    if (this.#toldLoss) this.#kept.toldLoss();
    else this.#tellLoss(loss);
  }

  #tellLoss(loss: Loss): void {
    this.#events.lost(loss);
    this.#toldLoss = true;
  }

  #checkNumber(number: number): void {
    const now = this.#kept.medium;
    if (number !== now)
      throw new DeviceError(
        "medium-changed",
        `LUN ${this.number}: the request was for medium ${number}, now it is ${now}`,
      );
  }

  async #attention(of: Attention, wait: Wait): Promise<void> {
    this.#unheardOf = false;
    // A reset of our own explains one of these, but never that the power was gone.
    const ownReset = this.#bot.resets !== this.#resetsSeen;
    this.#resetsSeen = this.#bot.resets;
    if (this.#fresh) return this.#kept.asking(false);
    // Kept before anything else is done: the device will not tell it again.
    switch (of) {
      case "medium-changed":
        this.#kept.changed();
        this.#lookAgain = true;
        break;
      case "power-on":
        this.#lost("powerLost");
        break;
      case "reset-or-power-on":
        if (!ownReset) this.#lost("powerLost");
        break;
      case "other":
        break;
    }
    this.#kept.asking(false);
    // Whatever happened to it, it may have forgotten over that to tell of another medium (SAM-5 §5.14): its size tells then.
    if (!this.#looking && (of === "medium-changed" || this.#about.removable)) await this.#lookAfresh(wait);
  }

  #deferredError(sense: Sense): void {
    this.#host.log.warn(`LUN ${this.number}: acknowledged writes have failed: ${senseText(sense)}`);
    this.#lost("writesLost");
  }

  #lost(loss: Loss): void {
    if (loss === "powerLost" && this.#kept.clean) return;
    this.#losses++;
    this.#kept.lost(loss);
    if (this.#probed) this.#tellLoss(loss);
  }

  #mediumGone(): void {
    if (this.#looking) return;
    this.#medium = undefined;
    this.#kept.found(0, 0);
    this.#tellChange();
  }

  /** Throws "medium-changed" where another medium is in than clients know of, once they have been told. */
  async #lookAfresh(wait: Wait): Promise<void> {
    try {
      await this.#look(wait);
    } catch (error) {
      if (!(error instanceof DeviceError) || error.kind === "disconnected") throw error;
      this.#unusable(error);
    }
    if (this.#tellChange()) throw new DeviceError("medium-changed", `LUN ${this.number}`);
  }

  /** The poll looks again, and need not say the same each time. */
  #unusable({ message }: DeviceError): void {
    if (message !== this.#complaint)
      this.#host.log.warn(`LUN ${this.number}: its medium cannot be used: ${message}`);
    this.#complaint = message;
    this.#kept.found(0, 0);
  }

  #tellChange(): boolean {
    const { sectors, sectorBytes, flags, medium } = this.geometry;
    if (medium === this.#told) return false;
    this.#told = medium;
    this.#events.mediumChanged({ sectors, sectorBytes, flags, medium });
    return true;
  }

  /** What was known of the medium is forgotten; nothing is known of one that is not there. */
  async #look(wait: Wait): Promise<void> {
    this.#looking = true;
    this.#medium = undefined;
    try {
      do {
        if (!this.#mayBeAsBefore) await this.#ready(wait);
        this.#lookAgain = false; // from here on a change would leave a mixture
        const known = (sectors: number, sectorBytes: number) => this.#knownOf(sectors, sectorBytes);
        this.#medium = await readMedium(this.#target, this.#host, this.#about, known, wait);
      } while (this.#lookAgain);
    } catch (error) {
      this.#medium = undefined;
      if (!(error instanceof DeviceError) || error.kind !== "no-medium") throw error;
    } finally {
      this.#looking = false;
    }
    this.#kept.found(this.#medium?.sectors ?? 0, this.#medium?.sectorBytes ?? 0);
    if (!this.#about.removable && this.#medium !== undefined) this.#kept.asked(this.#medium);
  }

  /**
   * What the driver before has asked need not be asked again, of a medium that nobody can exchange and a device that has nothing to say
   * about what happened to it since: a start after a death is shorter by half.
   */
  #knownOf(sectors: number, sectorBytes: number): Particulars | undefined {
    if (!this.#mayBeAsBefore) return undefined;
    this.#resetsSeen = this.#bot.resets;
    return this.#kept.particularsOf(sectors, sectorBytes);
  }

  /** Until the device says otherwise, which it does when it is asked for the medium's size as well as when it is asked whether it is ready. */
  get #mayBeAsBefore(): boolean {
    return this.#unheardOf && !this.#about.removable && this.#kept.looked;
  }

  /** All pending attentions have been told once this succeeds. */
  async #ready(wait: Wait): Promise<void> {
    await this.#target.run(testUnitReady(), NO_BYTES, wait);
    this.#resetsSeen = this.#bot.resets;
  }
}
