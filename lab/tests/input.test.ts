// Runs in: lab guest, root. A game controller behind ring3, as a program sees it that has its event node open all the while: over the deaths of its
// driver, its reflector and the manager.
// lab machine: input
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { BTN_EAST, BTN_SOUTH, EV_KEY } from "@ring3/kernel/uinput/codes";
import { eventually } from "../../packages/cli/drivers-life.fixture.ts";
import { changes, startEvtest, type Triple } from "../guest/input-nodes.ts";
import { run } from "../guest/program.ts";
import { type GuestRing3, loggedOf, startRing3 } from "../guest/ring3.ts";
import { Talker } from "../guest/talker.ts";

const cli = fileURLToPath(new URL("../../packages/cli/main.ts", import.meta.url));

let guest: GuestRing3;
let pad: Talker;
let device: string;
let node: string;
let reader: Talker;

before(async () => {
  await run("modprobe", "-a", "uinput", "evdev");
  guest = await startRing3();
  const { directory } = guest.ring3;
  pad = new Talker(process.execPath, [cli, "sim", "gamepad", "--model", "generic", "--state-dir", directory]);
  device = await pad.hears("device id", (line) => /^usb-\S+:1\.0$/.exec(line)?.[0]);
  node = await endpoint();
  reader = await startEvtest(node);
});

after(async () => {
  await reader?.[Symbol.asyncDispose]();
  await pad?.[Symbol.asyncDispose]();
  await guest?.[Symbol.asyncDispose]();
});

/** The node that programs open, once ring3 says where it is. */
async function endpoint(): Promise<string> {
  const { ring3 } = guest;
  const found = () =>
    eventually("an event node", async () => {
      const { units, state } = await ring3.device(device);
      const address = units[0]?.endpoints[0]?.address;
      return state === "running" ? address : undefined;
    });
  return await loggedOf(ring3, device, found);
}

const key = (code: number, value: number): Triple => [EV_KEY, code, value];
const seen = (count: number) => changes(reader, count);

async function pressed(button: string, code: number): Promise<void> {
  pad.say(`press ${button}`);
  assert.deepEqual(await seen(1), [key(code, 1)]);
  pad.say(`release ${button}`);
  assert.deepEqual(await seen(1), [key(code, 0)]);
}

test("what is pressed is seen at the event node that ring3 names", async () => {
  assert.match(node, /^\/dev\/input\/event\d+$/);
  await pressed("button-1", BTN_SOUTH);
  await pressed("button-2", BTN_EAST);
});

test("the driver is killed while a button is down: it comes up, goes down with the next driver, and the reader reads on at the same node", async () => {
  const { ring3 } = guest;
  pad.say("press button-1");
  assert.deepEqual(await seen(1), [key(BTN_SOUTH, 1)]);
  const { hostPid, incarnation } = await ring3.device(device);
  process.kill(hostPid!, "SIGKILL");
  assert.deepEqual(await seen(2), [key(BTN_SOUTH, 0), key(BTN_SOUTH, 1)]);
  await eventually("the next driver", async () => {
    const now = await ring3.device(device);
    return now.state === "running" && now.incarnation > incarnation ? true : undefined;
  });
  pad.say("release button-1");
  assert.deepEqual(await seen(1), [key(BTN_SOUTH, 0)]);
  await pressed("button-2", BTN_EAST);
  assert.equal(await endpoint(), node);
});

for (const [who, pidOf] of [
  [
    "reflector",
    async () => (await guest.ring3.status()).reflectors.find((each) => each.class === "gamepad")!.pid,
  ],
  ["manager", async () => (await guest.ring3.status()).manager.pid],
] as const)
  test(`the ${who} is killed while a button is down: the node stays, the reader reads on`, async () => {
    pad.say("press button-1");
    assert.deepEqual(await seen(1), [key(BTN_SOUTH, 1)]);
    const before = await pidOf();
    process.kill(before, "SIGKILL");
    if (who === "reflector") assert.deepEqual(await seen(2), [key(BTN_SOUTH, 0), key(BTN_SOUTH, 1)]); // it begins with all up
    await eventually(`another ${who}`, async () =>
      (await pidOf().catch(() => before)) !== before ? true : undefined,
    );
    pad.say("release button-1");
    assert.deepEqual(await seen(1), [key(BTN_SOUTH, 0)]);
    assert.equal(await endpoint(), node);
    await pressed("button-2", BTN_EAST);
  });

test("an unplugged pad takes its node along, once nobody waits for it to come back", async () => {
  pad.say("unplug");
  await eventually("the end of the node", async () => (existsSync(node) ? undefined : true));
});
