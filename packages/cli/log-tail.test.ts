// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ManagerConnection } from "@ring3/client/manager-connection";
import type { LogEntry } from "@ring3/core/log";
import { LogTail } from "./log-tail.ts";

const entry = (time: number, message: string): LogEntry => ({
  time,
  level: "info",
  source: "manager",
  message,
});

/** A manager whose log has these entries. */
const manager = (entries: readonly LogEntry[], meanwhile = () => {}) =>
  (async () => {
    meanwhile();
    return { entries };
  }) as unknown as ManagerConnection["ask"];

function tail() {
  const told: string[] = [];
  return { tail: new LogTail(null, ({ message }) => told.push(message)), told };
}

test("what comes while the older entries are asked for is told behind them", async () => {
  const { tail: log, told } = tail();
  await log.read(
    manager([entry(1, "one")], () => log.heard(entry(2, "two"))),
    true,
  );
  log.heard(entry(3, "three"));
  assert.deepEqual(told, ["one", "two", "three"]);
});

test("the next manager's answer is told from the last entry on", async () => {
  const { tail: log, told } = tail();
  await log.read(manager([entry(1, "one"), entry(2, "two")]), true);
  log.heard(entry(2, "three"));
  const later = [entry(2, "three"), entry(2, "a last word"), entry(4, "a first word")];
  await log.read(manager([entry(1, "one"), entry(2, "two"), ...later]), true);
  assert.deepEqual(told, ["one", "two", "three", "a last word", "a first word"]);
});

test("a log that was rotated meanwhile is all told", async () => {
  const { tail: log, told } = tail();
  await log.read(manager([entry(1, "one")]), true);
  await log.read(manager([entry(5, "five")]), true);
  assert.deepEqual(told, ["one", "five"]);
});

test("an entry that was told and is in no file: what is later than it is told", async () => {
  const { tail: log, told } = tail();
  await log.read(manager([entry(1, "one")]), true);
  log.heard(entry(3, "three"));
  await log.read(manager([entry(1, "one"), entry(4, "four")]), true);
  assert.deepEqual(told, ["one", "three", "four"]);
});

test("a first answer that comes after the next manager's tells nothing twice", async () => {
  const { tail: log, told } = tail();
  const answer = Promise.withResolvers<void>();
  const late = (async () => {
    await answer.promise;
    return { entries: [entry(1, "one"), entry(2, "two")] };
  }) as unknown as ManagerConnection["ask"];
  const first = log.read(late, true);
  await log.read(manager([entry(1, "one")]), true);
  answer.resolve();
  await first;
  assert.deepEqual(told, ["one", "two"]);
});

test("a manager that dies before it answers: the next one tells what it had told", async () => {
  const { tail: log, told } = tail();
  await log.read(manager([entry(1, "one")]), true);
  const died = (async () => {
    log.heard(entry(2, "two"));
    throw new Error("disconnected");
  }) as unknown as ManagerConnection["ask"];
  await assert.rejects(log.read(died, true));
  await log.read(manager([entry(1, "one"), entry(2, "two")]), true);
  assert.deepEqual(told, ["one", "two"]);
});
