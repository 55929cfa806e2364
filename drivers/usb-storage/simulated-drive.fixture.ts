// Runs in: tests. Owns: a simulated drive as a process, the images it has as media, and drivers on it that come and go as incarnations do.
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Block } from "@ring3/sdk";
import { type RunningDriver, runDriver } from "@ring3/sdk/test/run-driver";
import { type AttachedUsb, type SimulatedUsb, simulateUsb } from "@ring3/sdk/test/simulated-usb";
import driver from "./driver.ts";

const main = fileURLToPath(new URL("../../sims/usb-drive/main.ts", import.meta.url));
export const MIB = 1024 * 1024;

export interface Drive extends AsyncDisposable {
  readonly sim: SimulatedUsb;
  readonly directory: string;
  /** A new import, which fences the one before. From incarnation 2 on the driver finds the state that the last one has left. */
  start(incarnation?: number, wrap?: (transport: Transport) => Transport): Promise<Started>;
  /** Takes the medium out and puts in one that is full of `fill`. */
  exchange(bytes: number, fill: number): Promise<void>;
  /** Bytes of the medium that `exchange` has put in, other than `fill`. */
  written(fill: number): Promise<number>;
}

export type Transport = AttachedUsb["transport"];

export interface Started extends RunningDriver<Block> {
  readonly usb: AttachedUsb;
  readonly events: unknown[];
}

export async function drive(bytes: number, ...args: string[]): Promise<Drive> {
  const directory = await mkdtemp(join(tmpdir(), "ring3-disk-"));
  const image = join(directory, "disk");
  await createImage(image, bytes);
  const sim = await simulateUsb(main, ["--image", image, "--serial", "SIM1", ...args]);
  const running: RunningDriver<Block>[] = [];
  const other = join(directory, "other");
  return {
    sim,
    directory,
    async start(incarnation = 1, wrap = (transport) => transport) {
      const usb = await sim.attach();
      const last = incarnation === 1 ? undefined : running.at(-1);
      const kept = last === undefined ? {} : { state: last.state };
      const wrapped = { ...usb, transport: wrap(usb.transport) };
      const started = await runDriver(driver, { usb: wrapped, incarnation, ...kept });
      running.push(started);
      const events: unknown[] = [];
      for (const unit of started.units) {
        unit.on("powerLost", () => events.push("powerLost"));
        unit.on("mediumChanged", (data) => events.push(data));
      }
      return { ...started, usb, events };
    },
    async exchange(size, fill) {
      await sim.command("eject");
      await writeFile(other, new Uint8Array(size).fill(fill));
      await sim.command(`insert ${other}`);
    },
    async written(fill) {
      return (await readFile(other)).filter((byte) => byte !== fill).length;
    },
    async [Symbol.asyncDispose]() {
      for (const each of running) await each.remove();
      await sim[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export async function createImage(path: string, bytes: number): Promise<void> {
  await using file = await open(path, "w");
  await file.truncate(bytes);
}

export const pattern = (bytes: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length: bytes }, (_, index) => (index * 31 + (index >> 9) * 7 + seed) & 0xff);

export const write = (
  { units }: Started,
  lba: number,
  data: Uint8Array,
  options: { unit?: number; fua?: number; medium?: number } = {},
) => {
  const { unit = 0, fua = 0 } = options;
  const port = units[unit]!;
  const { medium = port.properties.medium } = options;
  return port.request(
    "write",
    { lba, count: data.length / port.properties.sectorBytes, fua, medium },
    { data },
  );
};

export async function read({ units }: Started, lba: number, count: number, unit = 0): Promise<Uint8Array> {
  const port = units[unit]!;
  const { sectorBytes, medium } = port.properties;
  return (await port.request("read", { lba, count, medium }, { length: count * sectorBytes })).data;
}

export const flush = ({ units: [port] }: Started) =>
  port!.request("flush", { medium: port!.properties.medium });
