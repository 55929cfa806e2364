// Runs in: lab guest, root. What Linux's hid-generic and hid-logitech-hidpp make of our simulated keyboards and mice, and what ring3's drivers make of the
// same ones: the event nodes' descriptions and all events must be the same, but for what is said here.
// lab machine: input
import { after, before, test } from "node:test";
import { type Difference, judge, scanCodes, steps } from "../guest/oracle.ts";
import { run } from "../guest/program.ts";
import { type GuestRing3, startRing3 } from "../guest/ring3.ts";
import { SimulatedInput } from "../guest/simulated-input.ts";

const judges = ["hid-logitech-hidpp", "hid-generic", "usbhid"];
let guest: GuestRing3;
before(async () => {
  await run("modprobe", "-a", "vhci_hcd", "evdev", "uinput", ...judges);
  guest = await startRing3();
});
after(async () => {
  await guest?.[Symbol.asyncDispose]();
  await run("modprobe", "-ra", ...judges); // other files' devices are to be nobody's
});

const usages = scanCodes("hid-keyboard-mouse");
const impossible: Difference = {
  why: "hid-keyboard-mouse/README.md: what an array of keys has a number for and could never tell",
  apply: (recorded) => ({
    ...recorded,
    able: recorded.able.filter((name) => !/^(KEY_UNKNOWN$|REL_|ABS_VOLUME )/.test(name)),
  }),
};
const pointing = steps(
  ...["button left down", "move 3 -4", "button left up", "wheel 1", "wheel -2", "pan -1"],
  ...["button extra down", "move 1000 -1000", "button right down", "release all"],
);

const devices: Readonly<
  Record<string, { script: string; nodes?: number; differences: readonly Difference[] }>
> = {
  keyboard: {
    script: steps(
      "key a down",
      "key a up",
      "key leftshift down",
      "key b down",
      "key c down",
      "key b up",
      "release all",
    ),
    differences: [usages],
  },
  nkro: {
    script: steps(
      "key a down",
      "key volumeup down",
      "key volumeup up",
      "key leftctrl down",
      "key mute down",
      "release all",
    ),
    nodes: 2,
    differences: [usages, impossible],
  },
  mouse: { script: pointing + steps("wheel 0.5", "wheel 0.75", "wheel -0.5"), differences: [usages] },
  hidpp: { script: pointing, differences: [usages] },
};

for (const [model, { script, nodes = 1, differences }] of Object.entries(devices))
  test(`${model}: ring3 tells of it what Linux's own driver does`, async () => {
    await using sim = new SimulatedInput("keyboard", model);
    await judge(guest, { sim, script, nodes, differences });
  });
