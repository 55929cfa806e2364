import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Benchmark,
  Disturbed,
  figuresOf,
  type Measured,
  median,
  resultOf,
  type Setting,
  share,
} from "./benchmark.ts";
import { plot } from "./plot.ts";
import { machine, stealBetween, ticksIn } from "./processor.ts";
import { headText, resultText, roundText, tableText } from "./report.ts";

const setting: Setting = { pinned: null, goal: "<= 0.5" };
const benchmark: Benchmark = {
  what: "ours against a peer",
  unit: "ms",
  rounds: 3,
  settings: [setting],
  async *run() {},
};
const round = (ours: number, peer: number, steal = 0): Measured => ({ ours, peer, steal });

test("the ratio is taken round by round, and its median is what meets the goal", () => {
  assert.deepEqual(figuresOf(setting, [round(1, 10), round(4, 10), round(90, 100)]), {
    pinned: null,
    goal: "<= 0.5",
    ours: 4,
    peer: 10,
    ratio: { min: 0.1, median: 0.4, max: 0.9 },
    met: true,
    rounds: 3,
    dropped: 0,
    cpuUs: null,
  });
});

test("a round in which others had more than 5 % of the time does not count", () => {
  const { rounds, dropped, ratio } = figuresOf(setting, [
    round(1, 10),
    round(9, 10, 0.051),
    round(3, 10, 0.05),
  ]);
  assert.deepEqual([rounds, dropped, ratio.max], [2, 1, 0.3]);
  assert.throws(() => figuresOf(setting, [round(1, 10, 0.2)]), Disturbed);
});

test("processor time is told beside speed, where it was measured", () => {
  const cpuUs = { ours: 30, peer: 20 };
  const figures = figuresOf(setting, [{ ...round(1, 10), cpuUs }]);
  assert.deepEqual(figures.cpuUs, cpuUs);
  assert.match(resultText(resultOf("a", benchmark, [figures])), /processor: 30 : 20 µs an operation/);
});

test("the first setting is the headline, the others are told as well", () => {
  const first = figuresOf(setting, [round(1, 10)]);
  const second = figuresOf({ pinned: "0", goal: ">= 1" }, [round(9, 10)]);
  const result = resultOf("a", benchmark, [first, second]);
  assert.deepEqual([result.name, result.ratio.median, result.also], ["a", 0.1, [second]]);
  assert.match(
    resultText(result),
    /goal <= 0.5 met, on all processors[\s\S]*goal >= 1 NOT met, on processor 0\n/,
  );
  assert.match(headText("a", benchmark, "0,1"), /^a, on processors 0,1: ours/);
});

test("a setting's figures are those of its variant, with its unit", () => {
  const write: Setting = { pinned: null, goal: ">= 0.5", variant: "write", unit: "MB/s" };
  const rounds = [
    { ...round(1, 10), variant: "read" },
    { ...round(8, 10), variant: "write" },
  ];
  const figures = figuresOf(write, rounds);
  assert.deepEqual([figures.rounds, figures.ratio.median, figures.variant], [1, 0.8, "write"]);
  assert.match(resultText(resultOf("a", benchmark, [figures])), /\n {4}write: 8 : 10 MB\/s, 1 rounds$/);
  assert.throws(
    () => figuresOf({ ...write, variant: "wirte" }, rounds),
    /no round is of the variant "wirte"/,
  );
});

test("a goal is a bound from above or from below, and nothing else", () => {
  assert.deepEqual(
    [
      [0.5, "<= 0.5"] as const,
      [0.51, "<= 0.5"] as const,
      [0.97, ">= 0.97"] as const,
      [0.9, ">= 0.97"] as const,
    ].map(([ratio, goal]) => share(ratio, goal) <= 1),
    [true, false, true, false],
  );
  assert.throws(() => share(1, "< 2"), /goal "< 2"/);
});

test("the median of an even number lies between its two middles", () => {
  assert.deepEqual([median([3, 1, 2]), median([4, 1, 2, 3])], [2, 2.5]);
});

// From a machine of two processors that shares its host.
const before =
  "cpu  6360413 39578 1620888 3949959 11265 0 6723 162099 0 0\ncpu0 100 0 0 0 0 0 0 0 0 0\ncpu1 0 0 0 0 0 0 0 0 0 0\n";
const after =
  "cpu  6360513 39578 1620988 3950659 11265 0 6723 162199 0 0\ncpu0 140 0 0 0 0 0 0 60 0 0\ncpu1 0 0 0 100 0 0 0 0 0 0\n";

test("steal is the eighth field of the line of all processors, or of those that are used, by all that they spent meanwhile", () => {
  const steal = (pinned: string | null) => stealBetween(ticksIn(before, pinned), ticksIn(after, pinned));
  assert.deepEqual([steal(null), steal("0"), steal("1"), steal("0,1")], [0.1, 0.6, 0, 0.3]);
  assert.equal(stealBetween(ticksIn(before, null), ticksIn(before, null)), 0);
});

test("what is printed fits 80 columns", () => {
  const one = { ...round(123_456.7, 234_567.8), variant: "write, 64 devices" };
  const figures = figuresOf({ pinned: "0,1", goal: ">= 0.95", variant: "write, 64 devices" }, [one]);
  const cpuUs = { ours: 123.4, peer: 123.4 };
  const result = resultOf("nbd-randread-qd16", { ...benchmark, unit: "reads/s" }, [
    { ...figures, dropped: 30, cpuUs },
    figures,
  ]);
  for (const line of [...resultText(result).split("\n"), roundText({ ...one, steal: 0.5 }, "reads/s")])
    assert.ok(line.length <= 80, line);
});

test("a table's words stand left and its numbers right, below what they are", () => {
  const columns = { way: "placement", pace: "reads/s" };
  const rows = [
    { way: "inline", pace: 31_624, more: 1 },
    { way: "isolated", pace: 7, more: 2 },
  ];
  const measured = { rows, machine: { ...machine(), processor: "EPYC", kernel: "6.12" } };
  const table = { what: "", columns, measured: async () => measured };
  const text = "a\n  placement  reads/s\n  inline       31624\n  isolated         7\n  on Linux 6.12, EPYC";
  assert.equal(tableText("a", table, measured), text);
  assert.equal(tableText("a", { ...table, note: "counts" }, measured), `${text}\n  counts`);
});

test("a picture has a row for each setting, and left of 1 is met whichever way the goal goes", () => {
  assert.deepEqual([share(0.25, "<= 0.5"), share(2, ">= 1")], [0.5, 0.5]);
  const figures = figuresOf(setting, [round(1, 10), round(9, 10)]);
  const written = { ...round(9, 10), variant: "write" };
  const pinned = figuresOf({ pinned: "0", goal: ">= 1", variant: "write" }, [written]);
  const picture = plot([
    resultOf("first", benchmark, [figures, pinned]),
    resultOf("second", benchmark, [figures]),
  ]);
  assert.match(
    picture,
    /^<svg [^>]*>\n<title>[\s\S]*first[\s\S]*&lt;= 0.5[\s\S]*first, write, pinned to 0[\s\S]*&gt;= 1[\s\S]*second[\s\S]*<\/svg>\n$/,
  );
});
