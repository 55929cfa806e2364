// Runs in: CLI, the torture driver, tests. Owns: nothing. Numbers that look like chance and are the same for the same seed. Pure.

/** From 0 up to 1. */
export type Random = () => number;

/** Mulberry32. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A seed of its own for each number, MurmurHash3's finalizer: neighbours have nothing in common. */
export function derived(seed: number, number: number): number {
  let mixed = (seed ^ Math.imul(number + 1, 0x9e3779b1)) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

export const integer = (random: Random, below: number): number => Math.floor(random() * below);
export const pick = <T>(random: Random, from: readonly T[]): T => from[integer(random, from.length)]!;

/** Fisher and Yates. */
export function shuffled<T>(cards: readonly T[], random: Random): T[] {
  const deck = [...cards];
  for (let left = deck.length; left > 1; left--) {
    const at = integer(random, left);
    [deck[left - 1], deck[at]] = [deck[at]!, deck[left - 1]!];
  }
  return deck;
}
