// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type GamepadButton, gamepad, gamepadButton, gamepadButtons } from "@ring3/sdk";
import fc from "fast-check";
import { accelValue, decodeSensors, decodeSticks, gyroValue, plainStick, stickValue } from "./calibration.ts";
import { byHand, factory, input } from "./controller.fixture.ts";
import { decodeInput, propertiesOf } from "./input.ts";
import * as packets from "./packets.ts";
import { encodeRumble, STILL } from "./rumble.ts";

const NONE = new Uint8Array(0);
const names = (bits: number): GamepadButton[] =>
  gamepadButtons.filter((name) => (bits & gamepadButton(name)) !== 0);
const bytes = (...numbers: (readonly number[] | undefined)[]): Uint8Array =>
  Uint8Array.from(numbers.flatMap((each) => [...(each ?? [])]));
const factorySticks = bytes(factory[0x603d], factory[0x6046]);
const calibration = {
  sticks: decodeSticks(NONE, factorySticks),
  sensors: decodeSensors(NONE, bytes(factory[0x6020])),
};
const decode = (...args: Parameters<typeof input>) => decodeInput(input(...args).subarray(1), calibration)!;

for (const [bit, button] of [
  [0, "west"],
  [1, "north"],
  [2, "south"],
  [3, "east"],
  [6, "rightShoulder"],
  [7, "rightTrigger"],
  [8, "select"],
  [9, "start"],
  [10, "rightStick"],
  [11, "leftStick"],
  [12, "mode"],
  [13, "z"],
  [22, "leftShoulder"],
  [23, "leftTrigger"],
] as const)
  test(`bit ${bit} is ${button} and nothing else`, () => {
    const { buttons, hatX, hatY } = decode(1 << bit).state;
    assert.deepEqual([names(buttons), hatX, hatY], [[button], 0, 0]);
  });

for (const [bits, x, y] of [
  [1 << 16, 0, 1],
  [1 << 17, 0, -1],
  [1 << 18, 1, 0],
  [1 << 19, -1, 0],
  [0b1111 << 16, -1, -1],
] as const)
  test(`directions ${bits >> 16} are ${x}, ${y}, and no buttons`, () => {
    const { buttons, hatX, hatY } = decode(bits).state;
    assert.deepEqual([buttons, hatX, hatY], [0, x, y]);
  });

test("Joy-Cons' buttons on the rails are none of this controller's", () => {
  assert.equal(decode(0b11 << 4).state.buttons | decode(0b11 << 20).state.buttons, 0);
});

test("sticks stand still in their center and go as far as their calibration; down is positive", () => {
  const at = (...sticks: number[]) => {
    const { leftX, leftY, rightX, rightY } = decode(0, {}, sticks).state;
    return [leftX, leftY, rightX, rightY];
  };
  assert.deepEqual(at(2000, 2100, 2050, 1950), [0, 0, 0, 0]);
  assert.deepEqual(at(3500, 3500, 3650, 3650), [32767, -32767, 32767, -32767]);
  assert.deepEqual(at(400, 400, 550, 550), [-32767, 32767, -32767, 32767]);
  assert.deepEqual(at(2750, 4095, 0, 1950), [16383, -32767, -32767, 0]);
});

test("what a person has calibrated comes before the factory's; each stick by itself", () => {
  const user = new Uint8Array(22).fill(0xff);
  user.set(byHand[0x8010]!);
  const { left, right } = decodeSticks(user, factorySticks);
  assert.deepEqual(left.x, { minimum: 1048, center: 2048, maximum: 3048 });
  assert.deepEqual(right.x, { minimum: 550, center: 2050, maximum: 3650 });
  assert.deepEqual(decodeSticks(new Uint8Array(22).fill(0xff), factorySticks).left.x.center, 2000);
});

test("a stick that says nothing, or what cannot be, is a usual one", () => {
  assert.deepEqual(decodeSticks(NONE, NONE), { left: plainStick, right: plainStick });
  assert.deepEqual(decodeSticks(NONE, new Uint8Array(18)).left, plainStick); // its ends are its center
  assert.deepEqual(decodeSticks(NONE, new Uint8Array(18).fill(0xff)).right, plainStick); // nobody has written it
});

test("sensors are told in 1/14247 degrees a second and 1/4096 g, as the calibration has them", () => {
  const { accel, gyro } = calibration.sensors;
  assert.equal(accelValue(accel[0]!, 1000), Math.trunc((1000 * 16_384) / (16_384 - 100)));
  assert.equal(accelValue(accel[1]!, -1000), Math.trunc((-1000 * 16_384) / (16_384 + 200)));
  assert.equal(gyroValue(gyro[0]!, 10), 0);
  assert.equal(gyroValue(gyro[2]!, 970), Math.trunc((1000 * 1000 * 13_371) / (13_371 + 30)));
  assert.equal(gyroValue(gyro[1]!, 32_767), 32_767_000); // cut
});

test("sensors that say nothing, or what cannot be, are usual ones; a person's calibration comes first", () => {
  const usual = decodeSensors(NONE, NONE);
  assert.deepEqual(
    [usual.accel[0], usual.gyro[2]],
    [
      { offset: 0, scale: 16_384 },
      { offset: 0, scale: 13_371 },
    ],
  );
  assert.deepEqual(decodeSensors(NONE, new Uint8Array(24)), usual);
  const user = bytes(
    [0xb2, 0xa1],
    factory[0x6020]!.map((byte, at) => (at === 0 ? byte + 1 : byte)),
  );
  assert.equal(decodeSensors(user, NONE).accel[0]!.offset, 101);
});

test("three samples of a report are three motions; a report without them has none", () => {
  const values = { 13: 0, 14: 16, 25: 0, 26: 32, 37: 0, 38: 48 }; // the accelerometer's x of each: 4096, 8192, 12288
  const { motions } = decode(0, values);
  assert.deepEqual(
    motions.map(({ accel }) => accel[0]),
    [4096, 8192, 12_288].map((raw) => Math.trunc((raw * 16_384) / (16_384 - 100))),
  );
  const short = decodeInput(input(0).subarray(1, 48), calibration)!;
  assert.deepEqual([short.motions, short.state.leftX], [[], 0]);
  assert.equal(decodeInput(input(0).subarray(1, 11), calibration), undefined);
});

for (const [status, percent, charging] of [
  [0x00, 0, 0],
  [0x10, 0, 1],
  [0x8e, 100, 0],
  [0x9e, 100, 1],
  [0xe0, 100, 0],
] as const)
  test(`status ${status.toString(16)} is ${percent} percent${charging === 1 ? ", charging" : ""}`, () => {
    assert.deepEqual(decode(0, { 2: status }).power, { percent, charging });
  });

for (const [magnitude, left] of [
  [0, [0x00, 0x01, 0x40, 0x40]],
  [654, [0x00, 0x03, 0xc0, 0x40]], // 10 thousandths: the first step
  [720, [0x00, 0x05, 0x40, 0x41]],
  [0x8000, [0x00, 0x89, 0x40, 0x62]], // 501
  [0xffff, [0x00, 0xc9, 0x40, 0x72]],
] as const)
  test(`a magnitude of ${magnitude} is ${left.map((byte) => byte.toString(16))}`, () => {
    assert.deepEqual(encodeRumble(magnitude, 0), [...left, 0x00, 0x01, 0x40, 0x40]);
    assert.deepEqual(encodeRumble(0, magnitude), [0x00, 0x01, 0x40, 0x40, ...left]);
  });

test("more is never encoded as less, and each byte is one", () => {
  const order = ([, high, , low]: readonly number[]) => high! * 0x100 + low!;
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0, max: 0xffff }), (a, b) => {
      const [less, more] = [Math.min(a, b), Math.max(a, b)].map((value) => encodeRumble(value, 0));
      assert.ok(order(less!) <= order(more!));
      for (const byte of more!) assert.ok(Number.isInteger(byte) && byte >= 0 && byte <= 0xff);
    }),
  );
});

test("a subcommand goes with the rumble of the moment; what is read of the flash by its address", () => {
  assert.deepEqual(
    packets.subcommand(5, STILL, packets.subcommands.readFlash, packets.flashRead(0x603d, 18)),
    Uint8Array.of(5, 0, 1, 0x40, 0x40, 0, 1, 0x40, 0x40, 0x10, 0x3d, 0x60, 0, 0, 18),
  );
  assert.deepEqual(packets.rumbleOnly(15, STILL), Uint8Array.of(15, 0, 1, 0x40, 0x40, 0, 1, 0x40, 0x40));
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(packets.playerLights),
    [0, 1, 3, 7, 15, 9, 5, 13, 6, 1],
  );
});

test("an answer is one only to what was asked", () => {
  const answer = new Uint8Array(63);
  answer.set([0x90, 0x10, 0x3d, 0x60, 0, 0, 2, 0xaa, 0xbb], 12);
  const asked = packets.flashRead(0x603d, 2);
  const found = packets.reply(0x21, answer, 0x10)!;
  assert.deepEqual([found.isAccepted, packets.flashData(found, asked)], [true, Uint8Array.of(0xaa, 0xbb)]);
  assert.equal(packets.flashData(found, packets.flashRead(0x603e, 2)), undefined);
  assert.equal(packets.reply(0x21, answer, 0x30), undefined);
  assert.equal(packets.reply(0x30, answer, 0x10), undefined);
  assert.equal(packets.reply(0x21, answer.subarray(0, 13), 0x10), undefined);
  const cut = packets.reply(0x21, answer.subarray(0, 20), 0x10)!;
  assert.equal(packets.flashData(cut, asked), undefined);
  assert.deepEqual(packets.usbReply(0x81, Uint8Array.of(2, 7), 2), Uint8Array.of(7));
  assert.equal(packets.usbReply(0x81, Uint8Array.of(1), 2), undefined);
});

test("properties are hid-nintendo's numbers", () => {
  const { buttons, ...rest } = propertiesOf({ vendorId: 0x057e, productId: 0x2009, version: 0x0111 });
  const { buttons: _, ...zeros } = gamepad.properties!.create();
  assert.deepEqual(rest, {
    ...zeros,
    ...{ busType: 3, vendor: 0x057e, product: 0x2009, version: 0x8111, features: 0b101101 },
    ...{ stickMin: -32_767, stickMax: 32_767, stickFuzz: 250, stickFlat: 500, sticks: 2, hat: 1 },
    ...{ accelRange: 32_767, accelPerG: 4096, gyroRange: 32_767_000, gyroPerDegree: 14_247 },
    motionFuzz: 10,
  });
  assert.equal(names(buttons).length, 14);
});

test("whatever comes, what is told is within its bounds", () => {
  const { state, motion } = gamepad.events;
  const some = fc.uint8Array({ minLength: 0, maxLength: 70 });
  fc.assert(
    fc.property(some, some, some, some, some, (bytes, user, factory, userSensors, factorySensors) => {
      const decoded = decodeInput(bytes, {
        sticks: decodeSticks(user, factory),
        sensors: decodeSensors(userSensors, factorySensors),
      });
      if (decoded === undefined) return;
      const { leftX, leftY, rightX, rightY } = decoded.state;
      for (const value of [leftX, leftY, rightX, rightY])
        assert.ok(Number.isInteger(value) && Math.abs(value) <= 32_767);
      const told = [
        [state.data!, decoded.state],
        ...decoded.motions.map((each) => [motion.data!, each] as const),
      ];
      for (const [struct, data] of told as [typeof state.data & object, never][])
        struct.encode(
          { ...(data as object), timestampUs: 0 } as never,
          new DataView(new ArrayBuffer(struct.size)),
          0,
        );
      assert.ok(decoded.power.percent <= 100);
    }),
  );
});

test("a stick's value is whole and in order, wherever it stands", () => {
  const axis = { minimum: 400, center: 2000, maximum: 3500 };
  const values = Array.from({ length: 4096 }, (_, raw) => stickValue(axis, raw));
  assert.ok(values.every((value, raw) => Number.isInteger(value) && value >= (values[raw - 1] ?? value)));
});
