// Runs in: tests. Owns: nothing; the pad's messages against bytes worked out by hand from its description, and its requests.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FaultKind } from "../../input/faults.ts";
import { EOVERFLOW, EPIPE, Host } from "../../input/test/host.ts";
import { xbox360 } from "./xbox-360.ts";

const OUT = 0x01;

/** A host that has heard the greeting. */
async function greeted(options: { faults?: FaultKind[] } = {}) {
  const host = new Host(xbox360, options);
  assert.deepEqual(await host.drain(), ["01030e", "020300", "030303", "080300"]);
  return host;
}

test("each button is its bit", async () => {
  const host = await greeted();
  const bit = {
    start: 4,
    select: 5,
    "left-stick": 6,
    "right-stick": 7,
    "left-shoulder": 8,
    "right-shoulder": 9,
  };
  const others = { mode: 10, south: 12, east: 13, west: 14, north: 15 };
  for (const [button, at] of Object.entries({ ...bit, ...others })) {
    host.play(`press ${button}`);
    const word = Buffer.alloc(2);
    word.writeUInt16LE(1 << at);
    assert.equal(await host.in(), `0014${word.toString("hex")}${"00".repeat(16)}`, button);
    host.play(`release ${button}`);
    assert.equal(await host.in(), `0014${"00".repeat(18)}`);
  }
});

test("sticks, triggers and directions: 20 bytes", async () => {
  const host = await greeted();
  host.play(
    "left 1 1",
    "right -0.5 -1",
    "left-trigger 1",
    "right-trigger 0.5",
    "hat up-left",
    "press south mode",
  );
  //  type length buttons triggers left: 7fff right, 8000 down; right: c000 left, 7fff up
  assert.equal(await host.in(), "0014" + "0514" + "ff80" + "ff7f0080" + "00c0ff7f" + "000000000000");
  host.play("release all");
  assert.equal(await host.in(), `0014${"00".repeat(18)}`);
});

test("rumble and the ring of light are observed; the pad tells its light back; nothing else is either", async () => {
  const host = await greeted();
  await host.out(OUT, "0008 00 ff80 000000");
  await host.out(OUT, "0103 06");
  await host.out(OUT, "0203 00");
  await host.out(0x02, "0008 00 ff80 000000");
  assert.deepEqual(host.observed, [
    { observed: "rumble", strong: 255, weak: 128 },
    { observed: "led", pattern: 6 },
  ]);
  assert.deepEqual(await host.drain(), ["010306"]);
});

test("descriptors: four interfaces in 153 bytes, strings, no report descriptor", async () => {
  const host = new Host(xbox360);
  const device = await host.control(0x80, 6, 0x0100, 0, 64);
  assert.equal(device.hex, "12010002ffffff085e048e02140101020301");
  const { hex } = await host.control(0x80, 6, 0x0200, 0, 255);
  assert.equal(hex.length / 2, 0x99);
  assert.equal(hex.slice(0, 36), "09029900040100a0fa" + "0904000002ff5d0100");
  const name = await host.control(0x80, 6, 0x0302, 0x0409, 255);
  assert.equal(name.hex, `1603${Buffer.from("Controller", "utf16le").toString("hex")}`);
  assert.equal((await host.control(0x81, 6, 0x2200, 0, 255)).errno, EPIPE);
  assert.equal((await host.control(0x01, 11, 0, 3)).errno, 0);
  assert.equal((await host.control(0x01, 11, 1, 0)).errno, EPIPE, "no second setting");
  assert.equal((await host.control(0x81, 10, 0, 4, 1)).errno, EPIPE, "no fifth interface");
});

test("asked on endpoint 0 it tells its present report", async () => {
  const host = await greeted();
  host.play("press north");
  const { hex } = await host.control(0xc1, 1, 0x0100, 0, 20);
  assert.equal(hex, `00140080${"00".repeat(16)}`);
});

test("configured again it greets again, and says nothing of before", async () => {
  const host = await greeted();
  host.play("press north");
  assert.equal((await host.control(0x00, 9, 1, 0)).errno, 0);
  assert.deepEqual(await host.drain(), ["01030e", "020300", "030303", "080300"]);
});

test("input counts as read once, with the first request for it", async () => {
  const host = new Host(xbox360);
  void host.in(0x82);
  assert.equal(host.reads, 0);
  await host.in();
  await host.in();
  assert.equal(host.reads, 1);
});

test("short and long reports; a long one overflows a URB of the right length", async () => {
  const host = await greeted({ faults: ["short-reports"] });
  host.play("press south");
  assert.deepEqual(await host.drain(), ["00140010000000000000"]);
  host.faults.clear();
  host.faults.add("long-reports");
  host.play("press south");
  assert.equal(await host.in(), `00140010${"00".repeat(16)}${"a5".repeat(8)}`);
  host.play("press south");
  assert.equal((await host.reply(0x81, 20)).errno, EOVERFLOW);
});

test("a garbage descriptor keeps its length and its first nine bytes, and is the same each time", async () => {
  const read = async () => {
    const host = new Host(xbox360, { faults: ["garbage-descriptor"] });
    return (await host.control(0x80, 6, 0x0200, 0, 255)).hex;
  };
  const hex = await read();
  assert.deepEqual([hex.length / 2, hex.slice(0, 18)], [0x99, "09029900040100a0fa"]);
  assert.notEqual(hex.slice(18, 36), "0904000002ff5d0100");
  assert.equal(await read(), hex);
});
