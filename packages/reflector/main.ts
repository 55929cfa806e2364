// Runs in: reflector. Owns: this process: `reflector CLASS [ublk | nbd-device] [only] [uinput]`, with the manager's connection as descriptor 3: by which of
// the kernel's drivers it makes disks and whether there is to be no other endpoint, and whether it makes input devices. With a driver inline: `… inline
// [REQUEST…]`, the ioctl requests that it is granted, with the connection of its host as descriptor 5.

import { ManagerConnection } from "@ring3/client/manager-connection";
import { runningClock } from "@ring3/core/clock";
import { createLog } from "@ring3/core/log";
import { Host } from "@ring3/host/host";
import { systemClock } from "@ring3/kernel/clock/clock";
import { Descriptor } from "@ring3/kernel/fd/descriptor";
import { architectureOf } from "@ring3/kernel/jail/seccomp";
import { confineReflector, type ReflectorGrant } from "@ring3/kernel/jail/stage-reflector";
import { native } from "@ring3/kernel/native";
import { FrameSocket } from "@ring3/kernel/socket/frame-socket";
import { UblkServer } from "@ring3/kernel/ublk/server";
import { reflectedClasses } from "./classes.ts";
import { Reflector } from "./reflector.ts";

const MANAGER_FD = 3;
/** Where the manager after that will listen. */
const STANDBY_FD = 4;
const HOST_FD = 5;
const SIGUSR2 = 12; // asm-generic/signal.h
/** Whoever uses a disk and is refused lets go of it within this long, most likely. */
const LAST_WORDS_MS = 2000;

const [className, ...words] = process.argv.slice(2) as [string, ...string[]];
const [needs, requests] = split(words, "inline");
const hasDriver = requests !== undefined;
const only = needs.includes("only");
const ublk = needs.includes("ublk") ? new UblkServer() : undefined; // once confined it could have no ring any more
const by = ublk ?? (needs.includes("nbd-device") ? "nbd-device" : undefined);
const uinput = needs.includes("uinput");
const grant: ReflectorGrant = { requests: (requests ?? []).map(Number), ring: ublk?.fd, uinput };
/** What a host says on its standard error is the manager's to read, who looks for a stack there. */
const output = hasDriver ? process.stdout : process.stderr;
output.on("error", () => {}); // whoever started ring3 may have stopped listening; its clients have not

const log = createLog(
  `reflector/${className}`,
  ({ level, source, message }) => output.write(`${level} ${source}: ${message}\n`),
  systemClock,
);
const reflector = new Reflector(
  reflectedClasses[className]!,
  (connect, notices) => new ManagerConnection(connect, notices, systemClock),
  [new Descriptor(MANAGER_FD), new Descriptor(STANDBY_FD)],
  systemClock,
  log,
  { disks: by && { by, only }, uinput },
);
reflector.signal.addEventListener("abort", () => {
  // Without a manager there is no driver to reach. The kernel does not take a server's end for an answer: what waits in its disks is told so.
  systemClock.after(by === undefined ? 0 : LAST_WORDS_MS, () => process.exit(0));
});
if (hasDriver) native.stackOnSignal(SIGUSR2); // where it cannot be had, a hung driver's crash report has no stack
if (!confineReflector(architectureOf(process.arch), grant))
  log.warn("it runs unconfined: bubblewrap is set-uid here, so ring3's own processes can have no filter");
if (hasDriver) hostDriver();
void reflector.start();

/** Only now: no driver's code is loaded before the filter is on. */
function hostDriver(): void {
  const host = new Host(
    new FrameSocket(new Descriptor(HOST_FD)),
    (stream) => new FrameSocket(stream),
    runningClock(systemClock),
    (code) => process.exit(code),
  );
  process.on("uncaughtException", (error) => host.crashed(error));
  process.on("unhandledRejection", (error) => host.crashed(error));
  process.on("exit", (code) => host.exiting(code));
}

function split(words: readonly string[], at: string): [readonly string[], readonly string[] | undefined] {
  const index = words.indexOf(at);
  return index < 0 ? [words, undefined] : [words.slice(0, index), words.slice(index + 1)];
}
