// Runs in: lab guest, root. A game controller whose buttons are mapped, as programs see it that have its nodes open, while its driver, its reflector and
// the mapping file change.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  BTN_SOUTH,
  BTN_START,
  EV_KEY,
  KEY_A,
  KEY_B,
  KEY_C,
  KEY_ESC,
  KEY_G,
} from "@ring3/kernel/uinput/codes";
import { eventually, pause } from "../../packages/cli/drivers-life.fixture.ts";
import { changes, startEvtest, type Triple } from "../guest/input-nodes.ts";
import { run } from "../guest/program.ts";
import { type GuestRing3, loggedOf, startRing3, succeeds } from "../guest/ring3.ts";
import { Talker } from "../guest/talker.ts";

const cli = fileURLToPath(new URL("../../packages/cli/main.ts", import.meta.url));
const file = join(mkdtempSync(join(tmpdir(), "r3-map-")), "pad.yaml");
/** Longer than the macro takes. */
const MACRO_MS = 7000;

/** `types`: the button that types KEY_A. */
const mapping = (types = "south") => `devices:
  - for: { class: gamepad }
    profiles:
      desktop:
        buttons:
          ${types}: KEY_A
          east: { macro: [{ press: KEY_B }, { wait: 5s }, { release: KEY_B }, KEY_C] }
          north+west: { press: KEY_ESC, within: 1s }
          select: { profile: game }
      game:
        buttons:
          south: KEY_G
          select: { profile: desktop }
`;

/** In one step: the manager, which watches it, would read a file that is being written half empty. */
function writeMapping(text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

let guest: GuestRing3;
let pad: Talker;
let device: string;
/** The pad's own node, and its keyboard's, with somebody who reads there. */
let own: Talker;
let keys: Talker;
let nodes: readonly string[];

before(async () => {
  await run("modprobe", "-a", "uinput", "evdev");
  writeMapping(mapping());
  guest = await startRing3({ more: `mapping: ${file}\n` });
  const { directory } = guest.ring3;
  pad = new Talker(process.execPath, [cli, "sim", "gamepad", "--model", "generic", "--state-dir", directory]);
  device = await pad.hears("device id", (line) => /^usb-\S+:1\.0$/.exec(line)?.[0]);
  nodes = await endpoints();
  own = await startEvtest(nodes[0]!);
  keys = await startEvtest(nodes[1]!);
});

after(async () => {
  for (const each of [own, keys, pad]) await each?.[Symbol.asyncDispose]();
  await guest?.[Symbol.asyncDispose]();
});

/** The nodes that programs open, once ring3 says where they are. */
const endpoints = (): Promise<readonly string[]> =>
  loggedOf(guest.ring3, device, () =>
    eventually("two event nodes", async () => {
      const { units, state } = await guest.ring3.device(device);
      const found = units[0]?.endpoints[0]?.address.split(" ");
      return state === "running" && found?.length === 2 ? found : undefined;
    }),
  );

const key = (code: number, value: number): Triple => [EV_KEY, code, value];
const AGAIN = 2; // what is held is told again and again (Documentation/input/event-codes.rst, EV_KEY)
async function seen(reader: Talker, count: number): Promise<Triple[]> {
  const found: Triple[] = [];
  while (found.length < count)
    found.push(...(await changes(reader, 1)).filter(([type, , value]) => type !== EV_KEY || value !== AGAIN));
  return found;
}
const typed = async (...expected: Triple[]) => assert.deepEqual(await seen(keys, expected.length), expected);

async function tap(button: string, code: number, reader = keys): Promise<void> {
  pad.say(`press ${button}`);
  assert.deepEqual(await seen(reader, 1), [key(code, 1)]);
  pad.say(`release ${button}`);
  assert.deepEqual(await seen(reader, 1), [key(code, 0)]);
}

/** Which keys the kernel says that a node's device has; undefined while there is no such node. */
function capabilities(node: string | undefined): number[] | undefined {
  const name = readdirSync("/sys/class/input").find((each) => `/dev/input/${each}` === node);
  if (name === undefined) return undefined;
  const words = readFileSync(`/sys/class/input/${name}/device/capabilities/key`, "utf8").trim().split(" ");
  const bits = words.toReversed().flatMap((word, at) => {
    const value = BigInt(`0x${word}`);
    return Array.from({ length: 64 }, (_, bit) => bit)
      .filter((bit) => ((value >> BigInt(bit)) & 1n) === 1n)
      .map((bit) => at * 64 + bit);
  });
  return bits;
}

test("a pad's button types at a keyboard that has the keys that the mapping names, and no other", async () => {
  assert.deepEqual(
    capabilities(nodes[1]!),
    [KEY_ESC, KEY_A, KEY_G, KEY_C, KEY_B].toSorted((a, b) => a - b),
  );
  await tap("button-1", KEY_A);
  await tap("button-12", BTN_START, own);
});

test("two buttons are a chord", async () => {
  pad.say("press button-4 button-5"); // one report: `within` is real time, and a guest may stand still between two
  await typed(key(KEY_ESC, 1));
  pad.say("release button-5");
  pad.say("release button-4");
  await typed(key(KEY_ESC, 0));
});

test("the driver is killed in a macro: its key comes up, and the macro does not go on", async () => {
  const { ring3 } = guest;
  pad.say("press button-2");
  await typed(key(KEY_B, 1));
  const { hostPid, incarnation } = await ring3.device(device);
  process.kill(hostPid!, "SIGKILL");
  await typed(key(KEY_B, 0));
  await eventually("the next driver", async () => {
    const now = await ring3.device(device);
    return now.state === "running" && now.incarnation > incarnation ? true : undefined;
  });
  pad.say("release button-2");
  await pause(MACRO_MS);
  await tap("button-1", KEY_A); // and no KEY_C before it
});

test("ring3 suspend while a key is down: it comes up, and after ring3 resume the pad says it again", async () => {
  const { ring3 } = guest;
  pad.say("press button-1");
  await typed(key(KEY_A, 1));
  await succeeds(ring3, "suspend", device);
  await typed(key(KEY_A, 0));
  await succeeds(ring3, "resume", device);
  pad.say("press button-12"); // a report says all that is pressed
  await typed(key(KEY_A, 1));
  pad.say("release button-1");
  await typed(key(KEY_A, 0));
  pad.say("release button-12");
  assert.deepEqual(await seen(own, 2), [key(BTN_START, 1), key(BTN_START, 0)]);
});

test("a file with a mistake changes nothing; one that says something else lets go of what is held, and who has a node open keeps it", async () => {
  const { ring3 } = guest;
  pad.say("press button-1");
  await typed(key(KEY_A, 1));
  writeMapping(mapping("suoth"));
  const refused = () => ring3.manager.ask("mapping", {}).then((state) => state.refused?.message);
  assert.match((await eventually("the refusal", refused))!, /pad\.yaml:6:11: .*suoth/);
  pad.say("release button-1");
  await typed(key(KEY_A, 0));
  pad.say("press button-1");
  await typed(key(KEY_A, 1));
  writeMapping(mapping("start"));
  await typed(key(KEY_A, 0));
  assert.deepEqual(await seen(own, 1), [key(BTN_SOUTH, 1)]);
  pad.say("release button-1");
  assert.deepEqual(await seen(own, 1), [key(BTN_SOUTH, 0)]);
  assert.deepEqual(await endpoints(), nodes);
  await tap("button-12", KEY_A);
});

test("the reflector is killed: the nodes and the profile stay, and a button that a macro has begins none", async () => {
  const { ring3 } = guest;
  pad.say("press button-11");
  pad.say("release button-11");
  await tap("button-1", KEY_G);
  pad.say("press button-1");
  await typed(key(KEY_G, 1));
  const pidOf = async () => (await ring3.status()).reflectors.find((each) => each.class === "gamepad")!.pid;
  const before = await pidOf();
  process.kill(before, "SIGKILL");
  await eventually("another reflector", async () =>
    (await pidOf().catch(() => before)) === before ? undefined : true,
  );
  assert.deepEqual(await seen(keys, 2), [key(KEY_G, 0), key(KEY_G, 1)]); // it begins with all up
  pad.say("release button-1");
  await typed(key(KEY_G, 0));
  assert.deepEqual(await endpoints(), nodes);
  await tap("button-1", KEY_G);
  assert.match(await succeeds(ring3, "map", device), /profile game \(active\)/);
});

test("ring3 map makes a profile active, and changes one: a keyboard has the keys of the mapping, whatever it was before", async () => {
  const { ring3 } = guest;
  await succeeds(ring3, "map", device, "--profile", "desktop");
  await tap("button-12", KEY_A);
  assert.match(
    await succeeds(ring3, "map", device, "--remove", "south", "--profile", "game"),
    /south is removed/,
  );
  await eventually("another keyboard", async () =>
    capabilities((await endpoints())[1])?.includes(KEY_G) === false ? true : undefined,
  );
  assert.equal((await endpoints())[0], nodes[0]);
  await succeeds(ring3, "map", device, "--profile", "game");
  await tap("button-1", BTN_SOUTH, own);
});
