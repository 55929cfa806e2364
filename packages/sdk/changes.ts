// Runs in: driver host, in a driver's code. Owns: what was told last of a state that its device reports again and again.
import type { Contract, EventData, EventName } from "@ring3/core/contract";
import type { Context } from "./define.ts";

type Untimed<D> = Omit<D, "timestampUs">;
type Telling<C extends Contract> = Pick<Context<C>, "emit" | "timestampUs" | "rests">;

/** One event of a unit, told when its data are others than before, and the first time after a rest. */
export class Changes<C extends Contract, E extends EventName<C>> {
  readonly #ctx: Telling<C>;
  readonly #event: E;
  readonly #unit: number;
  #told: Untimed<EventData<C, E>> | undefined;
  #rests = 0;

  constructor(ctx: Telling<C>, event: E, unit = 0) {
    this.#ctx = ctx;
    this.#event = event;
    this.#unit = unit;
  }

  /** `data` is kept: give another object each time. */
  tell(data: Untimed<EventData<C, E>>): void {
    const { rests } = this.#ctx;
    if (rests === this.#rests && same(this.#told, data)) return;
    this.#rests = rests;
    this.#told = data;
    const timed = { ...data, timestampUs: this.#ctx.timestampUs() };
    this.#ctx.emit(this.#event, timed as EventData<C, E>, this.#unit);
  }
}

/** By what is in them. */
export function same(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  for (const key in a) if (!(key in b)) return false;
  for (const key in b)
    if (!(key in a) || !same(a[key as keyof typeof a], b[key as keyof typeof b])) return false;
  return true;
}
