// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { KeptStates } from "./kept-states.ts";

const device = (serial: string | null, id = "usb-1-4:1.0") => ({
  id,
  identity: { vendor: "054c", product: "0ce6", serial },
});
const state = (driver: string) => ({ driver, bytes: new Uint8Array(1) });

test("a device's state is given out once", () => {
  const states = new KeptStates();
  states.keep(device("1"), state("a"));
  assert.equal(states.take(device("1"))!.driver, "a");
  assert.equal(states.take(device("1")), undefined);
});

test("of 65 devices the one that has been away for longest is forgotten", () => {
  const states = new KeptStates();
  for (let serial = 0; serial < 64; serial++) states.keep(device(`${serial}`), state("a"));
  states.keep(device("0"), state("b")); // it was there once more
  states.keep(device("64"), state("a"));
  assert.equal(states.take(device("1")), undefined);
  assert.deepEqual(
    ["0", "2", "64"].map((serial) => states.take(device(serial))?.driver),
    ["b", "a", "a"],
  );
});

test("a HID device is known where its id says it is, of two with one serial number each", () => {
  const states = new KeptStates();
  states.keep(device("", "hid-0005:054c:0ce6-a"), state("a"));
  states.keep(device("", "hid-0005:054c:0ce6-b"), state("b"));
  assert.equal(states.take(device("", "hid-0005:054c:0ce6-b"))!.driver, "b");
});
