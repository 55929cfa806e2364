// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AxisBinding } from "@ring3/core/mapping";
import { axesOf } from "@ring3/core/pad";
import fc from "fast-check";
import { deflection, padAxes } from "./axes.ts";
import { Layers } from "./layers.ts";
import { atRest, axis, layer, mapping, on, pad } from "./mapping.fixture.ts";
import { stateOf } from "./pad.ts";

const close = (found: number, expected: number) =>
  assert.ok(Math.abs(found - expected) < 1e-9, `${found}, expected ${expected}`);

for (const [more, value, expected] of [
  [{}, 0.3, 0.3],
  [{ inner: 0.2 }, 0.2, 0],
  [{ inner: 0.2 }, 0.6, 0.5],
  [{ inner: 0.2 }, -0.6, -0.5],
  [{ inner: 0.2, outer: 0.7 }, 0.7, 1],
  [{ exponent: 2 }, -0.5, -0.25],
  [{ exponent: 0.5 }, 0.25, 0.5],
  [{ scale: 0.5 }, 1, 0.5],
  [{ invertX: true }, 0.3, -0.3],
  [{ inner: 0.5, exponent: 2, scale: 2, invertX: true }, 0.75, -0.5],
] satisfies [Partial<AxisBinding>, number, number][])
  test(`${JSON.stringify(more)} makes ${expected} of ${value}`, () => {
    close(deflection(axis("leftX", more), [value, 0, 0, 0, 0, 0]).x, expected);
  });

test("an inverted trigger is pulled where it was not", () => {
  assert.equal(deflection(axis("leftTrigger", { invertX: true }), [0, 0, 0, 0, 0.25, 0]).x, 0.75);
});

test("a stick's dead zone is a circle, and its direction stays", () => {
  const { x, y } = deflection(axis("leftStick", { inner: 0.5 }), [0.6, 0.8, 0, 0, 0, 0]);
  close(x, 0.6);
  close(y, 0.8);
  assert.deepEqual(deflection(axis("leftStick", { inner: 0.5 }), [0.3, 0.39, 0, 0, 0, 0]), { x: 0, y: 0 });
});

test("with also it stays where it was, too; nothing takes it away", () => {
  const axes = [0.5, 0, 0, 0, 0.25, 0];
  const moved = padAxes([axis("leftX", { to: "rightY", also: true })], axes, () => false);
  assert.deepEqual(moved, [0.5, 0, 0, 0.5, 0, 0]);
  const pulled = padAxes(
    [axis("leftX", { to: "leftTrigger", invertX: true }), axis("leftTrigger")],
    axes,
    () => false,
  );
  assert.equal(pulled[4], 0.25, "a stick's other way takes nothing from a trigger");
  assert.deepEqual(padAxes([axis("leftTrigger", { to: "nothing" })], axes, () => false)[4], 0);
});

test("numbers of any device come out as they came in", () => {
  const number = fc.integer({ min: -0x8000, max: 0x7fff });
  fc.assert(
    fc.property(
      fc.tuple(number, number, number),
      fc.integer({ min: 1, max: 0xffff }),
      (triple, triggerMax) => {
        const [stickMin, leftX, stickMax] = triple.toSorted((a, b) => a - b) as [number, number, number];
        fc.pre(stickMin < stickMax);
        const properties = { ...pad, stickMin, stickMax, triggerMax };
        const state = {
          ...atRest,
          leftX,
          leftY: stickMin,
          rightX: stickMax,
          rightY: leftX,
          leftTrigger: triggerMax,
        };
        const axes = axesOf(state, properties);
        assert.deepEqual(stateOf(0, { x: 0, y: 0 }, axes, properties), state);
      },
    ),
  );
});

test("of a stick the topmost layer that says anything says all; of the rest the next one below", () => {
  const { profiles } = mapping({
    a: {
      bindings: [on("south", layer("top"))],
      axes: [axis("leftStick", { to: "mouse" }), axis("rightStick", { to: "wheel" })],
      layers: { top: { axes: [axis("leftX", { to: "rightX" })] } },
    },
  });
  const layers = new Layers(profiles.get("a")!);
  const told = () => layers.axes.map(({ from, to }) => [from, to]);
  const triggers = [
    ["leftTrigger", undefined],
    ["rightTrigger", undefined],
  ];
  assert.deepEqual(told(), [["leftStick", "mouse"], ["rightStick", "wheel"], ...triggers]);
  const leave = layers.hold("top");
  assert.deepEqual(told(), [["leftX", "rightX"], ["leftY", undefined], ["rightStick", "wheel"], ...triggers]);
  leave();
  assert.deepEqual(told()[0], ["leftStick", "mouse"]);
});

test("of two layers in force the one that came last is above; held twice, it stays until both are let go", () => {
  const { profiles } = mapping({
    a: {
      layers: {
        one: { axes: [axis("leftX", { to: "leftY" })] },
        two: { axes: [axis("leftX", { to: "rightY" })] },
      },
    },
  });
  const layers = new Layers(profiles.get("a")!);
  const [first, second] = [layers.hold("one"), layers.hold("one")];
  layers.toggle("two");
  assert.equal(layers.axes[0]!.to, "rightY");
  first();
  layers.toggle("two");
  assert.equal(layers.axes[0]!.to, "leftY");
  second();
  assert.equal(layers.axes[0]!.to, undefined);
});
