import assert from "node:assert/strict";
import { test } from "node:test";
import { durationText, parseDuration } from "./duration.ts";
import { editDistance, nearest } from "./nearest.ts";
import { resolveDevice } from "./selector.ts";

const devices = [
  { id: "usb-1-4:1.0", alias: "backup" },
  { id: "usb-1-4:1.1", alias: null },
  { id: "usb-2-1:1.0", alias: "usb-1" },
];

const found: [wanted: string, id: string][] = [
  ["usb-1-4:1.0", "usb-1-4:1.0"],
  ["backup", "usb-1-4:1.0"],
  ["back", "usb-1-4:1.0"],
  ["usb-2", "usb-2-1:1.0"],
  ["usb-1", "usb-2-1:1.0"], // an alias, exactly, before any prefix
];

for (const [wanted, id] of found)
  test(`"${wanted}" means ${id}`, () => assert.equal(resolveDevice(wanted, devices).id, id));

test("a prefix of several devices lists them", () => {
  assert.throws(() => resolveDevice("usb-1-4", devices), {
    kind: "invalid",
    message: /it could be usb-1-4:1\.0 \(backup\), usb-1-4:1\.1/,
  });
});

test("an unknown name lists what there is and the nearest", () => {
  assert.throws(
    () => resolveDevice("bakcup", devices),
    /there is none of that name; did you mean backup\? Known: usb-1-4:1\.0 \(backup\)/,
  );
  assert.throws(() => resolveDevice("nowhere", devices), /there is none of that name\. Known: usb-1-4:1\.0/);
  assert.throws(() => resolveDevice("", devices), /there is none of that name/);
  assert.throws(() => resolveDevice("x", []), /there is no device/);
});

test("durations are read with a unit only", () => {
  assert.deepEqual(
    ["500ms", "30s", "1.5s", "5m", "1h"].map(parseDuration),
    [500, 30_000, 1500, 300_000, 3_600_000],
  );
  assert.deepEqual(["30", "s", "-1s", "1e3s", "1 s", ""].map(parseDuration), Array(6).fill(undefined));
});

test("durations are shown in two figures", () => {
  assert.deepEqual([999, 59_000, 61_000, 3_660_000, 90_000_000].map(durationText), [
    "0 s",
    "59 s",
    "1 min",
    "1 h 1 min",
    "1 d 1 h",
  ]);
});

test("a swap, an insertion, a removal and a change are one edit each", () => {
  assert.deepEqual(
    [
      editDistance("tkae", "take"),
      editDistance("tke", "take"),
      editDistance("taake", "take"),
      editDistance("tare", "take"),
    ],
    [1, 1, 1, 1],
  );
  assert.deepEqual(
    [nearest("tkae", ["take", "access"]), nearest("xyz", ["take", "access"])],
    ["take", undefined],
  );
});
