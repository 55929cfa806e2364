// Runs in: an application. Owns: events of one unit that the application has not taken yet.
import type { Overflow } from "@ring3/core/contract";
import type { DeviceError } from "@ring3/core/errors";

/** Events that wait. */
const WAITING_MAX = 1024;

/** When a unit has ended, and why, for those who want to know it no longer than they live. */
export class Ending {
  readonly #listeners = new Set<(error: DeviceError | undefined) => void>();
  #ended: { readonly error: DeviceError | undefined } | undefined;

  constructor(ended: Promise<DeviceError | undefined>) {
    void ended.then((error) => {
      this.#ended = { error };
      for (const listener of this.#listeners) listener(error);
      this.#listeners.clear();
    });
  }

  /** At once where it has. Answers what ends the subscription. */
  on(listener: (error: DeviceError | undefined) => void): () => void {
    if (this.#ended === undefined) this.#listeners.add(listener);
    else listener(this.#ended.error);
    return () => void this.#listeners.delete(listener);
  }
}

/** For one reader. It ends when its reader leaves it, and throws what has ended the unit; a unit that its own user closes ends it too. */
export class EventStream<D> implements AsyncIterableIterator<D>, AsyncDisposable {
  readonly #isState: boolean;
  readonly #stops: (() => void)[] = [];
  readonly #waiting: D[] = [];
  #wakes: (() => void)[] = [];
  #failed: DeviceError | undefined;
  #over = false;
  /** What waits was there before this turn of the event loop: its reader has not kept up. */
  #isLate = true;
  /** Occurrences that its reader was too late for, and those that were lost before they came here. */
  dropped = 0;

  /** `subscribe` has each event given to what it is given, with how many were lost before it, until what it answers is called. */
  constructor(
    overflow: Overflow,
    subscribe: (give: (data: D, dropped: number) => void) => () => void,
    ending: Ending,
  ) {
    this.#isState = overflow === "latest";
    this.#stops.push(subscribe((data, dropped) => this.#give(data, dropped)));
    const forget = ending.on((error) => {
      this.#failed = error; // closed by its own user: that is no failure
      this.#end();
    });
    this.#stops.push(forget);
  }

  #give(data: D, dropped: number): void {
    this.dropped += dropped;
    if (this.#isState && this.#isLate) this.#catchUp();
    if (this.#waiting.length < WAITING_MAX) this.#waiting.push(data);
    else if (this.#isState) this.#waiting[WAITING_MAX - 1] = data;
    else this.dropped++;
    for (const wake of this.#wakes.splice(0)) wake();
  }

  /** Of states that nobody has read only the new ones count; those that come in one turn all do, as of a key that is down and up at once. */
  #catchUp(): void {
    this.#waiting.length = 0;
    this.#isLate = false;
    queueMicrotask(() => {
      this.#isLate = true;
    });
  }

  #end(): void {
    this.#over = true;
    for (const stop of this.#stops.splice(0)) stop();
    for (const wake of this.#wakes.splice(0)) wake();
  }

  async next(): Promise<IteratorResult<D, undefined>> {
    while (this.#waiting.length === 0 && !this.#over)
      await new Promise<void>((resolve) => {
        this.#wakes.push(resolve);
      });
    if (this.#waiting.length > 0) return { done: false, value: this.#waiting.shift()! };
    const failed = this.#failed;
    this.#failed = undefined; // said once
    if (failed !== undefined) throw failed;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<D, undefined>> {
    this.#waiting.length = 0;
    this.#failed = undefined;
    this.#end();
    return { done: true, value: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
