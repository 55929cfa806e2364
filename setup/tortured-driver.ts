// Runs in: driver host, jailed, as the driver of `ring3 torture`. Owns: nothing. The real driver, and what is wrong with it: no package may know both.
import storage from "../drivers/usb-storage/driver.ts";
import { tortured } from "../packages/host/torture/driver.ts";

export default tortured(storage);
