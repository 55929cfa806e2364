// Runs in: every process. Owns: nothing. The known name that somebody most likely meant.

/** The nearest of `known` by edit distance, unless it takes more edits than a third of the word: then none is meant. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const most = Math.max(1, Math.floor(word.length / 3));
  const ranked = known
    .filter((name) => Math.abs(name.length - word.length) <= most) // each of these is an edit
    .map((name) => ({ name, edits: editDistance(word.toLowerCase().slice(0, 64), name.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  return ranked[0] !== undefined && ranked[0].edits <= most ? ranked[0].name : undefined;
}

/** Damerau-Levenshtein in its optimal string alignment form: "tkae" is one edit from "take". */
export function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [
    i,
    ...Array.from({ length: b.length }, () => 0),
  ]);
  rows[0] = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const swap =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
          ? rows[i - 2]![j - 2]! + 1
          : Number.POSITIVE_INFINITY;
      rows[i]![j] = Math.min(
        rows[i - 1]![j]! + 1,
        rows[i]![j - 1]! + 1,
        rows[i - 1]![j - 1]! + Number(a[i - 1] !== b[j - 1]),
        swap,
      );
    }
  }
  return rows[a.length]![b.length]!;
}
