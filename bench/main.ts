// Runs in: make bench, or `npm run bench NAME…`, Node. Runs the named benchmarks, or all, and prints each one's figures: ours against
// its peer, measured in turns in one run. Absolute figures depend on the machine and its other work; the ratio is what counts.
import { globSync } from "node:fs";
import { basename } from "node:path";

export interface Round {
  readonly ours: number;
  readonly peer: number;
}

export interface Benchmark {
  /** What ours and the peer are, in one line. */
  readonly what: string;
  readonly unit: string;
  /** Of ours by peer: "<= 0.5". */
  readonly goal: string;
  run(): AsyncIterable<Round>;
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const rounded = (value: number) => Number(value.toPrecision(4));

const files = globSync("*.bench.ts", { cwd: import.meta.dirname }).toSorted();
const names = files.map((file) => basename(file, ".bench.ts"));
const wanted = process.argv.length > 2 ? process.argv.slice(2) : names;
for (const name of wanted) {
  if (!names.includes(name)) {
    console.error(`there is no benchmark "${name}"; there are ${names.join(", ")}`);
    process.exit(2);
  }
}

if (import.meta.main)
  for (const name of wanted) {
    const { default: benchmark } = (await import(`./${name}.bench.ts`)) as { default: Benchmark };
    const { what, unit, goal } = benchmark;
    console.error(`${name}: ${what}`);
    const rounds: Round[] = [];
    for await (const round of benchmark.run()) {
      rounds.push(round);
      console.error(`  ${round.ours.toPrecision(4)} : ${round.peer.toPrecision(4)} ${unit}`);
    }
    const ratios = rounds.map(({ ours, peer }) => ours / peer);
    console.log(
      JSON.stringify({
        name,
        ours: rounded(median(rounds.map(({ ours }) => ours))),
        peer: rounded(median(rounds.map(({ peer }) => peer))),
        unit,
        rounds: rounds.length,
        ratio: {
          min: rounded(Math.min(...ratios)),
          median: rounded(median(ratios)),
          max: rounded(Math.max(...ratios)),
        },
        goal,
      }),
    );
  }
