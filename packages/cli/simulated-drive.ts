// Runs in: CLI. Owns: one simulated drive in a ring3 of the command's own.
import { join } from "node:path";
import { SimulatedDevice, type Socketed } from "./simulated-device.ts";

export class SimulatedDrive extends SimulatedDevice {
  readonly device: string;
  readonly image: string;

  /** `options`: as its README says. */
  constructor(ring3: Socketed, port: string, options: readonly string[]) {
    const image = join(ring3.folder, `${port}.img`);
    super(ring3, "usb-drive", port, ["--image", image, ...options]);
    this.device = `usb-${port}:1.0`;
    this.image = image;
  }
}
