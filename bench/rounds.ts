// Runs in: `ring3 bench`. Owns: the run of a benchmark: ours and its peer in turns, one run on the same processors for all variants.
import { type Benchmark, type Figures, figuresOf, isGood, type Measured, type Setting } from "./benchmark.ts";
import { stealBetween, type Ticks } from "./processor.ts";

/** Turns that others have disturbed are made up for, until there are so many times as many as are wanted. */
const TRIES = 3;

export interface Watch {
  ticks(pinned: string | null): Ticks;
  begins(pinned: string | null): void;
  measured(round: Measured, unit: string): void;
}

/** In the order of the settings. */
export async function figuresOfAll(benchmark: Benchmark, watch: Watch): Promise<[Figures, ...Figures[]]> {
  const figures = new Map<Setting, Figures>();
  for (const [pinned, settings] of Map.groupBy(benchmark.settings, (setting) => setting.pinned)) {
    watch.begins(pinned);
    const unitOf = (variant?: string) =>
      settings.find((setting) => setting.variant === variant)?.unit ?? benchmark.unit;
    const told = (round: Measured) => watch.measured(round, unitOf(round.variant));
    const rounds = await measured(benchmark, pinned, () => watch.ticks(pinned), told);
    for (const setting of settings) figures.set(setting, figuresOf(setting, rounds));
  }
  return benchmark.settings.map((setting) => figures.get(setting)!) as [Figures, ...Figures[]];
}

async function measured(
  benchmark: Benchmark,
  pinned: string | null,
  ticks: () => Ticks,
  told: (round: Measured) => void,
): Promise<Measured[]> {
  const rounds: Measured[] = [];
  let [turns, good] = [0, 0];
  let before = ticks();
  for await (const turn of benchmark.run(pinned)) {
    const steal = stealBetween(before, ticks());
    const whole = [turn].flat().map((round) => ({ ...round, steal }));
    whole.forEach(told);
    rounds.push(...whole);
    turns++;
    if (whole.every(isGood)) good++;
    if (good >= benchmark.rounds || turns >= TRIES * benchmark.rounds) break;
    before = ticks();
  }
  return rounds;
}
