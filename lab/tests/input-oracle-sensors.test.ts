// Runs in: lab guest, root. As input-oracle-pads.test.ts, on pads with sensors and touchpads: Linux's hid-playstation and hid-nintendo are the judges of all
// nodes that each has.
// lab machine: input
import { after, before, test } from "node:test";
import { type Difference, judge } from "../guest/oracle.ts";
import { buttons, hat, motion, presses, sticks, touches, triggers } from "../guest/pad-scripts.ts";
import { run } from "../guest/program.ts";
import { type GuestRing3, startRing3 } from "../guest/ring3.ts";
import { SimulatedInput } from "../guest/simulated-input.ts";

const judges = ["hid-playstation", "hid-nintendo", "usbhid"];
let guest: GuestRing3;
before(async () => {
  await run("modprobe", "-a", "vhci_hcd", "evdev", "uinput", ...judges);
  guest = await startRing3();
});
after(async () => {
  await guest?.[Symbol.asyncDispose]();
  await run("modprobe", "-ra", ...judges); // other files' devices are to be nobody's
});

const sensorsName: Difference = {
  why: "switch-pro/README.md: the nodes of sensors are called alike, whosever they are",
  apply: (recorded) => ({ ...recorded, name: recorded.name.replace(/ \(IMU\)$/, " Motion Sensors") }),
};

const all = [...buttons, "left-trigger", "right-trigger", "mode"];
// They report by themselves: hid-playstation tells of the touchpad's button with the report after the one that it came in.
const pads: Readonly<
  Record<string, { script: string; nodes: number; paceMs: number; differences?: readonly Difference[] }>
> = {
  dualshock4: { script: presses(...all) + sticks + triggers + hat + touches + motion, nodes: 3, paceMs: 50 },
  dualsense: {
    script: presses(...all, "mute") + sticks + triggers + hat + touches + motion,
    nodes: 3,
    paceMs: 50,
  },
  "switch-pro": {
    script: presses(...all, "capture") + sticks + hat + motion,
    nodes: 2,
    paceMs: 30,
    differences: [sensorsName],
  },
};

for (const [model, { script, nodes, paceMs, differences = [] }] of Object.entries(pads))
  test(`${model}: ring3 tells of it what Linux's own driver does`, async () => {
    await using sim = new SimulatedInput("gamepad", model, { options: ["--interval", String(paceMs)] });
    await judge(guest, { sim, script, nodes, differences });
  });
