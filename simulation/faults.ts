// Runs in: the simulation. Owns: the table of faults: what may go wrong, how often beside the others, and how it is done to a machine.

import type { Dice } from "./dice.ts";
import type { Disk, Mishap } from "./disk.ts";
import { type Fault, host, pick, processes, toProcess } from "./fault.ts";
import type { Memory } from "./kernel/memory.ts";
import type { Process } from "./kernel/process.ts";
import type { Machine } from "./machine.ts";
import { garbleRings, ringFaults } from "./ring-faults.ts";

/** Everything but keeper and manager, without which nothing goes on. */
const mortal = (machine: Machine): Process | undefined =>
  pick(machine, processes(machine, "host", "application", "reflector"));

const someDisk = (machine: Machine): Disk | undefined =>
  pick(
    machine,
    machine.ports.flatMap(({ disk }) => disk ?? []),
  );

const done = (found: unknown): boolean => found !== undefined;

/** Not before it has shown that it does not die of what it was left: five that do so in a row are the end (keeper/keeper.ts). */
function toManager(act: (machine: Machine, process: Process) => void): Fault {
  return toProcess(
    ({ manager, kernel }) =>
      manager?.process.alive && kernel.now - manager.since > HEALTHY_MS ? manager.process : undefined,
    act,
  );
}

function pausing(how: "stopped" | "blocked", least: number, end: number, ...names: string[]): Fault {
  const runs = ({ liveness, blocked }: Process) => liveness === "running" && !blocked;
  return toProcess(
    (machine) => pick(machine, processes(machine, ...names).filter(runs)),
    ({ kernel, dice }, process) => {
      kernel.pause(process, how);
      kernel.post(undefined, dice.between(least, end), () => kernel.proceed(process));
    },
  );
}

const SIGKILL = 9;
/** A manager that can start no reflector ends; so many starts in a row are refused at most. */
const REFUSALS_MAX = 2;
/** keeper/keeper.ts has 2 s. */
const HEALTHY_MS = 2500;

/** Met by a message or a transfer on its way, each with its probability. */
export const met = {
  /** Later than others that were sent after it, or much later. */
  "message late": { probability: 0.5, ms: [0.2, 12] },
  "message very late": { probability: 0.002, ms: [20, 3000] },
  /** Only a part of it is received at first. */
  "message in parts": { probability: 0.15 },
  "message must wait": { probability: 0.1 },
  "transfer stalls": { probability: 0.07 },
  "transfer fails": { probability: 0.07 },
  "transfer is torn": { probability: 0.07 },
  "transfer is slow": { probability: 0.07, ms: [2, 80] },
  "transfer is very slow": { probability: 0.004, ms: [200, 3000] },
  "transfer never ends": { probability: 0.004 },
  "transfer cannot be taken back": { probability: 0.0015 },
} as const;

export type Met = keyof typeof met;

/** How much later a message comes; undefined: not. */
export function lateness(dice: Dice): { name: Met; ms: number } | undefined {
  for (const name of ["message late", "message very late"] as const) {
    const { probability, ms } = met[name];
    if (dice.chance(probability)) return { name, ms: dice.between(ms[0], ms[1]) };
  }
  return undefined;
}

const mishaps: readonly [Met, (dice: Dice) => Mishap][] = [
  ["transfer stalls", () => "stall"],
  ["transfer fails", () => "error"],
  ["transfer is torn", () => "torn"],
  ["transfer is slow", (dice) => dice.between(...met["transfer is slow"].ms)],
  ["transfer is very slow", (dice) => dice.between(...met["transfer is very slow"].ms)],
  ["transfer never ends", () => "never"],
  ["transfer cannot be taken back", () => "wedged"],
];

export function mishapOf(dice: Dice): { name: Met; mishap: Mishap } | undefined {
  let left = dice.next();
  for (const [name, mishap] of mishaps) {
    left -= met[name].probability;
    if (left < 0) return { name, mishap: mishap(dice) };
  }
  return undefined;
}

/** Strike a machine at any moment, each with its weight beside the others. */
export const struck: Readonly<Record<string, { readonly weight: number; readonly inject: Fault }>> = {
  "disk loses power": {
    weight: 4,
    inject: (machine) => done(someDisk(machine)?.losePower() ?? someDisk(machine)),
  },
  "medium is changed": {
    weight: 1.5,
    inject: (machine) => done(someDisk(machine)?.changeMedium() ?? someDisk(machine)),
  },
  "unplugged, plugged in again": { weight: 1, inject: (machine) => replug(machine, "same") },
  "unplugged, another disk plugged in": { weight: 0.7, inject: (machine) => replug(machine, "other") },
  "unplugged, its medium changed, plugged in again": {
    weight: 0.7,
    inject: (machine) => replug(machine, "swapped"),
  },
  "host killed": {
    weight: 3,
    inject: toProcess(host, ({ kernel }, process) => void kernel.signal(process, SIGKILL)),
  },
  "host killed in the middle of a turn": {
    weight: 3,
    inject: toProcess(host, ({ dice }, process) => {
      process.callsLeft = 1 + dice.below(12);
    }),
  },
  "host throws": {
    weight: 2,
    inject: toProcess(host, ({ kernel }, process) => {
      process.faulted = true;
      kernel.post(process, 0, () => {
        throw new TypeError("undefined is not a function");
      });
    }),
  },
  "host ends itself": {
    weight: 1,
    inject: toProcess(
      host,
      ({ kernel, dice }, process) => void kernel.post(process, 0, () => kernel.exit(process, dice.below(3))),
    ),
  },
  "host hangs": {
    weight: 1,
    inject: toProcess(host, ({ kernel }, process) => kernel.pause(process, "hung")),
  },
  "host stopped": { weight: 1, inject: pausing("stopped", 5, 6000, "host") },
  "host blocked in the kernel": { weight: 1, inject: pausing("blocked", 5, 12_000, "host") },
  "host holds too much memory": {
    weight: 0.5,
    inject: toProcess(host, (_, process) => {
      process.privateBytes = 2 ** 30;
    }),
  },
  "host held by a debugger": {
    weight: 0.5,
    inject: toProcess(host, ({ kernel, dice }, process) => {
      process.traced = true;
      kernel.post(undefined, dice.between(100, 4000), () => {
        process.traced = false;
      });
    }),
  },
  "no process can be started": {
    weight: 1.5,
    inject: (machine) => {
      machine.refusals = Math.min(machine.refusals + 1, REFUSALS_MAX);
      return false;
    },
  },
  "manager killed": {
    weight: 1.5,
    inject: toManager(({ kernel }, process) => void kernel.signal(process, SIGKILL)),
  },
  "manager killed in the middle of a turn": {
    weight: 1.5,
    inject: toManager(({ dice }, process) => {
      process.callsLeft = 1 + dice.below(60);
    }),
  },
  "manager stands still": { weight: 1, inject: pausing("stopped", 5, 2500, "manager") },
  "keeper stands still": { weight: 1, inject: pausing("stopped", 5, 2500, "keeper") },
  "client stands still": { weight: 2, inject: pausing("stopped", 5, 2500, "application", "reflector") },
  "client dies": {
    weight: 0.7,
    inject: toProcess(
      (machine) => pick(machine, processes(machine, "application", "reflector")),
      (machine, process) => {
        machine.kernel.signal(process, SIGKILL);
        if (process.name === "application")
          machine.connectClient(machine.dice.chance(0.5) ? "write" : "read");
      },
    ),
  },
  "client dies in the middle of a turn": {
    weight: 0.7,
    inject: toProcess(mortal, ({ dice }, process) => {
      process.callsLeft = 1 + dice.below(12);
    }),
  },
  "request taken back": {
    weight: 6,
    inject: (machine) => {
      const client = pick(
        machine,
        [...machine.clients].filter(({ waiting }) => waiting),
      );
      if (client !== undefined) machine.kernel.post(client.process, 0, () => client.cancelOne());
      return done(client);
    },
  },
  "clock jumps": {
    weight: 1,
    inject: ({ kernel, dice }) => {
      kernel.schedule.now += dice.between(1, 4000);
      return true;
    },
  },
  "clock of the day is set": {
    weight: 2,
    inject: ({ kernel, dice }) => {
      kernel.wallOffset += Math.round(dice.between(-1e8, 1e8));
      return true;
    },
  },
  ...ringFaults,
  "reader garbles its rings": {
    weight: 1.5,
    inject: (machine) => {
      const rogue = pick(
        machine,
        [...machine.clients].filter(({ mode, waiting }) => mode === "read" && waiting),
      );
      if (rogue === undefined) return false;
      machine.disown(rogue);
      for (const { name, control } of rogue.process.writes)
        if (name === "ring3-client") garbleRings(machine, new Uint32Array(control[0]!));
      machine.kernel.post(undefined, machine.dice.between(10, 6000), () => {
        machine.kernel.signal(rogue.process, SIGKILL);
        machine.connectClient("read");
      });
      return true;
    },
  },
  "the device's memory garbled": {
    weight: 1.5,
    inject: (machine) => {
      const owner = host(machine);
      const memory = [...(owner?.writes ?? [])].find(({ name }: Memory) => name === "ring3-device")
        ?.control[0];
      if (owner === undefined || memory === undefined) return false;
      owner.faulted = true;
      const words = new Uint32Array(memory);
      for (let count = 1 + machine.dice.below(40); count > 0; count--)
        words[machine.dice.below(words.length)] = machine.dice.roll();
      return true;
    },
  },
};

/** Outside of the count: what people do. */
export function personActs(machine: Machine): void {
  const { dice, person, ports } = machine;
  const { id } = dice.pick(ports);
  const verb = dice.pick(["restart", "stop", "suspend", "suspend", "resume"] as const);
  machine.kernel.trace(() => `a person: ${verb} ${id}`);
  if (person !== undefined) machine.kernel.post(person.process, 0, () => person.ask(verb, id));
}

function replug(machine: Machine, how: "same" | "other" | "swapped"): boolean {
  const { dice, kernel, ports } = machine;
  const port = pick(
    machine,
    ports.filter(({ disk }) => disk !== undefined),
  );
  if (port === undefined || machine.alike) return false;
  const before = port.disk!;
  machine.unplug(port);
  if (how === "swapped") before.changeMedium();
  const after = how === "other" ? machine.createDisk() : before;
  kernel.post(undefined, dice.chance(0.8) ? dice.between(0.1, 50) : dice.between(50, 5000), () =>
    machine.plug(port, after),
  );
  return true;
}
