// Runs in: tests. Owns: one sim process a test: that it is put together.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runToEnd, SimProcess } from "../usbip/test/sim-process.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

test("help fits 80 columns and names every model", async () => {
  const { code, stdout } = await runToEnd(MAIN, ["--help"]);
  assert.equal(code, 0);
  assert.deepEqual(
    stdout.split("\n").filter((line) => line.length > 80),
    [],
  );
  assert.match(stdout, /^ {2}keyboard, .*mouse/m);
});

for (const [model, endpoint, bytes] of [
  ["keyboard", 1, 8],
  ["nkro", 2, 32],
  ["mouse", 1, 8],
] as const) {
  test(`${model} --move does something by itself once its input is read`, async () => {
    await using sim = new SimProcess(MAIN, ["--model", model, "--move"]);
    const client = await sim.connect();
    const first = await client.in(bytes, endpoint);
    const second = await client.in(bytes, endpoint);
    assert.notDeepEqual(first.data, second.data);
  });
}
