// Runs in: benchmarks. Owns: nothing. What a benchmark is, and what comes of one. Pure.
import type { Machine } from "./processor.ts";

/** One turn of ours and one of the peer's, as close to each other as they can be. */
export interface Round {
  /** Of which settings, where they have variants. */
  readonly variant?: string;
  readonly ours: number;
  readonly peer: number;
  /** Processor time of the processes that serve, in microseconds an operation. */
  readonly cpuUs?: { readonly ours: number; readonly peer: number };
}

/** One way to measure it. */
export interface Setting {
  /** The processors that both sides use alike, "0" or "0,1"; how their processes share them is the benchmark's to say. null: any. */
  readonly pinned: string | null;
  /** Of ours by peer: "<= 0.5". */
  readonly goal: string;
  /** What is measured, or against whom, where a benchmark has several: "read". */
  readonly variant?: string;
  /** Where it is not the benchmark's. */
  readonly unit?: string;
}

export interface Benchmark {
  /** What ours and the peer are, in one line. */
  readonly what: string;
  readonly unit: string;
  /** So many good ones are wanted; fewer where `run` has no more. */
  readonly rounds: number;
  /** The first one's figures are the headline. */
  readonly settings: readonly Setting[];
  /** Turns: a round, or one for each variant that is measured on these processors. Throws PeerMissing where the peer is not installed. */
  run(pinned: string | null): AsyncIterable<Round | readonly Round[]>;
}

/** What has no one ratio: the same in several ways, one a row. */
export interface Table {
  readonly what: string;
  /** Its columns: a row's field, and what people read above it. */
  readonly columns: Readonly<Record<string, string>>;
  /** What is to be known of the figures. */
  readonly note?: string;
  /** Throws PeerMissing where a program that measures is not installed. */
  measured(): Promise<Rows>;
}

export interface Rows {
  /** A row's further fields are told only as JSON. */
  readonly rows: readonly Readonly<Record<string, string | number>>[];
  readonly machine: Machine;
}

/** No figure without a peer. The message names the package to install. */
export class PeerMissing extends Error {}

/** No figure from a lab whose test has failed. The message has its words. */
export class LabFailed extends Error {}

/** Not one round was this machine's own. */
export class Disturbed extends Error {}

interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export interface Figures extends Setting {
  readonly ours: number;
  readonly peer: number;
  readonly ratio: Spread;
  readonly met: boolean;
  /** That count. */
  readonly rounds: number;
  /** That do not: others had more than STEAL_MAX of the processors' time meanwhile. */
  readonly dropped: number;
  readonly cpuUs: { readonly ours: number; readonly peer: number } | null;
}

export interface Result extends Figures {
  readonly name: string;
  readonly unit: string;
  /** In the other settings, if there are any. */
  readonly also: readonly Figures[];
}

const STEAL_MAX = 0.05;

export interface Measured extends Round {
  /** Of the time of the processors that it may use, what other machines on the same host had: 0 to 1. */
  readonly steal: number;
}

export const isGood = ({ steal }: Measured): boolean => steal <= STEAL_MAX;

/** Of those of the rounds that are of its variant. Throws Disturbed where none of them is good. */
export function figuresOf(setting: Setting, rounds: readonly Measured[]): Figures {
  const measured = rounds.filter(({ variant }) => variant === setting.variant);
  if (measured.length === 0) throw new TypeError(`no round is of the variant "${setting.variant}"`);
  const good = measured.filter(isGood);
  if (good.length === 0)
    throw new Disturbed(
      `others had more than ${STEAL_MAX * 100} % of the processors' time in each of ${measured.length} rounds; try when the machine is quieter`,
    );
  const ratios = good.map(({ ours, peer }) => ours / peer);
  const ratio = {
    min: rounded(Math.min(...ratios)),
    median: rounded(median(ratios)),
    max: rounded(Math.max(...ratios)),
  };
  const cpuUs = good.flatMap((round) => round.cpuUs ?? []);
  return {
    ...setting,
    ...sides(good),
    ratio,
    met: share(ratio.median, setting.goal) <= 1,
    rounds: good.length,
    dropped: measured.length - good.length,
    cpuUs: cpuUs.length === 0 ? null : sides(cpuUs),
  };
}

export function resultOf(
  name: string,
  { unit }: Benchmark,
  [headline, ...also]: readonly [Figures, ...Figures[]],
): Result {
  return { name, unit, ...headline, also };
}

/** Of ratio and goal ("<= 0.5", ">= 1.1"), so that what is at most 1 meets it, whichever way the goal goes. */
export function share(ratio: number, goal: string): number {
  const [, relation, bound] = /^(<=|>=) ([\d.]+)$/.exec(goal) ?? [];
  if (relation === undefined) throw new TypeError(`goal "${goal}": expected "<= N" or ">= N"`);
  return relation === "<=" ? ratio / Number(bound) : Number(bound) / ratio;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const sides = (pairs: readonly { readonly ours: number; readonly peer: number }[]) => ({
  ours: rounded(median(pairs.map(({ ours }) => ours))),
  peer: rounded(median(pairs.map(({ peer }) => peer))),
});

const rounded = (value: number) => Number(value.toPrecision(4));
