// Runs in: reflector. Owns: this process: `reflector CLASS`, with the manager's connection as descriptor 3.

import { ManagerConnection } from "@ring3/client/manager-connection";
import { createLog } from "@ring3/core/log";
import { systemClock } from "@ring3/kernel/clock/clock";
import { Descriptor } from "@ring3/kernel/fd/descriptor";
import { architectureOf } from "@ring3/kernel/jail/seccomp";
import { confineReflector } from "@ring3/kernel/jail/stage-reflector";
import { reflectedClasses } from "./classes.ts";
import { Reflector } from "./reflector.ts";

const MANAGER_FD = 3;
/** Where the manager after that will listen. */
const STANDBY_FD = 4;

process.stderr.on("error", () => {}); // whoever started ring3 may have stopped listening; its clients have not

const [className] = process.argv.slice(2) as [string];
const log = createLog(
  `reflector/${className}`,
  ({ level, source, message }) => process.stderr.write(`${level} ${source}: ${message}\n`),
  systemClock,
);
const reflector = new Reflector(
  reflectedClasses[className]!,
  (connect, notices) => new ManagerConnection(connect, notices, systemClock),
  [new Descriptor(MANAGER_FD), new Descriptor(STANDBY_FD)],
  systemClock,
  log,
);
reflector.signal.addEventListener("abort", () => process.exit(0)); // without a manager there is no driver to reach
if (!confineReflector(architectureOf(process.arch)))
  log.warn("it runs unconfined: bubblewrap is set-uid here, so ring3's own processes can have no filter");
void reflector.start();
