// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { holding } from "./holding.ts";

const down = { buttons: 1 };

test("of each event the latest holds", () => {
  const first = holding({ motors: { strong: 1 } }, "state", down);
  assert.deepEqual(holding(first, "state", { buttons: 0 }), { motors: { strong: 1 }, state: { buttons: 0 } });
});

test("with a driver goes what it has told, also where only the next one is heard of", () => {
  for (const there of [false, true])
    assert.deepEqual(holding({ driver: { there: true }, state: down }, "driver", { there }), {
      driver: { there },
    });
});

test("with its unit goes everything", () => {
  assert.deepEqual(holding({ driver: { there: true }, state: down }, "end", {}), {});
});
