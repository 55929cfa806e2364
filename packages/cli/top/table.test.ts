import assert from "node:assert/strict";
import { test } from "node:test";
import { ratesOf } from "@ring3/control/rates";
import { device, latencies } from "@ring3/control/rates.fixture";
import { topText } from "./table.ts";

test("a table fits its terminal, the busiest first, and says what is not running", () => {
  const plain = (_: string, text: string) => text;
  const before = [device({ id: "usb-a:1.0" }), device({ id: "usb-a-device-with-a-long-name:1.0" })];
  const after = [
    device({ id: "usb-a:1.0", state: "quarantined", process: null, restarts: 12_345 }),
    device({
      id: "usb-a-device-with-a-long-name:1.0",
      requests: 123_456,
      bytesRead: 987_654_321,
      bytesWritten: 1000,
      latencies: latencies(90, 250_000_000),
    }),
  ];
  const rates = ratesOf({ nowMs: 0, devices: before }, { nowMs: 1000, devices: after });
  const lines = topText(rates, 80, plain).split("\n");
  for (const line of lines) assert.ok(line.length <= 80, line);
  assert.match(lines[1]!, /^usb-a-devic.*123k +988 MB +1\.0 kB .*µs +268 s /);
  assert.match(lines[2]!, /^usb-a:1\.0 +quarantined/);
});

test("events are told where the terminal has room for them; what tells more stands first", () => {
  const before = [device({ id: "usb-a:1.0" }), device({ id: "usb-pad:1.0" })];
  const after = [device({ id: "usb-a:1.0" }), device({ id: "usb-pad:1.0", events: 8000 })];
  const rates = ratesOf({ nowMs: 0, devices: before }, { nowMs: 1000, devices: after });
  const shown = (width: number) => topText(rates, width, (_, text) => text).split("\n");
  assert.match(shown(86)[0]!, /REQ\/S {2}EV\/S READ\/S/);
  assert.match(shown(86)[1]!, /^usb-pad:1\.0 +running +0 +8\.0k /);
  assert.ok(shown(86).every((line) => line.length <= 86));
  assert.match(shown(85)[1]!, /^usb-pad:1\.0 +running +0 +0 B /);
});

test("what has no row counts in the last", () => {
  const devices = ["a", "b", "c", "d"].map((id) => device({ id }));
  const rates = ratesOf({ nowMs: 0, devices }, { nowMs: 1000, devices });
  const lines = topText(rates, 80, (_, text) => text, 4).split("\n");
  assert.deepEqual([lines.length, lines.at(-1)], [4, "and 2 more"]);
});

test("without devices it says so", () => {
  assert.match(
    topText([], 80, (_, text) => text),
    /no device/,
  );
});
