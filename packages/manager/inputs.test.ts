// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { createLog } from "@ring3/core/log";
import type { Device } from "./device.ts";
import { Inputs } from "./inputs.ts";

const log = createLog("manager", () => {}, manualClock());
const deviceOf = (name: string) => ({ driver: { manifest: { class: name } } }) as unknown as Device;

test("a reflector that asks for an input device where none is made is told why, of which unit, and what to do", () => {
  const { inputNode } = new Inputs(log).handlers(() => deviceOf("gamepad"));
  assert.throws(() => inputNode({ unit: "usb-1-4:1.0#0", sysname: "input7" }, [], undefined as never), {
    kind: "denied",
    message: /^inputNode usb-1-4:1\.0#0: ring3\.yaml has "endpoints: \{input: none\}"; have it "auto"/,
  });
});

test("nor does a disk get one", () => {
  const { inputNode } = new Inputs(log).handlers(() => deviceOf("block"));
  assert.throws(() => inputNode({ unit: "usb-1-4:1.0#0", sysname: "input7" }, [], undefined as never), {
    kind: "denied",
    message: /^inputNode usb-1-4:1\.0#0: it is no input device/,
  });
});
