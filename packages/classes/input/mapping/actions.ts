// Runs in: reflector. Owns: what presses have begun, until it has ended.
import type { Control } from "@ring3/core/controls";
import type { Binding } from "@ring3/core/mapping";
import type { Layers } from "./layers.ts";
import { MacroRun } from "./macro.ts";
import { Hold, LayerHold, type Run } from "./runs.ts";

interface Held {
  readonly runs: readonly Run[];
  /** What was pressed does not pass. */
  readonly taken: boolean;
}

export class Actions {
  #runs: Run[] = [];
  readonly #held = new Map<Control, Held>();
  /** Controls that pass as pressed or not, and not as an axis. */
  readonly #passes: (control: Control) => boolean;

  constructor(passes: (control: Control) => boolean) {
    this.#passes = passes;
  }

  get runs(): readonly Run[] {
    return this.#runs;
  }

  get nextMs(): number | undefined {
    const times = this.#runs.flatMap(({ nextMs }) => nextMs ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  advance(nowMs: number): void {
    for (const run of this.#runs) run.advance(nowMs);
    this.#drop();
  }

  /** `binding` undefined: what is pressed passes. `resumed`: it was pressed all along, so nothing begins that would go on by itself. */
  begin(
    on: readonly Control[],
    binding: Binding | undefined,
    layers: Layers,
    nowMs: number,
    resumed: boolean,
  ): void {
    const runs: Run[] = [];
    const taken = binding !== undefined && !binding.also;
    if (!taken) runs.push(new Hold(on.filter(this.#passes), nowMs));
    if (binding !== undefined) runs.push(...this.#started(binding, layers, nowMs, resumed));
    this.#runs.push(...runs.filter((run) => !this.#runs.includes(run)));
    for (const control of on) this.#held.set(control, { runs, taken });
  }

  /** A chord ends with the first of its buttons that is let go. */
  end(control: Control, nowMs: number): void {
    for (const run of this.#held.get(control)?.runs ?? []) run.release(nowMs);
    this.#held.delete(control);
    this.#drop();
  }

  /** undefined: it has begun nothing. */
  taken(control: Control): boolean | undefined {
    return this.#held.get(control)?.taken;
  }

  /** Nothing goes on, and nothing ends later. */
  clear(): void {
    this.#runs = [];
    this.#held.clear();
  }

  #started({ action }: Binding, layers: Layers, nowMs: number, resumed: boolean): Run[] {
    switch (action.type) {
      case "press":
        return [new Hold(action.controls, nowMs, action)];
      case "macro": {
        if (resumed) return [];
        const running = this.#runs.find((run) => run instanceof MacroRun && run.macro === action);
        (running as MacroRun | undefined)?.again(nowMs);
        return [running ?? new MacroRun(action, nowMs)];
      }
      case "layer":
        if (!action.toggle) return [new LayerHold(layers.hold(action.layer))];
        if (!resumed) layers.toggle(action.layer);
        return [];
      case "profile":
        return []; // the mapper's own
    }
  }

  #drop(): void {
    this.#runs = this.#runs.filter(({ done }) => !done);
  }
}
