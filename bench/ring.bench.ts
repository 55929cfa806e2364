// Runs in: benchmarks. What a descriptor costs, asked, checked, answered and checked again, in batches of 32; both sides in one thread.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Benchmark, Round } from "./benchmark.ts";
import { CRing } from "./c-ring.ts";
import { pinnedTo } from "./nbd.ts";

const RUN_S = "1";
/** A number on V8's heap: its map and its value. Nothing is smaller, so who allocates less has nothing allocated for each message. */
const SMALLEST_OBJECT_BYTES = 16;

async function* run(pinned: string | null): AsyncIterable<readonly Round[]> {
  const under = pinnedTo(pinned);
  const ours = async () => {
    const program = ["--disable-warning=ExperimentalWarning", join(import.meta.dirname, "ring-ours.ts")];
    const [command, ...args] = [...under, process.execPath, ...program, RUN_S];
    const { stdout } = await promisify(execFile)(command!, args);
    const [pace, bytes] = stdout.split(" ").map(Number);
    return { pace: pace!, bytes: bytes! };
  };
  using peer = new CRing();
  for (;;) {
    const { pace, bytes } = await ours();
    yield [
      { variant: "pace", ours: pace, peer: await peer.run(under, RUN_S) },
      { variant: "allocation", ours: bytes, peer: SMALLEST_OBJECT_BYTES },
    ];
  }
}

export default {
  what: "64-byte descriptors in batches of 32, asked and answered, each checked: our channel against the same in C",
  unit: "a second",
  rounds: 9,
  settings: [
    { variant: "pace", pinned: "0", goal: ">= 0.4" },
    { variant: "allocation", pinned: "0", goal: "<= 1", unit: "bytes a request" },
  ],
  run,
} satisfies Benchmark;
