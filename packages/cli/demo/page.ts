// Runs in: CLI, in the demo. Owns: what a browser is shown of it: the console, and a disk with a program at work, so that there is something to be lost.
import { join } from "node:path";
import { SimulatedDevice, type Socketed } from "../simulated-device.ts";
import { DemoConsole } from "./console.ts";
import { Workload } from "./workload.ts";

const PORT = "work";
const DEVICE = `usb-${PORT}:1.0`;
const TELL_MS = 500;

export class DemoPage {
  readonly #disk: SimulatedDevice;
  readonly #workload = new Workload();
  #console: DemoConsole | undefined;
  #telling: NodeJS.Timeout | undefined;

  constructor(demo: Socketed) {
    const options = ["--image", join(demo.folder, "work.img"), "--create", "16M"];
    this.#disk = new SimulatedDevice(demo, "usb-drive", PORT, options);
  }

  /** Rejects when its disk has ended. */
  get over(): Promise<never> {
    return this.#disk.over;
  }

  /** Where a browser is let in, at any time. */
  get url(): string {
    return this.#console!.latest;
  }

  /** `devices`: the demo's others. */
  async start(directory: string, demo: Socketed, devices: readonly SimulatedDevice[]): Promise<void> {
    await this.#disk.plug();
    const console = new DemoConsole({ directory, manager: demo.manager, devices: [...devices, this.#disk] });
    this.#console = console;
    const wasStopped = async () => {
      const { devices } = await demo.manager.ask("status", {});
      return devices.some(({ id, state }) => id === DEVICE && state === "stopped");
    };
    this.#workload.run(directory, `${DEVICE}#0`, wasStopped).catch(() => {}); // ring3 has ended, which the demo hears of
    this.#telling = setInterval(() => console.tell(DEVICE, this.#workload.verified), TELL_MS);
    await console.url;
  }

  async end(): Promise<void> {
    clearInterval(this.#telling);
    this.#workload.stop();
    await this.#console?.end();
    await this.#disk.end();
  }
}
