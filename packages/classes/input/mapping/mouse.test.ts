// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MouseMotion } from "./mouse.ts";

test("parts of a pixel come together to whole ones, each told once", () => {
  const mouse = new MouseMotion();
  const told = Array.from({ length: 5 }, () => {
    mouse.add({ x: 0.4, y: -0.5 });
    const { x, y } = mouse.take();
    return [x, y];
  });
  assert.deepEqual(told, [
    [0, 0],
    [0, -1],
    [1, 0],
    [0, -1],
    [1, 0],
  ]);
});

test("what a report has no room for is dropped, and does not move the pointer for ever", () => {
  const mouse = new MouseMotion();
  mouse.add({ x: 1e12 });
  assert.equal(mouse.take().x, 0x7fff_ffff);
  assert.equal(mouse.take().x, 0);
});
