// Runs in: lab guest, root. What Linux's xpad and hid-generic make of our simulated pads, and what ring3's drivers make of the same ones: the event nodes'
// descriptions and all events must be the same, but for what is said here.
// lab machine: input
import { after, before, test } from "node:test";
import { type Difference, judge, scanCodes, steps } from "../guest/oracle.ts";
import { buttons, hat, presses, sticks, triggers } from "../guest/pad-scripts.ts";
import { run } from "../guest/program.ts";
import { type GuestRing3, startRing3 } from "../guest/ring3.ts";
import { SimulatedInput } from "../guest/simulated-input.ts";

const judges = ["xpad", "hid-generic", "usbhid"];
let guest: GuestRing3;
before(async () => {
  await run("modprobe", "-a", "vhci_hcd", "evdev", "uinput", ...judges);
  guest = await startRing3();
});
after(async () => {
  await guest?.[Symbol.asyncDispose]();
  await run("modprobe", "-ra", ...judges); // other files' devices are to be nobody's
});

const renamed = (name: string) => name.replace(/^ABS_Z\b/, "ABS_RX").replace(/^ABS_RZ\b/, "ABS_RY");
const rightStick: Difference = {
  why: "generic-gamepad/README.md: the right stick is ABS_RX and ABS_RY where the order of the axes stays",
  apply: (recorded) => ({
    ...recorded,
    able: recorded.able.map(renamed),
    frames: recorded.frames.map((frame) => frame.map(renamed).sort()),
  }),
};
const restingSticks: Difference = {
  why: "generic-gamepad/README.md: sticks are in their middle before the first report",
  apply: ({ frames: [first = [], ...others], ...recorded }) => ({
    ...recorded,
    frames: [first.filter((event) => !/^ABS_(X|Y|RX|RY) 128$/.test(event)), ...others],
  }),
};

const numbered = Array.from({ length: 12 }, (_, at) => `button-${at + 1}`);
/** An Xbox One tells the next of its guide button only once the last was acknowledged. */
const guide = steps("press mode", "wait 400ms", "release mode", "wait 400ms");

const pads: Readonly<Record<string, { script: string; differences?: readonly Difference[] }>> = {
  "xbox-360": { script: presses(...buttons, "mode") + sticks + triggers + hat },
  "xbox-one": { script: presses(...buttons) + guide + sticks + triggers + hat },
  generic: {
    script: presses(...numbered) + sticks + hat,
    differences: [scanCodes("generic-gamepad"), rightStick, restingSticks],
  },
};

for (const [model, { script, differences = [] }] of Object.entries(pads))
  test(`${model}: ring3 tells of it what Linux's own driver does`, async () => {
    await using sim = new SimulatedInput("gamepad", model);
    await judge(guest, { sim, script, nodes: 1, differences });
  });
