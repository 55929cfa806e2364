// Runs in: manager. Owns: nothing; what any folder of sysfs says of its device, which may go at any time.
import { readdirSync, readlinkSync } from "node:fs";
import { basename, join } from "node:path";

/** undefined: no driver is bound. */
export function boundDriver(folder: string): string | undefined {
  try {
    return basename(readlinkSync(join(folder, "driver")));
  } catch {
    return undefined;
  }
}

/** In order; none where there is no such bus in this kernel, or the device was unplugged. */
export function names(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
