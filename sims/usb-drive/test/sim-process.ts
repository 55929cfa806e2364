// Runs in: tests. Owns: one simulated drive and its image.
import { truncateSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { SimProcess, scratch } from "../../usbip/test/sim-process.ts";
import type { UsbipClient } from "../../usbip/test/usbip-client.ts";
import { none, sense, testUnitReady } from "./bulk-only-host.ts";

export const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
export const IMAGE_BYTES = 8 * 1048576;

export class Sim extends SimProcess {
  readonly image: string;

  constructor(args: readonly string[] = [], options: { imageBytes?: number; content?: Uint8Array } = {}) {
    const folder = scratch();
    const image = folder.path("disk.img");
    writeFileSync(image, options.content ?? new Uint8Array(0));
    truncateSync(image, options.imageBytes ?? IMAGE_BYTES);
    super(MAIN, ["--image", image, ...args], folder);
    this.image = image;
  }

  /** An imported stream whose unit attention was heard. */
  async connectReady(): Promise<UsbipClient> {
    const client = await this.connect();
    await none(client, testUnitReady);
    await sense(client);
    return client;
  }
}
