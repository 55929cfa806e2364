// Runs in: a process of the benchmark `request`. Owns: one client that asks one thing after another, of a jailed driver or of a peer,
// and says how long an answer takes.
import { parseArgs } from "node:util";
import { blockClass, connect } from "@ring3/client";
import { median } from "./benchmark.ts";
import { type PeerName, peers } from "./request-peers.ts";

const WARM = 3000;
const RUN_MS = 1000;

/** Microseconds from each request to its answer. */
async function measured(ask: () => Promise<unknown>): Promise<number> {
  for (let request = 0; request < WARM; request++) await ask();
  const took: number[] = [];
  for (const until = performance.now() + RUN_MS; performance.now() < until; ) {
    const asked = performance.now();
    await ask();
    took.push((performance.now() - asked) * 1000);
  }
  return median(took);
}

async function ofDriver(stateDir: string, unit: string): Promise<number> {
  using ring3 = await connect({ stateDir });
  await using disk = await ring3.open(unit, blockClass, "read");
  const { medium } = disk.properties;
  return await measured(() => disk.request("flush", { medium }));
}

async function ofPeer(name: PeerName, under: readonly string[]): Promise<number> {
  const { ask, end } = await peers[name](under);
  const took = await measured(ask);
  await end();
  return took;
}

const { values } = parseArgs({
  options: {
    "state-dir": { type: "string" },
    unit: { type: "string" },
    peer: { type: "string" },
    under: { type: "string", multiple: true, default: [] },
  },
});
const { unit, peer } = values;
console.log(
  peer === undefined
    ? await ofDriver(values["state-dir"]!, unit!)
    : await ofPeer(peer as PeerName, values.under),
);
