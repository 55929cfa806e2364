// Runs in: node --test, unit stage.
import assert from "node:assert/strict";
import { test } from "node:test";
import { machineOf } from "./machines.ts";

test("a test file that names no machine gets the standard one", () => {
  assert.equal(machineOf("// Runs in: lab guest.\nimport x;\n"), "standard");
});

test("a test file that names an unknown machine is refused, with the machines there are", () => {
  assert.throws(
    () => machineOf("// Runs in: lab guest.\n// lab machine: mainframe\n"),
    /no lab machine mainframe; there are standard/,
  );
});

test("a machine named far below the first lines does not count", () => {
  assert.equal(machineOf(`${"\n".repeat(9)}// lab machine: mainframe\n`), "standard");
});
