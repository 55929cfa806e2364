// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { createLog } from "@ring3/core/log";
import { failureTeller } from "./endpoint-nbd-failures.ts";

test("failures are said once a second, with how many went unsaid", () => {
  const clock = manualClock();
  const said: string[] = [];
  const failed = failureTeller(
    createLog("nbd", ({ message }) => said.push(message), clock),
    clock,
    "stick",
  );
  for (const text of ["flush: lost", "read: damaged", "read: damaged"]) failed(text);
  clock.advance(999);
  failed("read: damaged");
  clock.advance(1);
  failed("write: gone");
  clock.advance(1000);
  failed("write: gone again");
  assert.deepEqual(said, [
    "stick: flush: lost",
    "stick: write: gone (and 3 requests before it failed too)",
    "stick: write: gone again",
  ]);
});
