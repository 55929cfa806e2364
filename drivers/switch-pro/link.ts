// Runs in: driver host, jailed. Owns: what is said to a Switch Pro Controller, one thing after the other, its answers, and how it is to rumble.
import { type Context, DeviceError, type Gamepad, type HidDevice, type Wait } from "@ring3/sdk";
import { Pace } from "./pace.ts";
import {
  flashData,
  flashRead,
  INPUT_ID,
  type Reply,
  RUMBLE_ID,
  reply,
  rumbleOnly,
  SUBCOMMAND_ID,
  subcommand,
  subcommands,
  USB_ID,
  usbReply,
} from "./packets.ts";
import { type Rumble, STILL } from "./rumble.ts";

const ANSWER_MS = 500;
/** It loses a subcommand now and then (joycon_hid_send_sync). */
const TRIES = 2;
const NUMBERS = 16;
/** It stops by itself when it has not been told for a while (JC_RUMBLE_PERIOD_MS). */
const RUMBLE_AGAIN_MS = 50;
/** That it is to be still is said so often again: it may have lost it (JC_RUMBLE_ZERO_AMP_PKT_CNT). */
const STILL_AGAIN = 5;

/** For people. */
export const NEXT_STEP = "if that goes on, unplug it and plug it in again";

type Match<T> = (reportId: number, bytes: Uint8Array) => T | undefined;

const NOTHING = new Uint8Array(0);

export class Link {
  readonly pace: Pace;
  readonly #hid: HidDevice;
  readonly #ctx: Context<Gamepad>;
  #number = 0;
  /** What it was told last, and goes with every subcommand. */
  #rumble: Rumble = STILL;
  #rumbledMs = 0;
  /** How often that is to be said again. */
  #again = 0;
  #isRumbling = false;
  /** The one that an answer is due to. */
  #awaited: ((reportId: number, bytes: Uint8Array) => void) | undefined;

  constructor(hid: HidDevice, ctx: Context<Gamepad>) {
    this.#hid = hid;
    this.#ctx = ctx;
    this.pace = new Pace(ctx);
  }

  /** Each input report goes through here. */
  take(reportId: number, bytes: Uint8Array): void {
    this.#awaited?.(reportId, bytes);
    if (reportId !== INPUT_ID) return;
    this.pace.reported();
    this.#rumbleAgain();
  }

  /** From when it has been said. That it is to be still holds at once, whatever comes of it. */
  async rumble(rumble: Rumble, wait?: Wait): Promise<void> {
    if (rumble === STILL) this.#hold(STILL);
    await this.#sendRumble(() => rumble, wait);
    this.#hold(rumble);
  }

  /** Rejects with DeviceError "timeout" where nothing answers, by `tries` times. */
  usb(command: number, what: string, tries = TRIES): Promise<Uint8Array> {
    const match: Match<Uint8Array> = (id, bytes) => usbReply(id, bytes, command);
    return this.#ask(what, (wait) => this.usbUnanswered(command, wait), match, tries);
  }

  async usbUnanswered(command: number, wait?: Wait): Promise<void> {
    await this.#send(USB_ID, () => Uint8Array.of(command), wait);
  }

  subcommand(id: number, data: readonly number[], what: string, wait?: Wait): Promise<Reply> {
    return this.#subcommand(id, data, what, (reply) => reply, wait);
  }

  /** Empty where it does not let it be read. */
  flash(address: number, length: number, what: string): Promise<Uint8Array> {
    const asked = flashRead(address, length);
    return this.#subcommand(
      subcommands.readFlash,
      asked,
      what,
      (reply) => flashData(reply, asked) ?? (reply.isAccepted ? undefined : NOTHING),
    );
  }

  #subcommand<T>(
    id: number,
    data: readonly number[],
    what: string,
    of: (reply: Reply) => T | undefined,
    wait?: Wait,
  ): Promise<T> {
    const send = (limit: Wait) =>
      this.#send(SUBCOMMAND_ID, () => subcommand(this.#next(), this.#rumble, id, data), limit);
    const match: Match<T> = (reportId, bytes) => {
      const answer = reply(reportId, bytes, id);
      return answer && of(answer);
    };
    return this.#ask(what, send, match, TRIES, wait);
  }

  async #ask<T>(
    what: string,
    send: (wait: Wait) => Promise<void>,
    match: Match<T>,
    tries: number,
    wait?: Wait,
  ): Promise<T> {
    for (let left = tries; left > 0; left--) {
      using limit = this.#ctx.limit(ANSWER_MS, wait);
      const answer = Promise.withResolvers<T | undefined>();
      const over = (): void => answer.resolve(undefined);
      limit.signal.addEventListener("abort", over, { once: true });
      this.#awaited = (reportId, bytes) => {
        const matched = match(reportId, bytes);
        if (matched !== undefined) answer.resolve(matched);
      };
      try {
        await send(limit);
        const answered = await answer.promise;
        if (answered !== undefined) return answered;
      } finally {
        this.#awaited = undefined;
        limit.signal.removeEventListener("abort", over);
      }
    }
    throw new DeviceError(
      "timeout",
      `${this.#ctx.device.id}: ${what}: the controller does not answer (${NEXT_STEP})`,
    );
  }

  #hold(rumble: Rumble): void {
    if (rumble !== STILL) this.#again = Number.POSITIVE_INFINITY;
    else if (this.#rumble !== STILL) this.#again = STILL_AGAIN;
    this.#rumble = rumble;
  }

  #rumbleAgain(): void {
    if (this.#again === 0 || this.#isRumbling) return;
    if (this.#ctx.now() - this.#rumbledMs < RUMBLE_AGAIN_MS) return;
    this.#again--;
    this.#sendRumble(() => this.#rumble, { signal: this.#ctx.signal }).catch((error) => {
      if (!(error instanceof DeviceError)) throw error;
      if (error.kind !== "disconnected" && error.kind !== "cancelled") this.#ctx.log.warn(error.message);
    });
  }

  async #sendRumble(rumble: () => Rumble, wait?: Wait): Promise<void> {
    this.#isRumbling = true;
    try {
      await this.#send(RUMBLE_ID, () => rumbleOnly(this.#next(), rumble()), wait);
    } finally {
      this.#rumbledMs = this.#ctx.now();
      this.#isRumbling = false;
    }
  }

  /** `report` is made when its turn has come. */
  async #send(reportId: number, report: () => Uint8Array<ArrayBuffer>, wait?: Wait): Promise<void> {
    using limit = this.#ctx.limit(ANSWER_MS, wait);
    await this.pace.turn(limit);
    await this.#hid.sendReport(reportId, report(), limit);
  }

  #next(): number {
    const number = this.#number;
    this.#number = (number + 1) % NUMBERS;
    return number;
  }
}
