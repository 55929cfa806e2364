// Runs in: CLI. Owns: nothing. All faults of a campaign, and the choice among them.
import { nearest } from "@ring3/control/nearest";
import type { Fault } from "./fault.ts";
import { deviceFaults } from "./faults/device.ts";
import { driverFaults } from "./faults/driver.ts";
import { endingFaults } from "./faults/ending.ts";
import { processFaults } from "./faults/process.ts";
import { ringFaults } from "./faults/ring.ts";

export const catalogue: readonly Fault[] = [
  ...driverFaults,
  ...ringFaults,
  ...processFaults,
  ...deviceFaults,
  ...endingFaults,
];

/** Those that a list of names and groups names: "exit,rings". A text that says what is wrong where there is no such name. */
export function chosen(list: string): readonly Fault[] | string {
  const words = list.split(",").map((word) => word.trim());
  const known = [...new Set(catalogue.flatMap(({ name, group }) => [group, name]))];
  const unknown = words.find((word) => !known.includes(word));
  if (unknown === undefined)
    return catalogue.filter(({ name, group }) => words.includes(name) || words.includes(group));
  const meant = nearest(unknown, known);
  return `there is no fault "${unknown}"${meant === undefined ? "" : `; did you mean "${meant}"?`}`;
}
