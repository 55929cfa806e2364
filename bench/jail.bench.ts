// Runs in: benchmarks. What the jail costs once a driver runs: reads through two rings of processes that differ in nothing else.
import { DriversLife, socketOf } from "../packages/cli/drivers-life.fixture.ts";
import { NbdClient } from "../packages/cli/nbd-client.ts";
import { RunningRing3 } from "../packages/cli/running-ring3.fixture.ts";
import type { Benchmark, Round } from "./benchmark.ts";

const ROUNDS = 15;
const ROUND_MS = 1000;
const IN_FLIGHT = 8;
const BYTES = 65_536;

async function disk(...args: string[]) {
  const ring3 = await RunningRing3.start({ args });
  const life = await DriversLife.of(ring3);
  const drive = await ring3.plug("bench");
  const client = await NbdClient.connect(socketOf(await life.served(drive)));
  return {
    client,
    async [Symbol.asyncDispose]() {
      await client.close();
      life.close();
      await ring3.stop();
    },
  };
}

/** Reads a second. */
async function pace(client: NbdClient): Promise<number> {
  let reads = 0;
  const until = performance.now() + ROUND_MS;
  const reader = async () => {
    for (; performance.now() < until; reads++) await client.read((reads % 32) * BYTES, BYTES);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, reader));
  return (reads * 1000) / ROUND_MS;
}

async function* run(): AsyncIterable<Round> {
  await using jailed = await disk();
  await using free = await disk("--insecure-no-sandbox");
  for (const { client } of [jailed, free]) await pace(client); // warm
  for (;;) yield { ours: await pace(jailed.client), peer: await pace(free.client) };
}

export default {
  what: `reads of ${BYTES / 1024} KiB, ${IN_FLIGHT} in flight, jailed against --insecure-no-sandbox`,
  unit: "reads/s",
  settings: [{ pinned: null, goal: ">= 0.97" }],
  rounds: ROUNDS,
  run,
} satisfies Benchmark;
