import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const folder = mkdtempSync(join(tmpdir(), "ring3-cli-"));
after(() => rmSync(folder, { recursive: true }));

function ring3(...args: string[]): { code: number | null; out: string; err: string } {
  const env = { ...process.env, RING3_STATE_DIR: folder, NODE_TEST_CONTEXT: undefined };
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [fileURLToPath(new URL("./main.ts", import.meta.url)), ...args],
    { env, encoding: "utf8" },
  );
  return { code: status, out: stdout, err: stderr };
}

test("no verb and a wrong verb are wrong usage", () => {
  assert.equal(ring3().code, 2);
  const { code, err } = ring3("statsu");
  assert.deepEqual(
    [code, err],
    [2, 'ring3: there is no verb "statsu"; did you mean "status"?\nusage: ring3 --help\n'],
  );
});

test("a verb that takes no words has nothing behind it, in its help and where it is used wrongly", () => {
  assert.equal(ring3("udev", "all").err.split("\n")[1], "usage: ring3 udev");
  assert.equal(ring3("udev", "--help").out.split("\n")[0], "ring3 udev");
});

test("--help lists every verb", () => {
  const { code, out } = ring3("--help");
  assert.equal(code, 0);
  for (const verb of [
    "up",
    "demo",
    "status",
    "wait",
    "sim",
    "explain",
    "start",
    "stop",
    "restart",
    "logs",
    "check",
    "udev",
    "probe",
  ])
    assert.match(out, new RegExp(`^  ${verb} `, "m"));
});

test("a verb with a wrong argument says its usage and ends with 2", () => {
  const { code, err } = ring3("wait", "usb-1", "--timeout", "30");
  assert.deepEqual(
    [code, err],
    [
      2,
      'ring3 wait: --timeout: expected a duration such as "500ms", "30s" or "5m", found "30"\nusage: ring3 wait DEVICE [--state STATE] [--timeout DURATION]\n',
    ],
  );
});

test("a verb without a running ring3 says where it looked and what to do", () => {
  const { code, out, err } = ring3("status");
  assert.deepEqual([code, out], [1, ""]);
  assert.equal(
    err,
    `ring3 status: ring3 is not running in ${folder}: start it with "ring3 up", or name another directory with --state-dir\n`,
  );
});

test("with --json an error is JSON too", () => {
  const { error } = JSON.parse(ring3("stop", "usb-1", "--json").err);
  assert.deepEqual([error.kind, /is not running/.test(error.message)], ["disconnected", true]);
});

for (const args of [["statsu"], ["stop"], ["status", "--jsn"], ["wait", "x", "--state", "happy"]])
  test(`with --json wrong usage is JSON too: ${args.join(" ")}`, () => {
    const { code, err } = ring3(...args, "--json");
    const { error } = JSON.parse(err);
    assert.deepEqual([code, error.kind, error.message.length > 0], [2, "usage", true]);
  });

test("an unknown simulated device is wrong usage and lists those there are", () => {
  const { code, err } = ring3("sim", "usb-drvie");
  assert.deepEqual([code, /did you mean "usb-drive"\?; there are: .*usb-drive/.test(err)], [2, true]);
});

test("an unknown benchmark is wrong usage and lists those there are", () => {
  const { code, err } = ring3("bench", "recovery-wrm");
  assert.equal(code, 2);
  assert.match(
    err,
    /no benchmark "recovery-wrm"; did you mean "recovery-warm"\?; there are: console, hang, .*request/,
  );
});

test("in the lab there are other benchmarks than on this machine", () => {
  assert.deepEqual(JSON.parse(ring3("bench", "--lab", "--list", "--json").out), ["tradeoff"]);
  const { code, err } = ring3("bench", "--lab", "jail");
  assert.deepEqual([code, /no benchmark "jail" in the lab; there are: tradeoff\n/.test(err)], [2, true], err);
});

test("check names what is wrong with a manifest and fails without tests", () => {
  const driver = join(folder, "broken");
  mkdirSync(driver);
  writeFileSync(join(driver, "driver.json"), '{ "name": 5 }');
  const { code, out } = ring3("check", driver);
  assert.equal(code, 1);
  assert.match(out, /failed manifest\n.*driver\.json:1:11: name: expected string, found 5/);
  assert.match(out, /no \*\.test\.ts file/);
});

test("check of a folder that is not there says so", () => {
  assert.match(ring3("check", join(folder, "nowhere")).err, /there is no such folder/);
});
