// Runs in: benchmarks. Owns: a jailed driver that is asked, and the processors of those who ask and those who answer.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { DriversLife } from "../packages/cli/drivers-life.fixture.ts";
import { RunningRing3 } from "../packages/cli/running-ring3.fixture.ts";
import type { Round } from "./benchmark.ts";
import { pinnedTo } from "./nbd.ts";
import type { PeerName } from "./request-peers.ts";

/** Where both sides share a processor, or each has its own: that of who asks, and that of who answers. */
export const sidesOf = (pinned: string | null) => {
  const [asks = null, answers = asks] = pinned?.split(",") ?? [];
  return { asks: pinnedTo(asks), answers: pinnedTo(answers) };
};

async function ask(asks: readonly string[], ...args: string[]): Promise<number> {
  const program = ["--disable-warning=ExperimentalWarning", join(import.meta.dirname, "request-client.ts")];
  const [command, ...rest] = [...asks, process.execPath, ...program, ...args];
  return Number((await promisify(execFile)(command!, rest)).stdout);
}

/** Microseconds from a request to its answer, one at a time. */
export async function ofNode(peer: PeerName, pinned: string | null): Promise<number> {
  const { asks, answers } = sidesOf(pinned);
  return await ask(asks, "--peer", peer, ...answers.map((word) => `--under=${word}`));
}

/** The driver against each of the peers, all by the same client. `drivers`: arguments for `ring3 up`. */
export async function* requests(
  pinned: string | null,
  drivers: readonly string[],
  peers: Readonly<Record<string, () => Promise<number>>>,
): AsyncIterable<readonly Round[]> {
  const { asks, answers } = sidesOf(pinned);
  await using ring3 = await RunningRing3.start({ args: drivers, under: answers });
  const life = await DriversLife.of(ring3);
  const { units } = await life.served(await ring3.plug("bench"));
  life.close();
  for (;;) {
    const ours = await ask(asks, "--state-dir", ring3.directory, "--unit", units[0]!.id);
    const turn: Round[] = [];
    for (const [variant, peer] of Object.entries(peers)) turn.push({ variant, ours, peer: await peer() });
    yield turn;
  }
}
