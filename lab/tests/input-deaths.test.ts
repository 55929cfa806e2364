// Runs in: lab guest, root. A DualSense that is played with while its driver dies, again and again, hangs, and is pulled out: as a program sees it that has
// its event node open all the while, and as the device feels it.
// lab machine: input
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Gamepad } from "@ring3/classes/gamepad/contract";
import { connect, gamepadClass, type OpenUnit, type Ring3 } from "@ring3/client";
import { eventually } from "../../packages/cli/drivers-life.fixture.ts";
import { EventNode, inputDevices } from "../guest/event-node.ts";
import { until } from "../guest/patience.ts";
import { run } from "../guest/program.ts";
import { Recording } from "../guest/recording.ts";
import { type GuestRing3, loggedOf, startRing3 } from "../guest/ring3.ts";
import { SimulatedInput } from "../guest/simulated-input.ts";

/** A hundred in all; a test may take five minutes. */
const PARTS = 4;
const KILLS = 25;
/** A heartbeat that fails to come is waited for as long as that: a hang would take half a minute to be seen at the guest's usual factor. */
const TIME_SCALE = 5;
const ENDLESS = 0; // ff_replay.length, linux/input.h: until it is stopped
const TURNING = { observed: "rumble", strong: 255, weak: 64 };
const STILL = { observed: "rumble", strong: 0, weak: 0 };
const LIGHT = { red: 10, green: 20, blue: 30 };

const sim = new SimulatedInput("gamepad", "dualsense", { options: ["--interval", "100"] });
let guest: GuestRing3;
let device: string;
let client: Ring3;
let unit: OpenUnit<Gamepad>;
let reader: Recording;
let player: EventNode;
const ends = new AsyncDisposableStack();

before(async () => {
  await run("modprobe", "-a", "uinput", "evdev");
  ends.use(sim);
  guest = ends.use(await startRing3({ timeScale: TIME_SCALE, spares: 0 }));
  device = (await sim.plugIntoRing3(guest.ring3)).find((id) => id.endsWith(":1.3"))!; // of a DualSense the HID interface
  await loggedOf(guest.ring3, device, () => guest.life.served({ device }));
  client = ends.use(await connect({ stateDir: guest.ring3.directory }));
  unit = await client.open(`${device}#0`, gamepadClass, "write");
  await unit.request("light", LIGHT);
  const pad = inputDevices().find(({ name }) => name.endsWith("Wireless Controller"))!;
  reader = ends.use(await Recording.start(pad.node));
  player = ends.use(new EventNode(pad));
});
after(() => ends.disposeAsync());

/** What the device has been told since a mark, until all of `wanted` are among it, in that order. */
async function toldSince(mark: number, ...wanted: readonly object[]): Promise<void> {
  const left = () => {
    const missing = [...wanted];
    for (const told of sim.observed.slice(mark))
      if (
        missing[0] !== undefined &&
        Object.entries(missing[0]).every(([name, value]) => told[name as keyof typeof told] === value)
      )
        missing.shift();
    return missing;
  };
  await until(
    () => left().length === 0,
    () => `${JSON.stringify(left())}; observed ${JSON.stringify(sim.observed.slice(mark))}`,
  );
}

/** What has not changed yet. */
const AT_REST: Readonly<Record<string, number>> = { BTN_SOUTH: 0, BTN_EAST: 0, ABS_X: 128 };

async function reads(...wanted: readonly (readonly [name: string, value: number])[]): Promise<void> {
  await until(
    () => wanted.every(([name, value]) => (reader.state.get(name) ?? AT_REST[name]) === value),
    () => `${JSON.stringify(wanted)} at the reader; it has ${JSON.stringify([...reader.state])}`,
  );
}

/** What is held comes up with its driver, and comes down with the next: what is read before that says nothing of it. */
const releases = () => reader.count("BTN_SOUTH 0");
const comesUp = (before: number) =>
  until(
    () => releases() === before + 1,
    () => `a release; there were ${before}, and are ${releases()}`,
  );

test("a button is held, and a rumble plays on and on", async () => {
  await sim.say("press south");
  player.rumble(0xffff, 0x4000, ENDLESS);
  await sim.observes(TURNING);
  await reads(["BTN_SOUTH", 1]);
});

/** In the middle of a script, which goes on meanwhile and leaves another state each time. */
async function killed(round: number): Promise<void> {
  const [mark, before] = [sim.observed.length, releases()];
  const [east, x] = [round % 2, round % 3];
  const playing = sim.play(
    `press east\n20ms left-x 0.9\n20ms release east\n20ms left-x ${x / 2}\n${east ? "press east" : "wait 1ms"}`,
  );
  await guest.life.kill({ device });
  await playing;
  await toldSince(mark, STILL, { observed: "light", ...LIGHT }, TURNING);
  await comesUp(before);
  await reads(["BTN_SOUTH", 1], ["BTN_EAST", east], ["ABS_X", [128, 191, 255][x]!]);
  // Until then the deaths are in a row, and starts come ever later.
  await eventually("its progress", async () => (await guest.ring3.device(device)).reason === "" || undefined);
  await sim.say("release east");
}

for (let part = 1; part <= PARTS; part++)
  test(`killed ${KILLS} times while it is played with, ${part} of ${PARTS}: all comes up, what is held is down again, motors and lights go on`, async () => {
    const [before, from] = [reader.recorded.frames.length, releases()];
    for (let kill = 0; kill < KILLS; kill++)
      await loggedOf(guest.ring3, device, () => killed(part * KILLS + kill));
    const frames = reader.recorded.frames.slice(before);
    const deaths = frames.flatMap((frame, at) => (frame.includes("BTN_SOUTH 0") ? [at] : []));
    assert.equal(deaths.length, KILLS);
    // The next driver's first word is the whole state again: nothing is said in between.
    for (const at of deaths) assert.ok(frames[at + 1]!.includes("BTN_SOUTH 1"), frames[at + 1]!.join(", "));
    const [presses, released] = [reader.times("BTN_SOUTH 1"), reader.times("BTN_SOUTH 0").slice(from)];
    const ups = released.map((up) => presses.find((down) => down > up)! - up);
    ups.sort((a, b) => a - b);
    console.log(
      `up for ${Math.round(ups[(KILLS / 2) | 0]!)} ms in the middle, ${Math.round(ups.at(-1)!)} ms at most`,
    );
  });

test("stopped by SIGSTOP: the hang is noticed, what was held comes up, and all goes on with the next driver", async () => {
  const [mark, before] = [sim.observed.length, releases()];
  await loggedOf(guest.ring3, device, () => guest.life.kill({ device }, "SIGSTOP"));
  await toldSince(mark, STILL, { observed: "light", ...LIGHT }, TURNING);
  await comesUp(before);
  await reads(["BTN_SOUTH", 1]);
  assert.equal(releases(), before + 1);
});

test("pulled out in the middle and put back within the grace: what was held comes up, the lights come back, and the reader reads on", async () => {
  const { ring3, life } = guest;
  await sim.unplugFromRing3(ring3);
  await reads(["BTN_SOUTH", 0]);
  const mark = sim.observed.length;
  await sim.say("plug");
  assert.ok((await sim.plugIntoRing3(ring3)).includes(device));
  await loggedOf(ring3, device, () => life.replugged({ device }, 2));
  await toldSince(mark, STILL, { observed: "light", ...LIGHT }, TURNING);
  await sim.say("press south");
  await reads(["BTN_SOUTH", 1]);
  await sim.say("release all");
  await reads(["BTN_SOUTH", 0]);
});

test("away for longer than the grace: the next reader has another node, and the lights come back all the same", async () => {
  const { ring3, life } = guest;
  await sim.unplugFromRing3(ring3);
  await eventually("forgotten", async () => {
    const { devices } = await ring3.status();
    return devices.every(({ id }) => id !== device) || undefined;
  });
  const mark = sim.observed.length;
  await sim.say("plug");
  assert.ok((await sim.plugIntoRing3(ring3)).includes(device));
  await loggedOf(ring3, device, () => life.served({ device }));
  await toldSince(mark, STILL, { observed: "light", ...LIGHT });
});
