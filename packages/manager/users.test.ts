// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Users } from "./users.ts";

test("every host has a user of its own, the first that is free; without one the setting to widen is named", () => {
  const users = new Users({ first: 300_000, count: 3 });
  assert.deepEqual([users.take(), users.take(), users.take()], [300_000, 300_001, 300_002]);
  assert.throws(() => users.take(), { kind: "no-space", message: /uid_range/ });
  users.giveBack(300_001);
  assert.equal(users.take(), 300_001);
});
