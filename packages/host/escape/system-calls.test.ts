// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { headerNumbers } from "@ring3/kernel/jail/bpf.fixture";
import { systemCalls } from "./system-calls.ts";

test("the table's numbers are those of the C library's headers", () => {
  const names = [...systemCalls.keys()];
  assert.deepEqual([...systemCalls.values()], headerNumbers(process.arch as "x64" | "arm64", names));
});
