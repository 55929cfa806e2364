// Runs in: benchmarks. Owns: a ring3 with so many disks, each in the memory of a jailed driver of its own, and an application that reads from all.
import { type Block, blockClass, connect, type OpenUnit } from "@ring3/client";
import { cpuMs } from "@ring3/kernel/process/pidfd";
import { DriversLife } from "../packages/cli/drivers-life.fixture.ts";
import { descendants } from "../packages/cli/process-tree.fixture.ts";
import { RunningRing3 } from "../packages/cli/running-ring3.fixture.ts";
import { privateMb } from "./memory.ts";
import { memoryDisk } from "./nbd.ts";

const READ_BYTES = 4096;
const IN_FLIGHT_EACH = 16;

export interface Fleet extends AsyncDisposable {
  /** Reads of all disks together, random ones of 4 KiB, and what each costs the ring3's processes. */
  read(ms: number): Promise<{ readonly perSecond: number; readonly cpuUs: number }>;
  /** Of all of its processes. The devices, which are simulated, are not among them. */
  privateMb(): number;
}

export async function fleet(devices: number): Promise<Fleet> {
  await using stack = new AsyncDisposableStack();
  const ring3 = stack.use(await RunningRing3.start({ args: memoryDisk }));
  const life = stack.adopt(await DriversLife.of(ring3), (life) => life.close());
  const client = stack.use(await connect({ stateDir: ring3.directory }));
  const disks: OpenUnit<Block>[] = [];
  for (let index = 0; index < devices; index++) {
    const { units } = await life.served(await ring3.plug(`bench${index}`));
    disks.push(stack.use(await client.open(units[0]!.id, blockClass, "read")));
  }
  const pids = [ring3.keeperPid, ...descendants(ring3.keeperPid)];
  const cpu = () => pids.reduce((sum, pid) => sum + cpuMs(pid), 0);
  const owned = stack.move();
  return {
    async read(ms) {
      let reads = 0;
      const [before, began] = [cpu(), performance.now()];
      const reader = async ({ properties, request }: OpenUnit<Block>) => {
        const { sectorBytes, sectors, medium } = properties;
        const count = READ_BYTES / sectorBytes;
        for (; performance.now() < began + ms; reads++) {
          const lba = count * Math.floor((Math.random() * Number(sectors)) / count);
          await request("read", { lba, count, medium }, { length: READ_BYTES });
        }
      };
      await Promise.all(disks.flatMap((disk) => Array.from({ length: IN_FLIGHT_EACH }, () => reader(disk))));
      return {
        perSecond: (reads * 1000) / (performance.now() - began),
        cpuUs: ((cpu() - before) * 1000) / reads,
      };
    },
    privateMb: () => pids.reduce((sum, pid) => sum + privateMb(pid), 0),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
