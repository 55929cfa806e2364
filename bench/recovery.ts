// Runs in: benchmarks. Owns: a ring3 with a simulated drive whose driver is killed; how long a reader then waits.
import { DriversLife, pause, socketOf } from "../packages/cli/drivers-life.fixture.ts";
import { NbdClient } from "../packages/cli/nbd-client.ts";
import { RunningRing3 } from "../packages/cli/running-ring3.fixture.ts";
import type { Round } from "./benchmark.ts";
import { emptyNodeMs } from "./empty-node.ts";

export const ROUNDS = 15;
/** Between two kills: the driver counts as healthy again, and a spare has come up. */
const REST_MS = 1500;

/** From SIGKILL to the answer of a read that came right behind it, against the start and end of an empty Node. */
export async function* recovery(spares: number): AsyncIterable<Round> {
  await using ring3 = await RunningRing3.start({ config: `spares: ${spares}\n` });
  const life = await DriversLife.of(ring3);
  const drive = await ring3.plug("bench");
  const disk = await NbdClient.connect(socketOf(await life.served(drive)));
  await disk.read(0, 4096);
  try {
    for (;;) {
      await pause(REST_MS);
      const { hostPid } = await ring3.device(drive.device);
      const killed = performance.now();
      process.kill(hostPid!, "SIGKILL");
      await disk.read(0, 4096);
      const ours = performance.now() - killed;
      await pause(REST_MS);
      yield { ours, peer: await emptyNodeMs() };
    }
  } finally {
    await disk.close();
    life.close();
  }
}
