// Runs in: every process. Owns: nothing. Durations as people write them: 500ms, 30s, 5m, 1h.
const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

export const durationForm = 'a duration such as "500ms", "30s" or "5m"';

/** Milliseconds, or undefined for what is no duration. A unit is required: "30" would be a guess. */
export function parseDuration(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text) ?? [];
  return digits === undefined ? undefined : Math.round(Number(digits) * units[unit!]!);
}

/** "0 s", "42 s", "7 min", "3 h 5 min", "2 d 4 h": two figures are enough for a person. */
export function durationText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (seconds < 60) return `${seconds} s`;
  if (hours < 1) return `${minutes} min`;
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
