// Runs in: benchmarks. Owns: a ring3 with devices that nobody uses, looked at from outside.
import { DriversLife, pause } from "../packages/cli/drivers-life.fixture.ts";
import { descendants } from "../packages/cli/process-tree.fixture.ts";
import { RunningRing3 } from "../packages/cli/running-ring3.fixture.ts";

/** After it has come up, until nothing is left to do. */
const SETTLE_MS = 15_000;

export interface Idle extends AsyncDisposable {
  readonly directory: string;
  readonly manager: number;
  readonly devices: readonly string[];
  readonly hosts: readonly number[];
  /** Keeper, manager, reflectors, hosts, spares: all of its processes. */
  processes(): number[];
}

export async function idle(devices: number): Promise<Idle> {
  const ring3 = await RunningRing3.start();
  const life = await DriversLife.of(ring3);
  const plugged: string[] = [];
  const hosts: number[] = [];
  for (let index = 0; index < devices; index++) {
    const { id, hostPid } = await life.served(await ring3.plug(`idle${index}`));
    plugged.push(id);
    hosts.push(hostPid!);
  }
  life.close();
  await pause(SETTLE_MS);
  return {
    directory: ring3.directory,
    manager: (await ring3.status()).manager.pid,
    devices: plugged,
    hosts,
    processes: () => [ring3.keeperPid, ...descendants(ring3.keeperPid)],
    [Symbol.asyncDispose]: () => ring3.stop(),
  };
}
