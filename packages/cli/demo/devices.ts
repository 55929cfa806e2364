// Runs in: CLI. Owns: nothing. Which simulated devices the demo has: of each class one.
import { join } from "node:path";

export interface DemoDevice {
  readonly kind: string;
  readonly port: string;
  /** What can move does so by itself. `folder`: the demo's own. */
  readonly options: (folder: string) => readonly string[];
}

export const demoDevices: Readonly<Record<string, DemoDevice>> = {
  block: {
    kind: "usb-drive",
    port: "sim1",
    // Always a new disk: one that somebody named is not the demo's to format.
    options: (folder) => ["--image", join(folder, "demo.img"), "--create", "64M", "--fat-demo"],
  },
  gamepad: { kind: "gamepad", port: "pad", options: () => ["--model", "dualsense", "--move"] },
  input: { kind: "keyboard", port: "mouse", options: () => ["--model", "mouse", "--move"] },
};
