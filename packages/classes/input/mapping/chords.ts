// Runs in: reflector. Owns: the presses that may yet become a chord.
import type { Control } from "@ring3/core/controls";
import type { Binding } from "@ring3/core/mapping";

export interface ChordSource {
  /** The chords in force that have all of these. */
  chordsOf(controls: readonly Control[]): Binding[];
}

/** What became of presses: alone, or together a chord. */
export type Begin = (controls: readonly Control[], chord: Binding | undefined) => void;

/**
 * A press that a chord has waits until that chord is whole, until no chord can become whole any more, or until anything is let go or something else
 * is pressed. So what was pressed one after another also begins so, and while the same was held.
 */
export class Chords {
  readonly #source: () => ChordSource;
  readonly #begin: Begin;
  #waiting: Control[] = [];
  #sinceMs = 0;
  /** The largest that was whole in time, while a larger one may still become so. */
  #whole: Binding | undefined;

  constructor(source: () => ChordSource, begin: Begin) {
    this.#source = source;
    this.#begin = begin;
  }

  press(control: Control, nowMs: number): void {
    if (this.#waiting.length > 0 && this.#open([...this.#waiting, control], nowMs).length === 0) this.flush();
    if (this.#waiting.length === 0) {
      if (this.#source().chordsOf([control]).length === 0) return this.#begin([control], undefined);
      this.#sinceMs = nowMs;
    }
    this.#waiting.push(control);
    const open = this.#open(this.#waiting, nowMs);
    this.#whole = open.find(({ on }) => on.length === this.#waiting.length) ?? this.#whole;
    this.#settle(nowMs);
  }

  /** When `wake` has something to do. */
  get nextMs(): number | undefined {
    if (this.#waiting.length === 0) return undefined;
    return this.#sinceMs + Math.max(0, ...this.#larger().map(({ withinMs }) => withinMs));
  }

  wake(nowMs: number): void {
    if (this.#waiting.length > 0) this.#settle(nowMs);
  }

  /** What waits begins, as a chord or each for itself. */
  flush(): void {
    const waiting = this.#waiting;
    const whole = this.#whole;
    this.clear();
    if (whole !== undefined) this.#begin(whole.on, whole);
    for (const control of waiting) if (!whole?.on.includes(control)) this.#begin([control], undefined);
  }

  clear(): void {
    this.#waiting = [];
    this.#whole = undefined;
  }

  /** The chords with all of these whose time is not over. */
  #open(controls: readonly Control[], nowMs: number): Binding[] {
    return this.#source()
      .chordsOf(controls)
      .filter(({ withinMs }) => nowMs < this.#sinceMs + withinMs);
  }

  #larger(): Binding[] {
    const { length } = this.#waiting;
    return this.#source()
      .chordsOf(this.#waiting)
      .filter(({ on }) => on.length > length);
  }

  #settle(nowMs: number): void {
    if (this.#larger().every(({ withinMs }) => nowMs >= this.#sinceMs + withinMs)) this.flush();
  }
}
