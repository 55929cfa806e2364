// Runs in: driver host, jailed. Owns: what is said to a Switch Pro Controller, one thing after the other, and its answers.
import { type Context, DeviceError, type Gamepad, type HidDevice, type Wait } from "@ring3/sdk";
import {
  flashData,
  flashRead,
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

type Match<T> = (reportId: number, bytes: Uint8Array) => T | undefined;

export class Link {
  readonly #hid: HidDevice;
  readonly #ctx: Context<Gamepad>;
  #number = 0;
  #rumble: Rumble = STILL;
  /** The one that an answer is due to. */
  #awaited: ((reportId: number, bytes: Uint8Array) => void) | undefined;

  constructor(hid: HidDevice, ctx: Context<Gamepad>) {
    this.#hid = hid;
    this.#ctx = ctx;
  }

  /** Each input report goes through here. */
  take(reportId: number, bytes: Uint8Array): void {
    this.#awaited?.(reportId, bytes);
  }

  /** Goes with every subcommand from now on, too. */
  async rumble(rumble: Rumble, wait?: Wait): Promise<void> {
    this.#rumble = rumble;
    await this.#send(RUMBLE_ID, rumbleOnly(this.#next(), rumble), wait);
  }

  /** Rejects with DeviceError "timeout" where nothing answers, by `tries` times. */
  usb(command: number, what: string, tries = TRIES): Promise<Uint8Array> {
    const match: Match<Uint8Array> = (id, bytes) => usbReply(id, bytes, command);
    return this.#ask(what, () => this.#send(USB_ID, Uint8Array.of(command)), match, tries);
  }

  async usbUnanswered(command: number): Promise<void> {
    await this.#send(USB_ID, Uint8Array.of(command));
  }

  /** Rejects with DeviceError "unsupported" where it refuses. */
  async subcommand(id: number, data: readonly number[], what: string, wait?: Wait): Promise<Reply> {
    const answer = await this.#subcommand(id, data, what, (reply) => reply, wait);
    if (!answer.isAccepted) throw new DeviceError("unsupported", `${what} of the Switch Pro Controller`);
    return answer;
  }

  flash(address: number, length: number, what: string): Promise<Uint8Array> {
    const asked = flashRead(address, length);
    return this.#subcommand(subcommands.readFlash, asked, what, (reply) => flashData(reply, asked));
  }

  #subcommand<T>(
    id: number,
    data: readonly number[],
    what: string,
    of: (reply: Reply) => T | undefined,
    wait?: Wait,
  ): Promise<T> {
    const send = (limit: Wait) =>
      this.#send(SUBCOMMAND_ID, subcommand(this.#next(), this.#rumble, id, data), limit);
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
    throw new DeviceError("timeout", `Switch Pro Controller: ${what}: it does not answer`);
  }

  async #send(reportId: number, report: Uint8Array<ArrayBuffer>, wait?: Wait): Promise<void> {
    using limit = this.#ctx.limit(ANSWER_MS, wait);
    await this.#hid.sendReport(reportId, report, limit);
  }

  #next(): number {
    const number = this.#number;
    this.#number = (number + 1) % NUMBERS;
    return number;
  }
}
