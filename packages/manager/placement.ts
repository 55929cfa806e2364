// Runs in: manager. Owns: nothing. Where each installed driver is to run, by its manifest and by ring3.yaml, and what its process has to be like there.

import type { Manifest } from "@ring3/control/manifest";
import { poolOf } from "@ring3/control/placement";
import type { Log } from "@ring3/core/log";
import type { InstalledDriver } from "./drivers.ts";
import { requestsOfAll } from "./granted-requests.ts";

/** Of a process that was started before it is known which drivers come there. */
export interface SharedNeeds {
  /** The most that any of its drivers may hold is what the process may: it is one, with one share of the machine. */
  readonly memoryMb: number;
  readonly cpuPercent: number | undefined;
  /** Of all its drivers: a filter can be put on once. */
  readonly requests: readonly number[];
}

/** `rules`: driver names and their placements. A driver that cannot run where it is to is left out, which is said; nowhere else is it run instead. */
export function placed(
  drivers: readonly InstalledDriver[],
  rules: Readonly<Record<string, string>>,
  log: Log,
): InstalledDriver[] {
  for (const name of Object.keys(rules))
    if (!drivers.some(({ manifest }) => manifest.name === name))
      log.warn(`placement of ${name} in ring3.yaml: there is no driver of that name`);
  const ruled = drivers.map((driver) => {
    const placement = rules[driver.manifest.name];
    return placement === undefined ? driver : { ...driver, manifest: { ...driver.manifest, placement } };
  });
  const fitting = ruled.filter((driver) => {
    const fault = faultOf(driver.manifest, ruled);
    if (fault !== undefined) log.error(`driver left out: ${driver.manifest.name}: ${fault}`);
    return fault === undefined;
  });
  return fitting.map((driver) => ({ ...driver, ...sharedNeeds(driver, fitting) }));
}

function faultOf(
  { name, placement, sandbox }: Manifest,
  drivers: readonly InstalledDriver[],
): string | undefined {
  if (placement === "inline" && sandbox === "strict")
    return 'placement "inline" beside sandbox "strict": a reflector runs with V8\'s compiler; use "isolated" or "pooled:NAME"';
  if (poolOf(placement) === undefined) return undefined;
  const first = drivers.find(({ manifest }) => manifest.placement === placement)!.manifest;
  return first.sandbox === sandbox
    ? undefined
    : `placement "${placement}" with sandbox "${sandbox}": ${first.name} is in that pool with sandbox "${first.sandbox}", and one process has one tier; put ${name} into another pool`;
}

function sharedNeeds(
  { manifest }: InstalledDriver,
  drivers: readonly InstalledDriver[],
): { shared?: SharedNeeds } {
  const { placement } = manifest;
  if (placement === "isolated") return {};
  const members =
    placement === "inline"
      ? [manifest]
      : drivers.map((driver) => driver.manifest).filter((other) => other.placement === placement);
  const shares = members.map(({ limits }) => limits.cpuPercent);
  const unlimited = shares.includes(undefined);
  const requests = members.flatMap(requestsOfAll);
  return {
    shared: {
      memoryMb: Math.max(...members.map(({ limits }) => limits.memoryMb)),
      cpuPercent: unlimited ? undefined : Math.max(...(shares as number[])),
      requests: [...new Set(requests)].toSorted((a, b) => a - b),
    },
  };
}
