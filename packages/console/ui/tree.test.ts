// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { DeviceStatus } from "./told.ts";
import { type Line, treeOf } from "./tree.ts";

const device = (id: string, more: Partial<DeviceStatus> = {}): DeviceStatus => ({
  ...{ id, alias: null, identity: "", name: `the one at ${id}`, bus: "usb", driver: "usb-storage" },
  ...{ class: "block", placement: "isolated", sandbox: "standard", state: "running", reason: "" },
  ...{ incarnation: 1, restarts: 0, hostPid: 1, units: [], ...more },
});
const hub = (id: string) => device(id, { state: "unmatched", driver: null, name: "Hub" });
const units = (id: string, count: number) => ({
  units: Array.from({ length: count }, (_, index) => ({ id: `${id}#${index}`, endpoints: [] })),
});

const shownOf = (all: readonly DeviceStatus[]) => all.filter(({ state }) => state !== "unmatched");
const keyOf = ({ kind, key, level }: Line) => `${"  ".repeat(level - 1)}${kind} ${key}`;
const drawn = (all: readonly DeviceStatus[], shown = shownOf(all)) =>
  treeOf(all, shown).flatMap(({ bus, lines }) => [bus, ...lines.map(keyOf)]);

test("each bus has a branch, and its devices are there by their ports' numbers", () => {
  const hid = device("hid-0005:054c:0ce6-a0:b1", { bus: "hid" });
  assert.deepEqual(drawn([device("usb-1-10:1.0"), hid, device("usb-1-9:1.0")]), [
    "hid",
    "device hid-0005:054c:0ce6-a0:b1",
    "usb",
    "device usb-1-9:1.0",
    "device usb-1-10:1.0",
  ]);
});

test("interfaces of one device hang from it, where ring3 drives more than one", () => {
  const composite = ["usb-1-4:1.0", "usb-1-4:1.1"].map((id) => device(id));
  assert.deepEqual(drawn([...composite, hub("usb-1-4:1.2")]), [
    "usb",
    "place usb-1-4",
    "  device usb-1-4:1.0",
    "  device usb-1-4:1.1",
  ]);
  assert.deepEqual(drawn([device("usb-1-4:1.0"), hub("usb-1-4:1.1")]), ["usb", "device usb-1-4:1.0"]);
});

test("what is plugged into a hub hangs from the hub, and a hub without anything shown is not there", () => {
  const all = [
    hub("usb-1-4:1.0"),
    hub("usb-1-4.2:1.0"),
    device("usb-1-4.2.1:1.0"),
    device("usb-1-4.3:1.0"),
    hub("usb-2-1:1.0"),
    hub("usb-2-1.1:1.0"),
  ];
  assert.deepEqual(drawn(all), [
    "usb",
    "place usb-1-4",
    "  place usb-1-4.2",
    "    device usb-1-4.2.1:1.0",
    "  device usb-1-4.3:1.0",
  ]);
});

test("several units hang from their device; a single one is the device", () => {
  const reader = device("usb-1-1:1.0", units("usb-1-1:1.0", 2));
  const drive = device("usb-1-2:1.0", units("usb-1-2:1.0", 1));
  assert.deepEqual(drawn([reader, drive]), [
    "usb",
    "device usb-1-1:1.0",
    "  unit usb-1-1:1.0#0",
    "  unit usb-1-1:1.0#1",
    "device usb-1-2:1.0",
  ]);
});

test("what is urgent comes first at its level, and takes its hub along", () => {
  const stuck = device("usb-1-4.2:1.0", { state: "stuck" });
  assert.deepEqual(drawn([device("usb-1-1:1.0"), hub("usb-1-4:1.0"), device("usb-1-4.1:1.0"), stuck]), [
    "usb",
    "place usb-1-4",
    "  device usb-1-4.2:1.0",
    "  device usb-1-4.1:1.0",
    "device usb-1-1:1.0",
  ]);
});

test("of those that were looked for alone, the way to them is there too", () => {
  const all = [hub("usb-1-4:1.0"), device("usb-1-4.1:1.0"), device("usb-1-4.2:1.0")];
  assert.deepEqual(drawn(all, [all[2]!]), ["usb", "place usb-1-4", "  device usb-1-4.2:1.0"]);
});

test("whatever the ids are, each device shown is there once, and no key twice", () => {
  const part = fc.constantFrom("usb-1-4", "usb-1-4.2", ":1.0", ":1.1", ".1", "usb-1-", "é", "");
  const ids = fc.uniqueArray(
    fc.array(part, { maxLength: 4 }).map((parts) => parts.join("")),
    { maxLength: 12 },
  );
  const state = fc.constantFrom<DeviceStatus["state"]>("running", "failed", "unmatched");
  fc.assert(
    fc.property(ids, fc.array(state, { minLength: 12, maxLength: 12 }), (ids, states) => {
      const all = ids.map((id, index) => device(id, { state: states[index]!, ...units(id, index % 3) }));
      const lines = treeOf(all, shownOf(all)).flatMap(({ lines }) => lines);
      const devices = lines.flatMap((line) => (line.kind === "device" ? [line.device.id] : []));
      assert.deepEqual(
        devices.toSorted(),
        shownOf(all)
          .map(({ id }) => id)
          .toSorted(),
      );
      const keys = lines.map(({ kind, key }) => `${kind} ${key}`);
      assert.equal(new Set(keys).size, keys.length);
    }),
  );
});
