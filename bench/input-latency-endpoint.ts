// Runs in: a process of the benchmark `input-latency`. Owns: one pad's endpoint, as a reflector has it, with a pipe where /dev/uinput would be.
// `STATE-DIRECTORY UNIT PIPE`
import { constants, openSync } from "node:fs";
import { GamepadEndpoint } from "@ring3/classes/gamepad/endpoint-uinput";
import { gamepadClass } from "@ring3/client";
import { connectToManager } from "@ring3/client/connect";
import { Units } from "@ring3/client/units";
import { createLog } from "@ring3/core/log";
import { systemClock } from "@ring3/kernel/clock/clock";
import { Descriptor } from "@ring3/kernel/fd/descriptor";
import { native, useKernel } from "@ring3/kernel/native";
import { SYSNAME_BYTES, UI_GET_SYSNAME } from "@ring3/kernel/uinput/constants";

const [directory, unit, path] = process.argv.slice(2) as [string, string, string];
const EINVAL = 22;

/** What uinput.c says to whoever makes a device: it has no name yet, all that it is told of itself is taken, and then it has one. */
let asked = 0;
const real = native;
useKernel({
  ...real,
  ioctl(fd, request, argument) {
    if (fd !== pipe.fd) return real.ioctl(fd, request, argument);
    if (request !== UI_GET_SYSNAME(SYSNAME_BYTES)) return 0;
    if (asked++ === 0) return -EINVAL;
    return new TextEncoder().encodeInto("input0\0", argument as Uint8Array).written;
  },
});
const pipe = new Descriptor(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));

const units = new Units((notices) => connectToManager(directory, notices), systemClock);
await units.subscribe("gamepad");
await GamepadEndpoint.start({
  unit,
  name: "pad",
  open: async () => (await units.open(unit, gamepadClass, "write")).port,
  nodes: {
    open: async () => ({ descriptor: pipe, memo: "" }),
    node: async (sysname) => `/dev/input/${sysname}`,
    remember: async () => {},
  },
  clock: systemClock,
  log: createLog("bench", () => {}, systemClock),
});
console.log("ready");
