// Runs in: benchmarks. Owns: a ring3 with devices that nobody uses, looked at from outside.
import { globSync, readFileSync } from "node:fs";
import { DriversLife, pause } from "../packages/cli/drivers-life.fixture.ts";
import { RunningRing3 } from "../packages/cli/running-ring3.fixture.ts";

/** After it has come up, until nothing is left to do. */
const SETTLE_MS = 15_000;

export interface Idle {
  readonly hosts: readonly number[];
  /** Keeper, manager, reflectors, hosts, spares: all of its processes. */
  processes(): number[];
}

export async function idle<T>(devices: number, look: (idle: Idle) => Promise<T>): Promise<T> {
  await using ring3 = await RunningRing3.start();
  const life = await DriversLife.of(ring3);
  const hosts: number[] = [];
  for (let index = 0; index < devices; index++) {
    const status = await life.served(await ring3.plug(`idle${index}`));
    hosts.push(status.hostPid!);
  }
  life.close();
  await pause(SETTLE_MS);
  return await look({ hosts, processes: () => tree(ring3.keeperPid) });
}

function tree(pid: number): number[] {
  const children = globSync(`/proc/${pid}/task/*/children`).flatMap((file) =>
    readFileSync(file, "latin1").split(" ").filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(tree)];
}
