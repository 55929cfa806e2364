// Runs in: an application. Owns: events of one unit that the application has not taken yet.
import type { Overflow } from "@ring3/core/contract";
import type { DeviceError } from "@ring3/core/errors";

/** Occurrences that wait; of states only the latest does. */
const WAITING_MAX = 1024;

/** For one reader. It ends when its reader leaves it, and throws what has ended the unit; a unit that its own user closes ends it too. */
export class EventStream<D> implements AsyncIterableIterator<D>, AsyncDisposable {
  readonly #room: number;
  readonly #stop: () => void;
  readonly #waiting: D[] = [];
  #wakes: (() => void)[] = [];
  #failed: DeviceError | undefined;
  #over = false;
  /** Occurrences that its reader was too late for, and those that were lost before they came here. */
  dropped = 0;

  /** `subscribe` has each event given to what it is given, with how many were lost before it, until what it answers is called. */
  constructor(
    overflow: Overflow,
    subscribe: (give: (data: D, dropped: number) => void) => () => void,
    ended: Promise<DeviceError | undefined>,
  ) {
    this.#room = overflow === "latest" ? 1 : WAITING_MAX;
    this.#stop = subscribe((data, dropped) => this.#give(data, dropped));
    void ended.then((error) => {
      this.#failed = error; // closed by its own user: that is no failure
      this.#end();
    });
  }

  #give(data: D, dropped: number): void {
    this.dropped += dropped;
    if (this.#waiting.length < this.#room) this.#waiting.push(data);
    else if (this.#room === 1) this.#waiting[0] = data;
    else this.dropped++;
    for (const wake of this.#wakes.splice(0)) wake();
  }

  #end(): void {
    this.#over = true;
    this.#stop();
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
