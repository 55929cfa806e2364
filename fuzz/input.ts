// Runs in: make fuzz and tests. Owns: nothing. Pure: hostile inputs, each made from its number alone, so that any one can be made again.

/** Numbers from 0 up to 2^32: a splitmix of 32 bits, whose every state leads to a different next one. */
export class Dice {
  #state: number;

  constructor(seed: number, index: number) {
    this.#state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) >>> 0;
  }

  roll(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }

  /** From 0 up to `end`. */
  below(end: number): number {
    return this.roll() % end;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }
}

const BYTES_MAX = 8192;
/** Where lengths, signs and counters turn over. */
const TURNING = [
  0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
];

type Change = (
  bytes: Uint8Array,
  dice: Dice,
  seeds: readonly Uint8Array[],
  words: readonly Uint8Array[],
) => Uint8Array;

const joined = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts)).subarray(0, BYTES_MAX);
const place = (bytes: Uint8Array, dice: Dice) => dice.below(bytes.length + 1);

function number(width: 1 | 2 | 4, littleEndian: boolean, value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(width));
  if (width === 1) view.setUint8(0, value);
  else if (width === 2) view.setUint16(0, value, littleEndian);
  else view.setUint32(0, value, littleEndian);
  return new Uint8Array(view.buffer);
}

function over(bytes: Uint8Array, at: number, patch: Uint8Array): Uint8Array {
  const changed = bytes.slice();
  changed.set(patch.subarray(0, Math.max(0, changed.length - at)), at);
  return changed;
}

const changes: readonly Change[] = [
  (bytes, dice) => over(bytes, place(bytes, dice), Uint8Array.of(dice.roll())),
  (bytes, dice) => {
    const at = dice.below(bytes.length || 1);
    return over(bytes, at, Uint8Array.of((bytes[at] ?? 0) ^ (1 << dice.below(8))));
  },
  (bytes, dice) => {
    const at = dice.below(bytes.length || 1);
    return over(bytes, at, Uint8Array.of((bytes[at] ?? 0) + dice.below(5) - 2));
  },
  (bytes, dice) =>
    over(
      bytes,
      place(bytes, dice),
      number(dice.pick([1, 2, 4] as const), dice.below(2) === 0, dice.pick(TURNING) - dice.below(2)),
    ),
  (bytes, dice) => bytes.slice(0, place(bytes, dice)),
  (bytes, dice) => {
    const at = place(bytes, dice);
    return joined(bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + 1 + dice.below(16))));
  },
  (bytes, dice) => {
    const at = place(bytes, dice);
    return joined(
      bytes.subarray(0, at),
      Uint8Array.from({ length: 1 + dice.below(8) }, () => dice.roll()),
      bytes.subarray(at),
    );
  },
  (bytes, dice) => {
    const [from, at] = [place(bytes, dice), place(bytes, dice)];
    return joined(bytes.subarray(0, at), bytes.subarray(from, from + 1 + dice.below(64)), bytes.subarray(at));
  },
  (bytes, dice, seeds) => {
    const other = dice.pick(seeds);
    return joined(bytes.subarray(0, place(bytes, dice)), other.subarray(place(other, dice)));
  },
  (bytes, dice, _, words) => {
    if (words.length === 0) return bytes;
    const [at, word] = [place(bytes, dice), dice.pick(words)];
    return joined(bytes.subarray(0, at), word, bytes.subarray(at + (dice.below(2) === 0 ? word.length : 0)));
  },
];

/** One of the seeds with a few changes; now and then a seed as it is. */
export function inputOf(
  seed: number,
  index: number,
  seeds: readonly Uint8Array[],
  words: readonly Uint8Array[],
): Uint8Array {
  const dice = new Dice(seed, index);
  let bytes: Uint8Array = dice.pick(seeds).slice();
  for (let left = dice.below(6); left > 0; left--) bytes = dice.pick(changes)(bytes, dice, seeds, words);
  return bytes;
}
