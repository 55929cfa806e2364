// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { commandFor, hintsFor } from "./commands.ts";

const commands = (endpoints: { kind: string; address: string }[]) =>
  hintsFor({ endpoints }, "usb-1-4:1.0").map(({ command }) => command);

test("each endpoint has the command by which it is met", () => {
  assert.equal(
    commandFor({ kind: "nbd", address: "nbd+unix:///?socket=/a" }),
    "nbdinfo 'nbd+unix:///?socket=/a'",
  );
  assert.equal(commandFor({ kind: "uinput", address: "/dev/input/event3 pad" }), "evtest /dev/input/event3");
  assert.equal(commandFor({ kind: "ublk", address: "/dev/ublkb0" }), "/dev/ublkb0");
});

test("a unit that no program meets is watched, and one with buttons of the kernel's is mapped", () => {
  assert.deepEqual(commands([]), ["ring3 watch usb-1-4:1.0"]);
  const uinput = { kind: "uinput", address: "/dev/input/event3" };
  assert.deepEqual(commands([uinput]), ["ring3 watch usb-1-4:1.0", "ring3 map usb-1-4:1.0"]);
  assert.deepEqual(commands([{ kind: "nbd", address: "nbd+unix:///" }]), []);
});
