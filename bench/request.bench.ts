// Runs in: benchmarks. What it costs to ask a jailed driver, against the ways that Node has for asking another process or thread.
import type { Benchmark } from "./benchmark.ts";
import { memoryDisk } from "./nbd.ts";
import { ofNode, requests } from "./requests.ts";

export default {
  what: "a request to a jailed driver and its answer, one at a time, against Node's fork IPC, net and worker_threads",
  unit: "µs",
  rounds: 9,
  settings: [
    { variant: "against fork", pinned: "0", goal: "<= 0.22" },
    { variant: "against fork", pinned: "0,1", goal: "<= 0.6" },
    { variant: "against fork", pinned: null, goal: "<= 0.2" },
    { variant: "against net", pinned: "0", goal: "<= 1" },
    { variant: "against worker_threads", pinned: "0", goal: "<= 1" },
  ],
  run: (pinned) =>
    requests(pinned, memoryDisk, {
      "against fork": () => ofNode("fork", pinned),
      ...(pinned === "0" && {
        "against net": () => ofNode("net", pinned),
        "against worker_threads": () => ofNode("worker_threads", pinned), // which could not be given a processor of its own
      }),
    }),
} satisfies Benchmark;
