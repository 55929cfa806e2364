// Runs in: manager. Owns: the check of what a driver host says of its units, before anyone is told of them. Pure.

import type { Properties } from "@ring3/control/fields";
import type { HostUnit } from "@ring3/control/host-edge";
import { withoutKindText } from "@ring3/control/wire";
import type { DeviceError } from "@ring3/core/errors";
import type { ManagedClass } from "./classes.ts";

/** What is wrong with the units of a class; undefined: nothing. */
export function faultOfUnits(unitClass: ManagedClass, units: readonly HostUnit[]): string | undefined {
  if (units.length === 0) return "it has no unit";
  for (const [position, { index, properties, operations }] of units.entries()) {
    const known = Object.entries(unitClass.contract.operations);
    const missing = known.find(([name, { optional }]) => !optional && !operations.includes(name));
    const unknown = operations.find((name) => !known.some(([other]) => other === name));
    const twice = operations.find((name, at) => operations.indexOf(name) < at);
    const fault =
      (index === position ? undefined : `it calls itself unit ${index}`) ??
      (missing && `operation "${missing[0]}" is missing`) ??
      (unknown === undefined ? undefined : `there is no operation "${unknown}"`) ??
      (twice === undefined ? undefined : `operation "${twice}" is there twice`) ??
      faultOfProperties(unitClass, properties);
    if (fault !== undefined) return `unit ${position}: ${fault}`;
  }
  return undefined;
}

export function faultOfProperties(
  { contract, faultOf }: ManagedClass,
  properties: Properties,
): string | undefined {
  const wanted = Object.keys(contract.properties?.fields ?? {});
  const extra = Object.keys(properties).find((name) => !wanted.includes(name));
  if (extra !== undefined) return `there is no property "${extra}"`;
  try {
    contract.properties?.encode(properties, new DataView(new ArrayBuffer(contract.properties.size)), 0);
  } catch (error) {
    return withoutKindText(error as DeviceError);
  }
  return faultOf(properties);
}
