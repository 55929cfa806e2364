// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { catalogue } from "../packages/cli/torture/catalogue.ts";
import { faults } from "../packages/host/torture/driver.ts";

test("every fault that ring3 torture orders is one that its driver has, and the other way round", () => {
  const ordered = catalogue.filter(({ group }) =>
    ["code", "memory", "replies", "rings", "control"].includes(group),
  );
  assert.deepEqual(ordered.map(({ name }) => name).toSorted(), Object.keys(faults).toSorted());
});
