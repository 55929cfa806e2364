// Runs in: tests. Owns: a ring3 with a mapping file, a simulated pad and a keyboard; there need be no input devices of the kernel's.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { connect, gamepadClass } from "@ring3/client";
import type { MappingState } from "@ring3/control/client-edge";
import { eventually } from "./drivers-life.fixture.ts";
import { cli, RunningRing3, repository, run } from "./running-ring3.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "r3-map-"));
const file = join(folder, "pad.yaml");
const main = join(repository, "packages/cli/main.ts");
const whole = (...buttons: string[]) =>
  `# mine\ndevices:\n  - for: { class: gamepad }\n    profiles:\n      desktop:\n        buttons:\n${buttons.map((line) => `          ${line}\n`).join("")}      game:\n        buttons:\n          start: { profile: desktop }\n`;

let ring3: RunningRing3;
let pad: Sim;
let keyboard: Sim;
let drive: string;

interface Sim {
  readonly device: string;
  say(line: string): void;
  end(): Promise<void>;
}

async function plug(...args: string[]): Promise<Sim> {
  const child = spawn(process.execPath, [main, "sim", ...args, "--state-dir", ring3.directory], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  const [device] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  await ring3.reached(device, "running");
  const say = (line: string) => void child.stdin.write(`${line}\n`);
  const end = async () => {
    child.kill("SIGTERM");
    await once(child, "close");
  };
  return { device, say, end };
}

before(async () => {
  writeFileSync(file, whole("south: KEY_ENTER"));
  ring3 = await RunningRing3.start({ config: `mapping: ${file}\nlimits: { replug_grace: 100ms }\n` });
  pad = await plug("gamepad", "--model", "generic", "--port", "pad");
  keyboard = await plug("keyboard", "--model", "keyboard", "--port", "keys");
  drive = (await ring3.plug("stick")).device;
  await ring3.reached(drive, "running");
});

after(async () => {
  await pad?.end();
  await keyboard?.end();
  await ring3?.stop();
  rmSync(folder, { recursive: true });
});

const state = (): Promise<MappingState> => ring3.manager.ask("mapping", {});
const map = (...args: string[]) => ring3.cli("map", ...args);
const mapped = async (...args: string[]) => {
  const { code, out, err } = await map(...args, "--json");
  assert.equal(code, 0, err);
  return JSON.parse(out);
};
const logged = async () =>
  (await ring3.manager.ask("logs", { device: null, follow: false })).entries
    .map(({ message }) => message)
    .join("\n");

test("the list: the file, and for each unit its entry and profile", async () => {
  const { code, out } = await map();
  assert.equal(code, 0);
  assert.match(out, new RegExp(`^${file}\n\nUNIT`));
  assert.match(out, new RegExp(`^${pad.device}#0 +gamepad +class: gamepad +desktop$`, "m"));
  assert.match(out, new RegExp(`^${keyboard.device}#0 +input +- +-$`, "m"));
  assert.ok(out.split("\n").every((line) => line === file || line.length <= 80));
  assert.ok(!out.includes(drive));
});

test("a file that is written, and one that an editor renames into its place, are taken without being asked for", async () => {
  writeFileSync(file, whole("south: KEY_SPACE"));
  await eventually("the log of it", async () =>
    (await logged()).match(/the mapping is that of/g)?.length === 2 ? true : undefined,
  );
  writeFileSync(`${file}~`, whole("south: KEY_TAB"));
  renameSync(`${file}~`, file);
  await eventually("the log of that", async () =>
    (await logged()).match(/the mapping is that of/g)?.length === 3 ? true : undefined,
  );
  assert.match((await state()).running, /KEY_TAB/);
});

test("a file with a mistake is refused in the log, with line and what is meant; what was there before goes on, under the next manager too", async () => {
  const { running } = await state();
  writeFileSync(file, whole("south: KEY_TABB"));
  await eventually("the refusal", async () => ((await logged()).includes("is refused") ? true : undefined));
  const complaint = `${file}:7:18: devices.0.profiles.desktop.buttons.south: expected a key`;
  assert.ok((await logged()).includes(`the mapping is refused, and stays as it was: ${complaint}`));
  await ring3.killManager();
  const now = await state();
  assert.equal(now.running, running);
  const { line, found, hint } = now.refused!.problems[0]!;
  assert.deepEqual([line, found, hint], [7, '"KEY_TABB"', 'did you mean "KEY_TAB"?']);
  const { out } = await map();
  assert.match(out, /is refused; what it said before still applies:\n {2}.*pad\.yaml:7:18/);
  const refused = await map(pad.device, "south", "KEY_A");
  assert.deepEqual(
    [refused.code, /nothing was written: mend .*pad\.yaml first/.test(refused.err)],
    [1, true],
  );
  writeFileSync(file, running);
  assert.equal((await state()).refused, null);
});

test("a button is bound: the file has it with its comments, and ring3 goes by it at once", async () => {
  const { code, out, err } = await map(pad.device, "west", "KEY_LEFTALT", "KEY_TAB");
  assert.deepEqual([code, err], [0, ""]);
  assert.equal(out, `west: ["KEY_LEFTALT","KEY_TAB"]\nin ${file}, for class: gamepad, profile desktop\n`);
  const text = readFileSync(file, "utf8");
  assert.ok(text.startsWith("# mine\n"));
  assert.match(text, /west: \[ KEY_LEFTALT, KEY_TAB \]/);
  assert.equal((await state()).running, text);
  assert.equal((await mapped(pad.device, "west", "{ press: KEY_E, turbo: 12 }")).inForce, true);
  assert.match(
    (await map(pad.device)).out,
    /profile desktop \(active\)\n {2}south {2}KEY_TAB\n {2}west {3}KEY_E, 12 times a second\n/,
  );
  const removed = await mapped(pad.device, "--remove", "west");
  assert.deepEqual([removed.removed, removed.before], [true, { press: "KEY_E", turbo: 12 }]);
  assert.ok(!readFileSync(file, "utf8").includes("west"));
});

test("a device without an entry gets one, and a profile that there was not is made", async () => {
  const made = await mapped(keyboard.device, "KEY_CAPSLOCK", "KEY_ESC", "--profile", "typing");
  assert.deepEqual([made.made, made.profile, made.inForce], [["entry"], "typing", true]);
  const [unit] = (await mapped(keyboard.device)).units;
  assert.deepEqual([unit.profile, unit.profiles.typing.buttons], ["typing", { KEY_CAPSLOCK: "KEY_ESC" }]);
});

test("a profile is made active, and stays so over another file and the manager's death; one that there is not is told", async () => {
  assert.equal((await map(pad.device, "--profile", "game")).out, `profile game of ${pad.device} is active\n`);
  const active = async () => (await state()).units.find(({ device }) => device === pad.device)!.profile;
  assert.equal(await active(), "game");
  await map(pad.device, "south", "KEY_G");
  await ring3.killManager();
  await ring3.reached(pad.device, "running");
  assert.equal(await active(), "game");
  assert.match((await map(pad.device)).out, /profile game \(active\)\n(.*\n)* {2}south +KEY_G/);
  const { code, err } = await map(pad.device, "--profile", "gane");
  assert.deepEqual(
    [code, /none of that name \(did you mean "game"\?\); there are desktop, game/.test(err)],
    [1, true],
  );
});

test("what is pressed is learned by name, mapped or not; with an action it is bound", async () => {
  const application = await connect({ stateDir: ring3.directory });
  const unit = await application.open(`${pad.device}#0`, gamepadClass, "read");
  const states = unit.events("state");
  const pressing = async (...args: string[]) => {
    const learning = run(process.execPath, [
      main,
      "map",
      pad.device,
      "--learn",
      ...args,
      "--timeout",
      "50s",
      "--state-dir",
      ring3.directory,
    ]);
    let over = false;
    void learning.then(() => {
      over = true;
    });
    while (!over) {
      pad.say("press button-2"); // until somebody listens
      await states.next();
      pad.say("release button-2");
      await states.next();
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    return await learning;
  };
  const { code, out, err } = await pressing();
  assert.deepEqual([code, out], [0, "east\n"]);
  assert.match(err, /press a button or key of usb-pad:1\.0 \(50s; Ctrl-C ends it\)/);
  assert.match((await pressing("KEY_L")).out, /^east: KEY_L\n/);
  assert.match(readFileSync(file, "utf8"), /east: KEY_L/);
  application.close();
  const none = await map(pad.device, "--learn", "--timeout", "300ms");
  assert.deepEqual([none.code, none.err.includes("nothing was pressed within 300ms")], [1, true]);
});

test("what cannot be is refused with what helps; wrong usage is exit code 2", async () => {
  const cases: [number, RegExp, ...string[]][] = [
    [1, /no control "soth" \(did you mean "south"\?\)/, pad.device, "soth", "KEY_A"],
    [1, /no control "south".*KEY_A/, keyboard.device, "south", "KEY_A"],
    [1, /no action "enter" \(did you mean "KEY_ENTER"\?\)/, pad.device, "south", "enter"],
    [
      1,
      /buttons\.south\.layer: expected a profile with layers, found "media"; nothing was written\n$/,
      pad.device,
      "south",
      "{ layer: media }",
    ],
    [
      1,
      /^ring3 map: action \{ press: KEY_A, turbo: 99 \}: turbo: expected .*, found 99; nothing was written\n$/,
      pad.device,
      "south",
      "{ press: KEY_A, turbo: 99 }",
    ],
    [
      1,
      /^ring3 map: control south\+south: expected each button once.*; nothing was written\n$/,
      pad.device,
      "south+south",
      "KEY_A",
    ],
    [1, /is of class block, and has no buttons/, drive, "south", "KEY_A"],
    [1, /there is none of that name/, "nothing-here", "south", "KEY_A"],
    [1, /nothing is bound to it/, pad.device, "--remove", "mode"],
    [2, /which ACTION for south\?/, pad.device, "south"],
    [2, /of which DEVICE\?/, "--profile", "game"],
    [2, /either --learn or --remove/, pad.device, "--learn", "--remove", "south"],
    [2, /--timeout goes with --learn/, pad.device, "--timeout", "3s"],
    [2, /--timeout: expected/, pad.device, "--learn", "--timeout", "soon"],
  ];
  const before = readFileSync(file, "utf8");
  for (const [code, message, ...args] of cases) {
    const ended = await map(...args);
    assert.equal(ended.code, code, args.join(" "));
    assert.match(ended.err, message);
  }
  assert.equal(readFileSync(file, "utf8"), before);
  const { code, err } = await cli("map", "--state-dir", join(folder, "nowhere"));
  assert.deepEqual([code, /ring3 is not running in .*nowhere: start it/.test(err)], [1, true]);
});

test("a file that is away maps nothing, and comes back as it is written; one that cannot be written is told", async () => {
  rmSync(file);
  assert.deepEqual([(await state()).running, (await state()).refused], ["", null]);
  assert.deepEqual((await mapped(pad.device, "south", "KEY_A")).made, ["entry"]);
  assert.match(readFileSync(file, "utf8"), /^devices:\n {2}- for: \{ usb: /);
  rmSync(file);
  await run("mkdir", [file]);
  const { code, err } = await map(pad.device, "south", "KEY_A");
  assert.deepEqual([code, /it is no file/.test(err)], [1, true]);
  assert.match((await state()).refused!.message, /expected a file/);
});
