// Runs in: a process of its own, the usb-drive sim. Owns: nothing; puts the drive together.
import { print, runSim } from "../usbip/process.ts";
import { obey } from "./commands.ts";
import { Drive } from "./drive.ts";
import { parseProcess, usage } from "./options.ts";

await runSim({
  name: "usb-drive",
  usage,
  parse: parseProcess,
  build({ port, drive: options, faults }) {
    const drive = new Drive(port, options, print);
    for (const fault of faults) drive.faults.add(fault);
    return drive;
  },
  obey,
  shutdown: (drive) => drive.shutdown(),
});
