// Runs in: tests. Owns: nothing; the pad's handshake and its messages against bytes worked out by hand from their description.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FaultKind } from "../../input/faults.ts";
import { EPIPE, Host } from "../../input/test/host.ts";
import { xboxOne } from "./xbox-one.ts";

const OUT = 0x02;
const announced = "7eed8e29d8e90000" + "5e04ea02" + "040008001d0a0000" + "0400010000000000";
const announcement = (sequence: string) => `0220${sequence}1c${announced}`;
const description =
  "10000100000000000000000000000000" +
  "00000000000000000000100000000000" +
  `011a00${Buffer.from("Windows.Xbox.Input.Gamepad").toString("hex")}`;
const atRest = (sequence: string) => `2000${sequence}0e${"00".repeat(14)}`;

/** A host that has switched it on, and heard so. */
async function on(): Promise<Host<Parameters<ReturnType<typeof xboxOne.start>["show"]>[0]>> {
  const host = new Host(xboxOne);
  await host.out(OUT, "05 20 00 01 00");
  assert.deepEqual(await host.drain(), [announcement("01"), "0320010480000000", atRest("01")]);
  host.observed.length = 0;
  return host;
}

test("silent but for its announcement, again and again, until it is told to be on", async (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const host = new Host(xboxOne);
  host.play("press south");
  assert.deepEqual(await host.drain(), [announcement("01")]);
  assert.equal(host.reads, 0);
  context.mock.timers.tick(500);
  assert.deepEqual(await host.drain(), [announcement("02")]);
  await host.out(OUT, "05 20 00 01 00");
  assert.deepEqual(host.observed, [{ observed: "power", mode: 0 }]);
  const pressed = `2000010e1000${"00".repeat(12)}`;
  assert.deepEqual(await host.drain(), ["0320010480000000", pressed]);
  assert.equal(host.reads, 1);
  context.mock.timers.tick(1000);
  assert.deepEqual(await host.drain(), []);
  host.device.stop();
});

test("told to be off it announces itself again; modes that mean nothing do nothing", async (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const host = await on();
  await host.out(OUT, "05 20 01 0f 06"); // what xpad sends to this model
  host.play("press south");
  assert.equal((await host.in()).slice(0, 2), "20");
  await host.out(OUT, "05 20 02 01 04");
  host.play("press east");
  assert.deepEqual(await host.drain(), []);
  context.mock.timers.tick(500);
  assert.deepEqual(await host.drain(), [announcement("02")]);
  host.device.stop();
});

test("buttons, directions, triggers of ten bits, sticks whose up is positive", async () => {
  const host = await on();
  host.play("left 1 1", "right -1 -1", "left-trigger 1", "right-trigger 0.5", "hat down-right");
  host.play("press start north left-shoulder right-stick");
  // 04h menu, 80h Y; 02h down, 08h right, 10h LB, 80h right stick
  const buttons = "84" + "9a";
  const sticks = "ff7f0080" + "0080ff7f";
  const sequence = "07"; // one of on, six of these steps
  assert.equal(await host.in(), `2000${sequence}0e${buttons}ff030002${sticks}`);
  host.device.stop();
});

test("every other button is where it belongs", async () => {
  const host = await on();
  const others = { select: 3, south: 4, east: 5, west: 6, "right-shoulder": 13, "left-stick": 14 };
  for (const [button, bit] of Object.entries(others)) {
    host.play(`press ${button}`);
    const word = Buffer.alloc(2);
    word.writeUInt16LE(1 << bit);
    assert.equal((await host.in()).slice(8, 12), word.toString("hex"), button);
    host.play(`release ${button}`);
    await host.in();
  }
  host.device.stop();
});

test("the guide button is told until it is acknowledged, then what it did next", async (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const host = await on();
  const guides = async () => (await host.drain()).filter((message) => message.startsWith("07"));
  host.play("press mode");
  host.play("release mode");
  assert.deepEqual(await guides(), ["07300102015b"]);
  context.mock.timers.tick(500);
  assert.deepEqual(await guides(), ["07300102015b"]);
  await host.out(OUT, "01 20 02 09 00 07 20 02 00 00 00 00 00"); // of another one
  assert.deepEqual(await guides(), []);
  await host.out(OUT, "01 20 01 09 00 07 20 02 00 00 00 00 00");
  assert.deepEqual(await guides(), ["07300202005b"]);
  await host.out(OUT, "01 20 02 09 00 07 20 02 00 00 00 00 00");
  context.mock.timers.tick(1000);
  assert.deepEqual(await guides(), []);
  host.device.stop();
});

test("rumble of the motors that are meant, and its light", async () => {
  const host = await on();
  await host.out(OUT, "09 00 01 09 00 0f 01 02 40 20 ff 00 eb");
  await host.out(OUT, "09 00 02 09 00 03 01 02 40 20 0a 05 00");
  await host.out(OUT, "0a 20 03 03 00 01 14");
  assert.deepEqual(host.observed, [
    {
      observed: "rumble",
      leftTrigger: 1,
      rightTrigger: 2,
      strong: 64,
      weak: 32,
      on: 255,
      off: 0,
      repeat: 235,
    },
    { observed: "rumble", strong: 64, weak: 32, on: 10, off: 5, repeat: 0 },
    { observed: "light", mode: 1, brightness: 20 },
  ]);
  host.device.stop();
});

test("what wants an acknowledgement gets one; a stump of a message is passed over", async () => {
  const host = await on();
  await host.out(OUT, "0a 30 09 03 00 01 14");
  assert.deepEqual(await host.drain(), ["01200909" + "000a20030000000000"]);
  await host.out(OUT, "05 20");
  await host.out(0x04, "09 00 01 09 00 0f 01 02 40 20 ff 00 eb");
  assert.deepEqual(await host.drain(), []);
  assert.equal(host.observed.length, 1);
  host.device.stop();
});

test("asked what it is it tells that part by part, off or on, each once the one before is acknowledged", async () => {
  const host = new Host(xboxOne);
  await host.drain();
  await host.out(OUT, "04 20 01 00");
  assert.deepEqual(await host.drain(), [`04f0013a3d${description.slice(0, 116)}`]);
  await host.out(OUT, "01 20 01 09 00 04 20 3a 00 00 00 03 00");
  assert.deepEqual(await host.drain(), [`04b001033a${description.slice(116)}`]);
  await host.out(OUT, "01 20 01 09 00 04 20 3d 00 00 00 00 00");
  assert.deepEqual(await host.drain(), ["04a001003d"]);
  host.device.stop();
});

test("told to stop in its handshake it goes on announcing itself", async (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const faults: FaultKind[] = ["stop-in-handshake"];
  const host = new Host(xboxOne, { faults });
  await host.out(OUT, "05 20 00 01 00");
  await host.out(OUT, "04 20 01 00");
  context.mock.timers.tick(500);
  assert.deepEqual(await host.drain(), [announcement("01")]);
  context.mock.timers.tick(500);
  assert.deepEqual(await host.drain(), [announcement("02")]);
  assert.deepEqual([host.observed, host.reads], [[], 0]);
  host.device.stop();
});

test("told to need its light it tells no input before that is on", async () => {
  const host = new Host(xboxOne, { faults: ["needs-led"] });
  await host.out(OUT, "05 20 01 01 00");
  host.play("press south");
  assert.deepEqual(await host.drain(), [announcement("01"), "0320010480000000"]);
  assert.equal(host.reads, 0);
  await host.out(OUT, "0a 20 02 03 00 01 14");
  assert.deepEqual(await host.drain(), [`2000010e1000${"00".repeat(12)}`]);
  assert.equal(host.reads, 1);
  host.device.stop();
});

test("an accessory announces itself again and again, and in front of its input", async (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const host = new Host(xboxOne, { faults: ["accessory"] });
  const headset = (sequence: string) => `0221${sequence}1c${announced}`;
  await host.out(OUT, "05 20 01 01 00");
  const rest = `${headset("02")}${atRest("01")}`;
  assert.deepEqual(await host.drain(), [announcement("01"), "0320010480000000", rest]);
  context.mock.timers.tick(500);
  assert.deepEqual(await host.drain(), [headset("03")]);
  host.device.stop();
});

test("what is for another client it passes over, and off it does not rumble", async () => {
  const host = await on();
  await host.out(OUT, "09 01 01 09 00 0f 01 02 40 20 ff 00 eb");
  await host.out(OUT, "0a 31 02 03 00 01 14");
  await host.out(OUT, "05 20 03 01 04");
  await host.out(OUT, "09 00 04 09 00 0f 01 02 40 20 ff 00 eb");
  assert.deepEqual(host.observed, [{ observed: "power", mode: 4 }]);
  assert.deepEqual(await host.drain(), []);
  host.device.stop();
});

test("descriptors: three interfaces in 96 bytes, two of them with a second setting", async () => {
  const host = new Host(xboxOne);
  assert.equal(
    (await host.control(0x80, 6, 0x0100, 0, 18)).hex,
    "12010002ff47d040" + "5e04ea0208040102" + "0301",
  );
  const { hex } = await host.control(0x80, 6, 0x0200, 0, 255);
  assert.deepEqual([hex.length / 2, hex.slice(18, 36)], [96, "0904000002ff47d000"]);
  assert.equal((await host.control(0x01, 11, 0, 1)).errno, 0);
  assert.equal((await host.control(0x81, 10, 0, 1, 1)).hex, "00");
  assert.equal((await host.control(0x01, 11, 1, 2)).errno, 0);
  assert.equal((await host.control(0x81, 10, 0, 2, 1)).hex, "01");
  assert.equal((await host.control(0x01, 11, 1, 0)).errno, EPIPE);
  host.device.stop();
});
