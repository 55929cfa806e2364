// Runs in: benchmarks. Owns: what fio makes of our disk in memory and of peers'.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { cpuMs } from "@ring3/kernel/process/pidfd";
import type { Benchmark, Round } from "./benchmark.ts";
import { DISK_BYTES, needs, ourDisk, pinnedTo, type Server } from "./nbd.ts";
import { nbdkit, qemuStorageDaemon } from "./nbd-peers.ts";

const PEERS = { "against nbdkit": nbdkit, "against QEMU": qemuStorageDaemon };
const READ_BYTES = 4096;
const RUN_S = 1;

/** Reads a second, and the server's processor time for each, in microseconds. */
export async function fio(
  server: Pick<Server, "socket" | "pids">,
  depth: number,
  pinned: string | null,
): Promise<{ pace: number; cpu: number }> {
  const [command, ...before] = [...pinnedTo(pinned), "fio"];
  const options = {
    name: "bench",
    ioengine: "nbd",
    uri: `nbd+unix:///?socket=${server.socket}`,
    rw: "randread",
    bs: READ_BYTES,
    iodepth: depth,
    size: DISK_BYTES,
    time_based: 1,
    runtime: RUN_S,
    "output-format": "json",
  };
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const total = () => server.pids().reduce((sum, pid) => sum + cpuMs(pid) * 1000, 0);
  const already = total();
  const { stdout } = await promisify(execFile)(command!, [...before, ...args], { maxBuffer: 2 ** 24 });
  const spent = total() - already;
  const { jobs } = JSON.parse(stdout.slice(stdout.indexOf("{"))) as { jobs: [{ read: Side }] };
  const { iops, total_ios } = jobs[0].read;
  return { pace: iops, cpu: spent / total_ios };
}

interface Side {
  readonly iops: number;
  readonly total_ios: number;
}

/** Our disk and each peer's, in turns; all servers and fio have the same processors. */
async function* run(depth: number, pinned: string | null): AsyncIterable<readonly Round[]> {
  needs("fio", "fio");
  await using stack = new AsyncDisposableStack();
  const theirs: [variant: string, Server][] = [];
  for (const [variant, peer] of Object.entries(PEERS)) theirs.push([variant, stack.use(await peer(pinned))]);
  const ours = stack.use(await ourDisk(pinned));
  for (const server of [ours, ...theirs.map(([, server]) => server)]) await fio(server, depth, pinned); // warm
  for (;;) {
    const { pace, cpu } = await fio(ours, depth, pinned);
    const turn: Round[] = [];
    for (const [variant, server] of theirs) {
      const peer = await fio(server, depth, pinned);
      turn.push({ variant, ours: pace, peer: peer.pace, cpuUs: { ours: cpu, peer: peer.cpu } });
    }
    yield turn;
  }
}

/** `goals`: against each peer, on one processor and on all. */
export function randomReads(depth: number, goals: { readonly one: string; readonly all: string }): Benchmark {
  return {
    what: `4 KiB random reads, ${depth} in flight, by fio: a jailed driver's memory against nbdkit's, and QEMU's zeroes`,
    unit: "reads/s",
    rounds: 9,
    settings: Object.keys(PEERS).flatMap((variant) => [
      { variant, pinned: "0", goal: goals.one },
      { variant, pinned: null, goal: goals.all },
    ]),
    run: (pinned) => run(depth, pinned),
  };
}
