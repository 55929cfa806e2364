// Runs in: the simulation. Owns: one seed's run, from the start of a machine to its end in order.
import { setImmediate as turn } from "node:timers/promises";
import type { Dice } from "./dice.ts";
import { personActs, struck } from "./faults.ts";
import { MemoryStock } from "./kernel/memory.ts";
import { Machine, type Violation } from "./machine.ts";

/** Until a person has repaired what was broken, again and again, everything has to be well. */
const REPAIR_MS = 500;
/** A host that hangs while it starts is ended after 30 s (manager/host-start.ts): all is cleared away within it. */
const REST_MS = 60_000;
const PATIENCE_MS = 5 * 60_000;
/** Between two of the faults that strike, in milliseconds: each seed has its own weather. */
const PACES_MS = [30, 120] as const;
/** How often people do something, beside those faults; half of it is repairing. */
const PEOPLE = 0.25;
const STEPS_MAX = 3_000_000;
/** Happenings between two looks at whether it is over. */
const TURN = 64;

export interface Result {
  readonly seed: number;
  readonly steps: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly requests: number;
  readonly violations: readonly Violation[];
}

const stock = new MemoryStock();
const weights = Object.entries(struck).map(([name, { weight }]) => ({ name, weight }));
const total = weights.reduce((sum, { weight }) => sum + weight, 0);

function chosen(dice: Dice): string {
  let left = dice.next() * total;
  for (const { name, weight } of weights) {
    left -= weight;
    if (left < 0) return name;
  }
  return weights[0]!.name;
}

export async function simulate(
  seed: number,
  faults: number,
  driverCode: string,
  trace?: (line: string) => void,
): Promise<Result> {
  const machine = new Machine(seed, faults, driverCode, stock, trace);
  const { kernel, dice } = machine;
  const pace = dice.pick(PACES_MS);
  const next = (): void => {
    if (!machine.faulty) return void kernel.post(undefined, 0, windUp);
    if (dice.chance(PEOPLE)) {
      if (dice.chance(0.5)) personActs(machine);
      else machine.personRepairs();
    }
    const name = chosen(dice);
    if (struck[name]!.inject(machine)) machine.fault(name);
    kernel.post(undefined, -Math.log(1 - dice.next()) * pace, next);
  };
  let stopBy = Number.POSITIVE_INFINITY;
  let stopping = false;
  const windUp = (): void => {
    machine.winding = true;
    stopBy = kernel.now + PATIENCE_MS;
    kernel.trace(() => "the faults are over");
    repair();
  };
  const repair = (): void => {
    if (stopping) return;
    machine.repair();
    if (machine.settled || kernel.now > stopBy) {
      machine.judgeTheEnd();
      stopping = true;
      kernel.post(undefined, REST_MS, () => {
        machine.judgeDescriptors();
        machine.stop();
        stopBy = kernel.now + PATIENCE_MS;
      });
    } else kernel.post(undefined, REPAIR_MS, repair);
  };
  kernel.post(undefined, 20, next);

  // After an error that nobody caught Node runs what is left of the turn behind the next immediate: that one is to begin nothing.
  let left = false;
  const onThrow = (error: unknown) => {
    kernel.threw(error);
    left = true;
  };
  process.on("uncaughtException", onThrow);
  process.on("unhandledRejection", onThrow);
  const { promise: over, resolve } = Promise.withResolvers<void>();
  let running = true;
  const step = (): void => {
    if (!running) return;
    if (left) {
      left = false;
      return;
    }
    machine.steps++;
    running = machine.violations.length === 0 && machine.end === undefined && machine.steps < STEPS_MAX;
    running &&= !(stopping && kernel.now > stopBy) && kernel.step();
  };
  // Between two immediates Node runs all that follows from the first one: one of them is one turn of one process.
  const batch = (): void => {
    if (!running) return resolve();
    for (let count = 0; count < TURN; count++) setImmediate(step);
    setImmediate(batch);
  };
  batch();
  await over;
  kernel.endTurn();
  if (machine.violations.length === 0) machine.judgeTheVeryEnd();
  process.off("uncaughtException", onThrow);
  process.off("unhandledRejection", onThrow);
  await turn();
  stock.reclaim();
  return {
    seed,
    steps: machine.steps,
    faults: Object.fromEntries(machine.faults),
    requests: machine.answered,
    violations: machine.violations,
  };
}
