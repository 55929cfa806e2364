// Runs in: keeper (`ring3 up` itself), as whoever started it. Owns: the state directory's lock, the manager and all
// other processes; parses nothing but what the manager asks for.

import { spawn as spawnChild } from "node:child_process";
import { openSync } from "node:fs";
import { dirname, join } from "node:path";
import { DeviceError } from "@ring3/core/errors";
import { systemClock } from "@ring3/kernel/clock/clock";
import { type Descriptor, keepInherited } from "@ring3/kernel/fd/descriptor";
import { architectureOf } from "@ring3/kernel/jail/seccomp";
import { confineSupervisors, lendManagersCapabilities } from "@ring3/kernel/jail/supervisor";
import { FrameSocket, socketPair } from "@ring3/kernel/socket/frame-socket";
import { endWithChildren } from "./child-end.ts";
import { type Exit, Keeper, type ManagerStart, type ProcessSpec } from "./keeper.ts";
import { serviceManager } from "./service-manager.ts";
import { claimStateDirectory } from "./state-directory.ts";

function spawn(spec: ProcessSpec, exited: (exit: Exit) => void) {
  const { file, args, uid, gid, stdio } = spec;
  const child = spawnChild(file, args, {
    stdio: [...stdio],
    env: { PATH: process.env.PATH ?? "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8" },
    detached: true, // a Ctrl-C in the terminal is the keeper's to handle
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
  child.on("exit", (code, signal) => exited({ code, signal }));
  child.on("error", () => {}); // a start that failed is told by the missing pid, a signal that found nobody is no error
  if (child.pid === undefined)
    throw new DeviceError(
      "io",
      `start ${file}: is it there and executable, and are there processes and memory left?`,
    );
  const { pid } = child;
  return { pid, kill: () => endWithChildren(pid, (name) => child.kill(name)) };
}

confineSupervisors(architectureOf(process.arch), process.getuid!() === 0);
process.stderr.on("error", () => {}); // whoever started us may have stopped listening
keepInherited(); // a descriptor that a shell left open would end up in a jail

const [stateDirectory, ...managerArgs] = process.argv.slice(2) as [string, ...string[]];

try {
  claimStateDirectory(stateDirectory);
} catch (error) {
  process.stderr.write(`ring3: ${(error as Error).message}\n`);
  process.exit(1);
}

const root = process.getuid!() === 0;
const nothing = openSync("/dev/null", "r");
const manager = ["--enable-source-maps", join(dirname(process.argv[1]!), "manager.cjs"), stateDirectory];

function prepareManager(number: number, deaths: number): ManagerStart<Descriptor> {
  const [ours, managers] = socketPair();
  lendManagersCapabilities(root, true);
  return {
    spec: {
      file: process.execPath,
      args: [...manager, ...[process.pid, number, deaths].map(String), ...managerArgs],
      uid: undefined,
      gid: undefined,
      stdio: [nothing, 1, 2, managers.fd],
    },
    transport: new FrameSocket(ours),
    started() {
      managers.close();
      lendManagersCapabilities(root, false);
    },
  };
}

const keeper = new Keeper(
  spawn,
  systemClock,
  serviceManager(process.env, process.pid),
  prepareManager,
  (inOrder, reason) => {
    if (!inOrder)
      process.stderr.write(`ring3: ${reason}; everything was stopped. Start again with: ring3 up\n`);
    process.exit(inOrder ? 0 : 1);
  },
  (text) => void process.stderr.write(`ring3: ${text}\n`),
  {
    file: process.execPath,
    args: [...manager, "--give-back"],
    uid: undefined,
    gid: undefined,
    stdio: [nothing, 1, 2],
  },
);
process.on("SIGTERM", () => keeper.stop());
process.on("SIGINT", () => keeper.stop());
process.on("SIGHUP", () => keeper.stop());
keeper.start();
