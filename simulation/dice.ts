// Runs in: the simulation. Owns: nothing. All chance in a simulated machine, from its seed alone.
import { Dice as Rolls } from "../fuzz/input.ts";

export class Dice extends Rolls {
  constructor(seed: number) {
    super(seed, 0);
  }

  /** 0 <= value < 1 */
  next(): number {
    return this.roll() / 2 ** 32;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** From `least` up to `end`. */
  between(least: number, end: number): number {
    return least + this.next() * (end - least);
  }
}
