// Runs in: tests. Owns: nothing; the pad's reports against bytes worked out by hand from its report descriptor.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EPIPE, Host } from "../../input/test/host.ts";
import { generic } from "./generic.ts";

test("reports: four axes of a byte, then the hat in four bits and the buttons in twelve", async () => {
  const host = new Host(generic);
  host.play("left -1 0", "right 1 0.5", "hat down-left", "press button-1 button-5");
  assert.equal(await host.in(), "0080ffbf" + "1501", "hat 5, buttons 1 and 5: 0x011 << 4 | 5");
  host.play("press button-12");
  assert.equal(await host.in(), "0080ffbf" + "1581");
  host.play("release all");
  assert.equal(await host.in(), "80808080" + "0800");
});

test("each direction is an eighth of a turn, clockwise from up; none is 8", async () => {
  const host = new Host(generic);
  const ways = ["up", "up-right", "right", "down-right", "down", "down-left", "left", "up-left", "center"];
  for (const [at, way] of ways.entries()) {
    host.play(`hat ${way}`);
    assert.equal(await host.in(), `808080800${at}00`, way);
  }
});

test("HID requests: descriptors, the present report, idle and protocol; no output reports", async () => {
  const host = new Host(generic);
  const { hex } = await host.control(0x81, 6, 0x2200, 0, 255);
  assert.equal(hex.length / 2, 0x3f);
  assert.equal(hex.slice(0, 12), "05010905a101");
  assert.equal((await host.control(0x81, 6, 0x2100, 0, 9)).hex, "0921110100" + "01223f00");
  const configuration = (await host.control(0x80, 6, 0x0200, 0, 255)).hex;
  assert.ok(configuration.includes("092111010001223f00"));
  host.play("left-x 1");
  assert.equal((await host.control(0xa1, 1, 0x0100, 0, 64)).hex, "ff8080800800");
  assert.equal((await host.control(0x21, 10, 0x7d00, 0)).errno, 0);
  assert.equal((await host.control(0xa1, 2, 0, 0, 1)).hex, "7d");
  assert.equal((await host.control(0xa1, 3, 0, 0, 1)).hex, "01");
  assert.equal((await host.control(0x21, 9, 0x0200, 0, "00")).errno, EPIPE);
  assert.equal((await host.control(0x81, 6, 0x2200, 1, 255)).errno, EPIPE, "no second interface");
});

test("a garbage descriptor is the report descriptor, not the configuration", async () => {
  const host = new Host(generic, { faults: ["garbage-descriptor"] });
  const good = new Host(generic);
  assert.notEqual((await host.control(0x81, 6, 0x2200, 0, 255)).hex.slice(0, 12), "05010905a101");
  const [mine, theirs] = [
    await host.control(0x80, 6, 0x0200, 0, 255),
    await good.control(0x80, 6, 0x0200, 0, 255),
  ];
  assert.equal(mine.hex, theirs.hex);
});
