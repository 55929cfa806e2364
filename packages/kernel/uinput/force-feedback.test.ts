// Runs in: tests. Owns: what programs let be felt on a scripted device, what they are answered, and what of it a next owner takes over.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import {
  ABS_RX,
  ABS_X,
  BTN_SOUTH,
  BTN_START,
  EV_ABS,
  EV_FF,
  EV_KEY,
  EV_LED,
  EV_MSC,
  EV_SYN,
  FF_GAIN,
  FF_PERIODIC,
  FF_RUMBLE,
  FF_SPRING,
  LED_CAPSL,
  MSC_SCAN,
  SYN_REPORT,
} from "./codes.ts";
import { EV_UINPUT, ffPeriodic, UI_FF_UPLOAD } from "./constants.ts";
import { create, pad } from "./created.fixture.ts";
import { UinputDevice } from "./device.ts";
import { ScriptedUinput, type Triple } from "./scripted-uinput.fixture.ts";

const [EINVAL, ENOMEM] = [22, 12];
const NEVER = Number.POSITIVE_INFINITY;
const REPORT: Triple = [EV_SYN, SYN_REPORT, 0];

test("rumble: uploaded, played twice, over by itself", () => {
  const { kernel, clock, heard, uploads } = create();
  clock.advance(1000);
  const replay = { replayLength: 100, replayDelay: 10 };
  kernel.upload({ type: FF_RUMBLE, id: 2, ...replay }, { strongMagnitude: 0x8000, weakMagnitude: 7 });
  assert.deepEqual([kernel.answers, heard], [[0], []]);
  const effect = { kind: "rumble", strong: 0x8000, weak: 7, length: 100, delay: 10 } as const;
  assert.deepEqual(uploads, [{ gain: 0xffff, effects: [[2, effect]], playing: [] }]);
  kernel.play(2, 2);
  assert.deepEqual(uploads.at(-1)!.playing, [[2, 2, 1010]]);
  clock.advance(1000);
  assert.deepEqual(heard, [
    [0, 0, 1220],
    [0x8000, 7, 1220],
    [0, 0, 1220],
    [0x8000, 7, 1220],
    [0, 0, NEVER],
  ]);
  assert.equal(clock.pending, 0);
});

test("a wave, the gain and a stop; what is asked in one reading is one change", () => {
  const { kernel, heard } = create();
  kernel.upload({ type: FF_PERIODIC, id: 0, u: { ...ffPeriodic.create(), magnitude: 0x7fff } });
  kernel.tell([EV_FF, FF_GAIN, 0x8000], [EV_FF, 0, 1], [EV_FF, FF_GAIN, 0x4000]);
  kernel.play(0, 0);
  assert.deepEqual(heard, [
    [0x4000, 0x4000, NEVER],
    [0, 0, NEVER],
  ]);
});

test("the bits behind a rumble effect may be any", () => {
  const { kernel, uploads } = create();
  const u = { ...ffPeriodic.create(), customData: 0xffff_ffff, customDataHigh: 0xffff_ffff };
  kernel.upload({ type: FF_RUMBLE, id: 0, u }, { strongMagnitude: 1, weakMagnitude: 2 });
  assert.equal(uploads.length, 1);
});

test("erased while it plays: it is still, and the program has its answer", () => {
  const { kernel, clock, heard, uploads } = create();
  kernel.upload({ type: FF_RUMBLE, id: 1 }, { strongMagnitude: 1, weakMagnitude: 2 });
  kernel.play(1, 1);
  kernel.erase(1);
  assert.deepEqual(heard, [
    [1, 2, NEVER],
    [0, 0, NEVER],
  ]);
  assert.deepEqual([kernel.answers, uploads.at(-1)!.effects, clock.pending], [[0, 0], [], 0]);
});

test("what motors cannot do is refused", () => {
  const { kernel, uploads } = create();
  kernel.upload({ type: FF_SPRING, id: 0 });
  assert.deepEqual([kernel.answers, uploads], [[-EINVAL], []]);
});

test("a program that waits no more leaves no effect, before its request is taken or while it is answered", () => {
  const { kernel, heard, uploads } = create();
  kernel.waitsNoMore();
  kernel.tell([EV_UINPUT, UI_FF_UPLOAD, 0]);
  kernel.ioctlAnswers.set("UI_END_FF_UPLOAD", -EINVAL);
  kernel.upload({ type: FF_RUMBLE, id: 0 }, { strongMagnitude: 1, weakMagnitude: 2 });
  kernel.play(0, 1);
  assert.deepEqual([heard, uploads], [[], []]);
});

test("what programs write that nobody has uploaded, and other events, are nothing", () => {
  const { kernel, heard } = create();
  kernel.tell([EV_FF, 5, 1], [EV_FF, 0xffff, 1], [EV_FF, FF_GAIN, 0x7fff_ffff], [EV_MSC, MSC_SCAN, 3]);
  assert.deepEqual(heard, []);
});

test("a failed request for an effect is an error with errno", () => {
  const { kernel } = create();
  kernel.ioctlAnswers.set("UI_BEGIN_FF_UPLOAD", -ENOMEM);
  assert.throws(() => kernel.upload({ type: FF_RUMBLE, id: 0 }), { errno: ENOMEM });
});

test("closed while it is told something: nothing of what follows is taken, and no timer is left", () => {
  const kernel = new ScriptedUinput();
  const clock = manualClock();
  const device = UinputDevice.create(kernel, pad, clock, { led: () => device.close() });
  kernel.upload({ type: FF_RUMBLE, id: 0, replayLength: 9 }, { strongMagnitude: 1, weakMagnitude: 2 });
  const before = kernel.ioctls.length;
  kernel.tell([EV_FF, 0, 1], [EV_LED, LED_CAPSL, 1], [EV_UINPUT, UI_FF_UPLOAD, 0]);
  assert.deepEqual([kernel.ioctls.length, clock.pending], [before, 0]);
});

test("closed while it rumbles: it is still, which is told once, and no timer is left", () => {
  const { kernel, clock, heard, device } = create();
  kernel.upload({ type: FF_RUMBLE, id: 0, replayLength: 9 }, { strongMagnitude: 1, weakMagnitude: 2 });
  kernel.play(0, 1);
  assert.equal(clock.pending, 1);
  device.close();
  device.close();
  assert.equal(clock.pending, 0);
  assert.deepEqual(heard, [
    [1, 2, 9],
    [0, 0, NEVER],
  ]);
});

test("adopted: released first, nothing is set up; still is told; effects play on from what its last owner knew", () => {
  const first = create();
  const kernel = new ScriptedUinput();
  first.kernel.upload({ type: FF_RUMBLE, id: 3 }, { strongMagnitude: 50, weakMagnitude: 60 });
  first.kernel.tell([EV_FF, FF_GAIN, 0x8000]);
  const handedOver = JSON.parse(JSON.stringify(first.uploads.at(-1)));
  UinputDevice.adopt(kernel, pad, first.clock, first.owner, handedOver);
  assert.deepEqual(kernel.frames, [
    [[EV_KEY, BTN_SOUTH, 0], [EV_KEY, BTN_START, 0], [EV_ABS, ABS_X, 0], [EV_ABS, ABS_RX, 128], REPORT],
  ]);
  kernel.play(3, 1);
  assert.deepEqual(first.heard, [
    [0, 0, NEVER],
    [25, 30, NEVER],
  ]);
  assert.deepEqual(
    kernel.ioctls.filter(({ name }) => !name.startsWith("UI_BEGIN_FF")),
    [],
  );
});

test("adopted while it rumbles: it does so until its time is over, and not for longer", () => {
  const first = create();
  first.kernel.upload(
    { type: FF_RUMBLE, id: 3, replayLength: 100 },
    { strongMagnitude: 50, weakMagnitude: 60 },
  );
  first.kernel.upload({ type: FF_RUMBLE, id: 4 }, { strongMagnitude: 7, weakMagnitude: 0 });
  first.kernel.play(3, 1);
  first.kernel.play(4, 1);
  first.clock.advance(40);
  first.device.close();
  first.heard.length = 0;
  const left = JSON.parse(JSON.stringify(first.uploads.at(-1)));
  UinputDevice.adopt(new ScriptedUinput(), pad, first.clock, first.owner, left);
  first.clock.advance(60);
  assert.deepEqual(first.heard, [
    [57, 60, NEVER],
    [7, 0, NEVER],
  ]);
});

test("adopted: what nobody has read is taken, and the program answered whose request the last owner took along", () => {
  const { clock, owner, heard, uploads } = create();
  const kernel = new ScriptedUinput();
  for (let i = 0; i < 20; i++) kernel.tell([EV_LED, i, 1]);
  kernel.waits({ type: FF_RUMBLE, id: 3 }, { strongMagnitude: 50, weakMagnitude: 60 });
  UinputDevice.adopt(kernel, pad, clock, owner, { gain: 0xffff, effects: [], playing: [] });
  assert.deepEqual(kernel.answers, [0]);
  assert.equal(uploads.at(-1)!.effects[0]![0], 3);
  assert.deepEqual(heard.length, 20 + 1);
});
