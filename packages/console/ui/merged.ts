// Runs in: browser. Owns: nothing; what was asked for and what was told meanwhile, as one. Pure.

/**
 * Each once, by its time, and of one time `first` before `then`; `most`: the latest of them. An answer may know what was told already, and not yet
 * what was told since it was asked for.
 */
export function merged<T>(
  first: readonly T[],
  then: readonly T[],
  timeOf: (each: T) => number,
  most: number,
): T[] {
  const [last, next] = [first.at(-1), then[0]];
  if (last === undefined || next === undefined || timeOf(last) < timeOf(next))
    return [...first, ...then].slice(-most);
  const all = new Map([...first, ...then].map((each) => [JSON.stringify(each), each]));
  return [...all.values()].sort((a, b) => timeOf(a) - timeOf(b)).slice(-most);
}
