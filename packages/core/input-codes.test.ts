// Runs in: tests. Needs the C compiler, which knows this machine's headers.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as codes from "./input-codes.ts";

const ours: Record<string, number> = { ...codes };

test("every code has the value that the C compiler gives it", (context) => {
  const directory = mkdtempSync(join(tmpdir(), "ring3-codes-"));
  context.after(() => rmSync(directory, { recursive: true }));
  const prints = Object.keys(ours).map((name) => `printf("%d\\n", ${name});`);
  const source = `#include <stdio.h>\n#include <linux/input.h>\nint main(void) { ${prints.join("\n")} }`;
  const program = join(directory, "codes");
  execFileSync("cc", ["-std=c17", "-xc", "-", "-o", program], { input: source });
  const values = execFileSync(program, { encoding: "utf8" }).trim().split("\n").map(Number);
  assert.deepEqual(Object.fromEntries(Object.keys(ours).map((name, at) => [name, values[at]])), ours);
});

test("keys and buttons reach from the first code to the last", () => {
  const keys = new Set(
    Object.entries(ours).flatMap(([name, code]) => (/^(KEY|BTN)_/.test(name) ? [code] : [])),
  );
  assert.deepEqual([Math.min(...keys), Math.max(...keys)], [codes.KEY_RESERVED, codes.KEY_MAX]);
  assert.ok(keys.size > 550, `${keys.size}`);
});
