// Runs in: a process of the benchmark `input-latency`. Owns: one pad's endpoint, as a reflector has it, with a pipe where /dev/uinput would be.
// `STATE-DIRECTORY UNIT PIPE`
import { constants, openSync } from "node:fs";
import { startGamepad } from "@ring3/classes/gamepad/endpoint-uinput";
import { gamepadClass } from "@ring3/client";
import { connectToManager } from "@ring3/client/connect";
import { Units } from "@ring3/client/units";
import { createLog } from "@ring3/core/log";
import { systemClock } from "@ring3/kernel/clock/clock";
import { Descriptor } from "@ring3/kernel/fd/descriptor";
import { type UinputCalls, uinputCalls } from "@ring3/kernel/uinput/calls";
import { SYSNAME_BYTES, UI_GET_SYSNAME } from "@ring3/kernel/uinput/constants";

const [directory, unit, path] = process.argv.slice(2) as [string, string, string];
const EINVAL = 22;

const pipe = uinputCalls(new Descriptor(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)));

/** What uinput.c says to whoever makes a device: it has no name yet, all that it is told of itself is taken, and then it has one. */
let asked = 0;
const calls: UinputCalls = {
  ...pipe,
  ioctl(request, argument) {
    if (request !== UI_GET_SYSNAME(SYSNAME_BYTES)) return 0;
    if (asked++ === 0) return -EINVAL;
    return new TextEncoder().encodeInto("input0\0", argument as Uint8Array).written;
  },
};

const units = new Units((notices) => connectToManager(directory, notices), systemClock);
await units.subscribe("gamepad");
await startGamepad({
  info: () => units.info(unit)!,
  open: async () => (await units.open(unit, gamepadClass, "write")).port,
  nodes: {
    open: async () => ({ calls, memo: "" }),
    node: async (sysname) => `/dev/input/${sysname}`,
    remember: async () => {},
    keep: async () => {},
  },
  mapping: () => undefined,
  profile: { last: async () => null, tell() {} },
  moved() {},
  clock: systemClock,
  log: createLog("bench", () => {}, systemClock),
});
console.log("ready");
