// Runs in: a sim of an input device. Owns: nothing; the text format of scripts, read into steps.

/** The words that a kind of device understands. */
export interface Vocabulary<State> {
  /** Nothing is pressed, nothing moves. */
  fresh(): State;
  /** What the words of one step do; throws what was expected and what was found. */
  step(words: readonly string[]): (state: State) => void;
  /** A script for a device that nobody plays with. */
  readonly movement: string;
}

export type Step<State> =
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "do"; readonly act: (state: State) => void }
  | { readonly kind: "repeat"; readonly times: number; readonly steps: readonly Step<State>[] };

const MAX_WAIT_MS = 2 ** 31 - 1; // of a timer
const MAX_TIMES = 1_000_000;
const units: Record<string, number> = { us: 0.001, ms: 1, s: 1000, min: 60_000 };

interface Block<State> {
  readonly line: number;
  readonly times: number;
  readonly steps: Step<State>[];
}

/** Throws an Error that begins with `name`, a colon and the line's number. */
export function parseScript<State>(text: string, vocabulary: Vocabulary<State>, name: string): Step<State>[] {
  const whole: Step<State>[] = [];
  const open: Block<State>[] = [];
  for (const [at, raw] of text.split("\n").entries()) {
    const words = raw.replace(/#.*/, "").split(/\s+/).filter(Boolean);
    if (words.length === 0) continue;
    const steps = open.at(-1)?.steps ?? whole;
    try {
      if (words[0] === "repeat") {
        open.push({ line: at + 1, times: timesOf(words.slice(1)), steps: [] });
      } else if (words[0] === "}") {
        const block = closed(open.pop(), words);
        (open.at(-1)?.steps ?? whole).push({ kind: "repeat", times: block.times, steps: block.steps });
      } else {
        steps.push(...parseLine(words, vocabulary));
      }
    } catch (error) {
      throw new Error(`${name}:${at + 1}: ${(error as Error).message}`);
    }
  }
  const left = open.at(-1);
  if (left !== undefined) throw new Error(`${name}:${left.line}: expected a } below this repeat, found none`);
  return whole;
}

/** One line: `[DURATION] STEP`, or `wait DURATION`. */
export function parseLine<State>(words: readonly string[], vocabulary: Vocabulary<State>): Step<State>[] {
  const [first, ...rest] = words;
  if (first === "wait") {
    if (rest.length !== 1) throw new Error(`wait: expected one duration such as 20ms, found ${found(rest)}`);
    return [{ kind: "wait", ms: durationOf(rest[0]!) }];
  }
  if (!/^\d/.test(first!)) return [{ kind: "do", act: vocabulary.step(words) }];
  const ms = durationOf(first!);
  if (rest.length === 0)
    throw new Error(`expected a step behind ${first}, found nothing; or "wait ${first}"`);
  return [{ kind: "wait", ms }, ...parseLine(rest, vocabulary)];
}

function timesOf(words: readonly string[]): number {
  const [count, brace, ...more] = words;
  if (count === undefined || brace !== "{" || more.length > 0)
    throw new Error(`repeat: expected "repeat N {" or "repeat forever {", found ${found(words)}`);
  if (count === "forever") return Number.POSITIVE_INFINITY;
  const times = Number(count);
  if (!/^\d+$/.test(count) || times > MAX_TIMES)
    throw new Error(
      `repeat: expected a number up to ${MAX_TIMES} or forever, found ${JSON.stringify(count)}`,
    );
  return times;
}

function closed<State>(block: Block<State> | undefined, words: readonly string[]): Block<State> {
  if (block === undefined) throw new Error("expected a repeat above this }, found none");
  if (words.length > 1) throw new Error(`expected nothing behind }, found ${found(words.slice(1))}`);
  if (block.times === Number.POSITIVE_INFINITY && !takesTime(block.steps))
    throw new Error(`expected the repeat of line ${block.line} to wait somewhere, found no duration in it`);
  return block;
}

function takesTime<State>(steps: readonly Step<State>[]): boolean {
  return steps.some(
    (step) =>
      (step.kind === "wait" && step.ms > 0) ||
      (step.kind === "repeat" && step.times > 0 && takesTime(step.steps)),
  );
}

function durationOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(us|ms|s|min)$/.exec(text);
  const ms = match === null ? Number.NaN : Number(match[1]) * units[match[2]!]!;
  if (!(ms <= MAX_WAIT_MS))
    throw new Error(`expected a duration such as 100ms, 2s or 500us, found ${JSON.stringify(text)}`);
  return ms;
}

/** Words as an error shows them. */
export function found(words: readonly string[]): string {
  return words.length === 0 ? "nothing" : JSON.stringify(words.join(" "));
}

/** What a step gives in numbers. */
export function numbers(
  verb: string,
  args: readonly string[],
  count: number,
  low: number,
  high: number,
): number[] {
  const values = args.map(Number);
  if (args.length !== count || !values.every((value) => value >= low && value <= high))
    throw new Error(
      `${verb}: expected ${count === 1 ? "a number" : `${count} numbers`} from ${low} to ${high}, found ${found(args)}`,
    );
  return values;
}

/** `battery PERCENT [charging]`, of whatever has one. */
export function battery([percent = "", ...rest]: readonly string[]) {
  const [level] = numbers("battery", [percent], 1, 0, 100);
  const charging = rest[0] === "charging";
  if (rest.length > (charging ? 1 : 0)) throw new Error(`battery: expected charging, found ${found(rest)}`);
  return (state: { battery: number; charging: boolean }) => {
    state.battery = level!;
    state.charging = charging;
  };
}
