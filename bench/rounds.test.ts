import assert from "node:assert/strict";
import { test } from "node:test";
import type { Benchmark, Round } from "./benchmark.ts";
import { figuresOfAll } from "./rounds.ts";

/** What a run over these turns told, and what came of it. `stolen`: of the hundred ticks of each turn. */
async function ran(turns: readonly (Round | readonly Round[])[], part: Partial<Benchmark>, stolen = 0) {
  const told: string[] = [];
  let looked = 0;
  const benchmark: Benchmark = {
    what: "ours against a peer",
    unit: "ms",
    rounds: 2,
    settings: [{ pinned: null, goal: "<= 1" }],
    async *run(pinned) {
      told.push(`run on ${pinned}`);
      yield* turns;
    },
    ...part,
  };
  const figures = await figuresOfAll(benchmark, {
    ticks: () => ({ all: 100 * looked, stolen: stolen * looked++ }),
    begins: () => {},
    measured: ({ variant = "", ours }, unit) => told.push(`${variant}${ours} ${unit}`),
  });
  return { told, figures };
}

test("one run on the same processors measures all variants, and figures come in the order of the settings", async () => {
  const turns = [1, 2, 3].map((ours) => [
    { variant: "read", ours, peer: 10 },
    { variant: "write", ours: 2 * ours, peer: 10 },
  ]);
  const settings = ["0", null].flatMap((pinned) => [
    { variant: "write", pinned, goal: "<= 1", unit: "s" },
    { variant: "read", pinned, goal: "<= 1" },
  ]);
  const { told, figures } = await ran(turns, { settings: [settings[0]!, settings[2]!, settings[1]!] });
  assert.deepEqual(told.slice(0, 5), ["run on 0", "read1 ms", "write2 s", "read2 ms", "write4 s"]);
  assert.deepEqual(
    told.filter((line) => line.startsWith("run")),
    ["run on 0", "run on null"],
  );
  assert.deepEqual(
    figures.map(({ variant, pinned, ours, rounds }) => [variant, pinned, ours, rounds]),
    [
      ["write", "0", 3, 2],
      ["write", null, 3, 2],
      ["read", "0", 1.5, 2],
    ],
  );
});

test("turns that others disturbed are made up for, three times as many at most", async () => {
  const turns = Array.from({ length: 10 }, (_, ours) => ({ ours, peer: 10 }));
  const undisturbed = await ran(turns, {}, 5);
  assert.equal(undisturbed.told.length, 1 + 2);
  const told: number[] = [];
  const disturbed = ran(
    turns,
    {
      async *run() {
        for (const turn of turns) {
          told.push(turn.ours);
          yield turn;
        }
      },
    },
    6,
  );
  await assert.rejects(disturbed, /others had more than 5 % of the processors' time in each of 6 rounds/);
  assert.equal(told.length, 6);
});

test("a run that ends early has the rounds that it had", async () => {
  const { figures } = await ran([{ ours: 1, peer: 10 }], {});
  assert.equal(figures[0].rounds, 1);
});
