// Runs in: benchmarks. What it costs to have a driver: from the order to start one that nobody waits with to the end of its probe.
import { DriversLife, pause } from "../packages/cli/drivers-life.fixture.ts";
import { RunningRing3 } from "../packages/cli/running-ring3.fixture.ts";
import type { Benchmark, Round } from "./benchmark.ts";
import { emptyNodeMs } from "./empty-node.ts";

const REST_MS = 300;

async function* run(): AsyncIterable<Round> {
  await using ring3 = await RunningRing3.start({ config: "spares: 0\n" });
  const life = await DriversLife.of(ring3);
  const { device } = await ring3.plug("bench");
  await life.served({ device });
  life.close();
  for (;;) {
    await ring3.manager.ask("stop", { device });
    await pause(REST_MS);
    const asked = performance.now();
    await ring3.manager.ask("start", { device, take: false });
    await ring3.manager.ask("wait", { device, state: "running", timeoutMs: 10_000 });
    const ours = performance.now() - asked;
    await pause(REST_MS);
    yield { ours, peer: await emptyNodeMs() };
  }
}

export default {
  what: "a jailed driver's cold start, until its probe has returned, against node -e 0",
  unit: "ms",
  rounds: 15,
  settings: [{ pinned: null, goal: "<= 1.25" }],
  run,
} satisfies Benchmark;
