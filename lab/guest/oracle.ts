// Runs in: lab guest, in tests. Owns: nothing; Linux's own drivers as the judges of ring3's: the same simulated device, played with alike, is recorded
// at the event nodes of the one and of the other.
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { eventually } from "../../packages/cli/drivers-life.fixture.ts";
import type { RunningRing3 } from "../../packages/cli/running-ring3.fixture.ts";
import { type InputDevice, inputDevices } from "./event-node.ts";
import { until } from "./patience.ts";
import { type Recorded, Recording } from "./recording.ts";
import { type GuestRing3, loggedOf } from "./ring3.ts";
import type { SimulatedInput } from "./simulated-input.ts";

/** A step that is shown later than the next one is done would be lost: a state is told as a whole, the latest. */
export const STEP = "100ms";
/** How slowly both are played to: a guest with other things to do may show two steps as one, of either, or not read all, and is given more time then. */
const PACES = [
  { step: STEP, quietMs: 1000 },
  { step: "600ms", quietMs: 6000 },
];
type Pace = (typeof PACES)[number];
const isLast = (pace: Pace) => pace === PACES.at(-1);
const QEMU_KEYBOARD = "isa0060"; // the guest's own

const isRing3s = ({ phys }: InputDevice) => phys.startsWith("ring3/");
const isKernels = (device: InputDevice) => !isRing3s(device) && !device.phys.startsWith(QEMU_KEYBOARD);

/** A difference that is meant: what `apply` makes of what Linux has told is what ring3 tells. */
export interface Difference {
  readonly why: string;
  readonly apply: (recorded: Recorded) => Recorded;
}

/** hid-input tells the usage of each key and button with it; ring3 has no word for that. */
export const scanCodes = (driver: string): Difference => ({
  why: `${driver}/README.md: usages of keys are not told`,
  apply: (recorded) => ({
    ...recorded,
    able: recorded.able.filter((name) => name !== "MSC_SCAN"),
    frames: recorded.frames.map((frame) => frame.filter((event) => !event.startsWith("MSC_SCAN"))),
  }),
});

export interface Judged {
  readonly sim: SimulatedInput;
  readonly script: string;
  /** How many event nodes it has. */
  readonly nodes: number;
  readonly differences: readonly Difference[];
}

/** Plays it to Linux's driver, then to ring3's, and compares; at each pace to a device that was just plugged in. */
export async function judge({ ring3 }: GuestRing3, judged: Judged): Promise<void> {
  for (const pace of PACES) {
    const kernels = await toldByKernel(judged, pace);
    await judged.sim.say("plug");
    if (kernels === undefined) continue;
    assert.ok(kernels.some(({ frames }) => frames.length > 0));
    const expected = judged.differences.reduce(differing, kernels);
    const ring3s = await toldByRing3(ring3, judged, pace);
    if (isDeepStrictEqual(ring3s, expected)) return;
    if (isLast(pace)) assert.deepEqual(ring3s, expected);
    await judged.sim.say("plug");
  }
}

function differing(before: readonly Recorded[], { why, apply }: Difference): readonly Recorded[] {
  const after = before.map(apply);
  assert.notDeepEqual(after, before, `no difference any more: ${why}`);
  return after;
}

/** undefined: not read in time, as `recorded` has it. */
async function toldByKernel(
  { sim, script, nodes }: Judged,
  pace: Pace,
): Promise<readonly Recorded[] | undefined> {
  await sim.plugIntoKernel();
  const told = await recorded(isKernels, nodes, () => play(sim, script, pace), pace);
  await sim.say("unplug");
  await gone(isKernels);
  return told;
}

async function toldByRing3(
  ring3: RunningRing3,
  { sim, script, nodes }: Judged,
  pace: Pace,
): Promise<readonly Recorded[] | undefined> {
  const ids = await sim.plugIntoRing3(ring3);
  const device = await eventually("its driver", async () => {
    const running = (await ring3.status()).devices.filter(
      ({ id, state }) => ids.includes(id) && state === "running",
    );
    return running[0]?.id;
  });
  const told = await loggedOf(ring3, device, () =>
    recorded(isRing3s, nodes, () => play(sim, script, pace), pace),
  );
  await sim.unplugFromRing3(ring3);
  await gone(isRing3s);
  return told;
}

const play = (sim: SimulatedInput, script: string, { step }: Pace): Promise<void> =>
  sim.play(script.replaceAll(STEP, step));

/** By their names: who made them first is chance. undefined: one was not read in time, which fails at the last pace alone. */
async function recorded(
  isOwn: (device: InputDevice) => boolean,
  count: number,
  playAll: () => Promise<void>,
  pace: Pace,
): Promise<Recorded[] | undefined> {
  const own = () => inputDevices().filter(isOwn);
  await until(
    () => own().length === count,
    () => `${count} nodes; found ${JSON.stringify(own())}`,
  );
  await using recordings = new AsyncDisposableStack();
  const started: Recording[] = [];
  const inOrder = own().sort((a, b) => a.name.localeCompare(b.name) || a.phys.localeCompare(b.phys));
  for (const { node } of inOrder) started.push(recordings.use(await Recording.start(node)));
  await playAll();
  await Promise.all(started.map((recording) => recording.quiet(pace.quietMs)));
  if (!isLast(pace) && !started.every(({ isWhole }) => isWhole)) return undefined;
  return started.map(({ recorded }) => recorded);
}

function gone(isOwn: (device: InputDevice) => boolean): Promise<void> {
  return until(
    () => !inputDevices().some(isOwn),
    () => `the end of ${JSON.stringify(inputDevices().filter(isOwn))}`,
  );
}

/** Lines of a script. */
export const steps = (...lines: readonly string[]): string =>
  lines.map((line) => `${STEP} ${line}\n`).join("");
