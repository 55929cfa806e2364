import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceState, FailureReason } from "@ring3/core/lifecycle";
import * as v from "valibot";
import { clientEdge } from "./client-edge.ts";
import { failureKinds } from "./fields.ts";
import { hostEdge } from "./host-edge.ts";
import { keeperEdge } from "./keeper-edge.ts";
import { deviceStates, status } from "./status.ts";

test("the states and failure kinds on the wire are those of the lifecycle", () => {
  const states: readonly DeviceState[] = deviceStates;
  const kinds: readonly FailureReason["kind"][] = failureKinds;
  const allStates: Record<DeviceState, true> = {
    unmatched: true,
    available: true,
    starting: true,
    running: true,
    suspended: true,
    stopped: true,
    failed: true,
    quarantined: true,
    stuck: true,
    gone: true,
  };
  const allKinds: Record<FailureReason["kind"], true> = {
    crash: true,
    exit: true,
    signal: true,
    probe: true,
    heartbeat: true,
    deadline: true,
    malformed: true,
    memory: true,
    grant: true,
  };
  assert.deepEqual(
    [[...states].sort(), [...kinds].sort()],
    [Object.keys(allStates).sort(), Object.keys(allKinds).sort()],
  );
});

test("the status of the design's table is valid, and one with a field more or less is not", () => {
  const device = {
    id: "usb-1-4:1.0",
    alias: null,
    identity: "0781:5583 4C53",
    name: "SanDisk Extreme",
    bus: "usb",
    driver: "usb-storage",
    class: "block",
    placement: "isolated",
    sandbox: "standard",
    state: "running",
    reason: "",
    incarnation: 11,
    restarts: 10,
    hostPid: 4711,
    units: [
      {
        id: "usb-1-4:1.0#0",
        endpoints: [{ kind: "nbd", address: "nbd+unix:///usb-1-4:1.0%230?socket=/run/ring3/block.sock" }],
      },
    ],
  };
  const whole = {
    keeperPid: 1,
    manager: { pid: 2, uptimeMs: 3.5 },
    reflectors: [{ class: "block", pid: 3 }],
    devices: [device],
  };
  assert.deepEqual(v.parse(status, whole), whole);
  assert.equal(v.is(status, { ...whole, extra: 1 }), false);
  assert.equal(v.is(status, { ...whole, devices: [{ ...device, state: "happy" }] }), false);
  assert.equal(v.is(status, { ...whole, keeperPid: undefined }), false);
});

test("a spawn with a zero byte in the path, or -1 as user, is refused", () => {
  const spawn = {
    name: "host-1",
    file: "/usr/bin/bwrap",
    args: ["--unshare-all"],
    uid: 300000,
    gid: 300000,
    stdio: 4,
  };
  const { params } = keeperEdge.methods.spawn;
  assert.equal(v.is(params, spawn), true);
  assert.equal(v.is(params, { ...spawn, file: "/bin/sh\0" }), false);
  assert.equal(v.is(params, { ...spawn, uid: 0xffffffff }), false);
  assert.equal(v.is(params, { ...spawn, stdio: 17 }), false);
});

test("descriptors of a device larger than 64 KiB do not reach a host", () => {
  const grant = {
    surface: "usb",
    transport: "usbip",
    interface: 0,
    descriptors: Buffer.alloc(65536).toString("base64"),
    strings: { manufacturer: null, product: null, serial: null },
    speed: "high",
    configuration: 1,
    devid: 65538,
  };
  const probe = {
    contract: { name: "block", version: 1, hash: "0123456789abcdef" },
    grants: [grant],
  };
  const { params } = hostEdge.methods.probe;
  assert.equal(v.is(params, probe), true);
  assert.equal(
    v.is(params, { ...probe, grants: [{ ...grant, descriptors: Buffer.alloc(65540).toString("base64") }] }),
    false,
  );
  assert.equal(v.is(params, { ...probe, grants: [{ ...grant, descriptors: "not base64!" }] }), false);
});

test("a channel is a positive integer and a contract has a hash", () => {
  const open = {
    channel: 1,
    opening: 1,
    unit: "usb-1-4:1.0#0",
    mode: "write",
    contract: { name: "block", version: 1, hash: "0123456789abcdef" },
  };
  const { params } = clientEdge.methods.open;
  assert.equal(v.is(params, open), true);
  assert.equal(v.is(params, { ...open, channel: 0 }), false);
  assert.equal(v.is(params, { ...open, contract: { ...open.contract, hash: "g" } }), false);
});

test("a log line has at most 16 fields and no text longer than what is kept of it", () => {
  const line = { level: "info", message: "m", fields: { key: "x".repeat(2048), n: 1, ok: true } };
  const many = Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`f${n}`, n]));
  const { log } = hostEdge.notices;
  assert.equal(v.is(log, line), true);
  assert.equal(v.is(log, { ...line, message: "x".repeat(2049) }), false);
  assert.equal(v.is(log, { ...line, fields: many }), false);
  assert.equal(v.is(log, { ...line, fields: { key: "x".repeat(2049) } }), false);
});
