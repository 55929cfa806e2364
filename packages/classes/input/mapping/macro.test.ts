// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { mappingLimits } from "@ring3/core/mapping";
import { MacroRun } from "./macro.ts";
import { control, macro, step } from "./mapping.fixture.ts";

type Macro = ConstructorParameters<typeof MacroRun>[0];
const copy = [
  step("KEY_LEFTCTRL", "", 10),
  step("KEY_C", "", 30),
  step("", "KEY_C", 10),
  step("", "KEY_LEFTCTRL", 10),
];
const names = ["KEY_LEFTCTRL", "KEY_C"];

/** What is down after each wake-up, and when; `at` is done at its time. */
function seen(run: MacroRun, at: Readonly<Record<number, (nowMs: number) => void>> = {}): string[] {
  const lines: string[] = [];
  const times = Object.keys(at).map(Number);
  const note = (nowMs: number) =>
    lines.push(`${nowMs}: ${names.filter((name) => run.down.includes(control(name))).join(" ")}`.trim());
  note(0);
  for (let nowMs = 0; !run.done; ) {
    const due = times.find((time) => time > nowMs && time <= run.nextMs!);
    nowMs = due ?? run.nextMs!;
    run.advance(nowMs);
    if (due !== undefined) at[due]!(nowMs);
    note(nowMs);
  }
  return lines;
}
const started = (more: Parameters<typeof macro>[1] = {}) => new MacroRun(macro(copy, more) as Macro, 0);

test("steps come one after another, each after its time, and then it is done", () => {
  assert.deepEqual(seen(started()), [
    "0: KEY_LEFTCTRL",
    "10: KEY_LEFTCTRL KEY_C",
    "40: KEY_LEFTCTRL",
    "50:",
    "60:",
  ]);
});

test("what it has not released is released at its end", () => {
  const run = new MacroRun(macro([step("KEY_C", "", 20)]) as Macro, 0);
  assert.deepEqual(seen(run), ["0: KEY_C", "20:"]);
});

test("however late it is woken, no step is left out", () => {
  const run = started();
  run.advance(1000);
  assert.equal(run.down.length, 2);
  assert.equal(run.nextMs, 1030);
});

test("ignore: a further press does nothing", () => {
  const run = started();
  assert.deepEqual(seen(run, { 20: (nowMs) => run.again(nowMs) }).at(-1), "60:");
});

test("restart: all is released, then it begins anew", () => {
  const run = started({ again: "restart" });
  assert.deepEqual(seen(run, { 20: (nowMs) => run.again(nowMs) }).slice(2), [
    "20:",
    "30: KEY_LEFTCTRL",
    "40: KEY_LEFTCTRL KEY_C",
    "70: KEY_LEFTCTRL",
    "80:",
    "90:",
  ]);
});

test("queue: it runs once more for each press, up to a limit", () => {
  const run = started({ again: "queue" });
  const lines = seen(run, {
    20: (nowMs) => {
      for (let press = 0; press < 100; press++) run.again(nowMs);
    },
  });
  const runs = lines.filter((line) => line.endsWith(" KEY_C")).length; // one is seen twice, at 20 too
  assert.equal(runs, 1 + mappingLimits.queue + 1);
});

test("while held: it ends with its button, queue and all", () => {
  const run = started({ whileHeld: true, again: "queue" });
  run.again(0);
  assert.deepEqual(seen(run, { 20: (nowMs) => run.release(nowMs) }), [
    "0: KEY_LEFTCTRL",
    "10: KEY_LEFTCTRL KEY_C",
    "20:",
  ]);
});

test("while held: let go before its first step was seen, that is seen, and no other", () => {
  const run = started({ whileHeld: true });
  run.release(0);
  assert.deepEqual(seen(run), ["0: KEY_LEFTCTRL", "10:"]);
});

test("pressed again while its last end waits to be seen, it begins anew", () => {
  const run = started({ whileHeld: true });
  run.release(0);
  run.again(0);
  assert.deepEqual([run.down, run.nextMs], [[], 10]);
  run.advance(10);
  assert.deepEqual(run.down, [control("KEY_LEFTCTRL")]);
});
