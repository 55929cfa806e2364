// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { plain } from "../text.ts";
import type { Fault } from "./fault.ts";
import type { Outcome } from "./lane.ts";
import { Outcomes, passed, resultText, summary } from "./report.ts";

const fault: Fault = { name: "exit", group: "code", cards: 1 };
const outcome = (number: number, more: Partial<Outcome> = {}, of: Fault = fault): Outcome => ({
  planned: { number, fault: of, door: "nbd", random: () => 0 },
  wrong: undefined,
  crashes: 1,
  hangs: 0,
  quarantined: [],
  recoveryMs: number,
  unnoticed: false,
  ...more,
});
const tally = { requests: 5000, failed: 7, lost: 0, corrupt: 0, wrong: [], verified: true };
const nobodyDied = { managerDeaths: 0, reflectorDeaths: 0, wrong: [] as string[] };

function resultOf(outcomes: readonly Outcome[], more: Partial<typeof tally> = {}, deaths = nobodyDied) {
  const all = new Outcomes();
  for (const each of outcomes) all.add(each);
  return summary({ seed: 7 }, all, { ...tally, ...more }, deaths);
}
const thousand = Array.from({ length: 1000 }, (_, number) => outcome(number));

test("a thousand faults, all of them recovered from", () => {
  const result = resultOf(thousand);
  assert.deepEqual(
    [result.faults, result.crashes, result.recovered, result.recoverable, result.recoveryMs, passed(result)],
    [1000, 1000, 1000, 1000, { p50: 500, p99: 990, max: 999 }, true],
  );
});

test("one in a thousand may fail, two may not, and both are told", () => {
  const failing = { wrong: "read: io" };
  const one = resultOf([...thousand.slice(1), outcome(0, failing)]);
  const two = resultOf([...thousand.slice(2), outcome(0, failing), outcome(1, failing)]);
  assert.deepEqual([passed(one), passed(two)], [true, false]);
  assert.deepEqual(two.wrong, ["fault 0 (exit, nbd): read: io", "fault 1 (exit, nbd): read: io"]);
  assert.match(resultText(two, 80, plain), /recovered +998 of 1000 that were to be: 99\.800 %/);
});

test("a quarantine that was not meant is none that was recovered from; one that was is not counted", () => {
  const final: Fault = { ...fault, name: "quarantine", final: true };
  const { recovered, recoverable, quarantined } = resultOf([
    outcome(0, { quarantined: ["five failures"] }),
    outcome(1, { quarantined: ["five failures"] }, final),
  ]);
  assert.deepEqual([recovered, recoverable, quarantined], [0, 1, 2]);
});

test("a lost request, a corrupt reply, a disk that could not be read and a death that nobody ordered each fail a campaign", () => {
  assert.equal(passed(resultOf(thousand, { lost: 1 })), false);
  assert.equal(passed(resultOf(thousand, { corrupt: 1 })), false);
  assert.equal(passed(resultOf(thousand, { verified: false })), false);
  assert.equal(passed(resultOf(thousand, {}, { ...nobodyDied, managerDeaths: 1 })), false);
  assert.equal(passed(resultOf(thousand, {}, { ...nobodyDied, reflectorDeaths: 1 })), false);
});

test("a campaign without a death has no recovery to tell of", () => {
  assert.deepEqual(resultOf([outcome(0, { crashes: 0, recoveryMs: undefined })]).recoveryMs, {
    p50: 0,
    p99: 0,
    max: 0,
  });
});
