// Runs in: lab guest, in tests: `keeper DESCRIPTION [UPLOADS]`, with /dev/uinput as descriptor 3. A process like a keeper, and one like a reflector
// below it, which owns an input device: a new one, or where there are uploads that which another has left. Each line of its input is an order, each
// line of its output what its owner is told.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { systemClock } from "@ring3/kernel/clock/clock";
import { check, Descriptor } from "@ring3/kernel/fd/descriptor";
import { reflectorFilter } from "@ring3/kernel/jail/stage-reflector";
import { supervisorFilter } from "@ring3/kernel/jail/supervisor";
import { native } from "@ring3/kernel/native";
import { uinputCalls } from "@ring3/kernel/uinput/calls";
import type { InputDescription, InputEvent } from "@ring3/kernel/uinput/description";
import { UinputDevice, type UinputOwner } from "@ring3/kernel/uinput/device";
import type { Uploads } from "@ring3/kernel/uinput/rumble";

const UINPUT_FD = 3;

/** To this process. */
export type Order = { readonly frame: readonly InputEvent[] } | "release" | "destroy";

/** From this process. */
export interface Report {
  readonly sysname?: string;
  /** `untilMs`: by the system's clock, which the test has too; null: until told otherwise. */
  readonly rumble?: { readonly strong: number; readonly weak: number; readonly untilMs: number | null };
  readonly uploads?: Uploads;
  readonly led?: readonly [code: number, on: boolean];
}

const report = (what: Report) => process.stdout.write(`${JSON.stringify(what)}\n`);
const owner: UinputOwner = {
  rumble: (strong, weak, untilMs) => report({ rumble: { strong, weak, untilMs } }), // of Infinity JSON makes null
  uploads: (uploads) => report({ uploads }),
  led: (code, on) => report({ led: [code, on] }),
};

function reflect(description: InputDescription, uploads: Uploads | undefined): void {
  const lines = createInterface(process.stdin); // as standard output, opened before: which kind they are could not be asked any more
  process.stdout.write("");
  const filter = reflectorFilter("x64", process.pid, { uinput: true });
  check(native.seccomp(filter, true), "put on the reflector's filter");
  const calls = uinputCalls(new Descriptor(UINPUT_FD));
  const device =
    uploads === undefined
      ? UinputDevice.create(calls, description, systemClock, owner)
      : UinputDevice.adopt(calls, description, systemClock, owner, uploads);
  report({ sysname: device.sysname() });
  lines.on("line", (line) => {
    const order: Order = JSON.parse(line);
    if (order === "destroy") device.destroy();
    else if (order === "release") device.release();
    else device.frame(order.frame);
  });
  lines.on("close", () => process.exit(0));
}

const words = process.argv.slice(2);
if (words[0] === "keeper") {
  check(native.seccomp(supervisorFilter("x64"), true), "put on the supervisors' filter"); // no event loop gets a ring from here on
  spawn(process.execPath, [process.argv[1]!, ...words.slice(1)], {
    stdio: ["inherit", "inherit", "inherit", UINPUT_FD],
  });
} else {
  const [description, uploads] = words.map((word) => JSON.parse(word));
  reflect(description, uploads);
}
