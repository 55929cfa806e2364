// Runs in: tests. Owns: a gamepad on the scripted kernel, made as a reflector makes it.
import { manualClock } from "@ring3/core/clock";
import { ABS_RX, ABS_X, BTN_SOUTH, BTN_START, BUS_USB } from "./codes.ts";
import type { Axis, InputDescription } from "./description.ts";
import { UinputDevice, type UinputOwner } from "./device.ts";
import type { Uploads } from "./rumble.ts";
import { ScriptedUinput } from "./scripted-uinput.fixture.ts";

export const axis = (code: number, change: Partial<Axis> = {}): Axis => ({
  code,
  minimum: -128,
  maximum: 127,
  fuzz: 1,
  flat: 2,
  resolution: 3,
  rest: 0,
  ...change,
});
export const pad: InputDescription = {
  name: "Test Pad",
  phys: "ring3-usb-1/input0",
  ids: { bustype: BUS_USB, vendor: 0x1234, product: 0x5678, version: 0x111 },
  keys: [BTN_SOUTH, BTN_START],
  axes: [axis(ABS_X), axis(ABS_RX, { minimum: 0, maximum: 255, rest: 128 })],
  effects: 16,
};

/** A device on a kernel that is moved by hand, and what its owner hears. */
export function create(description = pad, kernel = new ScriptedUinput()) {
  const clock = manualClock();
  const heard: unknown[] = [];
  const uploads: Uploads[] = [];
  const owner: UinputOwner = {
    rumble: (...felt) => heard.push(felt),
    led: (...led) => heard.push(led),
    uploads: (given) => uploads.push(given),
  };
  const device = UinputDevice.create(kernel, description, clock, owner);
  return { kernel, clock, heard, uploads, owner, device };
}
