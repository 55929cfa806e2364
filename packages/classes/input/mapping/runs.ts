// Runs in: reflector. Owns: what one press has begun: keys that are held, tapped again and again, or a layer.
import type { Control } from "@ring3/core/controls";
import { TAP_MS } from "@ring3/core/mapping";

/** What virtual devices show is what all runs together hold down: so what has ended holds nothing. */
export interface Run {
  /** What it holds down now. */
  readonly down: readonly Control[];
  /** How far that moves sticks and triggers. */
  readonly amount: number;
  /** When `advance` has something to do; later than the last `advance`. */
  readonly nextMs: number | undefined;
  readonly done: boolean;
  /** Called before all else each time that something happens: what it holds down has been shown. */
  advance(nowMs: number): void;
  /** What began it was let go. */
  release(nowMs: number): void;
}

const nothing: readonly Control[] = [];

export class Hold implements Run {
  readonly amount: number;
  readonly #controls: readonly Control[];
  /** 0: no turbo. */
  readonly #halfMs: number;
  #on = true;
  #shown = false;
  #turnMs: number | undefined;
  #endMs: number | undefined;
  #done = false;

  constructor(controls: readonly Control[], nowMs: number, { amount = 1, turbo = 0 } = {}) {
    this.#controls = controls;
    this.amount = amount;
    this.#halfMs = turbo === 0 ? 0 : 500 / turbo;
    if (turbo !== 0) this.#turnMs = nowMs + this.#halfMs;
  }

  get down(): readonly Control[] {
    return this.#on && !this.#done ? this.#controls : nothing;
  }

  get nextMs(): number | undefined {
    return this.#endMs ?? this.#turnMs;
  }

  get done(): boolean {
    return this.#done;
  }

  advance(nowMs: number): void {
    this.#shown = true;
    if (this.#endMs !== undefined) this.#done ||= nowMs >= this.#endMs;
    else if (this.#turnMs !== undefined && nowMs >= this.#turnMs) {
      this.#on = !this.#on;
      this.#turnMs = nowMs + this.#halfMs; // from now: however late it is, each press and each pause lasts
    }
  }

  release(nowMs: number): void {
    if (this.#shown) this.#done = true;
    else this.#endMs = nowMs + TAP_MS; // pressed and let go before anybody could see it
  }
}

export class LayerHold implements Run {
  readonly amount = 1;
  readonly down = nothing;
  readonly nextMs = undefined;
  #leave: (() => void) | undefined;

  constructor(leave: () => void) {
    this.#leave = leave;
  }

  get done(): boolean {
    return this.#leave === undefined;
  }

  advance(): void {}

  release(): void {
    this.#leave?.();
    this.#leave = undefined;
  }
}
