// Runs in: benchmarks. How often an idle ring3 wakes, all of its processes and threads together, for each device.
import { globSync, readFileSync } from "node:fs";
import { pause } from "../packages/cli/drivers-life.fixture.ts";
import type { Benchmark, Round } from "./benchmark.ts";
import { idle } from "./idle.ts";

const GOAL_PER_SECOND = 5;
const DEVICES = 8;
const ROUNDS = 7;
const ROUND_S = 5;

/** voluntary_ctxt_switches, proc_pid_status(5): a thread that sleeps again has been awake. */
const sleeps = (pids: readonly number[]) =>
  pids
    .flatMap((pid) => globSync(`/proc/${pid}/task/*/status`))
    .reduce(
      (sum, file) =>
        sum + Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(readFileSync(file, "latin1"))![1]),
      0,
    );

async function* run(): AsyncIterable<Round> {
  await using ring3 = await idle(DEVICES);
  const pids = ring3.processes();
  for (;;) {
    const before = sleeps(pids);
    await pause(ROUND_S * 1000);
    yield { ours: (sleeps(pids) - before) / ROUND_S / DEVICES, peer: GOAL_PER_SECOND };
  }
}

export default {
  what: `wake-ups a second and device of an idle ring3 with ${DEVICES} devices, against the ${GOAL_PER_SECOND} that it may have`,
  unit: "1/s",
  settings: [{ pinned: null, goal: "<= 1" }],
  rounds: ROUNDS,
  run,
} satisfies Benchmark;
