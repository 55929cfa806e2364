// Runs in: driver host, jailed. Owns: one LUN: its medium, how that changes, and what clients must hear of it.
import {
  BLOCK_FUA,
  BLOCK_MEDIUM_PRESENT,
  BLOCK_READ_ONLY,
  BLOCK_REMOVABLE,
  BLOCK_WRITE_CACHE,
  block,
  DeviceError,
  type Geometry,
  type Wait,
} from "@ring3/sdk";
import { type ScsiCommand, testUnitReady } from "./cdb.ts";
import { type Medium, readMedium } from "./medium.ts";
import { type Inquiry, NO_PROVISIONING, type Provisioning } from "./replies.ts";
import type { Attention } from "./sense.ts";
import { Target } from "./target.ts";
import type { BulkOnly, Host } from "./transport.ts";

const NO_BYTES = new Uint8Array(0);
const REQUEST_BYTES_MAX = block.slotBytes;
/** What is said of the sectors while there is no medium to ask. */
const ABSENT_SECTOR_BYTES = 512;

export interface LunEvents {
  mediumChanged(now: { sectors: number; sectorBytes: number; flags: number }): void;
  powerLost(): void;
}

export interface LunParts {
  readonly bot: BulkOnly;
  readonly host: Host;
  readonly events: LunEvents;
  readonly about: Inquiry;
  /** Largest data phase of one command, in bytes. */
  readonly commandBytes: number;
  /** False at the first start since the device was plugged in: what it then says of its past is no one's concern. */
  readonly restarted: boolean;
}

export class Lun {
  readonly about: Inquiry;
  readonly commandBytes: number;
  readonly #bot: BulkOnly;
  readonly #host: Host;
  readonly #events: LunEvents;
  readonly #target: Target;
  #medium: Medium | undefined;
  #generation = 0;
  /** Recoveries whose unit attention, should there be one, has been told. The one before probe counts as well. */
  #resetsSeen = 0;
  /** True before the first unit attention of a freshly plugged-in device could mean anything to a client. */
  #fresh: boolean;
  /** True while the medium is looked at: attentions are then about what is being found out. */
  #looking = false;
  #lookAgain = false;
  /** Nobody can be told before the driver's probe is over and a request has come. */
  #probed = false;
  /** What happened before there was anyone to tell. */
  #untold: { powerLost: boolean; mediumChanged: boolean } = { powerLost: false, mediumChanged: false };
  #activeMs = 0;

  constructor(lun: number, parts: LunParts) {
    this.about = parts.about;
    this.#bot = parts.bot;
    this.#host = parts.host;
    this.#events = parts.events;
    this.commandBytes = parts.commandBytes;
    this.#fresh = !parts.restarted;
    this.#target = new Target(lun, parts.bot, parts.host, {
      attention: (of, wait) => this.#attention(of, wait),
      deferredError: () => this.#powerLost(),
      noMedium: () => this.#mediumGone(),
    });
  }

  /** Gets the LUN ready and looks at its medium; having none is no failure. `told`: attentions that came before. */
  async probe(told: readonly Attention[], wait: Wait): Promise<void> {
    using _turn = await this.#bot.turns.take(wait);
    this.#looking = true;
    for (const of of told) await this.#attention(of, wait);
    await this.#look(wait);
    this.#fresh = false;
    this.#probed = true;
  }

  /** Counts media; a request belongs to the one that was there when it arrived. */
  get generation(): number {
    return this.#generation;
  }

  get number(): number {
    return this.#target.lun;
  }

  get provisioning(): Provisioning {
    return this.#medium?.provisioning ?? NO_PROVISIONING;
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
      flags: this.#flags(),
    };
  }

  /** To be called now and then: looks whether a medium came or went, where that can be. */
  async poll(idleMs: number, wait: Wait): Promise<void> {
    if (!this.about.removable && this.#medium !== undefined) return;
    if (this.#bot.turns.busy || this.#host.now() - this.#activeMs < idleMs) return;
    using _turn = await this.#bot.turns.take(wait);
    try {
      await this.#ready(wait);
      if (this.#medium === undefined) await this.#mediumChanged(wait);
    } catch (error) {
      // Both have been told as an event by now.
      if (!(error instanceof DeviceError) || !["no-medium", "medium-changed"].includes(error.kind))
        throw error;
    }
  }

  /** The medium, or DeviceError("no-medium"). */
  present(what: string): Medium {
    if (this.#medium === undefined) throw new DeviceError("no-medium", `${what}, LUN ${this.#target.lun}`);
    return this.#medium;
  }

  /** One command, moving all its data, of a request that arrived while medium number `generation` was in. */
  async run(generation: number, command: ScsiCommand, data: Uint8Array, wait: Wait): Promise<void> {
    using _turn = await this.#bot.turns.take(wait);
    this.#activeMs = this.#host.now();
    await this.#tellHeld(generation, wait);
    await this.#target.run(command, data, wait, { whole: true });
    this.#resetsSeen = this.#bot.resets;
  }

  /** Tells what is untold, for a request that needs no command. */
  async tell(generation: number, wait: Wait): Promise<void> {
    using _turn = await this.#bot.turns.take(wait);
    await this.#tellHeld(generation, wait);
  }

  /** What the client must know before it gets its first answer. */
  async #tellHeld(generation: number, wait: Wait): Promise<void> {
    const { powerLost, mediumChanged } = this.#untold;
    this.#untold = { powerLost: false, mediumChanged: false };
    if (powerLost) this.#events.powerLost();
    if (mediumChanged) await this.#mediumChanged(wait);
    if (generation !== this.#generation)
      throw new DeviceError(
        "medium-changed",
        `LUN ${this.#target.lun}: the request was for the medium before`,
      );
  }

  async #attention(of: Attention, wait: Wait): Promise<void> {
    // A reset of our own explains one of these, but never that the power was gone.
    const ownReset = this.#bot.resets !== this.#resetsSeen;
    this.#resetsSeen = this.#bot.resets;
    if (this.#fresh) return;
    switch (of) {
      case "medium-changed":
        this.#lookAgain = true;
        if (!this.#probed) this.#untold.mediumChanged = true;
        if (this.#looking) return;
        await this.#mediumChanged(wait);
        throw new DeviceError("medium-changed", `LUN ${this.#target.lun}`);
      case "power-on":
        this.#powerLost();
        return;
      case "reset-or-power-on":
        if (!ownReset) this.#powerLost();
        return;
      case "other":
        return;
    }
  }

  #powerLost(): void {
    if (this.#probed) this.#events.powerLost();
    else this.#untold.powerLost = true;
  }

  #mediumGone(): void {
    const had = this.#medium !== undefined;
    this.#medium = undefined;
    if (had && !this.#looking) this.#changed();
  }

  /** Another medium may be in: what was known of the old one is forgotten, requests for it fail. */
  async #mediumChanged(wait: Wait): Promise<void> {
    this.#medium = undefined;
    try {
      await this.#look(wait);
    } catch (error) {
      if (!(error instanceof DeviceError) || error.kind === "disconnected") throw error;
      this.#host.log.warn(`LUN ${this.#target.lun}: new medium: ${error.message}`); // poll looks again
    } finally {
      this.#changed();
    }
  }

  #changed(): void {
    this.#generation++;
    const { sectors, sectorBytes, flags } = this.geometry;
    this.#events.mediumChanged({ sectors, sectorBytes, flags });
  }

  async #look(wait: Wait): Promise<void> {
    this.#looking = true;
    try {
      do {
        await this.#ready(wait);
        this.#lookAgain = false; // from here on a change would leave a mixture
        this.#medium = await readMedium(this.#target, this.#host, this.about, wait);
      } while (this.#lookAgain);
    } catch (error) {
      this.#medium = undefined;
      if (!(error instanceof DeviceError) || error.kind !== "no-medium") throw error;
    } finally {
      this.#looking = false;
    }
  }

  /** All pending attentions have been told once this succeeds. */
  async #ready(wait: Wait): Promise<void> {
    await this.#target.run(testUnitReady(), NO_BYTES, wait);
    this.#resetsSeen = this.#bot.resets;
  }

  #flags(): number {
    const removable = this.about.removable ? BLOCK_REMOVABLE : 0;
    const medium = this.#medium;
    if (medium === undefined) return removable;
    return (
      removable |
      BLOCK_MEDIUM_PRESENT |
      (medium.readOnly ? BLOCK_READ_ONLY : 0) |
      (medium.writeCache ? BLOCK_WRITE_CACHE : 0) |
      (medium.fua ? BLOCK_FUA : 0)
    );
  }
}
