// Runs in: reflector. Owns: this process: `reflector CLASS DIRECTORY`, with the manager's connection as descriptor 3.

import { ManagerConnection } from "@ring3/client/manager-connection";
import { createLog } from "@ring3/core/log";
import { systemClock } from "@ring3/kernel/clock/clock";
import { Descriptor } from "@ring3/kernel/fd/descriptor";
import { reflectedClasses } from "./classes.ts";
import { Reflector } from "./reflector.ts";

const MANAGER_FD = 3;

process.stderr.on("error", () => {}); // whoever started ring3 may have stopped listening; its clients have not

const [className, directory] = process.argv.slice(2) as [string, string];
const log = createLog(
  `reflector/${className}`,
  ({ level, source, message }) => process.stderr.write(`${level} ${source}: ${message}\n`),
  systemClock,
);
const reflector = new Reflector(
  reflectedClasses[className]!,
  (notices) => new ManagerConnection(new Descriptor(MANAGER_FD), notices),
  directory,
  systemClock,
  log,
);
reflector.signal.addEventListener("abort", () => process.exit(0)); // without a manager there is no driver to reach
void reflector.start();
