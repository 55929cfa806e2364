// Runs in: tests. Owns: nothing; the mouse's reports against bytes worked out by hand from its report descriptor.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Host } from "../../input/test/host.ts";
import { mouse } from "./mouse.ts";

test("buttons are bits, movement is 16 bits each way and told once", async () => {
  const host = new Host(mouse);
  const steps: [string, string][] = [
    ["button left down", "01 0000 0000 00 00"],
    ["button extra down", "11 0000 0000 00 00"],
    ["move 10 -3", "11 0a00 fdff 00 00"],
    ["move -32767 32767", "11 0180 ff7f 00 00"],
    ["button left up", "10 0000 0000 00 00"],
    ["release all", "00 0000 0000 00 00"],
  ];
  for (const [step, report] of steps) {
    host.play(step);
    assert.equal(await host.in(), report.replaceAll(" ", ""), step);
  }
  host.play("move 0 0", "release all");
  assert.deepEqual(await host.drain(), []);
});

test("wheels tell notches; a part of one waits for the rest", async () => {
  const host = new Host(mouse);
  host.play("wheel -2");
  assert.equal(await host.in(), "0000000000fe00");
  host.play("pan 1");
  assert.equal(await host.in(), "00000000000001");
  host.play("wheel 0.5");
  assert.deepEqual(await host.drain(), []);
  host.play("wheel 0.5");
  assert.equal(await host.in(), "00000000000100");
});

test("whoever sets the multiplier gets eighths, of the wheel that it was set for", async () => {
  const host = new Host(mouse);
  assert.equal((await host.control(0xa1, 1, 0x0300, 0, 1)).hex, "00");
  assert.equal((await host.control(0x21, 9, 0x0300, 0, "01")).errno, 0);
  assert.deepEqual(host.observed, [{ observed: "resolution-multiplier", wheel: 8, pan: 1 }]);
  host.play("wheel 0.5");
  assert.equal(await host.in(), "00000000000400");
  host.play("pan 2");
  assert.equal(await host.in(), "00000000000002");
  await host.control(0x21, 9, 0x0300, 0, "05");
  host.play("pan -15");
  assert.equal(await host.in(), "00000000000088");
  assert.equal((await host.control(0xa1, 1, 0x0300, 0, 1)).hex, "05");
});

test("the boot protocol has three buttons and eight bits", async () => {
  const host = new Host(mouse);
  await host.control(0x21, 11, 0, 0);
  host.play("button extra down", "button right down");
  assert.equal(await host.in(), "020000");
  host.play("move 300 -5");
  assert.equal(await host.in(), "027ffb");
  await host.control(0x21, 11, 1, 0);
  host.play("move 300 -5");
  assert.equal(await host.in(), "122c01fbff0000");
});

test("a report descriptor of 123 bytes; configured again, the multiplier is off", async () => {
  const host = new Host(mouse);
  assert.equal((await host.control(0x81, 6, 0x2200, 0, 255)).hex.length / 2, 123);
  assert.equal((await host.control(0x81, 6, 0x2100, 0, 9)).hex, "092111010001227b00");
  await host.control(0x21, 9, 0x0300, 0, "05");
  await host.control(0x00, 9, 1, 0);
  assert.equal((await host.control(0xa1, 1, 0x0300, 0, 1)).hex, "00");
});
