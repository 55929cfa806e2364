// Runs in: driver host, jailed. Owns: the order of those who want the same pipe: one at a time, first come, first served.
import type { Wait } from "@ring3/sdk";

export class Turns {
  #busy = false;
  #until: Promise<unknown> = Promise.resolve();
  readonly #waiting = new Set<() => void>();

  get busy(): boolean {
    return this.#busy;
  }

  /** Rejects with the reason of `wait.signal` when that comes first. Dispose of the turn to give it on. */
  async take(wait: Wait): Promise<Disposable> {
    wait.signal?.throwIfAborted();
    if (this.#busy) await this.#wait(wait.signal);
    this.#busy = true;
    this.#until = Promise.resolve();
    return { [Symbol.dispose]: () => void this.#until.then(this.#giveOn, this.#giveOn) };
  }

  /** The turn that is had now is not given on before that has settled, though who has it may leave. */
  hold(until: Promise<unknown>): void {
    this.#until = until;
  }

  /** It stays busy where somebody waits, so that whoever comes before that one has woken up queues behind it. */
  readonly #giveOn = (): void => {
    const [next] = this.#waiting;
    this.#busy = next !== undefined;
    next?.();
  };

  #wait(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const go = (): void => {
      this.#waiting.delete(go);
      signal?.removeEventListener("abort", stop);
      resolve();
    };
    const stop = (): void => {
      this.#waiting.delete(go);
      reject(signal?.reason);
    };
    this.#waiting.add(go);
    signal?.addEventListener("abort", stop, { once: true });
    return promise;
  }
}
