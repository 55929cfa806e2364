// Runs in: benchmarks. What a request to a jailed driver costs where both sides stay awake for it, against Node's fork IPC and rings in C that are polled.
import type { Benchmark } from "./benchmark.ts";
import { CRing } from "./c-ring.ts";
import { MemoryDisks } from "./memory-disks.ts";
import { pinnedTo } from "./nbd.ts";
import { ofNode, requests } from "./requests.ts";

const [ASKS, ANSWERS] = ["0", "1"];
const RUN_S = "1";

export default {
  what: "a request to a driver that is polled and its answer, one at a time, against Node's fork IPC and polled rings in C",
  unit: "µs",
  rounds: 9,
  settings: [
    { variant: "against fork", pinned: `${ASKS},${ANSWERS}`, goal: "<= 0.02" },
    { variant: "against C", pinned: `${ASKS},${ANSWERS}`, goal: "<= 2.5" },
  ],
  async *run(pinned) {
    using ring = new CRing();
    using disks = new MemoryDisks({ latency: "poll" });
    yield* requests(pinned, disks.args, {
      "against fork": () => ofNode("fork", pinned),
      "against C": () => ring.run(pinnedTo(ASKS), RUN_S, ANSWERS),
    });
  },
} satisfies Benchmark;
