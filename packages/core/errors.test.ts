// Runs in: tests.
import assert from "node:assert/strict";
import os from "node:os";
import { test } from "node:test";
import {
  DeviceError,
  deviceErrorKinds,
  errnoName,
  errnoOf,
  kindCode,
  kindOfCode,
  systemError,
} from "./errors.ts";

test("a DeviceError carries kind, errno, what was tried and the cause", () => {
  const cause = new Error("below");
  const error = new DeviceError("disconnected", "read capacity of usb-1-4:1.0", { cause });
  assert.equal(error.message, "read capacity of usb-1-4:1.0: the device is gone");
  assert.equal(error.errno, os.constants.errno.ENODEV);
  assert.equal(error.cause, cause);
  assert.equal(error.name, "DeviceError");
  assert.ok(error instanceof Error);
});

test("an errno given with the error wins over its kind's", () => {
  assert.equal(new DeviceError("io", "read", { errno: 84 }).errno, 84);
});

test("no cause given leaves none", () => {
  assert.equal("cause" in new DeviceError("io", "read"), false);
});

test("every kind has a wire code of its own and comes back from it", () => {
  assert.deepEqual(
    deviceErrorKinds.map((kind) => kindOfCode(kindCode(kind))),
    [...deviceErrorKinds],
  );
  assert.equal(kindCode("disconnected"), 1);
});

test("codes that no kind has give undefined", () => {
  assert.deepEqual(
    [0, -1, deviceErrorKinds.length + 1, 1.5, Number.NaN, 4294967295].map(kindOfCode),
    new Array(6).fill(undefined),
  );
});

test("each kind's errno is the one this system's C library has", () => {
  const { errno } = os.constants;
  const expected: Record<string, number> = {
    disconnected: errno.ENODEV,
    stall: errno.EPIPE,
    timeout: errno.ETIMEDOUT,
    cancelled: errno.ECANCELED,
    protocol: errno.EPROTO,
    io: errno.EIO,
    medium: errno.EIO,
    "no-medium": 123, // ENOMEDIUM, asm-generic/errno.h; node does not list it
    "medium-changed": errno.ESTALE,
    "read-only": errno.EROFS,
    "out-of-range": errno.EINVAL,
    "no-space": errno.ENOSPC,
    busy: errno.EBUSY,
    denied: errno.EACCES,
    unsupported: errno.EOPNOTSUPP,
    invalid: errno.EINVAL,
    "lost-writes": errno.EIO,
    "driver-restarted": errno.ECONNRESET,
    poison: errno.EIO,
    internal: errno.EIO,
  };
  assert.deepEqual(Object.fromEntries(deviceErrorKinds.map((kind) => [kind, errnoOf(kind)])), expected);
});

test("errno names agree with node's table wherever both know the number", () => {
  const names = Object.entries(os.constants.errno).map(([name, number]) => [number, name] as const);
  const known = names.filter(([number]) => !errnoName(number).startsWith("errno "));
  assert.deepEqual(
    known.filter(
      ([number, name]) => errnoName(number) !== name && name !== "EWOULDBLOCK" && name !== "ENOTSUP",
    ),
    [],
  );
  assert.equal(errnoName(5), "EIO");
  assert.equal(errnoName(4000), "errno 4000");
});

test("failed system calls become kinds, whether the errno comes positive or negative", () => {
  const kinds = [19, 108, 32, 110, 16, 13, 1, 28, 5, 22].map((errno) => systemError("ioctl", -errno).kind);
  const expected = "disconnected disconnected stall timeout busy denied denied no-space io io".split(" ");
  assert.deepEqual(kinds, expected);
  const error = systemError("open /dev/bus/usb/001/002", 13);
  assert.equal(error.errno, 13);
  assert.equal(error.message, "open /dev/bus/usb/001/002: EACCES: not allowed");
});
