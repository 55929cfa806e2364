// Runs in: CLI. Owns: nothing. Which fault comes when: a function of seed and number alone, so that a campaign can go on anywhere. Pure.
import { derived, pick, type Random, seeded, shuffled } from "@ring3/core/chance";
import { type DoorKind, doorKinds, type Fault } from "./fault.ts";

export interface Planned {
  readonly number: number;
  readonly fault: Fault;
  /** Who uses the disk that it strikes. */
  readonly door: DoorKind;
  /** For all else that is left to chance. */
  readonly random: Random;
}

/**
 * The faults come as cards from a deck, in which each stands as often as it says; after the last card the deck is shuffled anew. So every kind has its share
 * of a campaign, and comes at the latest after two decks.
 */
export class Plan {
  readonly #seed: number;
  readonly #cards: readonly Fault[];
  #dealt: { readonly round: number; readonly deck: readonly Fault[] } | undefined;

  constructor(seed: number, faults: readonly Fault[]) {
    this.#seed = seed;
    this.#cards = faults.flatMap((fault) => Array<Fault>(fault.cards).fill(fault));
  }

  /** How many faults a deck has. */
  get cards(): number {
    return this.#cards.length;
  }

  at(number: number): Planned {
    const round = Math.floor(number / this.cards);
    if (this.#dealt?.round !== round)
      this.#dealt = { round, deck: shuffled(this.#cards, seeded(derived(~this.#seed, round))) };
    const fault = this.#dealt.deck[number % this.cards]!;
    const random = seeded(derived(this.#seed, number));
    return { number, fault, door: pick(random, fault.doors ?? doorKinds), random };
  }
}
