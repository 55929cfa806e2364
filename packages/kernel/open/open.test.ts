import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { constants, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { DeviceError } from "@ring3/core/errors";
import { openDeviceNode, openNodeBelow } from "./open.ts";

function directory(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "ring3-open-"));
  context.after(() => rmSync(path, { recursive: true }));
  return path;
}

const refusal = (kind: string, message: RegExp) => (error: unknown) =>
  error instanceof DeviceError && error.kind === kind && message.test(error.message);

test("a character device below /dev opens close-on-exec", () => {
  using node = openDeviceNode("/dev/null", constants.O_RDWR);
  const flags = execFileSync("cat", [`/proc/${process.pid}/fdinfo/${node.fd}`], { encoding: "utf8" });
  const octal = Number.parseInt(/flags:\s+(\d+)/.exec(flags)![1]!, 8);
  assert.equal(octal & constants.O_RDWR, constants.O_RDWR);
  assert.equal(octal & 0o2000000, 0o2000000); // O_CLOEXEC
});

for (const path of [
  "/etc/passwd",
  "/dev/../etc/passwd",
  "/dev//null",
  "/dev",
  "dev/null",
  "/device",
  "/dev/nu\0ll",
]) {
  test(`${JSON.stringify(path)} is refused before anything is opened`, () => {
    assert.throws(
      () => openDeviceNode(path, constants.O_RDONLY),
      refusal("denied", /only nodes below \/dev/),
    );
  });
}

test("a symbolic link to a device is refused", (context) => {
  const root = directory(context);
  symlinkSync("/dev/null", join(root, "link"));
  assert.throws(
    () => openNodeBelow(root, join(root, "link"), constants.O_RDONLY),
    refusal("denied", /symbolic link/),
  );
});

test("a directory that is a link on the way is refused", (context) => {
  const root = directory(context);
  symlinkSync("/dev", join(root, "dev"));
  assert.throws(
    () => openNodeBelow(root, join(root, "dev/null"), constants.O_RDONLY),
    refusal("denied", /is a link to \/dev/),
  );
});

test("a FIFO is refused without waiting for its writer", (context) => {
  const root = directory(context);
  execFileSync("mkfifo", [join(root, "fifo")]);
  assert.throws(
    () => openNodeBelow(root, join(root, "fifo"), constants.O_RDONLY),
    refusal("denied", /no device node/),
  );
});

test("a plain file and a directory are refused", (context) => {
  const root = directory(context);
  writeFileSync(join(root, "file"), "");
  mkdirSync(join(root, "directory"));
  assert.throws(
    () => openNodeBelow(root, join(root, "file"), constants.O_RDONLY),
    refusal("denied", /no device node/),
  );
  assert.throws(
    () => openNodeBelow(root, join(root, "directory"), constants.O_RDONLY),
    refusal("denied", /a directory/),
  );
});

test("a node that is not there says what to look at", () => {
  assert.throws(
    () => openDeviceNode("/dev/bus/usb/999/999", constants.O_RDWR),
    (error) => error instanceof DeviceError && error.errno === 2 && /still plugged in/.test(error.message),
  );
});
