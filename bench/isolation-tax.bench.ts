// Runs in: benchmarks. What a process of its own costs a driver: the same driver, inside its reflector, is the peer.
import type { Benchmark, Round } from "./benchmark.ts";
import { needs, ourDisk } from "./nbd.ts";
import { fio } from "./nbd-randread.ts";

const DEPTH = 16;

async function* run(pinned: string | null): AsyncIterable<Round> {
  needs("fio", "fio");
  await using isolated = await ourDisk(pinned);
  await using inline = await ourDisk(pinned, "placement: { memory-disk: inline }\n");
  for (const server of [isolated, inline]) await fio(server, DEPTH, pinned); // warm
  for (;;) {
    const [ours, peer] = [await fio(isolated, DEPTH, pinned), await fio(inline, DEPTH, pinned)];
    yield { ours: ours.pace, peer: peer.pace, cpuUs: { ours: ours.cpu, peer: peer.cpu } };
  }
}

export default {
  what: "4 KiB random reads, 16 in flight, by fio: a jailed driver against the same one inside its reflector",
  unit: "reads/s",
  rounds: 9,
  settings: [
    { pinned: "0", goal: ">= 0.85" },
    { pinned: null, goal: ">= 0.85" },
  ],
  run,
} satisfies Benchmark;
