// Runs in: tests. Owns: nothing; the pad's handshake, replies and reports against bytes worked out by hand from its description.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Host } from "../../input/test/host.ts";
import { switchPro } from "./switch-pro.ts";
import { rumbleOf } from "./switch-rumble.ts";

const OUT = 0x01;
const NEUTRAL = "00014040 00014040";

const padded = (hex: string) => hex.replaceAll(" ", "").padEnd(128, "0");

/** A host that has done what Linux does first. */
async function awake() {
  const host = new Host(switchPro);
  for (const step of ["8002", "8003", "8002", "8004"]) await host.out(OUT, step);
  assert.deepEqual(await host.drain(), ["8102", "8103", "8102"].map(padded));
  return host;
}

/** A subcommand's reply, behind what every report begins with. */
async function reply(
  host: Host<ReturnType<typeof switchPro.vocabulary.fresh>>,
  command: string,
): Promise<string> {
  await host.out(OUT, `01 00 ${NEUTRAL} ${command}`);
  const [report, ...more] = await host.drain();
  assert.deepEqual([report!.slice(0, 2), more], ["21", []]);
  return report!.slice(26);
}

test("silent until its handshake is done: no input, no replies", async () => {
  const host = new Host(switchPro);
  host.play("press south");
  await host.out(OUT, `01 00 ${NEUTRAL} 02`);
  await host.out(OUT, "8004");
  assert.deepEqual([await host.drain(), host.reads], [[], 0]);
  await host.out(OUT, "8001");
  assert.deepEqual(await host.drain(), [padded("8101 00 03 388554e9b698")]);
  await host.out(OUT, "8002");
  await host.out(OUT, "8004");
  assert.deepEqual(await host.drain(), [padded("8102")]);
  assert.equal(host.reads, 1);
  host.play("press south");
  assert.equal((await host.in()).slice(0, 2), "30");
  await host.out(OUT, "8005");
  host.play("press east");
  assert.deepEqual(await host.drain(), []);
});

test("at rest: full and charging, sticks in their middle, no sensors as nobody has asked for them", async () => {
  const host = await awake();
  host.play("release all");
  // 2050 = 802h, 2010 = 7dah; 2070 = 816h, 1990 = 7c6h
  assert.equal(await host.in(), padded("30 03 91 000000 02a87d 16687c 00"));
});

test("each button is its bit", async () => {
  const host = await awake();
  const bits: Record<string, string> = {
    ...{ west: "010000", north: "020000", south: "040000", east: "080000" },
    ...{ "right-shoulder": "400000", "right-trigger": "800000" },
    ...{ select: "000100", start: "000200", "right-stick": "000400", "left-stick": "000800" },
    ...{ mode: "001000", capture: "002000", "left-shoulder": "000040", "left-trigger": "000080" },
  };
  for (const [button, field] of Object.entries(bits)) {
    host.play(`press ${button}`);
    assert.equal((await host.in()).slice(6, 12), field, button);
    host.play(`release ${button}`);
    await host.in();
  }
  const ways = { down: "01", up: "02", right: "04", left: "08", "up-left": "0a" };
  for (const [way, field] of Object.entries(ways)) {
    host.play(`hat ${way}`);
    assert.equal((await host.in()).slice(6, 12), `0000${field}`, way);
  }
  assert.throws(() => host.play("left-trigger 1"), /found "left-trigger"/);
});

test("sticks go as far as its calibration says, up is more", async () => {
  const host = await awake();
  host.play("left 1 1", "right -1 -1");
  // 2050 + 1480 = dcah, 2010 - 1400 = 262h; 2070 - 1520 = 226h, 1990 + 1500 = da2h
  assert.equal((await host.in()).slice(12, 24), "ca2d26" + "2622da");
});

test("power in quarters, and whether it charges", async () => {
  const host = await awake();
  host.play("battery 50");
  assert.equal((await host.in()).slice(4, 6), "41");
  host.play("battery 10 charging");
  assert.equal((await host.in()).slice(4, 6), "11");
});

test("calibration is read from its flash, twenty-nine bytes at most; what is not there is FFh", async () => {
  const host = await awake();
  // left: 1480 = 5c8h, 1450 = 5aah; 802h, 7dah; 1500 = 5dch, 1400 = 578h. right: 816h, 7c6h; 1520 = 5f0h, 1410 = 582h; 1440 = 5a0h, 1500 = 5dch
  const left = "c8a55a" + "02a87d" + "dc8557";
  const right = "16687c" + "f02558" + "a0c55d";
  assert.equal(await reply(host, "10 3d600000 12"), `90103d60000012${left}${right}`.padEnd(102, "0"));
  const sensors = "7800c4ffc800" + "004000400040" + "1900f2ff0600" + "3b343b343b34";
  assert.equal(await reply(host, "10 20600000 18"), `90102060000018${sensors}`.padEnd(102, "0"));
  assert.equal(await reply(host, "10 10800000 02"), "90101080000002ffff".padEnd(102, "0"));
  assert.equal((await reply(host, "10 00000000 ff")).slice(0, 18), "9010000000001dffff");
});

test("sensors, once they are on: three samples, by their calibration", async () => {
  const host = await awake();
  assert.equal(await reply(host, "40 01"), "8040".padEnd(102, "0"));
  host.play("gyro 936 0 -936", "accel 0 -1 1");
  // 120, -60 - 16444 / 4 = -4171, 200 + 16184 / 4 = 4246; 13371, -14, 6 - 13365 = -13359
  const sample = "7800b5ef9610" + "3b34f2ffd1cb";
  assert.equal((await host.in()).slice(26, 98), sample.repeat(3));
  await reply(host, "40 00");
  host.play("release all");
  assert.equal((await host.in()).slice(26), "00".repeat(51));
});

test("who it is; lights and vibration are observed; what it does not know it acknowledges", async () => {
  const host = await awake();
  assert.equal((await reply(host, "02")).slice(0, 28), "8202" + "04210302" + "98b6e9548538" + "0101");
  assert.equal((await reply(host, "50")).slice(0, 8), "d0501806");
  for (const command of ["03 30", "30 05", "38 01f0ff00", "48 01", "77"])
    assert.equal(await reply(host, command), `80${command.slice(0, 2)}`.padEnd(102, "0"));
  assert.deepEqual(host.observed, [
    { observed: "player", lights: 5 },
    { observed: "home-light", pattern: "01f0ff00" },
    { observed: "vibration", on: 1 },
  ]);
});

test("rumble is told when it changes, of both kinds of report", async () => {
  const host = await awake();
  const still = { highHz: 320, high: 0, lowHz: 160, low: 0 };
  await host.out(OUT, "10 01 00014040 00c94072");
  await host.out(OUT, "10 02 00014040 00c94072");
  await reply(host, "03 30"); // neutral again
  await host.out(OUT, "10 03 00000000 00000000");
  assert.deepEqual(host.observed, [
    { observed: "rumble", left: still, right: { highHz: 320, high: 100, lowHz: 160, low: 100 } },
    { observed: "rumble", left: still, right: still },
  ]);
});

test("frequencies and strengths of the encoding's corners", () => {
  const of = (hex: string) => rumbleOf(Buffer.from(hex, "hex"));
  assert.deepEqual(of("04000140"), { highHz: 82, high: 0, lowHz: 41, low: 0 });
  assert.deepEqual(of("fcc97f72"), { highHz: 1253, high: 100, lowHz: 626, low: 100 });
  assert.deepEqual(of("0003c040"), { highHz: 320, high: 1, lowHz: 160, low: 1 });
});

test("told to stop in its handshake it answers the first step and no more", async () => {
  const host = new Host(switchPro, { faults: ["stop-in-handshake"] });
  for (const step of ["8002", "8003", "8004"]) await host.out(OUT, step);
  assert.deepEqual(await host.drain(), [padded("8102")]);
  host.play("press south");
  assert.deepEqual(await host.drain(), []);
});

test("told to keep its baud rate it is silent about it, and told to refuse it obeys nothing but questions", async () => {
  const host = new Host(switchPro, { faults: ["no-baud-rate", "nack"] });
  for (const step of ["8002", "8003", "8002", "8004"]) await host.out(OUT, step);
  assert.deepEqual(await host.drain(), ["8102", "8102"].map(padded));
  for (const command of ["03 30", "30 05", "48 01", "40 01"])
    assert.equal(await reply(host, command), `00${command.slice(0, 2)}`.padEnd(102, "0"));
  assert.equal((await reply(host, "02")).slice(0, 4), "8202");
  assert.equal((await reply(host, "10 3d600000 12")).slice(0, 4), "9010");
  assert.deepEqual(host.observed, []);
});

test("descriptors: one interface in 41 bytes, 203 bytes of report descriptor", async () => {
  const host = new Host(switchPro);
  assert.equal(
    (await host.control(0x80, 6, 0x0100, 0, 18)).hex,
    "1201000200000040" + "7e05092010020102" + "0301",
  );
  assert.equal(
    (await host.control(0x80, 6, 0x0200, 0, 255)).hex,
    "09022900010100a0fa" +
      "090400000203000000" +
      "092111010001" +
      "22cb00" +
      "07058103400008" +
      "07050103400008",
  );
  assert.equal((await host.control(0x81, 6, 0x2200, 0, 512)).hex.length / 2, 203);
});

test("it reports every few milliseconds once it is awake", async (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const host = new Host(switchPro, { intervalMs: 15 });
  context.mock.timers.tick(30);
  assert.deepEqual(await host.drain(), []);
  await host.out(OUT, "8002");
  await host.out(OUT, "8004");
  await host.drain();
  context.mock.timers.tick(60);
  assert.equal((await host.drain()).length, 1);
  host.device.stop();
});
