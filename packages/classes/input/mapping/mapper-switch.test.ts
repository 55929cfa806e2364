// Runs in: node --test. Owns: nothing. What becomes of what is held when the layer, the profile, the driver or the mapping is another.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createMapper } from "./mapper.ts";
import {
  atRest,
  control,
  layer,
  macro,
  mapping,
  on,
  pad,
  padState,
  press,
  profile,
  step,
} from "./mapping.fixture.ts";

const keys = (...names: string[]) => names.map(control);
const padMapper = (profiles: Parameters<typeof mapping>[0]) =>
  createMapper(mapping(profiles), { gamepad: pad });

describe("layers and profiles", () => {
  const layered = () =>
    padMapper({
      a: {
        bindings: [
          on("leftShoulder", layer("nav")),
          on("rightShoulder", layer("nav", true)),
          on("south", press("KEY_A")),
          on("start", profile("b")),
        ],
        layers: { nav: { bindings: [on("south", press("KEY_B"))] } },
      },
      b: { bindings: [on("east", press("KEY_E")), on("mode", press("KEY_M"))] },
    });

  test("a layer is in force while its button is held, and what was begun ends as it began", () => {
    const mapper = layered();
    assert.deepEqual(mapper.state(padState(["leftShoulder"]), 0).gamepad, atRest);
    assert.deepEqual(mapper.state(padState(["leftShoulder", "south"]), 1).keyboard, keys("KEY_B"));
    assert.deepEqual(mapper.state(padState(["south"]), 2).keyboard, keys("KEY_B"));
    assert.deepEqual(mapper.state(atRest, 3).keyboard, []);
    assert.deepEqual(mapper.state(padState(["south"]), 4).keyboard, keys("KEY_A"));
  });

  test("a toggled layer stays until the next press", () => {
    const mapper = layered();
    const tap = (...buttons: Parameters<typeof padState>[0]) => {
      const { keyboard } = mapper.state(padState(buttons), 0);
      mapper.state(atRest, 0);
      return keyboard;
    };
    tap("rightShoulder");
    assert.deepEqual(tap("south"), keys("KEY_B"));
    tap("rightShoulder");
    assert.deepEqual(tap("south"), keys("KEY_A"));
  });

  test("over a reset a toggled layer stays, one that is held does not", () => {
    const mapper = layered();
    const tapped = () => mapper.state(padState(["south"]), 0).keyboard;
    mapper.state(padState(["leftShoulder"]), 0);
    mapper.reset(0);
    assert.deepEqual(tapped(), keys("KEY_A"));
    mapper.state(padState(["rightShoulder"]), 0);
    mapper.reset(0);
    assert.deepEqual(tapped(), keys("KEY_B"));
    mapper.use("b", 0);
    mapper.use("a", 0);
    mapper.state(atRest, 0);
    assert.deepEqual(tapped(), keys("KEY_A"));
  });

  test("another profile ends all, and what is held has no effect in it", () => {
    const mapper = layered();
    mapper.state(padState(["south"]), 0);
    const { keyboard, gamepad } = mapper.state(padState(["south", "start", "east", "mode"]), 1);
    assert.deepEqual([mapper.profile, keyboard, gamepad], ["b", [], atRest]);
    assert.deepEqual(mapper.state(padState(["start"]), 2).gamepad, atRest);
    mapper.state(atRest, 3);
    const anew = mapper.state(padState(["start", "east"]), 4);
    assert.deepEqual([anew.keyboard, anew.gamepad], [keys("KEY_E"), padState(["start"])]);
  });

  test("so it is over a reset too", () => {
    const mapper = layered();
    mapper.state(padState(["south", "east"]), 0);
    mapper.use("b", 1);
    mapper.reset(2);
    const { gamepad, keyboard } = mapper.state(padState(["south", "east"]), 3);
    assert.deepEqual([gamepad, keyboard], [atRest, []]);
  });

  test("so it is with a switch while the driver is down, a second time too", () => {
    const mapper = layered();
    mapper.state(padState(["south", "east"]), 0);
    mapper.reset(1);
    mapper.use("b", 2);
    mapper.reset(3);
    const { gamepad, keyboard } = mapper.state(padState(["south", "east"]), 4);
    assert.deepEqual([gamepad, keyboard], [atRest, []]);
    mapper.state(padState(["south"]), 5);
    assert.deepEqual(mapper.state(padState(["south", "east"]), 6).keyboard, keys("KEY_E"));
  });

  test("so it is with another mapping in which another profile is active; what is held goes on in the same one", () => {
    const profiles = { a: {}, b: { bindings: [on("south", press("KEY_B"))] } };
    for (const [first, expected] of [
      ["a", []],
      ["b", keys("KEY_B")],
    ] as const) {
      const before = createMapper(mapping(profiles), { gamepad: pad }, { profile: first });
      before.state(padState(["south"]), 0);
      const after = createMapper(mapping(profiles), { gamepad: pad }, { before, profile: "b" });
      assert.deepEqual(after.state(padState(["south"]), 1).keyboard, expected);
    }
  });

  test("what a device that goes on says is pressed, after a switch, was held over it", () => {
    const mapper = layered();
    mapper.resumes();
    mapper.use("b", 0);
    assert.deepEqual(mapper.state(padState(["east"]), 1).keyboard, []);
    mapper.state(atRest, 2);
    assert.deepEqual(mapper.state(padState(["east"]), 3).keyboard, keys("KEY_E"));
  });

  test("a stick or a trigger that is held over a switch moves nothing until it is let go", () => {
    const mapper = padMapper({ a: { bindings: [on("leftStickUp", press("KEY_W"))] }, b: {} });
    const held = { ...atRest, leftY: 0, leftX: 100, rightTrigger: 255 };
    assert.deepEqual(mapper.state(held, 0).keyboard, keys("KEY_W"));
    mapper.use("b", 1);
    assert.deepEqual(mapper.state(held, 2).gamepad, { ...atRest, leftX: 100 });
    mapper.state(atRest, 3);
    assert.deepEqual(mapper.state(held, 4).gamepad, held);
  });

  test("a profile that there is not is refused", () => {
    assert.throws(() => layered().use("c", 0), /profile "c": there are a, b: not valid/);
  });
});

describe("a reset", () => {
  const mapper = () =>
    padMapper({
      a: {
        bindings: [
          on("south", press("KEY_A")),
          on("east", macro([step("KEY_M", "", 100), step("", "KEY_M", 100)])),
          on("north", layer("nav", true)),
        ],
        layers: { nav: { bindings: [on("south", press("KEY_B"))] } },
      },
    });

  test("releases all, and no macro goes on", () => {
    const running = mapper();
    const held = padState(["south", "east", "west"], { leftX: 0, rightTrigger: 99 });
    assert.deepEqual(running.state(held, 0).keyboard, keys("KEY_A", "KEY_M"));
    const { gamepad, keyboard, nextWakeMs } = running.reset(10);
    assert.deepEqual([gamepad, keyboard, nextWakeMs], [atRest, [], undefined]);
    assert.deepEqual(running.wake(150).keyboard, []);
  });

  test("what is still held then is held again, but begins no macro and toggles no layer until it is pressed anew", () => {
    const running = mapper();
    running.state(padState(["south", "east", "north"]), 0);
    running.reset(10);
    assert.deepEqual(running.state(padState(["south", "east", "north"]), 20).keyboard, keys("KEY_B"));
    running.state(atRest, 30);
    assert.deepEqual(running.state(padState(["east"]), 40).keyboard, keys("KEY_M"));
  });

  test("so it is with another mapping, which begins at rest", () => {
    const before = mapper();
    before.state(padState(["south", "east"]), 0);
    const bindings = [on("south", press("KEY_C")), on("east", macro([step("KEY_N", "", 100)]))];
    const after = createMapper(mapping({ a: { bindings } }), { gamepad: pad }, { before });
    assert.deepEqual(after.wake(1).keyboard, []);
    assert.deepEqual(after.state(padState(["south", "east"]), 2).keyboard, keys("KEY_C"));
    after.state(atRest, 3);
    assert.deepEqual(after.state(padState(["east"]), 4).keyboard, keys("KEY_N"));
  });

  test("what was let go meanwhile begins as ever", () => {
    const running = mapper();
    running.state(padState(["east"]), 0);
    running.reset(10);
    running.state(atRest, 20);
    assert.deepEqual(running.state(padState(["east"]), 30).keyboard, keys("KEY_M"));
  });
});
