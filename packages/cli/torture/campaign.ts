// Runs in: CLI. Owns: a campaign: its ring3, its lanes, and the count of what has come of it.
import { setTimeout as sleep } from "node:timers/promises";
import { sentence } from "@ring3/control/sentence";
import { printable } from "@ring3/core/log";
import type { Tally } from "./disk.ts";
import type { Fault } from "./fault.ts";
import { Instance } from "./instance.ts";
import { Lane, type Outcome } from "./lane.ts";
import { Plan } from "./plan.ts";
import { Outcomes, type Result, summary } from "./report.ts";

export interface CampaignOptions {
  readonly seed: number;
  /** Numbers of the first fault, and of the one behind the last. */
  readonly from: number;
  readonly to: number;
  readonly faults: readonly Fault[];
  readonly lanes: number;
  /** How long a driver's event loop may stand still. */
  readonly hangMs: number;
}

export interface CampaignListener {
  /** All disks are served; now come the faults. */
  begun(disks: number): void;
  /** After each fault. */
  done(outcome: Outcome, all: Outcomes): void;
  /** Something is not as it must be. */
  wrong(text: string): void;
}

/** What cannot be closed while ring3 runs, its end closes. */
const END_MS = 10_000;
/** The end of a process is seen within this long. */
const SEEN_MS = 1000;
/** Looks for reflectors that have ended once in so many faults. */
const LOOK_EVERY = 50;

export class Campaign {
  readonly #options: CampaignOptions;
  readonly #listener: CampaignListener;
  readonly #plan: Plan;
  readonly #instance: Instance;
  readonly #lanes: readonly Lane[];
  readonly #tally: Tally = { requests: 0, failed: 0, lost: 0, corrupt: 0, wrong: [], verified: true };
  readonly #outcomes = new Outcomes();
  readonly #told = new Set<string>();
  #next: number;
  #stopped = false;

  constructor(options: CampaignOptions, listener: CampaignListener) {
    this.#options = options;
    this.#listener = listener;
    this.#plan = new Plan(options.seed, options.faults);
    this.#next = options.from;
    this.#instance = new Instance(options.hangMs);
    this.#lanes = Array.from(
      { length: options.lanes },
      (_, index) => new Lane(this.#instance, `torture${index}`, this.#tally),
    );
  }

  /** No further fault is begun. */
  stop(): void {
    this.#stopped = true;
  }

  /** The number of the first fault that was not begun. */
  get next(): number {
    return this.#next;
  }

  /**
   * Rejects with the number of the fault where it could not go on, and with what was counted until then; what ring3 has written stays, and the
   * error says where.
   */
  async run(): Promise<Result> {
    let keep = true;
    try {
      await this.#instance.started();
      const over = this.#instance.endedByItself.then((how) => {
        throw sentence(
          "internal",
          `ring3 ended (${how}) at fault ${this.#next - 1}; it said: ${printable(this.#instance.ring3.said)}`,
        );
      });
      const work = this.#work().catch(async (error: Error) => {
        await Promise.race([over, sleep(SEEN_MS)]); // of ring3's end the lanes may hear first
        throw error;
      });
      await Promise.race([over, work]);
      keep = false;
      return summary(this.#options, this.#outcomes, this.#tally, this.#instance);
    } catch (error) {
      const { folder } = this.#instance.ring3;
      throw sentence(
        "internal",
        `${(error as Error).message}; ${this.#counted()}; what ring3 has written is kept in ${folder}`,
        { cause: error },
      );
    } finally {
      this.#tellWrong();
      this.#stopped = true;
      const ended = Promise.all(this.#lanes.map((lane) => lane.end()));
      await Promise.race([ended, sleep(END_MS, undefined, { ref: false })]);
      await this.#instance.stop({ keep });
      await ended;
    }
  }

  #tellWrong(): void {
    for (const text of [...this.#instance.wrong, ...this.#tally.wrong, ...this.#outcomes.wrong]) {
      if (this.#told.has(text)) continue;
      this.#told.add(text);
      this.#listener.wrong(printable(text));
    }
  }

  #counted(): string {
    const { faults, recovered, recoverable, crashes, hangs } = this.#outcomes;
    const { requests, lost, corrupt } = this.#tally;
    return `until then ${faults} faults, ${crashes} crashes, ${hangs} hangs, ${recovered} of ${recoverable} recovered, ${lost} lost and ${corrupt} corrupt of ${requests} requests`;
  }

  async #work(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.start()));
    this.#listener.begun(this.#lanes.flatMap(({ disks }) => disks).length);
    await Promise.all(this.#lanes.map((lane) => this.#run(lane)));
    await this.#instance.look();
    for (const lane of this.#lanes) {
      const wrong = await lane.verify();
      if (wrong === undefined) continue;
      this.#tally.wrong.push(`at the end: ${printable(wrong)}`);
      this.#tally.verified = false;
    }
  }

  async #run(lane: Lane): Promise<void> {
    while (!this.#stopped && this.#next < this.#options.to) {
      const planned = this.#plan.at(this.#next++);
      const outcome = await lane.run(planned).catch((error: Error) => {
        throw sentence("internal", `fault ${planned.number} (${planned.fault.name}): ${error.message}`, {
          cause: error,
        });
      });
      this.#outcomes.add(outcome);
      this.#listener.done(outcome, this.#outcomes);
      this.#tellWrong();
      if (planned.number % LOOK_EVERY === 0) await this.#instance.look();
    }
  }
}
