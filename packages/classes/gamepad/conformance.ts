// Runs in: node --test. Owns: what any driver of game controllers must do, whether its port is near (in the same process) or far (a client end).
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DeviceError, type DeviceErrorKind } from "@ring3/core/errors";
import { assertInOrder } from "../event-times.fixture.ts";
import { type GamepadUnderTest, type State, Watcher } from "./conformance-pad.fixture.ts";
import {
  GAMEPAD_LIGHT,
  GAMEPAD_MOTION,
  GAMEPAD_PLAYER,
  GAMEPAD_POWER,
  GAMEPAD_RUMBLE,
  GAMEPAD_TOUCH,
  GAMEPAD_TRIGGER_EFFECTS,
  gamepadButton,
  RUMBLE_MAX_MS,
  TRIGGER_EFFECT_BYTES,
} from "./contract.ts";
import { faultOf } from "./policy.ts";

export type { GamepadUnderTest, Hands, Movement, OpenGamepad } from "./conformance-pad.fixture.ts";

/** Of the way of a stick or a trigger that a hand has moved to its end: no calibration takes more away. */
const NEARLY = 0.95;
const EFFECT = Array<number>(TRIGGER_EFFECT_BYTES).fill(0);

/** Registers the suite. `start` is called once; nobody else holds the pad. */
export function gamepadConformance(name: string, start: () => Promise<GamepadUnderTest>): void {
  describe(name, () => {
    let pad: GamepadUnderTest;
    let watcher: Watcher;
    const has = (feature: number) => (watcher.properties.features & feature) !== 0;
    const released = async () => {
      await pad.hands.release();
      return await watcher.neutral("a release");
    };
    before(async () => {
      pad = await start();
      watcher = new Watcher(await pad.open());
    });
    after(async () => {
      await watcher?.close();
      await pad?.close();
    });

    test("its properties make sense, and its operations are those that its features say", () => {
      const { properties, port } = watcher;
      assert.equal(faultOf(properties), undefined);
      for (const [feature, operation] of operations)
        assert.equal(port.supports(operation), has(feature), operation);
      if (has(GAMEPAD_TOUCH)) assert.ok(properties.touchMaxX > 0 && properties.touchMaxY > 0);
      if (has(GAMEPAD_MOTION)) {
        assert.ok(properties.accelRange > 0 && properties.gyroRange > 0);
        assert.ok(properties.accelPerG > 0 && properties.gyroPerDegree > 0);
      }
      assert.ok(watcher.buttons.length > 0, "no button");
    });

    test("what nobody holds is at rest from the first state on", async () => {
      await released();
      assert.ok(watcher.states.every((state) => watcher.isNeutral(state)));
    });

    test("each button is told alone, and its release", async () => {
      for (const button of watcher.buttons) {
        await pad.hands.press(button);
        const state = await watcher.state(button, ({ buttons }) => buttons !== 0);
        assert.equal(state.buttons, gamepadButton(button), button);
        assert.ok(watcher.isNeutral({ ...state, buttons: 0 }), button);
        await released();
      }
    });

    test("what is pressed and moved together is told together", async () => {
      const [one, other] = watcher.buttons;
      await pad.hands.press(one!);
      await pad.hands.press(other!);
      await pad.hands.move({ left: [1, 0], hat: [-1, 0] });
      const { sticks, hat, stickMin, stickMax } = watcher.properties;
      await watcher.state(
        "all together",
        ({ buttons, leftX, hatX }) =>
          buttons === (gamepadButton(one!) | gamepadButton(other!)) &&
          (sticks === 0 || leftX > stickMin + NEARLY * (stickMax - stickMin)) &&
          (hat === 0 || hatX === -1),
      );
      await released();
    });

    test("sticks go to their ends, right and down to their greatest", async () => {
      const { sticks, stickMin, stickMax } = watcher.properties;
      const far = (value: number) => value >= stickMin + NEARLY * (stickMax - stickMin);
      const near = (value: number) => value <= stickMax - NEARLY * (stickMax - stickMin);
      const ways: [at: number, "left" | "right", (state: State) => readonly [number, number]][] = [
        [1, "left", ({ leftX, leftY }) => [leftX, leftY]],
        [2, "right", ({ rightX, rightY }) => [rightX, rightY]],
      ];
      for (const [, side, of] of ways.filter(([at]) => at <= sticks)) {
        await pad.hands.move({ [side]: [1, 0] });
        await watcher.state(`${side} stick to the right`, (state) => far(of(state)[0]));
        await pad.hands.move({ [side]: [-1, 0] });
        await watcher.state(`${side} stick to the left`, (state) => near(of(state)[0]));
        await pad.hands.move({ [side]: [0, 1] });
        await watcher.state(`${side} stick down`, (state) => far(of(state)[1]));
        await pad.hands.move({ [side]: [0, -1] });
        await watcher.state(`${side} stick up`, (state) => near(of(state)[1]));
        await released();
      }
    });

    test("triggers go all their way, and the hat in its eight directions", async () => {
      const { triggerMax, hat } = watcher.properties;
      if (triggerMax > 0)
        for (const side of ["leftTrigger", "rightTrigger"] as const) {
          await pad.hands.move({ [side]: 1 });
          const state = await watcher.state(side, (each) => each[side] >= NEARLY * triggerMax);
          assert.ok(state[side] <= triggerMax, `${state[side]} of ${triggerMax}`);
          await released();
        }
      for (const [x, y] of hat === 0 ? [] : directions) {
        await pad.hands.move({ hat: [x, y] });
        await watcher.state(`hat ${x} ${y}`, ({ hatX, hatY }) => hatX === x && hatY === y);
      }
      await released();
    });

    test("who comes later is told what is pressed, though nothing changes", async () => {
      const [button] = watcher.buttons;
      await pad.hands.press(button!);
      await watcher.state(button!, ({ buttons }) => buttons === gamepadButton(button!));
      const late = new Watcher(await pad.open());
      await late.state("to who comes later", ({ buttons }) => buttons === gamepadButton(button!));
      await late.close();
      await released();
    });

    test("a finger is told where it is, and that it is away", async () => {
      if (!has(GAMEPAD_TOUCH)) return;
      const { touchMaxX, touchMaxY } = watcher.properties;
      await pad.hands.move({ touch: [1, 0.5] });
      const { fingers } = await watcher.told(
        "touch",
        "a finger",
        (touch) => touch.fingers[0]!.touching === 1,
      );
      const [{ x, y }] = fingers as [(typeof fingers)[number]];
      assert.ok(x > NEARLY * touchMaxX && x <= touchMaxX, `${x} of ${touchMaxX}`);
      assert.ok(Math.abs(y - touchMaxY / 2) < touchMaxY / 20, `${y} of ${touchMaxY}`);
      await pad.hands.release();
      await watcher.told("touch", "no finger", (touch) =>
        touch.fingers.every(({ touching }) => touching === 0),
      );
    });

    test("motion is told again and again, within its range", async () => {
      if (!has(GAMEPAD_MOTION)) return;
      const { accelRange, gyroRange } = watcher.properties;
      const times: number[] = [];
      await watcher.told("motion", "motion, ten times", ({ timestampUs, accel, gyro }) => {
        assert.ok(
          accel.every((value) => Math.abs(value) <= accelRange),
          `${accel}`,
        );
        assert.ok(
          gyro.every((value) => Math.abs(value) <= gyroRange),
          `${gyro}`,
        );
        return times.push(timestampUs) === 10;
      });
      assertInOrder(times);
    });

    test("power is told in percent", async () => {
      if (!has(GAMEPAD_POWER)) return;
      await watcher.told("power", "power", ({ percent, charging }) => percent <= 100 && charging <= 1);
    });

    test("times of states never go back", () =>
      assertInOrder(watcher.states.map((state) => state.timestampUs)));

    for (const [feature, operation, inputs] of operations)
      test(`${operation} is done where the features say so, and unsupported elsewhere`, async () => {
        for (const input of inputs) {
          const asked = watcher.port.request(operation, input as never);
          if (has(feature)) await asked;
          else await fails("unsupported", asked);
        }
      });

    test("what the motors do is told, and its end", async () => {
      if (!has(GAMEPAD_RUMBLE)) return;
      const begun = watcher.told(
        "motors",
        "what was asked for",
        ({ strong, weak }) => strong === 40_000 && weak === 20_000,
      );
      begun.catch(() => {}); // where already the request fails
      await watcher.port.request("rumble", { strong: 40_000, weak: 20_000, durationMs: 200 });
      await begun; // listened for from before: to who is late, only the end is told
      await watcher.told("motors", "the end", ({ strong, weak }) => strong === 0 && weak === 0);
    });

    test("how lights shine is told to who comes later", async () => {
      if (has(GAMEPAD_LIGHT)) {
        await watcher.port.request("light", { red: 250, green: 2, blue: 3 });
        await watcher.told(
          "lights",
          "a colour",
          ({ red, green, blue }) => `${red} ${green} ${blue}` === "250 2 3",
        );
      } else if (has(GAMEPAD_PLAYER)) {
        await watcher.port.request("player", { number: 3 });
        await watcher.told("lights", "a player", ({ player }) => player === 3);
      }
    });

    test("a trigger effect of a third trigger is invalid", async () => {
      if (!has(GAMEPAD_TRIGGER_EFFECTS)) return;
      await fails("invalid", watcher.port.request("triggerEffect", { side: 2, mode: 0, parameters: EFFECT }));
    });

    test("after a rest it tells what is pressed, were it the same as before", async () => {
      const [button] = watcher.buttons;
      await pad.hands.press(button!);
      await watcher.state(button!, ({ buttons }) => buttons === gamepadButton(button!));
      await pad.suspend();
      const before = watcher.states.length;
      await pad.resume();
      await pad.hands.press(button!); // once more: it may tell nothing by itself
      await watcher.state(
        "after a rest",
        ({ buttons }) => watcher.states.length > before && buttons === gamepadButton(button!),
      );
      await released();
    });

    test("the driver is killed while a button is down: the next one tells it with what is pressed then", async () => {
      const [one, other] = watcher.buttons;
      await pad.hands.press(one!);
      await watcher.state(one!, ({ buttons }) => buttons === gamepadButton(one!));
      await pad.kill();
      const next = new Watcher(await pad.open());
      await pad.hands.press(other!);
      await next.state("both", ({ buttons }) => buttons === (gamepadButton(one!) | gamepadButton(other!)));
      await pad.hands.release();
      await next.neutral("a release with the next driver");
      assertInOrder(next.states.map((state) => state.timestampUs));
      await next.close();
    });
  });
}

const operations = [
  [
    GAMEPAD_RUMBLE,
    "rumble",
    [
      { strong: 65_535, weak: 1, durationMs: 10 },
      { strong: 1, weak: 65_535, durationMs: RUMBLE_MAX_MS },
      { strong: 0, weak: 0, durationMs: 0 },
    ],
  ],
  [
    GAMEPAD_LIGHT,
    "light",
    [
      { red: 255, green: 0, blue: 1 },
      { red: 0, green: 0, blue: 0 },
    ],
  ],
  [GAMEPAD_PLAYER, "player", [{ number: 1 }, { number: 255 }, { number: 0 }]],
  [
    GAMEPAD_TRIGGER_EFFECTS,
    "triggerEffect",
    [
      { side: 0, mode: 1, parameters: EFFECT },
      { side: 1, mode: 0, parameters: EFFECT },
    ],
  ],
] as const;

const directions = [-1, 0, 1]
  .flatMap((x) => [-1, 0, 1].map((y) => [x, y] as const))
  .filter(([x, y]) => x !== 0 || y !== 0);

async function fails(kind: DeviceErrorKind, request: Promise<unknown>): Promise<void> {
  await assert.rejects(request, (error) => error instanceof DeviceError && error.kind === kind);
}
