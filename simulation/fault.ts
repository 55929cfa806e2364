// Runs in: the simulation. Owns: nothing. What a fault is, and whom it may strike.

import type { Process } from "./kernel/process.ts";
import type { Machine } from "./machine.ts";

/** Returns false where there is nothing that it could be done to now, or where it counts only once it is met. */
export type Fault = (machine: Machine) => boolean;

export const pick = <T>(machine: Machine, from: readonly T[]): T | undefined =>
  from.length === 0 ? undefined : machine.dice.pick(from);

export const processes = (machine: Machine, ...names: string[]): Process[] =>
  [...machine.kernel.processes.values()].filter(({ alive, name }) => alive && names.includes(name));

export const host = (machine: Machine): Process | undefined => pick(machine, processes(machine, "host"));

export function toProcess(
  choose: (machine: Machine) => Process | undefined,
  act: (machine: Machine, process: Process) => void,
): Fault {
  return (machine) => {
    const process = choose(machine);
    if (process === undefined) return false;
    act(machine, process);
    return true;
  };
}
