// Runs in: lab guest, root. Input devices made through /dev/uinput, as the kernel, evtest and fftest see them; a gamepad over its reflector's death.
// lab machine: input
import assert from "node:assert/strict";
import { constants, existsSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { systemClock } from "@ring3/kernel/clock/clock";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { native } from "@ring3/kernel/native";
import { openDeviceNode } from "@ring3/kernel/open/open";
import {
  ABS_HAT0X,
  ABS_MT_POSITION_X,
  ABS_MT_SLOT,
  ABS_MT_TRACKING_ID,
  ABS_X,
  ABS_Z,
  BTN_EAST,
  BTN_SOUTH,
  BTN_START,
  BTN_TOUCH,
  BUS_USB,
  EV_ABS,
  EV_KEY,
  EV_MSC,
  INPUT_PROP_DIRECT,
  KEY_A,
  LED_CAPSL,
  MSC_SCAN,
  REL_WHEEL,
  REL_X,
  SW_LID,
} from "@ring3/kernel/uinput/codes";
import { EV_UINPUT, inputEvent, UINPUT_BUFFER_SIZE } from "@ring3/kernel/uinput/constants";
import type { InputDescription } from "@ring3/kernel/uinput/description";
import { NO_UPLOADS, type Uploads } from "@ring3/kernel/uinput/rumble";
import { eventually } from "../../packages/cli/drivers-life.fixture.ts";
import {
  changes,
  events,
  listed,
  nodeOf,
  REPORT,
  startEvtest,
  type Triple,
  unbuffered,
} from "../guest/input-nodes.ts";
import type { Order, Report } from "../guest/input-reflector.ts";
import { run } from "../guest/program.ts";
import { Talker } from "../guest/talker.ts";

const PROGRAM = fileURLToPath(new URL("../guest/input-reflector.ts", import.meta.url));
const GAIN = 0xc000; // fftest sets 75 %
const STILL = { strong: 0, weak: 0, untilMs: null };

const stick = { minimum: 0, maximum: 255, fuzz: 0, flat: 15, resolution: 0, rest: 128 };
const pad: InputDescription = {
  name: "ring3 test pad",
  phys: "ring3-lab/input0",
  ids: { bustype: BUS_USB, vendor: 0x1209, product: 0x0003, version: 0x0111 },
  keys: [BTN_SOUTH, BTN_EAST, BTN_START],
  axes: [
    { ...stick, code: ABS_X },
    { ...stick, code: ABS_Z, flat: 0, maximum: 1023, rest: 0 },
    { ...stick, code: ABS_HAT0X, flat: 0, minimum: -1, maximum: 1, rest: 0 },
  ],
  effects: 16,
};

/** As the keeper has it: the device lives as long as this is open. */
let uinput: Descriptor;
let reflector: Talker;
let sysname: string;
let node: string;

const openUinput = () => openDeviceNode("/dev/uinput", constants.O_RDWR | constants.O_NONBLOCK);
function start(uinput: Descriptor, ...words: [description: InputDescription, uploads?: Uploads]): Talker {
  const args = words.map((word) => JSON.stringify(word));
  return new Talker(process.execPath, [PROGRAM, "keeper", ...args], [uinput.fd]);
}
const adopt = (uploads: Uploads) => start(uinput, pad, uploads);
const order = (what: Order) => reflector.say(JSON.stringify(what));
const frame = (...events: Triple[]) =>
  order({ frame: events.map(([type, code, value]) => ({ type, code, value })) });
/** The reflector's next report that `read` makes something of. */
const told = <T>(what: string, read: (report: Report) => T | undefined) =>
  reflector.hears(what, (line) => read(JSON.parse(line)));
const felt = () => told("rumble", ({ rumble }) => rumble);
const uploaded = (count: number) =>
  told(`upload of ${count}`, ({ uploads }) => (uploads?.effects.length === count ? uploads : undefined));

/** An effect is played: what is felt of it first, and when it will be still, `lastsMs` after the reflector has heard of it. */
async function played(fftest: Talker, effect: string, lastsMs: number) {
  const asked = systemClock.now();
  fftest.say(effect);
  const { untilMs, ...motors } = await felt();
  const heard = untilMs! - lastsMs;
  assert.ok(asked <= heard && heard <= systemClock.now(), `asked at ${asked}, heard at ${heard}`);
  return { untilMs, motors };
}

/** What there is to be read by the reflector, read in its place. */
function readTypes(): number[] {
  const memory = new Uint8Array(inputEvent.size * UINPUT_BUFFER_SIZE);
  const count = Math.max(native.read(uinput.fd, memory), 0) / inputEvent.size;
  const view = new DataView(memory.buffer);
  return Array.from({ length: count }, (_, place) => inputEvent.decode(view, place * inputEvent.size).type);
}

async function startFftest(): Promise<Talker> {
  const fftest = unbuffered("fftest", node);
  await fftest.hears("start", (line) => line.startsWith("Device") || undefined);
  return fftest;
}

before(async () => {
  await run("modprobe", "-a", "uinput", "evdev");
  uinput = openUinput();
  reflector = start(uinput, pad);
  sysname = await told("name", ({ sysname }) => sysname);
  node = nodeOf(sysname);
});
after(async () => {
  await reflector?.[Symbol.asyncDispose]();
  uinput?.close();
});

test("the kernel has the pad with its name, place and ids", () => {
  assert.deepEqual(listed(sysname).slice(0, 4), [
    "I: Bus=0003 Vendor=1209 Product=0003 Version=0111",
    'N: Name="ring3 test pad"',
    "P: Phys=ring3-lab/input0",
    `S: Sysfs=/devices/virtual/input/${sysname}`,
  ]);
});

test("a device with all kinds of events: each bit is set, lights are told, fingers are lifted", async () => {
  using descriptor = openUinput();
  const touch = { minimum: 0, maximum: 1, fuzz: 0, flat: 0, resolution: 0, rest: null };
  await using other = start(descriptor, {
    ...pad,
    name: "ring3 test board",
    keys: [KEY_A, BTN_TOUCH],
    relatives: [REL_X, REL_WHEEL],
    properties: [INPUT_PROP_DIRECT],
    switches: [SW_LID],
    leds: [LED_CAPSL],
    misc: [MSC_SCAN],
    repeats: true,
    axes: [
      { ...touch, code: ABS_MT_SLOT },
      { ...touch, code: ABS_MT_POSITION_X },
      { ...touch, code: ABS_MT_TRACKING_ID, maximum: 0xffff },
    ],
    effects: 0,
  });
  const read = (line: string): Report => JSON.parse(line);
  const name = await other.hears("name", (line) => read(line).sysname);
  assert.deepEqual(
    listed(name).filter((line) => line.startsWith("B: ")),
    [
      "B: PROP=2",
      "B: EV=12003f",
      "B: KEY=400 0 0 0 0 40000000",
      "B: REL=101",
      "B: ABS=220800000000000",
      "B: MSC=10",
      "B: LED=2",
      "B: SW=1",
    ],
  );

  writeFileSync(`/sys/class/leds/${name}::capslock/brightness`, "1");
  assert.deepEqual(await other.hears("light", (line) => read(line).led), [LED_CAPSL, true]);

  await using evtest = await startEvtest(nodeOf(name));
  const event = (type: number, code: number, value: number) => ({ type, code, value });
  const touched = [0, 1].flatMap((slot) => [
    event(EV_ABS, ABS_MT_SLOT, slot),
    event(EV_ABS, ABS_MT_TRACKING_ID, 7 + slot),
  ]);
  const frame = [...touched, event(EV_KEY, BTN_TOUCH, 1), event(EV_MSC, MSC_SCAN, 4)];
  for (const order of [{ frame }, "release"] satisfies Order[]) other.say(JSON.stringify(order));
  assert.deepEqual(await changes(evtest, 9), [
    [EV_ABS, ABS_MT_TRACKING_ID, 7],
    [EV_ABS, ABS_MT_SLOT, 1],
    [EV_ABS, ABS_MT_TRACKING_ID, 8],
    [EV_KEY, BTN_TOUCH, 1],
    [EV_KEY, BTN_TOUCH, 0],
    [EV_ABS, ABS_MT_SLOT, 0],
    [EV_ABS, ABS_MT_TRACKING_ID, -1],
    [EV_ABS, ABS_MT_SLOT, 1],
    [EV_ABS, ABS_MT_TRACKING_ID, -1],
  ]);
});

test("evtest sees buttons, axes at rest within their ranges, and force feedback", async () => {
  await using evtest = unbuffered("evtest", node);
  const lines: string[] = [];
  while (!lines.at(-1)?.startsWith("Testing")) lines.push(await evtest.hears("line", (line) => line));
  const text = lines.join(" ").replaceAll(/\s+/g, " ");
  assert.match(text, /Input device ID: bus 0x3 vendor 0x1209 product 0x3 version 0x111/);
  assert.match(text, /\(BTN_SOUTH\) .*\(BTN_EAST\) .*\(BTN_START\)/);
  assert.match(text, /\(ABS_X\) Value 128 Min 0 Max 255 Flat 15/);
  assert.match(text, /\(ABS_Z\) Value 0 Min 0 Max 1023/);
  assert.match(text, /\(ABS_HAT0X\) Value 0 Min -1 Max 1/);
  for (const name of ["FF_RUMBLE", "FF_PERIODIC", "FF_SQUARE", "FF_TRIANGLE", "FF_SINE", "FF_GAIN"])
    assert.match(text, new RegExp(`\\(${name}\\)`));
});

test("events arrive in order and frame by frame; what is as it was is not told again", async () => {
  await using evtest = await startEvtest(node);
  frame([EV_KEY, BTN_SOUTH, 1], [EV_ABS, ABS_X, 255], [EV_ABS, ABS_HAT0X, -1]);
  frame([EV_KEY, BTN_SOUTH, 1], [EV_ABS, ABS_X, 255], [EV_ABS, ABS_Z, 1023]);
  frame([EV_KEY, BTN_EAST, 1], [EV_KEY, BTN_SOUTH, 0], [EV_ABS, ABS_HAT0X, 0]);
  frame([EV_KEY, BTN_EAST, 0], [EV_ABS, ABS_X, 128], [EV_ABS, ABS_Z, 0]);
  assert.deepEqual(await events(evtest, 14), [
    [EV_KEY, BTN_SOUTH, 1],
    [EV_ABS, ABS_X, 255],
    [EV_ABS, ABS_HAT0X, -1],
    REPORT,
    [EV_ABS, ABS_Z, 1023],
    REPORT,
    [EV_KEY, BTN_EAST, 1],
    [EV_KEY, BTN_SOUTH, 0],
    [EV_ABS, ABS_HAT0X, 0],
    REPORT,
    [EV_KEY, BTN_EAST, 0],
    [EV_ABS, ABS_X, 128],
    [EV_ABS, ABS_Z, 0],
    REPORT,
  ]);
});

test("fftest uploads, plays and stops; when it ends, nothing is left", async () => {
  await using fftest = await startFftest();
  const { gain, effects } = await uploaded(3);
  assert.equal(gain, GAIN);
  assert.deepEqual(
    effects.map(([, { kind }]) => kind),
    ["periodic", "rumble", "rumble"],
  );

  const strong = await played(fftest, "4", 6000); // strong rumble, for 5 s after a delay of 1 s
  assert.deepEqual(strong.motors, { strong: 0, weak: 0 });
  assert.deepEqual(await felt(), {
    strong: Math.floor((0x8000 * GAIN) / 0xffff),
    weak: 0,
    untilMs: strong.untilMs,
  });
  assert.deepEqual(await felt(), STILL);

  const sine = await played(fftest, "0", 21_000); // a sine, for 20 s after a delay of 1 s
  assert.deepEqual(sine.motors, { strong: 0, weak: 0 });
  assert.deepEqual(await felt(), { strong: GAIN, weak: GAIN, untilMs: sine.untilMs });
  fftest.say("-1");
  assert.deepEqual(await felt(), STILL);
  assert.equal(await fftest.ended(), 0);
  await uploaded(0);
});

test("another reflector goes on: readers stay, what was held is released, uploaded effects can be played", async () => {
  await using evtest = await startEvtest(node);
  await using fftest = await startFftest();
  const uploads = await uploaded(3);
  frame([EV_KEY, BTN_SOUTH, 1], [EV_ABS, ABS_X, 0]);
  assert.deepEqual(await changes(evtest, 2), [
    [EV_KEY, BTN_SOUTH, 1],
    [EV_ABS, ABS_X, 0],
  ]);

  await reflector[Symbol.asyncDispose]();
  assert.ok(existsSync(node));
  reflector = adopt(uploads);
  assert.deepEqual(await felt(), STILL);
  assert.equal(await told("name", ({ sysname }) => sysname), sysname);
  frame([EV_KEY, BTN_SOUTH, 1]);
  assert.deepEqual(await changes(evtest, 3), [
    [EV_KEY, BTN_SOUTH, 0],
    [EV_ABS, ABS_X, 128],
    [EV_KEY, BTN_SOUTH, 1],
  ]);
  const weak = await played(fftest, "5", 5000); // weak rumble, for 5 s
  assert.deepEqual(weak.motors, { strong: 0, weak: Math.floor((0xc000 * GAIN) / 0xffff) });
});

test("a program that uploads while there is no reflector is served by the next, though its request was read already", async () => {
  await reflector[Symbol.asyncDispose]();
  await using _fftest = await startFftest();
  await eventually("the request", () => readTypes().includes(EV_UINPUT) || undefined);
  reflector = adopt(NO_UPLOADS);
  await uploaded(3);
});

test("destroyed: the node is gone, and its reader knows", async () => {
  await using evtest = await startEvtest(node);
  order("destroy");
  await eventually("the end of the node", () => (existsSync(node) ? undefined : true));
  assert.notEqual(await evtest.ended(), null);
});
