// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createMapper } from "./mapper.ts";
import {
  atRest,
  axis,
  control,
  gyro,
  keyboard,
  mapping,
  mouse,
  on,
  pad,
  padState,
  press,
} from "./mapping.fixture.ts";

const keys = (...names: string[]) => names.map(control);
const padMapper = (profiles: Parameters<typeof mapping>[0]) =>
  createMapper(mapping(profiles), { gamepad: pad });
const keyMapper = (profiles: Parameters<typeof mapping>[0], names: readonly string[]) =>
  createMapper(mapping(profiles), { input: keyboard(names) });

describe("buttons", () => {
  test("what is mapped is consumed, the rest passes", () => {
    const mapper = padMapper({ a: { bindings: [on("south", press("KEY_A"))] } });
    const { keyboard, gamepad } = mapper.state(padState(["south", "east"], { leftX: 3, hatY: -1 }), 0);
    assert.deepEqual(keyboard, keys("KEY_A"));
    assert.deepEqual(gamepad, padState(["east"], { leftX: 3, hatY: -1 }));
    assert.deepEqual(mapper.state(atRest, 5).keyboard, []);
  });

  test("with also it passes as well", () => {
    const mapper = padMapper({ a: { bindings: [on("south", press("KEY_A"), { also: true })] } });
    const { keyboard, gamepad } = mapper.state(padState(["south"]), 0);
    assert.deepEqual([keyboard, gamepad], [keys("KEY_A"), padState(["south"])]);
  });

  test("two buttons hold one key until the last is let go", () => {
    const mapper = padMapper({
      a: { bindings: [on("south", press("KEY_A")), on("east", press("KEY_LEFTCTRL KEY_A"))] },
    });
    mapper.state(padState(["south"]), 0);
    assert.deepEqual(mapper.state(padState(["south", "east"]), 1).keyboard, keys("KEY_A", "KEY_LEFTCTRL"));
    assert.deepEqual(mapper.state(padState(["east"]), 2).keyboard, keys("KEY_LEFTCTRL", "KEY_A"));
    assert.deepEqual(mapper.state(atRest, 3).keyboard, []);
  });

  test("the hat's ways are keys, and a button is a way of the hat", () => {
    const mapper = padMapper({
      a: { bindings: [on("hatUp", press("KEY_UP")), on("paddle1", press("hatLeft"))] },
    });
    assert.deepEqual(mapper.state({ ...atRest, hatX: 1, hatY: -1 }, 0).keyboard, keys("KEY_UP"));
    assert.deepEqual(mapper.state({ ...atRest, hatX: 1, hatY: -1 }, 1).gamepad, { ...atRest, hatX: 1 });
  });

  test("turbo presses so often a second while held, and rests in between", () => {
    const mapper = padMapper({ a: { bindings: [on("south", press("KEY_A", { turbo: 10 }))] } });
    const seen: [number, boolean][] = [];
    let output = mapper.state(padState(["south"]), 0);
    for (let now = 0; now < 200; now = output.nextWakeMs!, output = mapper.wake(now))
      seen.push([now, output.keyboard.length > 0]);
    assert.deepEqual(seen, [
      [0, true],
      [50, false],
      [100, true],
      [150, false],
    ]);
    assert.deepEqual(mapper.state(atRest, 210), { ...mapper.wake(210), keyboard: [], nextWakeMs: undefined });
  });

  test("a button turns the wheel by a notch, upwards and sideways", () => {
    const mapper = padMapper({
      a: { bindings: [on("paddle1", press("wheelUp")), on("south", press("wheelLeft"))] },
    });
    const buttons = { ...pad, buttons: 0xfffff };
    const withPaddles = createMapper(
      mapping({ a: { bindings: [on("paddle1", press("wheelUp")), on("south", press("wheelLeft"))] } }),
      { gamepad: buttons },
    );
    assert.equal(mapper.targets.mouse.wheel && mapper.targets.mouse.horizontalWheel, true);
    const { mouse } = withPaddles.state(padState(["paddle1", "south"]), 0);
    assert.deepEqual([mouse.wheel, mouse.horizontalWheel], [120, -120]);
    assert.equal(withPaddles.state(padState(["paddle1", "south"]), 9).mouse.wheel, 0);
  });

  test("a mouse's button comes from the mouse, and keys become what a pad has", () => {
    const mapper = keyMapper(
      {
        a: {
          bindings: [
            on("KEY_W", press("leftStickUp")),
            on("KEY_D", press("leftStickRight", { amount: 0.5 })),
            on("KEY_SPACE", press("south")),
            on("KEY_E", press("rightTrigger")),
            on("KEY_R", press("BTN_LEFT")),
          ],
        },
      },
      ["KEY_W", "KEY_D", "KEY_SPACE", "KEY_E", "KEY_R", "KEY_Q"],
    );
    const { gamepad, keyboard, mouse } = mapper.keys(
      { pressed: keys("KEY_W", "KEY_D", "KEY_SPACE", "KEY_E", "KEY_R", "KEY_Q") },
      0,
    );
    assert.deepEqual(
      [gamepad!.leftX, gamepad!.leftY, gamepad!.buttons, gamepad!.rightTrigger],
      [16_384, -32_768, 1, 255],
    );
    assert.deepEqual([keyboard, mouse.buttons], [keys("KEY_Q"), keys("BTN_LEFT")]);
    assert.deepEqual(mapper.keys({ pressed: [] }, 1).gamepad, {
      ...atRest,
      leftX: 0,
      leftY: 0,
      rightX: 0,
      rightY: 0,
    });
  });
});

describe("sticks and triggers", () => {
  test("sticks are swapped to the very number, corners too", () => {
    const mapper = padMapper({
      a: { axes: [axis("leftStick", { to: "rightStick" }), axis("rightStick", { to: "leftStick" })] },
    });
    const state = { ...atRest, leftX: 0, leftY: 255, rightX: 77, rightY: 200 };
    assert.deepEqual(mapper.state(state, 0).gamepad, {
      ...atRest,
      leftX: 77,
      leftY: 200,
      rightX: 0,
      rightY: 255,
    });
  });

  test("a way of a stick is a key from its threshold on, until it is back below its hysteresis", () => {
    const mapper = padMapper({
      a: {
        bindings: [on("leftStickUp", press("KEY_W"))],
        axes: [axis("leftStick", { threshold: 0.6, hysteresis: 0.2 })],
      },
    });
    const at = (leftY: number) => mapper.state({ ...atRest, leftY }, 0);
    assert.deepEqual(
      [60, 50, 60, 70, 80].map((leftY) => at(leftY).keyboard.length),
      [0, 1, 1, 1, 0],
    );
    assert.deepEqual(at(20).gamepad, atRest, "what is bound does not pass");
    assert.deepEqual(at(255).gamepad, { ...atRest, leftY: 255 }, "the other way does");
  });

  test("an inverted stick's way is that to which it is pushed: bound, it is a key and nothing else", () => {
    const mapper = padMapper({
      a: {
        bindings: [on("leftStickUp", press("KEY_W"))],
        axes: [axis("leftStick", { invertY: true })],
      },
    });
    const at = (leftY: number) => {
      const { keyboard, gamepad } = mapper.state({ ...atRest, leftY }, 0);
      return [keyboard, gamepad];
    };
    assert.deepEqual(at(0), [keys("KEY_W"), atRest]);
    assert.deepEqual(at(255), [[], { ...atRest, leftY: 0 }]);
  });

  test("an inverted trigger that is a button pulls nothing, neither at rest nor pulled", () => {
    const bindings = [on("leftTrigger", press("BTN_RIGHT"))];
    const mapper = padMapper({ a: { bindings, axes: [axis("leftTrigger", { invertX: true })] } });
    const at = (leftTrigger: number) => mapper.state({ ...atRest, leftTrigger }, 0).gamepad;
    assert.deepEqual([at(0), at(255)], [atRest, atRest]);
  });

  test("a trigger is a button by its way, and neither its way nor its bit passes", () => {
    const mapper = padMapper({ a: { bindings: [on("leftTrigger", press("BTN_RIGHT"))] } });
    const at = (leftTrigger: number) => mapper.state(padState(["leftTrigger"], { leftTrigger }), 0);
    assert.deepEqual([at(100).mouse.buttons, at(100).gamepad], [[], atRest]);
    assert.deepEqual([at(200).mouse.buttons, at(200).gamepad], [keys("BTN_RIGHT"), atRest]);
  });

  test("an inverted trigger is pulled at rest, but not once the device is gone", () => {
    const mapper = padMapper({ a: { axes: [axis("leftTrigger", { to: "leftTrigger", invertX: true })] } });
    assert.equal(mapper.wake(0).gamepad!.leftTrigger, 0);
    assert.equal(mapper.state(atRest, 0).gamepad!.leftTrigger, 255);
    assert.equal(mapper.reset(1).gamepad!.leftTrigger, 0);
  });

  test("a stick moves the pointer as fast as it says, as time goes by", () => {
    const mapper = padMapper({ a: { axes: [axis("rightStick", { to: "mouse", speed: 1000 })] } });
    let output = mapper.state({ ...atRest, rightX: 255 }, 0);
    let x = 0;
    while (output.nextWakeMs! < 1000) {
      output = mapper.wake(output.nextWakeMs!);
      x += output.mouse.x;
    }
    assert.ok(Math.abs(x - 992) <= 1, `${x}`);
    assert.deepEqual(output.gamepad, atRest);
    assert.equal(mapper.state(atRest, 1000).nextWakeMs, undefined);
    assert.equal(mapper.wake(5000).mouse.x, 0);
  });

  test("it gains speed for a second, and who sleeps does not make it jump", () => {
    const mapper = padMapper({
      a: { axes: [axis("rightStick", { to: "mouse", speed: 1000, acceleration: 500 })] },
    });
    mapper.state({ ...atRest, rightX: 255 }, 0);
    assert.equal(mapper.wake(3000).mouse.x, 50);
    assert.equal(mapper.wake(3040).mouse.x, 60);
  });

  test("a stick turns the wheel, up for up", () => {
    const mapper = padMapper({ a: { axes: [axis("rightY", { to: "wheel", speed: 10 })] } });
    mapper.state({ ...atRest, rightY: 0, rightX: 9 }, 0);
    const { mouse, gamepad } = mapper.wake(50);
    assert.deepEqual([mouse.wheel, gamepad], [60, { ...atRest, rightX: 9 }]);
  });
});

describe("gyroscope", () => {
  const turn = (y: number, timestampUs: number) => ({ gyro: [512, y, 0], accel: [1, 2, 3], timestampUs });

  test("moves the pointer while its button is held, by degrees, and programs do not see it", () => {
    const mapper = padMapper({ a: { gyro: { ...gyro, while: keys("leftTrigger") } } });
    const idle = mapper.sensors(turn(1024, 0), 0);
    assert.deepEqual([idle.mouse.x, idle.sensors], [0, { gyro: [512, 1024, 0], accel: [1, 2, 3] }]);
    const aimed = mapper.state(padState(["leftTrigger"], { leftTrigger: 255 }), 1);
    assert.deepEqual(aimed.gamepad, padState(["leftTrigger"], { leftTrigger: 255 }));
    mapper.sensors(turn(-1024 * 90, 10_000), 10);
    const { mouse, sensors } = mapper.sensors(turn(-1024 * 90, 20_000), 20);
    assert.deepEqual([mouse.x, sensors], [9, { gyro: [0, 0, 0], accel: [1, 2, 3] }]);
  });

  test("a button that was held in another profile aims at nothing until it is pressed anew", () => {
    const mapper = padMapper({ a: {}, b: { gyro: { ...gyro, while: keys("south") } } });
    mapper.state(padState(["south"]), 0);
    mapper.use("b", 1);
    mapper.sensors(turn(-1024 * 90, 0), 2);
    assert.equal(mapper.sensors(turn(-1024 * 90, 10_000), 12).mouse.x, 0);
    mapper.state(atRest, 13);
    mapper.state(padState(["south"]), 14);
    mapper.sensors(turn(-1024 * 90, 20_000), 22);
    assert.equal(mapper.sensors(turn(-1024 * 90, 30_000), 32).mouse.x, 9);
  });

  test("a report that comes late does not make the pointer jump", () => {
    const mapper = padMapper({ a: { gyro } });
    mapper.sensors(turn(-1024, 0), 0);
    assert.equal(mapper.sensors(turn(-1024 * 100, 5_000_000), 5000).mouse.x, 50);
    assert.equal(mapper.sensors(turn(-1024 * 100, 0), 5001).mouse.x, 0);
  });

  test("smoothing slows a turn's beginning down", () => {
    const moved = (smoothingMs: number) => {
      const mapper = padMapper({ a: { gyro: { ...gyro, smoothingMs } } });
      mapper.sensors(turn(-1024 * 100, 0), 0);
      return mapper.sensors(turn(-1024 * 100, 20_000), 20).mouse.x;
    };
    assert.deepEqual([moved(0), moved(20)], [20, Math.trunc(20 * (1 - Math.exp(-1)))]);
  });
});

describe("keyboards and mice", () => {
  test("a mouse's movement and a pen's place pass", () => {
    const mapper = createMapper(mapping({ a: { bindings: [on("BTN_SIDE", press("KEY_BACK"))] } }), {
      input: mouse,
    });
    const { mouse: moved } = mapper.motion({ x: 3, y: -4, wheel: 120, horizontalWheel: 0 }, 0);
    assert.deepEqual(moved, { x: 3, y: -4, wheel: 120, horizontalWheel: 0, buttons: [] });
    const { mouse: still, keyboard } = mapper.keys({ pressed: keys("BTN_LEFT", "BTN_SIDE") }, 1);
    assert.deepEqual([still.x, still.buttons, keyboard], [0, keys("BTN_LEFT"), keys("KEY_BACK")]);
  });

  test("a code that the device has not said it has is not passed on", () => {
    const mapper = keyMapper({ a: {} }, ["KEY_A"]);
    assert.deepEqual(mapper.keys({ pressed: keys("KEY_B", "KEY_A") }, 0).keyboard, keys("KEY_A"));
  });
});

test("targets are what the mapping can press and what the device has, and no more", () => {
  const { targets } = padMapper({
    a: { bindings: [on("south", press("KEY_B KEY_A")), on("east", press("paddle1"))] },
    b: { bindings: [on("south", press("BTN_LEFT"))], layers: { l: { gyro } } },
  });
  assert.deepEqual(
    targets.keyboard,
    keys("KEY_A", "KEY_B").toSorted((a, b) => a - b),
  );
  assert.deepEqual(targets.mouse, {
    buttons: keys("BTN_LEFT"),
    moves: true,
    wheel: false,
    horizontalWheel: false,
  });
  assert.equal(targets.gamepad!.buttons, 0x1fff | (1 << 16));
  assert.equal(targets.pen, undefined);
});
