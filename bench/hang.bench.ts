// Runs in: benchmarks. A driver that stands still, from that moment until its successor has answered the read behind it.
import { DriversLife, pause, socketOf } from "../packages/cli/drivers-life.fixture.ts";
import { NbdClient } from "../packages/cli/nbd-client.ts";
import { RunningRing3 } from "../packages/cli/running-ring3.fixture.ts";
import type { Benchmark, Round } from "./benchmark.ts";

/** limits.hangMs where a manifest says nothing. */
const DEADLINE_MS = 1500;
const ROUNDS = 9;

async function* run(): AsyncIterable<Round> {
  await using ring3 = await RunningRing3.start();
  const life = await DriversLife.of(ring3);
  const drive = await ring3.plug("bench");
  const disk = await NbdClient.connect(socketOf(await life.served(drive)));
  try {
    for (;;) {
      await disk.read(0, 4096);
      await pause(1000);
      const { hostPid } = await ring3.device(drive.device);
      const stopped = performance.now();
      process.kill(hostPid!, "SIGSTOP");
      await disk.read(0, 4096);
      yield { ours: performance.now() - stopped, peer: DEADLINE_MS };
    }
  } finally {
    await disk.close();
    life.close();
  }
}

export default {
  what: `a read over a driver that stands still, against the ${DEADLINE_MS} ms that its heartbeat may`,
  unit: "ms",
  settings: [{ pinned: null, goal: "<= 2" }],
  rounds: ROUNDS,
  run,
} satisfies Benchmark;
