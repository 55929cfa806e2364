// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { KeptStates } from "./kept-states.ts";

const USB = "usb-1-4:1.0";
const device = (serial: string | null, id = USB) => ({
  id,
  identity: { vendor: "054c", product: "0ce6", serial },
});
const state = (byte: number) => Uint8Array.of(byte);
const first = (bytes: Uint8Array | undefined) => bytes?.[0];

test("what a driver has kept of a device is given out once, and to no other driver", () => {
  const states = new KeptStates(() => []);
  states.keep(device("1"), "a", state(1));
  assert.equal(states.take(device("1"), "b"), undefined);
  assert.equal(first(states.take(device("1"), "a")), 1);
  assert.equal(states.take(device("1"), "a"), undefined);
});

test("a driver that has kept nothing takes nobody's place", () => {
  const states = new KeptStates(() => []);
  states.keep(device("1"), "a", state(1));
  states.keep(device("1"), "a", state(0));
  assert.equal(first(states.take(device("1"), "a")), 1);
});

test("of 65 devices the one that has been away for longest is forgotten", () => {
  const states = new KeptStates(() => []);
  for (let number = 0; number < 64; number++) states.keep(device(`${number}`), "a", state(1));
  states.keep(device("0"), "a", state(2)); // it was there once more
  states.keep(device("64"), "a", state(1));
  assert.deepEqual(
    ["1", "0", "2", "64"].map((serial) => first(states.take(device(serial), "a"))),
    [undefined, 2, 1, 1],
  );
});

test("at another port a device is known by its serial number, unless two have that; each is known where it was", () => {
  const states = new KeptStates(() => []);
  const elsewhere = "usb-2-1:1.0";
  states.keep(device("1"), "a", state(1));
  assert.equal(states.take(device("1", "usb-2-1:1.1"), "a"), undefined, "another interface");
  assert.equal(first(states.take(device("1", elsewhere), "a")), 1);
  states.keep(device("1"), "a", state(1));
  states.keep(device("1", elsewhere), "a", state(2));
  assert.equal(states.take(device("1", "usb-3-1:1.0"), "a"), undefined);
  assert.equal(first(states.take(device("1", elsewhere), "a")), 2);
  assert.equal(first(states.take(device("1"), "a")), 1);
  states.keep(device(null), "a", state(3));
  assert.equal(states.take(device(null, elsewhere), "a"), undefined);
});

test("a HID device is known by its id alone", () => {
  const states = new KeptStates(() => []);
  states.keep(device("x", "hid-0005:054c:0ce6-a"), "a", state(1));
  assert.equal(states.take(device("x", "hid-0005:054c:0ce6-b"), "a"), undefined);
  assert.equal(first(states.take(device("x", "hid-0005:054c:0ce6-a"), "a")), 1);
});

test("a serial number that a device plugged in has as well tells neither from the other: each is known where it was", () => {
  const [one, twin] = [device("1"), device("1", "usb-2-1:1.0")];
  let present = [twin];
  const states = new KeptStates(() => present);
  states.keep(one, "a", state(1)); // it is unplugged, the twin is not
  assert.equal(states.take(twin, "a"), undefined, "it was there before");
  assert.equal(first(states.take(one, "a")), 1);
  present = [];
  states.keep(one, "a", state(2));
  present = [twin, device("1", "usb-3-1:1.0")];
  assert.equal(states.take(twin, "a"), undefined, "either may be it");
  present = [twin, device("1", "usb-2-1:1.1"), device("2", "usb-3-1:1.0")];
  assert.equal(first(states.take(twin, "a")), 2);
});
