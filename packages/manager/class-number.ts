// Runs in: manager. Owns: which number a device has among those of its class, and whether that is certain yet.
import type { Manifest } from "@ring3/control/manifest";
import { asksFirst, type DeviceFacts } from "@ring3/control/match";

export class ClassNumber {
  /** The lowest that is free, or the one that it has. */
  readonly #choose: () => number;
  #number: number | null = null;
  /** Its driver has found that it is one for it. */
  #isWanted = false;

  constructor(choose: () => number) {
    this.#choose = choose;
  }

  /** null: it has had no driver of the class yet. */
  get value(): number | null {
    return this.#number;
  }

  /** Its driver still asks whether it is one of the class. */
  isGuess(facts: DeviceFacts, driver: Manifest): boolean {
    return !this.#isWanted && asksFirst(facts, driver);
  }

  inherit(number: number | null, isWanted: boolean): void {
    this.#number = number;
    this.#isWanted = isWanted;
  }

  /** It is of another class from here on, or of none. */
  forget(): void {
    this.inherit(null, false);
  }

  /** For a driver that is about to be started. */
  assign(): number {
    this.#number ??= this.#choose();
    return this.#number;
  }

  /** Its driver wants it. Another may have got the number of a guess meanwhile. */
  confirm(): void {
    if (!this.#isWanted) this.#number = this.#choose();
    this.#isWanted = true;
  }
}

export function lowestFree(taken: ReadonlySet<number | null>): number {
  let number = 1;
  while (taken.has(number)) number++;
  return number;
}
