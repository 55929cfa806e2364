// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { UnitInfo } from "@ring3/client";
import type { Ring3 } from "../ring3.ts";
import { EventLines } from "./event-lines.ts";

test("a driver's death, told as it fails and as it is proven, is one line; the next one's coming another", () => {
  const printed: string[] = [];
  const lines = new EventLines({ print: (line: string) => void printed.push(line) } as unknown as Ring3);
  const told = lines.of({ unit: "usb-1-4:1.0#0" } as UnitInfo);
  for (const there of [false, false, true, false]) told.driver(there);
  assert.deepEqual(
    printed.map((line) => JSON.parse(line).driver),
    ["down", "up", "down"],
  );
});
