// Runs in: driver host, jailed. Owns: when a Switch Pro Controller may be told something: right behind one of its input reports, and not too soon after
// the last time. What comes in between it loses now and then (joycon_enforce_subcmd_rate).
import type { Context, Gamepad, Limit } from "@ring3/sdk";

const APART_MS = 20; // JC_SUBCMD_RATE_LIMITER_USB_MS
/** So long a report is waited for; one that tells nothing is told all the same (joycon_wait_for_input_report). */
const REPORT_MS = 250;

export class Pace {
  readonly #ctx: Pick<Context<Gamepad>, "limit" | "now" | "signal">;
  readonly #waiting = new Set<() => void>();
  #isKept = false;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(ctx: Pick<Context<Gamepad>, "limit" | "now" | "signal">) {
    this.#ctx = ctx;
  }

  /** From when on it reports by itself, until `drop`. */
  keep(): void {
    this.#isKept = true;
  }

  drop(): void {
    this.#isKept = false;
    this.reported();
  }

  /** An input report has come. */
  reported(): void {
    for (const go of this.#waiting) go();
    this.#waiting.clear();
  }

  /** Resolves when it is one's turn; rejects with the limit's reason. */
  async turn(limit: Limit): Promise<void> {
    while (this.#isKept && !this.#ctx.signal.aborted) {
      await this.#report(limit);
      if (limit.over !== undefined) throw limit.over;
      if (this.#ctx.now() - this.#toldMs >= APART_MS) break;
    }
    this.#toldMs = this.#ctx.now();
  }

  async #report(wait: Limit): Promise<void> {
    using limit = this.#ctx.limit(REPORT_MS, wait);
    const { promise, resolve } = Promise.withResolvers<void>();
    limit.signal.addEventListener("abort", () => resolve(), { once: true });
    if (limit.over === undefined) this.#waiting.add(resolve);
    else resolve();
    await promise;
    this.#waiting.delete(resolve);
  }
}
