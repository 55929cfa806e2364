// Runs in: benchmarks. What isolation costs on this machine, and what it is good for: the same driver in each placement, measured in turns; then its
// process is killed.
import { DriversLife, pause, socketOf } from "../packages/cli/drivers-life.fixture.ts";
import { NbdClient } from "../packages/cli/nbd-client.ts";
import { descendants } from "../packages/cli/process-tree.fixture.ts";
import { type Drive, RunningRing3 } from "../packages/cli/running-ring3.fixture.ts";
import { median, type Table } from "./benchmark.ts";
import { MemoryDisks } from "./memory-disks.ts";
import { needs } from "./nbd.ts";
import { fio } from "./nbd-randread.ts";
import { machine } from "./processor.ts";

const ways = [
  { placement: "inline", sandbox: "standard" },
  { placement: "pooled:bench", sandbox: "standard" },
  { placement: "isolated", sandbox: "standard" },
  { placement: "isolated", sandbox: "strict" },
] as const;

const ROUNDS = 7;
const KILLS = 5;
/** Between two kills: the driver counts as healthy again, and a spare has come up. */
const REST_MS = 1500;
const AGAIN_MS = 1;
const BLOCK = 4096;
const DEPTH = 16;

/** One ring3 whose disks are all placed that way. */
class Way implements AsyncDisposable {
  readonly name: string;
  readonly #disks: MemoryDisks;
  readonly #ring3: RunningRing3;
  readonly #life: DriversLife;
  readonly #drive: Drive;
  readonly #neighbour: Drive;
  readonly socket: string;
  readonly latencies: number[] = [];
  readonly paces: number[] = [];
  readonly cpus: number[] = [];

  private constructor(
    name: string,
    disks: MemoryDisks,
    ring3: RunningRing3,
    life: DriversLife,
    drives: Drive[],
    socket: string,
  ) {
    this.name = name;
    this.#disks = disks;
    this.#ring3 = ring3;
    this.#life = life;
    [this.#drive, this.#neighbour] = drives as [Drive, Drive];
    this.socket = socket;
  }

  static async start({ placement, sandbox }: (typeof ways)[number]): Promise<Way> {
    const disks = new MemoryDisks({ placement, sandbox });
    const ring3 = await RunningRing3.start({ args: disks.args });
    const life = await DriversLife.of(ring3);
    const drives = [await ring3.plug("bench"), await ring3.plug("beside")];
    await life.served(drives[1]!);
    const socket = socketOf(await life.served(drives[0]!));
    const name = `${placement.split(":")[0]}${sandbox === "strict" ? ", strict" : ""}`;
    return new Way(name, disks, ring3, life, drives, socket);
  }

  pids(): number[] {
    return [this.#ring3.keeperPid, ...descendants(this.#ring3.keeperPid)];
  }

  async measure(): Promise<void> {
    this.latencies.push(1e6 / (await fio(this, 1, null)).pace);
    const { pace, cpu } = await fio(this, DEPTH, null);
    this.paces.push(pace);
    this.cpus.push(cpu);
  }

  /** Kills the driver's process. How long until a read is answered, and who else has noticed. */
  async kill(): Promise<{ recoveryMs: number; hungUp: boolean; neighbour: boolean }> {
    const beside = await this.#ring3.device(this.#neighbour.device);
    let disk = await NbdClient.connect(this.socket);
    await disk.read(0, BLOCK);
    const { hostPid } = await this.#ring3.device(this.#drive.device);
    let hungUp = false;
    const killed = performance.now();
    process.kill(hostPid!, "SIGKILL");
    for (;;) {
      try {
        await disk.read(0, BLOCK);
        break;
      } catch {
        hungUp = true;
        await pause(AGAIN_MS);
        disk = await NbdClient.connect(this.socket).catch(() => disk); // nobody listens yet
      }
    }
    const recoveryMs = performance.now() - killed;
    await disk.close();
    await pause(REST_MS);
    const after = await this.#ring3.device(this.#neighbour.device);
    return { recoveryMs, hungUp, neighbour: after.incarnation > beside.incarnation };
  }

  async row() {
    const kills: Awaited<ReturnType<Way["kill"]>>[] = [];
    for (let kill = 0; kill < KILLS; kill++) kills.push(await this.kill());
    const some = (what: "hungUp" | "neighbour") => kills.some((one) => one[what]);
    return {
      placement: this.name,
      latencyUs: Math.round(median(this.latencies)),
      readsPerSecond: Math.round(median(this.paces)),
      cpuUs: Math.round(median(this.cpus)),
      recoveryMs: Math.round(median(kills.map(({ recoveryMs }) => recoveryMs))),
      program: some("hungUp") ? "hung up on" : "goes on",
      neighbour: some("neighbour") ? "restarted" : "goes on",
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.close();
    await this.#ring3.stop();
    this.#disks[Symbol.dispose]();
  }
}

async function measured() {
  needs("fio", "fio");
  await using stack = new AsyncDisposableStack();
  const started: Way[] = [];
  for (const way of ways) started.push(stack.use(await Way.start(way)));
  for (let round = 0; round <= ROUNDS; round++)
    for (const way of started) {
      await way.measure();
      if (round === 0) way.latencies.length = way.paces.length = way.cpus.length = 0; // warm
    }
  const rows = [];
  for (const way of started) rows.push(await way.row());
  return { rows, machine: machine() };
}

export default {
  what: "one driver in each placement: 4 KiB reads by fio in turns, then its process is killed",
  columns: {
    placement: "placement",
    latencyUs: "µs/read",
    readsPerSecond: "reads/s",
    cpuUs: "CPU µs",
    recoveryMs: "back, ms",
    program: "its program",
    neighbour: "neighbour",
  },
  measured,
} satisfies Table;
