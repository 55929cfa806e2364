// Runs in: console. Owns: what pages are told, for as long as one that was away may ask for it again.

/** What a page is told at once. */
export interface Told {
  readonly id: string;
  readonly event: string;
  /** JSON. */
  readonly data: string;
}

/** Some minutes of metrics, and as many words of devices as that. */
const KEPT = 600;
const KEPT_BYTES = 4 << 20;
/** A page that does not read holds no more of them than these. */
const AT_ONCE = 16;

/**
 * Pages read at their own pace: each knows what it has read last, and the feed keeps no queue for any of them. One that has fallen behind what is
 * kept is told how everything is now.
 */
export class Feed {
  /** Of this feed: another process's numbers mean nothing here. */
  readonly #epoch: string;
  readonly #snapshot: () => unknown;
  readonly #kept: { event: string; data: string }[] = [];
  #bytes = 0;
  /** The number of the first that is kept. */
  #first = 1;
  #news = Promise.withResolvers<void>();

  constructor(epoch: string, snapshot: () => unknown) {
    this.#epoch = epoch;
    this.#snapshot = snapshot;
  }

  add(event: string, value: unknown): void {
    const data = JSON.stringify(value);
    this.#kept.push({ event, data });
    this.#bytes += data.length;
    while (this.#kept.length > KEPT || this.#bytes > KEPT_BYTES) {
      this.#bytes -= this.#kept.shift()!.data.length;
      this.#first++;
    }
    const { resolve } = this.#news;
    this.#news = Promise.withResolvers();
    resolve();
  }

  /** What is new since `id`, the last that was read; undefined: nothing was. Never empty. Rejects with the signal's reason. */
  async after(id: string | undefined, signal: AbortSignal): Promise<readonly Told[]> {
    const next = this.#nextOf(id);
    if (next === undefined) return [this.#all()];
    while (next > this.#last) {
      signal.throwIfAborted();
      const { promise, reject } = Promise.withResolvers<never>();
      const aborted = () => reject(signal.reason);
      signal.addEventListener("abort", aborted);
      await Promise.race([this.#news.promise, promise]).finally(() =>
        signal.removeEventListener("abort", aborted),
      );
    }
    if (next < this.#first) return [this.#all()];
    return this.#kept
      .slice(next - this.#first, next - this.#first + AT_ONCE)
      .map(({ event, data }, index) => ({ id: this.#id(next + index), event, data }));
  }

  get #last(): number {
    return this.#first + this.#kept.length - 1;
  }

  #id(number: number): string {
    return `${this.#epoch}.${number}`;
  }

  #all(): Told {
    return { id: this.#id(this.#last), event: "snapshot", data: JSON.stringify(this.#snapshot()) };
  }

  /** undefined where what was read last is none of ours, or is not kept any more. */
  #nextOf(id: string | undefined): number | undefined {
    const [epoch, number, ...more] = id?.split(".") ?? [];
    if (epoch !== this.#epoch || number === undefined || more.length > 0 || !/^\d{1,15}$/.test(number))
      return undefined;
    const next = Number(number) + 1;
    return next < this.#first || next > this.#last + 1 ? undefined : next;
  }
}
