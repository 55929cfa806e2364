// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type GamepadButton, gamepad, gamepadButton, gamepadButtons } from "@ring3/sdk";
import fc from "fast-check";
import * as gip from "./gip.ts";
import { type Model, modelOf } from "./models.ts";
import { propertiesOf, type State } from "./state.ts";
import * as x360 from "./x360.ts";

const plain: Model = { name: "pad" };
const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
const message = (text: string) => gip.decodeMessages(hex(text))[0]!;
const names = ({ buttons }: { buttons: number }): GamepadButton[] =>
  gamepadButtons.filter((name) => (buttons & gamepadButton(name)) !== 0);

const input360 = (bits: string, model = plain): State =>
  x360.decodeInput(hex(`00 14 ${bits} 00 00 ${"00 00 ".repeat(4)} 00 00 00 00 00 00`), model)!;
const inputOne = (bits: string, model = plain, guide = false): State =>
  gip.decodeInput(message(`20 00 01 0e ${bits} 00 00 00 00 ${"00 00 ".repeat(4)}`), model, guide)!;

for (const [bits360, bitsOne, button] of [
  ["10 00", "04 00", "start"],
  ["20 00", "08 00", "select"],
  ["40 00", "00 40", "leftStick"],
  ["80 00", "00 80", "rightStick"],
  ["00 01", "00 10", "leftShoulder"],
  ["00 02", "00 20", "rightShoulder"],
  ["00 10", "10 00", "south"],
  ["00 20", "20 00", "east"],
  ["00 40", "40 00", "north"],
  ["00 80", "80 00", "west"],
] as const)
  test(`bits ${bits360} of an Xbox 360's input and ${bitsOne} of an Xbox One's are ${button} and nothing else`, () => {
    assert.deepEqual([names(input360(bits360)), names(inputOne(bitsOne))], [[button], [button]]);
  });

test("the guide button is a bit of an Xbox 360's input and a message of an Xbox One's", () => {
  assert.deepEqual([names(input360("00 04")), names(inputOne("00 00", plain, true))], [["mode"], ["mode"]]);
  const guide = (down: string) => gip.isGuidePressed(message(`07 30 05 02 ${down} 5b`));
  assert.deepEqual([guide("00"), guide("01"), guide("02")], [false, true, true]);
  assert.deepEqual(names(input360("00 08")), []);
});

for (const [bits, x, y] of [
  [1, 0, -1],
  [2, 0, 1],
  [4, -1, 0],
  [8, 1, 0],
  [9, 1, -1],
  [6, -1, 1],
  [15, 0, 0],
] as const)
  test(`directions ${bits} are ${x}, ${y}`, () => {
    for (const { hatX, hatY } of [input360(`0${bits.toString(16)} 00`), inputOne(`00 0${bits.toString(16)}`)])
      assert.deepEqual([hatX, hatY], [x, y]);
  });

test("sticks: up is negative as in Linux, and either end has an opposite; triggers as long as they are", () => {
  const { leftX, leftY, rightX, rightY, leftTrigger, rightTrigger } = x360.decodeInput(
    hex("00 14 00 00 80 ff 34 12 00 80 ff ff ff 7f 00 00 00 00 00 00"),
    plain,
  )!;
  assert.deepEqual(
    [leftX, leftY, rightX, rightY, leftTrigger, rightTrigger],
    [0x1234, 32767, -1, -32768, 128, 255],
  );
  const one = gip.decodeInput(
    message("20 00 01 0e 00 00 ff 03 ff ff 34 12 00 80 ff ff ff 7f"),
    plain,
    false,
  )!;
  assert.deepEqual([one.leftX, one.leftY, one.rightX, one.rightY], [0x1234, 32767, -1, -32768]);
  assert.deepEqual([one.leftTrigger, one.rightTrigger], [1023, 1023]); // cut
});

test("messages about lights, motors and headsets, and cut ones, tell nothing of the controls", () => {
  for (const text of ["", "01 03 0e", "02 03 00", "03 03 03", "08 03 00", "00 14 00 00 00 00 00 00"])
    assert.equal(x360.decodeInput(hex(text), plain), undefined);
  assert.deepEqual(gip.decodeMessages(hex("20 00 01")), []);
  assert.equal(gip.decodeInput(message("20 00 01 0e 00 00"), plain, false), undefined);
});

test("where a share button is, is counted from the end, by what the model says", () => {
  const series = modelOf(0x045e, 0x0b12);
  const pressed = (at: number) => {
    const bytes = new Uint8Array(48);
    bytes.set(hex("20 00 01 2c"));
    bytes[at] = 1;
    return names(gip.decodeInput(gip.decodeMessages(bytes)[0]!, series, false)!);
  };
  assert.deepEqual([pressed(22), pressed(30)], [["capture"], []]);
  const short = message(`20 00 01 0e ${"ff".repeat(14)}`);
  assert.ok(!names(gip.decodeInput(short, series, false)!).includes("capture")); // there it would be a stick
});

test("an arcade stick's triggers are buttons, a mat's directions too", () => {
  const stick = modelOf(0x0738, 0x4728);
  const { leftTrigger, ...rest } = x360.decodeInput(hex(`00 14 00 00 01 00 ${"00".repeat(14)}`), stick)!;
  assert.deepEqual([leftTrigger, names(rest)], [0, ["leftTrigger"]]);
  const mat = input360("05 00", modelOf(0x0e6f, 0x0105));
  assert.deepEqual([mat.hatX, mat.hatY, names(mat)], [0, 0, ["extra2", "extra4"]]);
});

test("messages of one transfer are read one after the other, whatever the form of their lengths", () => {
  const input = `20 00 07 8e 00 10 00 ${"00 ".repeat(12)}`; // two bytes for one number, so that the header's length is even
  const long = `0c 00 08 81 01 ${"aa ".repeat(129)}`;
  const part = "04 b1 09 3a ba 01";
  const messages = gip.decodeMessages(hex(`02 21 01 02 01 02 ${input} ${long} ${part} ff`));
  assert.deepEqual(
    messages.map(({ command, client, sequence, length, isPart, payload }) =>
      [command, client, sequence, length, isPart, payload.length].join(" "),
    ),
    ["2 1 1 2 false 2", "32 0 7 14 false 14", "12 0 8 129 false 129", "4 1 9 58 true 1"],
  );
  assert.deepEqual(names(gip.decodeInput(messages[1]!, plain, false)!), ["south"]);
});

const identity = { vendorId: 0x045e, productId: 0x028e, version: 0x0114 };

test("properties are xpad's numbers", () => {
  const { buttons, ...rest } = propertiesOf(identity, plain, { triggerMax: x360.TRIGGER_MAX, player: true });
  const { buttons: none, ...zeros } = gamepad.properties!.create();
  assert.deepEqual(rest, {
    ...zeros,
    ...{ busType: 3, vendor: 0x045e, product: 0x028e, version: 0x0114, features: 0b101 },
    ...{
      stickMin: -32768,
      stickMax: 32767,
      stickFuzz: 16,
      stickFlat: 128,
      triggerMax: 255,
      sticks: 2,
      hat: 1,
    },
  });
  assert.deepEqual([none, names({ buttons }).length], [0, 11]);
  const stick = propertiesOf(identity, modelOf(0x0738, 0x4728), { triggerMax: 255, player: true });
  assert.deepEqual([stick.triggerMax, names(stick).includes("leftTrigger")], [0, true]);
  const mat = propertiesOf(identity, modelOf(0x0e6f, 0x0105), { triggerMax: 255, player: true });
  assert.deepEqual([mat.hat, names(mat).includes("extra5")], [0, true]);
});

test("models have the names that Linux gives them; who is unknown is generic", () => {
  const named = [modelOf(0x045e, 0x028e), modelOf(0x045e, 0x02ea), modelOf(0x046d, 0xc21d), modelOf(1, 2)];
  assert.deepEqual(
    named.map(({ name }) => name),
    ["Microsoft X-Box 360 pad", "Microsoft X-Box One S pad", "Logitech Gamepad F310", "Generic X-Box pad"],
  );
});

test("what is odd about a model is as xpad has it", () => {
  const sticks = [0x0f0d_0063, 0x0738_4738, 0x0738_b738, 0x0f0d_001b, 0x12ab_0303, 0x1bad_f018, 0x0e6f_015c];
  const shares = [0x2dc8_200f, 0x2e24_0423, 0x366c_0005];
  const of = (id: number) => modelOf(id >>> 16, id & 0xffff);
  assert.ok(sticks.every((id) => of(id).digitalTriggers));
  assert.deepEqual(
    shares.map((id) => of(id).shareFromEnd),
    [18, 18, 18],
  );
  assert.ok([0x1bad_0003, 0x12ab_0004].every((id) => of(id).isMat));
});

test("rumble, the ring of light and acknowledgements are as xpad sends them", () => {
  assert.deepEqual(x360.rumble(0xffff, 0x8000), hex("00 08 00 ff 80 00 00 00"));
  assert.deepEqual(x360.light(x360.playerPattern(2)), hex("01 03 07"));
  assert.deepEqual([0, 1, 4, 5].map(x360.playerPattern), [0, 6, 9, 6]);
  assert.deepEqual(
    gip.numbered(gip.rumble(0xffff, 0x0200, 100), 7),
    hex("09 00 07 09 00 03 00 00 7f 01 ff 00 01"),
  );
  assert.deepEqual(gip.rumble(0, 0, 0), hex("09 00 00 09 00 0f 00 00 00 00 00 00 00"));
  const guide = message("07 30 05 02 01 5b");
  assert.deepEqual(gip.acknowledgement(guide), hex("01 20 05 09 00 07 20 02 00 00 00 00 00"));
  const long = message("04 b0 06 ba 01 00");
  assert.deepEqual(gip.acknowledgement(long), hex("01 20 06 09 00 04 20 ba 00 00 00 00 00"));
});

test("an Xbox One's rumble ends by itself, no earlier than it is to, and lasts a minute if it must", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 65_535 }), (durationMs) => {
      const [on, , times] = gip.rumble(1 << 15, 0, durationMs).slice(10);
      assert.ok(on! * 10 * times! >= durationMs && on! * 10 * (times! - 1) < durationMs);
    }),
  );
});

test("who is started how", () => {
  const start = (vendorId: number, productId: number) =>
    gip.startMessages(vendorId, productId).map((bytes) => Buffer.from(bytes).toString("hex"));
  const on = "0520000100";
  const all = ["0a200003000114", "062000020100"]; // light on, authentication over
  assert.deepEqual(start(0x045e, 0x02d1), [on, ...all]);
  assert.deepEqual(start(0x045e, 0x02ea), [on, "0520000f06", ...all]);
  assert.deepEqual(start(0x0f0d, 0x0067), ["0120000900042" + "03a000000" + "8000", on, ...all]);
  const rumbles = ["09000009000f00001d1dff0000", "09000009000f00000000000000"];
  assert.deepEqual(start(0x24c6, 0x543a), [on, ...all, ...rumbles]);
});

test("whatever comes, a state is within its bounds", () => {
  const struct = gamepad.events.state.data!;
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 64 }),
      fc.constantFrom(plain, modelOf(0x045e, 0x0b12)),
      (bytes, model) => {
        const messages = gip.decodeMessages(bytes);
        assert.ok(messages.length <= bytes.length / 4);
        for (const state of [
          x360.decodeInput(bytes, model),
          ...messages.map((each) => gip.decodeInput(each, model, false)),
        ]) {
          if (state === undefined) continue;
          struct.encode({ ...state, timestampUs: 0 }, new DataView(new ArrayBuffer(struct.size)), 0);
          assert.ok(state.leftTrigger <= 1023 && state.rightTrigger <= 1023);
        }
      },
    ),
  );
});
