// Runs in: benchmarks. What is left of a machine's throughput when its devices become many, and what each more of them holds.
import type { Benchmark, Round } from "./benchmark.ts";
import { type Fleet, fleet } from "./fleet.ts";

/** The first one's ratio is the headline. */
const COUNTS = [64, 16, 4, 1];
const [MOST, FEWEST] = [COUNTS[0]!, COUNTS.at(-1)!];
const GOAL_MB = 15;
/** Each driver's code is compiled in a process of its own, once it has run for a while. */
const WARM_MS_EACH = 250;
const ROUND_MS = 1000;
const [UNUSED, IN_USE] = ["each device more, unused", "each device more, in use"];

const variantOf = (devices: number) => (devices === 1 ? "1 device" : `${devices} devices`);

async function* run(): AsyncIterable<readonly Round[]> {
  await using stack = new AsyncDisposableStack();
  const fleets = new Map<number, Fleet>();
  for (const devices of COUNTS) fleets.set(devices, stack.use(await fleet(devices)));
  const eachMore = () => (fleets.get(MOST)!.privateMb() - fleets.get(FEWEST)!.privateMb()) / (MOST - FEWEST);
  const unused = eachMore();
  for (const [devices, each] of fleets) await each.read(WARM_MS_EACH * devices);
  for (;;) {
    const paces = [];
    for (const [devices, each] of fleets) paces.push({ devices, ...(await each.read(ROUND_MS)) });
    const best = paces.reduce((one, other) => (other.perSecond > one.perSecond ? other : one));
    yield [
      ...paces.map(({ devices, perSecond, cpuUs }) => ({
        variant: variantOf(devices),
        ours: perSecond,
        peer: best.perSecond,
        cpuUs: { ours: cpuUs, peer: best.cpuUs },
      })),
      { variant: UNUSED, ours: unused, peer: GOAL_MB },
      { variant: IN_USE, ours: eachMore(), peer: GOAL_MB },
    ];
  }
}

export default {
  what: `4 KiB random reads of all devices together, by one application, against those of the best number of devices; private memory of each more, against ${GOAL_MB} MB`,
  unit: "reads/s",
  rounds: 7,
  settings: [
    ...COUNTS.map((devices) => ({ variant: variantOf(devices), pinned: null, goal: ">= 0.8" })),
    ...[UNUSED, IN_USE].map((variant) => ({ variant, pinned: null, goal: "<= 1", unit: "MB" })),
  ],
  run,
} satisfies Benchmark;
