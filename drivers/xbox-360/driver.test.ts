// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { type GamepadButton, gamepadButton, gamepadButtons } from "@ring3/sdk";
import { endpoint, usbDescriptors, usbInterface } from "@ring3/sdk/test/descriptors";
import { type Behaviour, type PlayedUsb, playedUsb } from "@ring3/sdk/test/played-usb";
import { rehearse } from "@ring3/sdk/test/rehearse";
import { type RunOptions, runDriver } from "@ring3/sdk/test/run-driver";
import driver from "./driver.ts";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
const turn = () => new Promise((resolve) => setTimeout(resolve, 1));
const names = (buttons: number): GamepadButton[] =>
  gamepadButtons.filter((name) => (buttons & gamepadButton(name)) !== 0);

interface Pad {
  readonly one?: boolean;
  readonly productId?: number;
  readonly interfaceNumber?: number;
  readonly endpoints?: boolean;
}

/** As the host hands it over: an Xbox 360's control interface, or an Xbox One's. */
function usbOf(transport: PlayedUsb, pad: Pad = {}): RunOptions["usb"] {
  const { one = false, interfaceNumber = 0 } = pad;
  const kind = {
    class: 0xff,
    subclass: one ? 0x47 : 0x5d,
    protocol: one ? 0xd0 : 1,
    number: interfaceNumber,
  };
  const endpoints = [endpoint(0x81, "interrupt", one ? 64 : 32), endpoint(0x01, "interrupt", one ? 64 : 32)];
  return {
    transport,
    interfaceNumber,
    descriptors: usbDescriptors([usbInterface(kind, pad.endpoints === false ? [] : endpoints)], {
      ...{ vendorId: 0x045e, productId: pad.productId ?? (one ? 0x02d1 : 0x028e), deviceVersion: 0x0114 },
    }),
  };
}

async function run(transport: PlayedUsb, pad: Pad = {}, options: Omit<RunOptions, "usb"> = {}) {
  const running = await runDriver(driver, { usb: usbOf(transport, pad), ...options });
  const told: string[] = [];
  const [unit] = running.units;
  unit!.on("state", ({ buttons, leftX }) =>
    told.push([...names(buttons), ...(leftX ? [leftX] : [])].join(" ")),
  );
  return { running, unit: unit!, told };
}

const input360 = (bits: string) => hex(`00 14 ${bits} ${"00".repeat(16)}`);
const A = input360("00 10");
const READ_INPUT = "c1 01 0100 0000";
const OFF_360 = "out 01: 0008000000000000";

test("an Xbox 360 is asked, its motors are stopped, its ring blinks and shines for the first player", async () => {
  const usb = playedUsb({ control: () => input360("10 00") });
  const { running, unit, told } = await run(usb);
  assert.deepEqual(usb.heard, [READ_INPUT, OFF_360, "out 01: 010302"]);
  assert.deepEqual([unit.properties.version, unit.properties.triggerMax], [0x0114, 255]);
  await usb.send(1, A, A, hex("01 03 06"), input360("00 00"));
  assert.deepEqual(told.slice(-2), ["south", ""]);
  await running.remove();
});

/** It tells `message` before it answers. */
const late = (played: PlayedUsb, message: Uint8Array): PlayedUsb => ({
  ...played,
  async control(setup, data, signal) {
    const answer = await played.control(setup, data, signal);
    await played.send(1, message);
    return answer;
  },
});

test("what it answers when it is asked first counts as its state", async () => {
  const told: number[] = [];
  const usb = late(playedUsb({ control: () => A }), hex("01 03 0e")); // its greeting is no input
  const { running, unit } = await run(usb);
  unit.on("state", ({ buttons }) => told.push(buttons));
  await usb.send(1, A); // told already, while it was probed
  assert.deepEqual(told, []);
  await running.remove();
});

test("an Xbox 360 that stalls the question works all the same; one that is gone does not start", async () => {
  const usb = playedUsb();
  const { running, told } = await run(usb);
  await usb.send(1, A);
  assert.deepEqual(told, ["south"]);
  await running.remove();
  const gone = playedUsb();
  await gone.unplug();
  await assert.rejects(runDriver(driver, { usb: usbOf(gone) }), { kind: "disconnected", message: /rumble/ });
});

test("the ring of the fourth controller blinks for the fourth player, that of the fifth for the first", async () => {
  for (const [ordinal, light] of [
    [4, "010305"],
    [5, "010302"],
  ] as const) {
    const usb = playedUsb({ control: () => A });
    const { running } = await run(usb, {}, { ordinal });
    assert.equal(usb.heard.at(-1), `out 01: ${light}`);
    await running.remove();
  }
});

test("rumble runs and is stopped at remove; the player's light is the next driver's too, a rumble is not", async () => {
  const usb = playedUsb();
  const { running, unit } = await run(usb);
  usb.heard.length = 0;
  await unit.request("rumble", { strong: 0xffff, weak: 0x4000, durationMs: 60_000 });
  await unit.request("player", { number: 3 });
  await running.remove();
  assert.deepEqual(usb.heard, ["out 01: 000800ff40000000", "out 01: 010308", OFF_360]);
  const next = playedUsb();
  await (await run(next, {}, { state: running.state, incarnation: 2 })).running.remove();
  assert.deepEqual(next.heard.slice(0, 3), [READ_INPUT, OFF_360, "out 01: 010308"]);
});

test("what it has told already is newer than its answer to the question", async () => {
  const usb = late(playedUsb({ control: () => input360("00 20") }), A);
  const { running, told } = await run(usb);
  await usb.send(1, A); // told already, while it was probed
  assert.deepEqual(told, []);
  await running.remove();
});

test("an endpoint that takes nothing fails its request, not its driver, and says what to do", async () => {
  let stuck = false;
  const usb = playedUsb({ out: () => (stuck ? "hang" : "ok") });
  const { running, unit } = await run(usb);
  stuck = true;
  const asked = unit.request("rumble", { strong: 1, weak: 1, durationMs: 1 }, { deadlineMs: 20 });
  await assert.rejects(asked, {
    kind: "timeout",
    message:
      /^usb-test:1.0: rumble \(if that goes on, unplug it and plug it in again\): the deadline passed$/,
  });
  stuck = false;
  await unit.request("player", { number: 1 });
  await running.remove();
});

for (const [answer, waits] of [
  ["stall", 0],
  ["hang", 2],
] as const)
  test(`one that has neither motors nor lights starts and rests all the same, though it is played with meanwhile (${answer})`, async () => {
    const clock = manualClock();
    const usb = playedUsb({ out: () => answer });
    const played = Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? A : input360("00 00")));
    const past = async <T>(done: Promise<T>): Promise<T> => {
      for (let tries = 0; tries < waits; tries++) {
        await turn();
        if (tries === 0) await usb.send(1, ...played);
        clock.advance(1000);
      }
      return await done;
    };
    const { running, told } = await past(run(usb, {}, { clock }));
    told.length = 0;
    await usb.send(1, A);
    assert.deepEqual(told, ["south"]);
    const warned = running.log.map(({ message }) => message).join();
    assert.match(warned, /goes on without: .*rumble.*goes on without: .*ring of light/);
    await past(running.suspend());
    await past(running.remove());
  });

test("after a rest it is started anew, and told what it holds", async () => {
  const usb = playedUsb();
  const { running, told } = await run(usb);
  await usb.send(1, A);
  await running.suspend();
  usb.heard.length = 0;
  await running.resume();
  assert.deepEqual(usb.heard, [READ_INPUT, OFF_360, "out 01: 010302"]);
  await usb.send(1, A);
  assert.deepEqual(told, ["south", "", "south"]);
  await running.remove();
});

const ANNOUNCEMENT = hex(`02 20 01 1c ${"00".repeat(28)}`);
const STATUS = hex("03 20 01 04 80 00 00 00");
const inputOne = (bits: string) => hex(`20 00 01 0e ${bits} ${"00".repeat(12)}`);
const OFF_ONE = /^out 01: 0900..09000f00000000000000$/;
const ON = /^out 01: 0520..0100$/;
const LIT = /^out 01: 0a20..03000114$/;
const AUTHENTICATED = /^out 01: 0620..020100$/;

/** The first of the parts of what it is. */
const IDENTITY = hex(`04 f0 01 3a 94 01 ${"00".repeat(58)}`);
const ASKED = /^out 01: 0420..00$/;

/** One that is on and says nothing by itself. */
function silent(answers = true, refused: (command: number) => boolean = () => false): PlayedUsb {
  const usb = playedUsb({
    out([command]) {
      if (command === 4 && answers) void usb.send(1, IDENTITY);
      return refused(command!) ? "stall" : "ok";
    },
  });
  return usb;
}

/** One that announces itself until it is switched on, `deaf` times in vain. */
function xboxOne(deaf = 0): PlayedUsb {
  let left = deaf;
  const behaviour: Behaviour = {
    out(data) {
      if (data[0] !== 5 || data[4] !== 0) return "ok";
      const answer = left-- > 0 ? ANNOUNCEMENT : STATUS;
      void usb.send(1, answer);
      return "ok";
    },
  };
  const usb = playedUsb(behaviour);
  void usb.send(1, ANNOUNCEMENT);
  return usb;
}

test("an Xbox One is switched on, again while it announces itself, and then tells its input", async () => {
  const usb = xboxOne(2);
  const { running, told, unit } = await run(usb, { one: true });
  assert.match(usb.heard[0]!, OFF_ONE);
  for (const [at, form] of [ON, LIT, AUTHENTICATED, ON, LIT, AUTHENTICATED, ON, LIT, AUTHENTICATED].entries())
    assert.match(usb.heard[1 + at]!, form);
  const sequence = usb.heard.map((sent) => Number.parseInt(sent.slice(12, 14), 16));
  assert.deepEqual(sequence, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  await usb.send(1, inputOne("10 00"), inputOne("00 00"));
  assert.deepEqual(told, ["south", ""]);
  assert.deepEqual([unit.supports("player"), unit.properties.triggerMax], [false, 1023]);
  await running.remove();
});

test("light and authentication may be refused, power may not", async () => {
  const refusing = (...commands: number[]) => silent(true, (command) => commands.includes(command));
  const { running } = await run(refusing(6, 10), { one: true });
  assert.equal(running.log.filter(({ message }) => /goes on without: .*start/.test(message)).length, 2);
  await running.remove();
  await assert.rejects(run(refusing(5), { one: true }), {
    kind: "stall",
    message: /start/,
  });
});

test("the guide button is acknowledged, and stays down while other input comes", async () => {
  const usb = xboxOne();
  const { running, told } = await run(usb, { one: true });
  usb.heard.length = 0;
  await usb.send(1, hex("07 30 09 02 01 5b"), inputOne("10 00"), hex("07 30 0a 02 00 5b"));
  assert.deepEqual(told, ["mode", "south mode", "south"]);
  assert.deepEqual(usb.heard, ["out 01: 01200909000720020000000000", "out 01: 01200a09000720020000000000"]);
  await running.remove();
});

for (const incarnation of [1, 2])
  test(`one that never stops to announce itself does not start, and says why (incarnation ${incarnation})`, async () => {
    const started = runDriver(driver, { usb: usbOf(xboxOne(99), { one: true }), incarnation });
    await assert.rejects(started, {
      kind: "timeout",
      message:
        /usb-test:1.0: told 5 times to start, the Xbox controller still announces itself \(if that goes on, unplug/,
    });
  });

const past = async (clock: ReturnType<typeof manualClock>, ms: number): Promise<void> => {
  await turn();
  clock.advance(ms);
  await turn();
};

test("one that is on and says nothing is asked after a moment, and what it is is acknowledged; after a death it is asked at once", async () => {
  const clock = manualClock();
  const usb = silent();
  const starting = run(usb, { one: true }, { clock });
  await past(clock, 699);
  assert.match(usb.heard.at(-1)!, AUTHENTICATED);
  await past(clock, 1);
  const { running } = await starting;
  assert.match(usb.heard.at(-2)!, ASKED);
  assert.equal(usb.heard.at(-1), "out 01: 01200109000420" + "3a00" + "0000" + "5a00"); // 58 of 148
  await running.remove();
  const next = await run(silent(), { one: true }, { clock, incarnation: 2, state: running.state });
  await next.running.remove();
});

test("one that is not known to be on is not taken for one because it answers", async () => {
  const clock = manualClock();
  const usb = silent();
  const starting = run(usb, { one: true }, { clock, incarnation: 2 });
  await past(clock, 699);
  await usb.send(1, ANNOUNCEMENT);
  await past(clock, 700);
  await (await starting).running.remove();
  assert.deepEqual(usb.heard.filter((sent) => ON.test(sent)).length, 2);
});

for (const isOn of [false, true])
  test(`one that neither announces itself nor answers does not start, and says what it was asked (${isOn ? "on" : "off"} before)`, async () => {
    const clock = manualClock();
    const state = { readState: () => ({ isOn }), writeState() {} };
    const starting = runDriver(driver, {
      usb: usbOf(silent(false), { one: true }),
      ...{ clock, incarnation: 2, state },
    });
    const refused = assert.rejects(starting, {
      kind: "timeout",
      message:
        /^usb-test:1.0: told to start, the Xbox controller tells no input and no status, and does not answer what it is \(if that goes on, unplug/,
    });
    if (!isOn) await past(clock, 700);
    await past(clock, 1000);
    await refused;
  });

test("one that starts anew by itself is switched on again", async () => {
  const usb = xboxOne();
  const { running, told } = await run(usb, { one: true }, { incarnation: 2 });
  await turn();
  usb.heard.length = 0;
  await usb.send(1, ANNOUNCEMENT);
  await turn();
  assert.match(usb.heard[0]!, ON);
  await usb.send(1, inputOne("20 00"));
  assert.deepEqual(told, ["east"]);
  await running.remove();
});

test("what is plugged into it may announce itself as it likes, and say what it likes, in the same transfer too", async () => {
  const usb = xboxOne();
  const { running, told } = await run(usb, { one: true });
  usb.heard.length = 0;
  const headset = hex(`02 31 01 1c ${"00".repeat(28)}`);
  const pressed = Uint8Array.from([...headset, ...inputOne("10 00"), ...hex("07 01 02 02 01 5b")]);
  for (let times = 0; times < 10; times++) await usb.send(1, headset, pressed);
  assert.deepEqual([usb.heard, told], [[], ["south"]]);
  await running.remove();
});

test("what is held when it starts anew by itself is let go, the guide button too", async () => {
  const usb = xboxOne();
  const { running, told } = await run(usb, { one: true });
  await usb.send(1, hex("07 20 09 02 01 5b"), inputOne("10 00"), ANNOUNCEMENT, inputOne("20 00"));
  assert.deepEqual(told, ["mode", "south mode", "", "east"]);
  await running.remove();
});

test("a guide button that was down before a rest is not after it", async () => {
  const usb = xboxOne();
  const { running, told } = await run(usb, { one: true });
  await usb.send(1, hex("07 20 09 02 01 5b"));
  await running.suspend();
  await usb.send(1, ANNOUNCEMENT);
  await running.resume();
  await usb.send(1, inputOne("10 00"));
  assert.deepEqual(told, ["mode", "", "south"]);
  await running.remove();
});

test("after a rest an Xbox One is started anew, and told what it holds", async () => {
  const usb = xboxOne();
  const { running, told } = await run(usb, { one: true });
  await usb.send(1, inputOne("10 00"));
  await running.suspend();
  await usb.send(1, ANNOUNCEMENT);
  await running.resume();
  await usb.send(1, inputOne("10 00"));
  assert.deepEqual(told, ["south", "", "south"]);
  await running.remove();
});

test("rumble of an Xbox One stops at remove", async () => {
  const usb = xboxOne();
  const { running, unit } = await run(usb, { one: true });
  await unit.request("rumble", { strong: 0x8000, weak: 0x4000, durationMs: 5000 });
  assert.match(usb.heard.at(-1)!, /^out 01: 0900..09000300004020ff0002$/);
  await running.remove();
  assert.match(usb.heard.at(-1)!, OFF_ONE);
});

test("an Xbox One's other interfaces, and one without endpoints, are declined", async () => {
  const other = runDriver(driver, { usb: usbOf(playedUsb(), { one: true, interfaceNumber: 1 }) });
  await assert.rejects(other, { message: /the controls are interface 0/ });
  const none = runDriver(driver, { usb: usbOf(playedUsb(), { endpoints: false }) });
  await assert.rejects(none, { message: /not an interrupt endpoint each way/ });
});

test("the rehearsal runs", () => rehearse(driver));
