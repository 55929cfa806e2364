// Runs in: node --test. Owns: nothing; what becomes of requests that their callers take back while their driver is at rest, or dies.
import assert from "node:assert/strict";
import { test } from "node:test";
import { kindCode } from "@ring3/core/errors";
import { clientEnd, driver, SECTOR, settle } from "./client-end.fixture.ts";

async function asked() {
  const { end, clock, suspicions } = clientEnd();
  const { held, cancelled, side, kill } = driver(end, 1);
  const caller = new AbortController();
  const read = { lba: 0, count: 1, medium: 1 };
  const answer = end.request("read", read, { length: SECTOR, signal: caller.signal });
  await settle();
  const letGo = () => side.complete(held[0]!.tag, kindCode("cancelled"), 125, 0); // ECANCELED, asm-generic/errno.h
  return { end, clock, suspicions, held, cancelled, kill, caller, answer, letGo };
}

test("what is taken back while its driver is at rest the driver hears of at once, and is answered before it wakes", async () => {
  const { end, clock, suspicions, held, cancelled, caller, answer, letGo } = await asked();
  end.onDriver((there) => there || caller.abort());
  end.paused(true);
  await settle();
  assert.deepEqual(cancelled, [held[0]!.tag]);
  letGo();
  await assert.rejects(answer, { kind: "cancelled" });
  clock.advance(3_600_000);
  end.paused(false);
  clock.advance(3_600_000);
  assert.deepEqual(suspicions, []);
});

test("a driver that dies with what was taken back: that it has failed is told before the request is answered", async () => {
  const { end, kill, caller, answer } = await asked();
  const told: string[] = [];
  end.onDriver((_, failed) => told.push(failed ? "failed" : "away"));
  const answered = assert.rejects(answer, { kind: "cancelled" }).then(() => told.push("answered"));
  end.paused(true);
  caller.abort();
  await settle();
  kill(false);
  await answered;
  assert.deepEqual(told, ["away", "failed", "answered"]);
});
