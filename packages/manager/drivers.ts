// Runs in: manager. Owns: the installed drivers: their manifests, and their code as sealed memory.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DRIVER_CACHE, DRIVER_CODE, decodeDriverCache } from "@ring3/control/driver-files";
import { type Manifest, parseManifest } from "@ring3/control/manifest";
import { type DeviceFacts, type Ranked, rankDrivers } from "@ring3/control/match";
import type { Contract } from "@ring3/core/contract";
import type { Log } from "@ring3/core/log";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { sealedFile } from "@ring3/kernel/shm/memory";
import { classes } from "./classes.ts";
import type { SharedNeeds } from "./placement.ts";

export interface InstalledDriver {
  readonly manifest: Manifest;
  /** driver.cjs as it was when the manager started, and behind it what V8 has made of it, sealed; every host of the driver is lent it. */
  readonly code: Descriptor;
  readonly codeBytes: number;
  /** driver.cjs.map, where there is one. */
  readonly sourceMap: string | undefined;
  /** What its process has to be like where that is not its own (placement.ts). */
  readonly shared?: SharedNeeds;
}

/** A driver that a device has: what it is, and what it must speak. */
export interface ChosenDriver extends InstalledDriver {
  readonly contract: Contract;
}

/**
 * Every driver below the given folders, in the order in which ties are decided; the first of a name stands for the later ones. What is wrong
 * with one is said, and leaves the others be.
 */
export function installedDrivers(paths: readonly string[], log: Log): InstalledDriver[] {
  const byName = new Map<string, InstalledDriver>();
  for (const path of paths)
    for (const folder of foldersIn(path, log)) {
      const driver = readDriver(folder, log);
      if (driver === undefined) continue;
      const { name } = driver.manifest;
      if (byName.has(name)) {
        log.info(`driver ${folder} left out: one named ${name} was found before it`);
        driver.code.close();
      } else byName.set(name, driver);
    }
  return [...byName.values()];
}

function foldersIn(path: string, log: Log): string[] {
  try {
    return readdirSync(path)
      .sort()
      .map((name) => join(path, name))
      .filter((folder) => existsSync(join(folder, "driver.json")));
  } catch (error) {
    log.error(`driver path ${path}: ${(error as Error).message}; correct driver_paths or --drivers`);
    return [];
  }
}

function readDriver(folder: string, log: Log): InstalledDriver | undefined {
  const file = join(folder, "driver.json");
  try {
    const manifest = parseManifest(readFileSync(file, "utf8"), file);
    if (classes[manifest.class] === undefined)
      throw new Error(
        `${file}: class "${manifest.class}": expected one of ${Object.keys(classes).join(", ")}`,
      );
    const bundle = join(folder, DRIVER_CODE);
    if (!existsSync(bundle))
      throw new Error(`${folder}: no ${DRIVER_CODE}: bundle driver.ts first (see CONTRIBUTING.md)`);
    const map = `${bundle}.map`;
    const sourceMap = existsSync(map) ? readFileSync(map, "utf8") : undefined;
    const code = readFileSync(bundle);
    const memory = sealedFile(manifest.name, Buffer.concat([code, madeOf(folder, code, log)]));
    return { manifest, code: memory, codeBytes: code.length, sourceMap };
  } catch (error) {
    log.error(`driver left out: ${(error as Error).message}`);
    return undefined;
  }
}

function madeOf(folder: string, code: Uint8Array, log: Log): Uint8Array {
  const file = join(folder, DRIVER_CACHE);
  if (!existsSync(file)) return new Uint8Array(0);
  const made = decodeDriverCache(code, readFileSync(file));
  if (made === undefined) log.info(`${file} was made of other code: the driver starts slower without it`);
  return made ?? new Uint8Array(0);
}

export function rank(facts: DeviceFacts, drivers: readonly InstalledDriver[]): Ranked[] {
  return rankDrivers(
    facts,
    drivers.map(({ manifest }) => manifest),
  );
}

/** The best driver for a device; undefined where none matches. */
export function chooseDriver(
  facts: DeviceFacts,
  drivers: readonly InstalledDriver[],
): ChosenDriver | undefined {
  const best = rank(facts, drivers)[0];
  if (best === undefined || best.score === 0) return undefined;
  const driver = drivers.find(({ manifest }) => manifest.name === best.driver)!;
  return { ...driver, contract: classes[driver.manifest.class]!.contract };
}
