// Runs in: driver host, jailed. Owns: this process: its control socket, and what happens when the driver's code throws.

import { access } from "node:fs";
import { runningClock } from "@ring3/core/clock";
import { systemClock } from "@ring3/kernel/clock/clock";
import { Descriptor } from "@ring3/kernel/fd/descriptor";
import { native } from "@ring3/kernel/native";
import { FrameSocket } from "@ring3/kernel/socket/frame-socket";
import { Host } from "./host.ts";
import { rehearse } from "./rehearsal.ts";

/** The manager's end of the control connection is the other side of this descriptor. */
const CONTROL_FD = 3;
const SIGUSR2 = 12; // asm-generic/signal.h

// The runtime would catch these and raise them again, and the jail lets a driver raise no signal that a person may have sent.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {}).removeAllListeners(signal);
native.stackOnSignal(SIGUSR2); // where it cannot be had, a hung driver's crash report has no stack
// The thread pool is the only part of the runtime that starts late, and no thread can be started in the jail's later stages.
access("/", serve);

function serve(): void {
  const host = new Host(
    new FrameSocket(new Descriptor(CONTROL_FD)),
    (stream) => new FrameSocket(stream),
    runningClock(systemClock),
    (code) => process.exit(code),
    async () => {
      native.unmapCode(); // of its start: its end is shorter by what taking these pages away costs the kernel
      await rehearse(systemClock);
    },
  );
  process.on("uncaughtException", (error) => host.crashed(error));
  process.on("unhandledRejection", (error) => host.crashed(error));
  process.on("exit", (code) => host.exiting(code));
}
