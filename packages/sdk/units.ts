// Runs in: driver host, sdk/test. Owns: the check of what a driver's probe returned.
import type { Contract, DriverUnit } from "@ring3/core/contract";
import { DeviceError } from "@ring3/core/errors";
import { kindOf, misfit } from "./misfit.ts";

/** A device with more units than this is refused. */
export const UNITS_MAX = 64;
const CONCURRENCY_MAX = 4096;
/** The kernel has room for so many bytes of an input device's (UINPUT_MAX_NAME_SIZE, linux/uinput.h). */
export const UNIT_NAME_LENGTH = 79;
const UNIT_NAME = new RegExp(`^[^\\p{Cc}]{1,${UNIT_NAME_LENGTH}}$`, "u");

/** The units in `result`, or DeviceError("invalid") naming unit, member, what was expected and what was found. */
export function validateUnits<C extends Contract>(contract: C, result: unknown): DriverUnit<C>[] {
  const units: unknown[] = Array.isArray(result) ? result : [result];
  if (units.length < 1 || units.length > UNITS_MAX)
    throw refusal("probe's result", `1 to ${UNITS_MAX} units`, `${units.length}`);
  units.forEach((unit, index) => {
    validateUnit(contract, unit, index);
  });
  return units as DriverUnit<C>[];
}

function validateUnit(contract: Contract, unit: unknown, index: number): void {
  const at = `unit ${index}`;
  if (typeof unit !== "object" || unit === null) throw refusal(at, "an object", kindOf(unit));
  const members = unit as Record<string, unknown>;

  const { properties, concurrency, name } = members;
  if (contract.properties !== undefined) {
    const fault = misfit(contract.properties, properties);
    if (fault !== undefined) throw new DeviceError("invalid", `${at}, member "properties": ${fault}`);
  }
  if (
    concurrency !== undefined &&
    !(Number.isInteger(concurrency) && Number(concurrency) >= 1 && Number(concurrency) <= CONCURRENCY_MAX)
  )
    throw refusal(
      `${at}, member "concurrency"`,
      `an integer from 1 to ${CONCURRENCY_MAX}`,
      typeof concurrency === "number" ? String(concurrency) : kindOf(concurrency),
    );

  if (name !== undefined && !(typeof name === "string" && UNIT_NAME.test(name)))
    throw refusal(
      `${at}, member "name"`,
      "1 to 79 characters without control characters",
      typeof name === "string" ? JSON.stringify(name.slice(0, 80)) : kindOf(name),
    );

  for (const [name, { optional }] of Object.entries(contract.operations)) {
    const found = kindOf(members[name]);
    if (found !== "function" && !(optional && found === "undefined"))
      throw refusal(`${at}, member "${name}"`, "a function", found);
  }
  // A misspelt name of an optional operation would go unnoticed otherwise.
  const names = Object.keys(contract.operations);
  for (const name of Object.keys(members))
    if (typeof members[name] === "function" && !names.includes(name))
      throw refusal(
        `${at}, member "${name}"`,
        `an operation of "${contract.name}" (${names.join(", ")})`,
        "another name",
      );
}

const refusal = (what: string, expected: string, found: string): DeviceError =>
  new DeviceError("invalid", `${what}: expected ${expected}, found ${found}`);
