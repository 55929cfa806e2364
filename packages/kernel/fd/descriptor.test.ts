// Runs in: tests. Owns: descriptors of this process, all closed again.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { DeviceError } from "@ring3/core/errors";
import { native } from "../native.ts";
import { check, Descriptor, duplicate, lockFile, pipe } from "./descriptor.ts";

const isOpen = (fd: number) => existsSync(`/proc/self/fd/${fd}`);

test("check passes results through and throws errno as DeviceError", () => {
  assert.equal(check(3, "three"), 3);
  assert.throws(
    () => check(-19, "read it"),
    (error: DeviceError) => {
      assert.ok(error instanceof DeviceError);
      assert.equal(error.kind, "disconnected");
      assert.equal(error.errno, 19);
      assert.match(error.message, /^read it: ENODEV/);
      return true;
    },
  );
});

test("closing twice closes once, even if the number is in use again", () => {
  const { read, write } = pipe();
  const number = read.fd;
  read.close();
  assert.equal(read.fd, -1);
  const reused = duplicate(write.fd);
  assert.equal(reused.fd, number);
  read.close();
  assert.ok(isOpen(number));
  reused.close();
  write.close();
});

test("a taken descriptor stays open for its new owner", () => {
  const { read, write } = pipe();
  const fd = read.take();
  read.close();
  assert.ok(isOpen(fd));
  native.close(fd);
  write.close();
});

test("using closes at the end of the block", () => {
  let number: number;
  {
    using scoped = new Descriptor(native.memfdCreate("ring3-scoped", false));
    number = scoped.fd;
    assert.ok(isOpen(number));
  }
  assert.ok(!isOpen(number));
});

test("a lock is busy until its holder closes it, and leaves no descriptor behind", (context) => {
  const directory = mkdtempSync(join(tmpdir(), "ring3-lock-"));
  context.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "lock");
  const first = lockFile(path);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.throws(() => lockFile(path), { kind: "busy" });
  assert.ok(!isOpen(first.fd + 1));
  first.close();
  lockFile(path).close();
});

test("a lock through a symbolic link or in no directory is refused", (context) => {
  const directory = mkdtempSync(join(tmpdir(), "ring3-lock-"));
  context.after(() => rmSync(directory, { recursive: true }));
  symlinkSync("/dev/null", join(directory, "link"));
  assert.throws(() => lockFile(join(directory, "link")), { errno: 40 }); // ELOOP
  assert.throws(() => lockFile(join(directory, "none/lock")), { errno: 2 }); // ENOENT
});
