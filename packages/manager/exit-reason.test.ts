// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { exitReason } from "./exit-reason.ts";

const ends: [Parameters<typeof exitReason>[0], string, string, boolean][] = [
  [{ code: 0, signal: null }, "exit", "the process ended with code 0", false],
  [{ code: 134, signal: null }, "signal", "the process was ended by SIGABRT", false],
  [{ code: 137, signal: null }, "signal", "the process was ended by SIGKILL", true],
  [{ code: null, signal: "SIGTERM" }, "signal", "the process was ended by SIGTERM", true],
  [{ code: null, signal: "SIGSEGV" }, "signal", "the process was ended by SIGSEGV", false],
  [{ code: 255, signal: null }, "exit", "the process ended with code 255", false],
];
for (const [exit, kind, text, outside] of ends)
  test(`code ${exit.code}, signal ${exit.signal}: ${text}`, () =>
    assert.deepEqual(exitReason(exit, ""), { kind, text, outside }));

test("what it wrote last explains it", () => {
  assert.match(
    exitReason({ code: 1, signal: null }, "out of memory").text,
    /code 1; it said: out of memory$/,
  );
});
