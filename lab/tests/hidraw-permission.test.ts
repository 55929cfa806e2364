// Runs in: lab guest, root. A ring3 that is not root, and a HID device that root alone may open: what it says, what `ring3 udev` prints, and that this is
// enough. There is no udev here: the test does by hand what the rules say.
import assert from "node:assert/strict";
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import type { UdevRules } from "@ring3/control/client-edge";
import { RunningRing3, repository } from "../../packages/cli/running-ring3.fixture.ts";
import { HidDevice } from "../guest/hid-device.ts";
import { run } from "../guest/program.ts";
import { loggedOf, refuses, succeeds } from "../guest/ring3.ts";
import { scaled } from "../timing.ts";

const USER = 64_123;
const RULES_FILE = "/etc/udev/rules.d/70-ring3.rules";

let pad: HidDevice;
let ring3: RunningRing3;

before(async () => {
  await run("modprobe", "-a", "uhid", "hid-generic", "uinput", "evdev");
  pad = await HidDevice.plug("gamepad", "00:00:5e:00:53:41");
  const folder = mkdtempSync(join(tmpdir(), "r3-permission-"));
  chmodSync(folder, 0o711);
  const program = join(folder, "build"); // the checkout may lie where only its owner can read
  const isRings = (path: string) => basename(path) !== "lab";
  cpSync(join(repository, "build"), program, { recursive: true, filter: isRings });
  const node = join(folder, "node");
  cpSync(process.execPath, node);
  const config = join(folder, "ring3.yaml");
  writeFileSync(config, `limits: { time_scale: ${scaled(1)} }\n`, { mode: 0o644 });
  const state = join(folder, "state");
  mkdirSync(state);
  chownSync(state, USER, USER);
  ring3 = await RunningRing3.start({
    program,
    node,
    stateDirectory: join(state, "ring3"),
    args: ["--config", config],
    under: ["setpriv", "--reuid", `${USER}`, "--regid", `${USER}`, "--clear-groups"],
  });
});
after(async () => {
  await ring3?.stop();
  await pad?.[Symbol.asyncDispose]();
});

const lacking = async (): Promise<UdevRules> => JSON.parse(await succeeds(ring3, "udev", "--json"));

test("what its user may not open is listed with the rules that let its group do so", async () => {
  const { group, user, file, lacking: lacks } = await lacking();
  assert.deepEqual([user, group, file], [`${USER}`, `${USER}`, RULES_FILE]);
  const [input] = pad.inputs;
  const above = 'KERNELS=="0005:1209:0101.*"';
  assert.deepEqual(lacks, [
    {
      device: pad.id,
      path: pad.node,
      rule: `SUBSYSTEM=="hidraw", ${above}, GROUP="${USER}", MODE="0660"`,
    },
    {
      device: pad.id,
      path: `${input}/inhibited`,
      rule: `SUBSYSTEM=="input", KERNEL=="input[0-9]*", ${above}, RUN+="/bin/sh -c 'chgrp ${USER} /sys%p/inhibited && chmod g+w /sys%p/inhibited'"`,
    },
    {
      device: null,
      path: "/dev/uinput",
      rule: `SUBSYSTEM=="misc", KERNEL=="uinput", OPTIONS+="static_node=uinput", GROUP="${USER}", MODE="0660"`,
    },
  ]);
  const text = await succeeds(ring3, "udev");
  for (const { path, rule } of lacks) assert.ok(text.includes(path) && text.includes(`\n${rule}`), text);
});

test("a start fails, the kernel keeps the device, and explain says which rule is missing and who prints it", async () => {
  assert.match(await refuses(ring3, "start", pad.id, "--take"), /not allowed|udev rule/);
  await ring3.reached(pad.id, "quarantined");
  assert.deepEqual(pad.inhibited, ["0"]);
  const said = (await succeeds(ring3, "explain", pad.id)).replaceAll(/\s+/g, " ");
  for (const words of [
    `permission to write ${pad.node}`,
    `"ring3 udev" prints into ${RULES_FILE}`,
    'SUBSYSTEM=="hidraw"',
  ])
    assert.ok(said.includes(words), said);
});

test("with what the rules do nothing is lacking, and the device can be taken and given back", async () => {
  const { lacking: lacks } = await lacking();
  for (const { path } of lacks) {
    chownSync(path, 0, USER);
    chmodSync(path, path.startsWith("/dev/") ? 0o660 : 0o664);
  }
  assert.match(await succeeds(ring3, "udev"), /^nothing is lacking: 64123 may open/);
  await loggedOf(ring3, pad.id, () => succeeds(ring3, "start", pad.id, "--take"));
  await ring3.reached(pad.id, "running");
  assert.deepEqual(pad.inhibited, ["1"]);
  await succeeds(ring3, "stop", pad.id);
  assert.deepEqual(pad.inhibited, ["0"]);
});
