// Runs in: tests. Owns: one sim process a test: its command line, its scripts, plugging, and what it says.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runToEnd, SimProcess, scratch } from "../usbip/test/sim-process.ts";
import { devlist, type UsbipClient } from "../usbip/test/usbip-client.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));
const AT_REST = `0014${"00".repeat(18)}`;

const pressed = (buttons: string) => `0014${buttons}${"00".repeat(16)}`;

const sim = (...args: string[]) => new SimProcess(MAIN, ["--model", "xbox-360", ...args]);

/** The next input report; what the pad says of its lights is passed over. */
async function report(client: UsbipClient): Promise<string> {
  for (;;) {
    const hex = (await client.in(64)).data.toString("hex");
    if (hex.startsWith("0014")) return hex;
  }
}

test("wrong usage: exit code 2, the option, what was expected and what was found", async () => {
  const cases: [string[], RegExp][] = [
    [[], /^gamepad: --model: expected xbox-360 or .*, found none\ngamepad --listen/],
    [["--model", "xbox-306"], /--model: expected xbox-360 or .*, found "xbox-306"/],
    [["--model", "generic", "--interval", "soon"], /--interval: expected milliseconds, .* found "soon"/],
    [["--model", "generic", "--move", "--script", "x"], /--move: expected no --script beside it, found both/],
    [["--model", "generic", "--stop-in-handshake"], /stop-in-handshake: expected a model with a handshake/],
    [["--model", "xbox-360", "--nack"], /nack: expected a model that knows it, found another/],
    [["--model", "generic", "--port", "a b"], /--port: expected .* found "a b"/],
    [["--nonsense"], /--nonsense/],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await runToEnd(MAIN, ["--listen", "/nonexistent/s", ...args]);
    assert.equal(code, 2);
    assert.match(stderr, message);
  }
});

test("help fits 80 columns and names every model", async () => {
  const { code, stdout } = await runToEnd(MAIN, ["--help"]);
  assert.equal(code, 0);
  assert.deepEqual(
    stdout.split("\n").filter((line) => line.length > 80),
    [],
  );
  assert.match(stdout, /xbox-360, .*generic/);
});

test("a script that is wrong, or not there: exit code 1 and the line", async () => {
  using folder = scratch();
  const script = folder.path("script.txt");
  writeFileSync(script, "press south\n100ms press nroth\n");
  const args = ["--listen", folder.path("s"), "--model", "xbox-360", "--script"];
  const wrong = await runToEnd(MAIN, [...args, script]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /^gamepad: .*script\.txt:2: press: expected one of start, .*, found "nroth"\n$/);
  const missing = await runToEnd(MAIN, [...args, folder.path("nothing")]);
  assert.deepEqual([missing.code, /ENOENT.*nothing/.test(missing.stderr)], [1, true]);
});

test("DEVLIST tells what the descriptors tell", async () => {
  await using pad = sim();
  await pad.ready;
  const list = await devlist(pad.socket);
  assert.equal(list.length, 12 + 312 + 4 * 4);
  assert.equal(list.toString("latin1", 12, 44).replaceAll("\0", ""), "/sys/devices/ring3/gamepad/1-1");
  const tail = "00000001" + "00000002" + "00000002" + "045e" + "028e" + "0114" + "ffffff" + "010104";
  assert.equal(list.toString("hex", 12 + 288, 12 + 312), tail);
  assert.equal(list.toString("hex", 12 + 312), "ff5d0100" + "ff5d0300" + "ff5d0200" + "fffd1300");
});

test("a script starts once its input is read, and says when it has ended", async () => {
  using folder = scratch();
  writeFileSync(folder.path("script.txt"), "press south\n20ms release south\n");
  await using pad = sim("--script", folder.path("script.txt"));
  const client = await pad.connect();
  assert.equal(await report(client), pressed("0010"));
  assert.equal(await report(client), AT_REST);
  assert.deepEqual(await pad.event("played"), { event: "played" });
});

test("steps and scripts come in on stdin; what is wrong is answered and does nothing", async () => {
  using folder = scratch();
  writeFileSync(folder.path("script.txt"), "left-trigger 1\n");
  await using pad = sim();
  const client = await pad.connect();
  assert.deepEqual(await pad.command("press north"), { ok: true, command: "press" });
  assert.equal(await report(client), pressed("0080"));
  assert.deepEqual(await pad.command(`play ${folder.path("script.txt")}`), { ok: true, command: "play" });
  assert.equal(await report(client), `00140080ff${"00".repeat(15)}`);
  const cases: [string, RegExp][] = [
    ["dance", /expected wait, repeat or one of press, .* found "dance"/],
    ["press", /press: expected a button, found nothing/],
    ["left 1", /left: expected 2 numbers from -1 to 1, found "1"/],
    ["left-trigger -1", /left-trigger: expected a number from 0 to 1, found "-1"/],
    ["hat sideways", /hat: expected one of center, up, .* found "sideways"/],
    ["gyro 1 2 3", /found "gyro"/],
    ["fault everything", /fault: expected clear or one of stop-in-handshake, .* found "everything"/],
    ["play", /play: expected one FILE, found 0 words/],
    ["plug", /plugged already/],
  ];
  for (const [line, message] of cases) {
    const { ok, error } = await pad.command(line);
    assert.equal(ok, false, line);
    assert.match(String(error), message);
  }
  const stats = await pad.command("stats");
  assert.deepEqual([stats.plugged, stats.imports, stats.sent], [true, 1, 2]);
});

test("--report and --log tell what has reached the device; without them nothing does", async () => {
  using folder = scratch();
  const log = folder.path("log.jsonl");
  const rumble = { observed: "rumble", strong: 1, weak: 2 };
  for (const [args, told] of [
    [["--report", "--log", log], true],
    [[], false],
  ] as const) {
    await using pad = sim(...args);
    const client = await pad.connect();
    await client.out(Buffer.from("0008000102000000", "hex"), 1);
    if (told) assert.deepEqual(await pad.line((line) => line.observed !== undefined), rumble);
    const next = await Promise.race([pad.line(() => true), pad.command("stats")]);
    assert.equal(next.observed, undefined);
  }
  assert.equal(readFileSync(log, "utf8"), `${JSON.stringify(rumble)}\n`);
});

test("unplugged and plugged, on stdin and by SIGUSR2: streams close, imports are refused; everything is released", async () => {
  await using pad = sim();
  const client = await pad.connect();
  await pad.command("press south");
  await pad.command("unplug");
  assert.deepEqual(await pad.event("unplugged"), { event: "unplugged" });
  await client.closed;
  assert.equal((await devlist(pad.socket)).length, 12);
  assert.match(String((await pad.command("press south")).error), /unplugged/);
  pad.signal("SIGUSR2");
  assert.deepEqual(await pad.event("plugged"), { event: "plugged", busid: "1-1" });
  const again = await pad.connect();
  await pad.command("press north");
  assert.equal(await report(again), pressed("0080"));
  pad.signal("SIGUSR2");
  await pad.event("unplugged");
  await again.closed;
});

test("a second import finds the pad as it is; the first stream ends when the second uses the same interface", async () => {
  await using pad = sim();
  const first = await pad.connect();
  await pad.command("press south");
  assert.equal(await report(first), pressed("0010"));
  const second = await pad.connect();
  assert.equal((await second.control(0x80, 6, 0x0100, 0, 18)).data.length, 18);
  await pad.command("press east");
  assert.equal(await report(first), pressed("0030"));
  assert.equal((await second.control(0xc1, 1, 0x0100, 0, 20)).data.toString("hex"), pressed("0030"));
  await first.closed;
  await pad.command("press north");
  assert.equal(await report(second), pressed("00b0"));
});

test("streams that use different interfaces live side by side", async () => {
  await using pad = sim();
  const [buttons, headset] = [await pad.connect(), await pad.connect()];
  const silence = headset.in(32, 2);
  silence.catch(() => {}); // until the test ends
  await pad.command("press south");
  assert.equal(await report(buttons), pressed("0010"));
  await headset.out(Buffer.from("00", "hex"), 3);
  assert.equal((await pad.command("stats")).streams, 2);
});

test("--move: the sticks go round by themselves, the same each time", async () => {
  const moves: string[][] = [];
  for (let time = 0; time < 2; time++) {
    await using pad = sim("--move");
    const client = await pad.connect();
    moves.push([await report(client), await report(client), await report(client)]);
  }
  assert.deepEqual(moves[0], moves[1]);
  assert.equal(moves[0]![0], "0014" + "0000" + "0000" + "ff7f0000" + "00000000" + "000000000000");
});
