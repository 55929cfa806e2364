// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { manualClock } from "./clock.ts";
import { createLog, FIELDS_MAX, type LogEntry, printable } from "./log.ts";

test("terminal control sequences lose their control characters", () => {
  assert.equal(printable("\u001b[31mred\u001b[0m \u009b2J\u0007\u007f"), "[31mred[0m 2J");
});

test("line breaks and tabs become single spaces", () => {
  assert.equal(printable("one\r\ntwo\nthree\tfour\u2028five"), "one two three four five");
});

test("bidirectional overrides and zero-width characters are taken out", () => {
  assert.equal(printable("abc\u202egpj.exe\u2069\u200b\ufeff\u061c"), "abcgpj.exe");
});

test("other scripts and symbols stay as they are", () => {
  assert.equal(printable("Größe 東京 🙂 é"), "Größe 東京 🙂 é");
});

test("long text is cut with an ellipsis and never through a character", () => {
  assert.equal(printable("abcdef", 4), "abc…");
  assert.equal(printable("ab🙂cdef", 4), "ab…");
  assert.equal(printable("abcd", 4), "abcd");
});

test("any text at all comes out well-formed, short enough and without control characters", () => {
  const anything = fc.string({
    unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
  });
  fc.assert(
    fc.property(anything, fc.integer({ min: 1, max: 40 }), (text, max) => {
      const clean = printable(text, max);
      assert.ok(clean.isWellFormed());
      assert.ok(clean.length <= max);
      assert.doesNotMatch(clean, /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
    }),
  );
});

test("an entry carries time, level, source and cleaned fields", () => {
  const clock = manualClock();
  clock.advance(1234);
  const entries: LogEntry[] = [];
  const log = createLog("manager", (entry) => entries.push(entry), clock);
  log.child("usb-1-4:1.0").warn("serial\u001b[2J", { serial: "A\u0000B", lun: 0, removable: true });
  log.info("ready");
  assert.deepEqual(entries, [
    {
      time: 1234,
      level: "warn",
      source: "manager/usb-1-4:1.0",
      message: "serial[2J",
      fields: { serial: "AB", lun: 0, removable: true },
    },
    { time: 1234, level: "info", source: "manager", message: "ready" },
  ]);
});

test("of many fields the first are kept, and what JSON has no word for becomes text", () => {
  const entries: LogEntry[] = [];
  const log = createLog("driver", (entry) => entries.push(entry), manualClock());
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`f${n}`, n]));
  log.info("much", many);
  log.info("strange", { ratio: Number.NaN, list: [1, "\u001b"] as never });
  assert.deepEqual(
    entries.map(({ fields }) => Object.keys(fields!).length),
    [FIELDS_MAX, 2],
  );
  assert.deepEqual(entries[1]!.fields, { ratio: "NaN", list: "1," });
});
