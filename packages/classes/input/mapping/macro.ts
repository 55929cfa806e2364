// Runs in: reflector. Owns: one macro while it runs.
import type { Control } from "@ring3/core/controls";
import { type Action, mappingLimits, TAP_MS } from "@ring3/core/mapping";
import type { Run } from "./runs.ts";

export type Macro = Extract<Action, { type: "macro" }>;

export class MacroRun implements Run {
  readonly amount = 1;
  readonly macro: Macro;
  #down: readonly Control[] = [];
  #at = 0;
  #nextMs: number;
  #queued = 0;
  #shown = false;
  #cancelled = false;
  #done = false;

  constructor(macro: Macro, nowMs: number) {
    this.macro = macro;
    this.#nextMs = nowMs;
    this.#step(nowMs);
  }

  get down(): readonly Control[] {
    return this.#down;
  }

  get nextMs(): number | undefined {
    return this.#done ? undefined : this.#nextMs;
  }

  get done(): boolean {
    return this.#done;
  }

  advance(nowMs: number): void {
    this.#shown = true;
    if (this.#done || nowMs < this.#nextMs) return;
    if (this.#cancelled) this.#end();
    else this.#step(nowMs); // one each time, and the next counted from now: however late it is, each is seen
  }

  release(nowMs: number): void {
    if (!this.macro.whileHeld || this.#cancelled) return;
    this.#cancelled = true;
    if (this.#shown) this.#end();
    else this.#nextMs = nowMs + TAP_MS; // let go before anybody could see its first step
  }

  /** Its button was pressed once more. */
  again(nowMs: number): void {
    if (this.#cancelled) {
      this.#cancelled = false;
      this.#begin(nowMs);
    } else if (this.macro.again === "queue") this.#queued = Math.min(this.#queued + 1, mappingLimits.queue);
    else if (this.macro.again === "restart") this.#begin(nowMs);
  }

  #step(nowMs: number): void {
    const step = this.macro.steps[this.#at++];
    if (step !== undefined) {
      this.#down = [...this.#down.filter((control) => !step.release.includes(control)), ...step.press];
      this.#nextMs = nowMs + step.thenMs;
    } else if (this.#queued > 0) {
      this.#queued--;
      this.#begin(nowMs);
    } else this.#end();
  }

  /** From its first step, once it is seen that all is released. */
  #begin(nowMs: number): void {
    this.#down = [];
    this.#at = 0;
    this.#nextMs = nowMs + TAP_MS;
  }

  #end(): void {
    this.#down = [];
    this.#done = true;
  }
}
