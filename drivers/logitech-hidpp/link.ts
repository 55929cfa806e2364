// Runs in: driver host, jailed. Owns: what is asked of a HID++ device, one thing after the other, and its answers.
import { type Context, DeviceError, type HidDevice, type InputClass, type Wait } from "@ring3/sdk";
import { takesShort } from "./interface.ts";
import {
  type Answer,
  answer,
  errorText,
  high,
  LONG_BYTES,
  LONG_ID,
  low,
  type Question,
  question,
  ROOT,
  rootFunctions,
  SHORT_BYTES,
  SHORT_ID,
} from "./packets.ts";

const ANSWER_MS = 500;
/** Of a question that it is too busy for, or that is lost (hidpp_send_message_sync tries a busy one three times). */
const TRIES = 3;
/** Before it is asked again; Linux asks at once, and has used up its tries before the device is done with what it does. */
const BUSY_PAUSE_MS = 100;
const PING_AT = 2; // of the parameters: what it says again

/** "1.0": it speaks, but not of features. "silent": it does not answer at all. */
export type Greeting = { readonly major: number; readonly minor: number } | "1.0" | "silent";

export class Link {
  readonly #hid: HidDevice;
  readonly #ctx: Context<InputClass>;
  readonly #features = new Map<number, number>();
  /** The one that an answer is due to. */
  #awaited: ((reportId: number, bytes: Uint8Array) => void) | undefined;

  constructor(hid: HidDevice, ctx: Context<InputClass>) {
    this.#hid = hid;
    this.#ctx = ctx;
  }

  /** Each input report goes through here. */
  take(reportId: number, bytes: Uint8Array): void {
    this.#awaited?.(reportId, bytes);
  }

  /** What an earlier driver was answered, and has not heard any more, lies before the answer. */
  async greet(): Promise<Greeting> {
    const mark = this.#ctx.incarnation & 0xff;
    const ping = { index: ROOT, fn: rootFunctions.ping, parameters: [0, 0, mark] };
    const isIts = (found: Answer): boolean => found.kind !== "done" || found.parameters[PING_AT] === mark;
    const found = await this.#ask(ping, "ping", isIts);
    if (found === undefined) return "silent";
    if (found.kind === "old") return "1.0";
    const [major = 0, minor = 0] = this.#parametersOf(found, "ping");
    return major < 2 ? "1.0" : { major, minor };
  }

  /** False: it has none. */
  async has(feature: number): Promise<boolean> {
    const asked = { index: ROOT, fn: rootFunctions.feature, parameters: [high(feature), low(feature)] };
    const [index = 0] = await this.#expect(asked, `feature ${feature.toString(16)}`);
    if (index === 0) return false;
    this.#features.set(feature, index);
    return true;
  }

  /** Whose event it is, of those that it was asked for. */
  featureAt(index: number): number | undefined {
    return [...this.#features].find(([, at]) => at === index)?.[0];
  }

  /** Rejects with DeviceError: "unsupported" where it refuses, "busy" where it is, "timeout" where it does not answer. */
  call(
    feature: number,
    fn: number,
    parameters: readonly number[],
    what: string,
    wait?: Wait,
  ): Promise<Uint8Array> {
    return this.#expect({ index: this.#features.get(feature)!, fn, parameters }, what, wait);
  }

  /** Its answer is nobody's. */
  async tell(feature: number, fn: number, parameters: readonly number[], wait: Wait): Promise<void> {
    using limit = this.#ctx.limit(ANSWER_MS, wait);
    await this.#send({ index: this.#features.get(feature)!, fn, parameters }, limit);
  }

  async #expect(asked: Question, what: string, wait?: Wait): Promise<Uint8Array> {
    return this.#parametersOf(await this.#ask(asked, what, () => true, wait), what);
  }

  /** Undefined: nothing answered. */
  async #ask(
    asked: Question,
    what: string,
    isIts: (answer: Answer) => boolean,
    wait?: Wait,
  ): Promise<Answer | undefined> {
    let last: Answer | undefined;
    for (let left = TRIES; left > 0; left--) {
      last = await this.#askOnce(asked, isIts, wait);
      if (last !== undefined && last.kind !== "busy") return last;
      this.#ctx.log.debug(`HID++ ${what}: ${last?.kind ?? "unanswered"}`);
      if (last !== undefined && left > 1) await this.#ctx.sleep(BUSY_PAUSE_MS, wait);
    }
    return last;
  }

  async #askOnce(
    asked: Question,
    isIts: (answer: Answer) => boolean,
    wait?: Wait,
  ): Promise<Answer | undefined> {
    using limit = this.#ctx.limit(ANSWER_MS, wait);
    const answered = Promise.withResolvers<Answer | undefined>();
    const over = (): void => answered.resolve(undefined);
    limit.signal.addEventListener("abort", over, { once: true });
    this.#awaited = (reportId, bytes) => {
      const found = answer(reportId, bytes, asked);
      if (found !== undefined && isIts(found)) answered.resolve(found);
    };
    try {
      await this.#send(asked, limit);
      return await answered.promise;
    } finally {
      limit.signal.removeEventListener("abort", over);
    }
  }

  async #send(asked: Question, wait: Wait): Promise<void> {
    // Those of HID++ 1.0 may not know any other (hidpp_root_get_protocol_version).
    const isShort = asked.index === ROOT && takesShort(this.#hid.layout);
    const [id, bytes] = isShort ? [SHORT_ID, SHORT_BYTES] : [LONG_ID, LONG_BYTES];
    await this.#hid.sendReport(id, question(asked, bytes), wait);
  }

  #parametersOf(found: Answer | undefined, what: string): Uint8Array {
    const asked = `${this.#hid.name}: HID++ ${what}`;
    switch (found?.kind) {
      case "done":
        return found.parameters;
      case "refused":
        throw new DeviceError(
          "unsupported",
          `${asked}: refused with error ${found.code}, ${errorText(found.code)}`,
        );
      case "old":
        throw new DeviceError("protocol", `${asked}: answered in HID++ 1.0`);
      case "busy":
        throw new DeviceError("busy", `${asked}: asked ${TRIES} times; another program may speak to it`);
      case undefined:
        throw new DeviceError("timeout", `${asked}: it does not answer (plugged in anew, it may)`);
    }
  }
}
