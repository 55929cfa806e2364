// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { defineContract, event, operation } from "./contract.ts";
import { DeviceError } from "./errors.ts";
import { bytes, f64, struct, u32, u64 } from "./struct.ts";

const spec = () => ({
  name: "sensor",
  version: 1,
  properties: struct({ channels: u32 }),
  operations: {
    read: operation({
      nr: 1,
      in: struct({ channel: u32 }),
      out: struct({ value: f64, timestampUs: u64 }),
      replay: "always",
    }),
    burst: operation({ nr: 2, in: struct({ count: u32 }), data: "out", replay: "never", optional: true }),
    reset: operation({ nr: 3, replay: "never", mutates: true, deadlineMs: 500 }),
  },
  events: { changed: event({ nr: 1, data: struct({ channel: u32, value: f64 }), overflow: "latest" }) },
});

const refusal = (change: object): string => {
  try {
    defineContract({ ...spec(), ...change });
  } catch (error) {
    assert.ok(error instanceof DeviceError);
    assert.equal(error.kind, "invalid");
    return error.message.replace(/^contract "[^"]*", /, "").replace(/: not valid$/, "");
  }
  return "accepted";
};

test("what a contract leaves out has its default", () => {
  const contract = defineContract(spec());
  assert.deepEqual([contract.slots, contract.slotBytes], [64, 65536]);
  const { read, burst, reset } = contract.operations;
  assert.deepEqual(
    [read.mutates, read.optional, read.deadlineMs, read.data],
    [false, false, 10000, undefined],
  );
  assert.deepEqual([burst.optional, burst.data, burst.out], [true, "out", undefined]);
  assert.deepEqual([reset.mutates, reset.deadlineMs], [true, 500]);
  assert.ok(contract.ioctlType >= 0xc0 && contract.ioctlType < 0xf0);
  assert.equal(defineContract({ ...spec(), ioctlType: 0x52 }).ioctlType, 0x52);
  const bare = defineContract({ name: "bare", version: 1, operations: {} });
  assert.deepEqual([bare.properties, bare.events], [undefined, {}]);
});

test("a contract cannot be changed", () => {
  assert.ok(Object.isFrozen(defineContract(spec())));
});

test("equal contracts have equal hashes, whatever the order of their operations", () => {
  const { read, burst, reset } = spec().operations;
  const { hash } = defineContract(spec());
  assert.match(hash, /^[0-9a-f]{16}$/);
  assert.equal(defineContract(spec()).hash, hash);
  assert.equal(defineContract({ ...spec(), operations: { reset, burst, read } }).hash, hash);
});

test("deadlines and the ioctl type may differ between two ends", () => {
  const { read, burst } = spec().operations;
  const reset = operation({ nr: 3, replay: "never", mutates: true, deadlineMs: 501 });
  const other = defineContract({ ...spec(), ioctlType: 1, operations: { read, burst, reset } });
  assert.equal(other.hash, defineContract(spec()).hash);
});

test("what holds of a state at rest is kept, and is no difference on the wire", () => {
  const { burst } = spec().operations;
  const events = { level: event({ nr: 1, data: struct({ value: u32 }), overflow: "latest" }) };
  const released = (last: { value: number }) => ({ ...last, value: 0 });
  const resting = { level: event({ nr: 1, data: struct({ value: u32 }), overflow: "latest", released }) };
  const [plain, own] = [events, resting].map((each) =>
    defineContract({ ...spec(), operations: { burst }, events: each }),
  );
  assert.equal(own!.hash, plain!.hash);
  assert.deepEqual(own!.events.level!.released!({ value: 7 }, undefined), { value: 0 });
  assert.equal("released" in plain!.events.level!, false);
});

test("every difference that the wire shows gives another hash", () => {
  const { operations, events } = spec();
  const input = struct({ channel: u32 });
  const readAs = (read: object) => ({ operations: { ...operations, read } });
  const variants: object[] = [
    {},
    { name: "sensors" },
    { version: 2 },
    { slots: 32 },
    { slotBytes: 4096 },
    { properties: struct({ channels: u64 }) },
    { properties: undefined },
    readAs({ ...operations.read, nr: 9 }),
    readAs({ ...operations.read, in: struct({ channels: u32 }) }),
    readAs({ ...operations.read, out: undefined }),
    readAs({ ...operations.read, data: "in" }),
    readAs({ ...operations.read, data: "out" }),
    readAs({ ...operations.read, replay: "never" }),
    readAs({ ...operations.read, replay: "checkpoint" }),
    readAs({ ...operations.read, mutates: true }),
    readAs({ ...operations.read, optional: true }),
    { operations: { fetch: operations.read, burst: operations.burst, reset: operations.reset } },
    { events: {} },
    { events: { moved: events.changed } },
    { events: { changed: { ...events.changed, nr: 2 } } },
    { events: { changed: { ...events.changed, overflow: "drop-and-count" } } },
    { events: { changed: { ...events.changed, overflow: "add" } } },
    { events: { changed: { ...events.changed, data: input } } },
  ];
  const hashes = variants.map((variant) => defineContract({ ...spec(), ...variant }).hash);
  assert.equal(new Set(hashes).size, variants.length);
});

test("bad contracts are refused, saying where, what was expected and what was found", () => {
  const { operations, events } = spec();
  const wide = struct({ text: bytes(41) });
  const two = (nr: number) => ({
    a: operation({ nr: 7, replay: "never" }),
    b: operation({ nr, replay: "never" }),
  });
  assert.equal(refusal({}), "accepted");
  assert.match(refusal({ name: "Sensor" }), /^name: expected .*, found Sensor$/);
  assert.equal(refusal({ version: 0 }), "version: expected an integer from 1 to 65535, found 0");
  assert.equal(refusal({ ioctlType: 256 }), "ioctlType: expected an integer from 0 to 255, found 256");
  assert.equal(refusal({ slots: 48 }), "slots: expected a power of two, found 48");
  assert.equal(refusal({ slots: 0 }), "slots: expected an integer from 1 to 4096, found 0");
  assert.equal(refusal({ slotBytes: 100 }), "slotBytes: expected a multiple of 64, found 100");
  assert.equal(
    refusal({ operations: two(0) }),
    'operation "b", nr: expected an integer from 1 to 255, found 0',
  );
  assert.equal(
    refusal({ operations: two(256) }),
    'operation "b", nr: expected an integer from 1 to 255, found 256',
  );
  assert.equal(
    refusal({ operations: two(7) }),
    'operation "b", nr: expected a number of its own, found 7, which "a" has',
  );
  assert.equal(
    refusal({ events: { a: events.changed, b: events.changed } }),
    'event "b", nr: expected a number of its own, found 1, which "a" has',
  );
  assert.equal(
    refusal({ operations: { properties: operations.read } }),
    'operation "properties": expected another name, found properties',
  );
  assert.match(
    refusal({ operations: { "read it": operations.read } }),
    /^operation "read it": expected a camelCase name/,
  );
  assert.equal(
    refusal({ operations: { read: { ...operations.read, in: wide } } }),
    'operation "read", in: expected at most 40 bytes (carry it as data), found 41 bytes',
  );
  assert.equal(
    refusal({ operations: { read: { ...operations.read, out: wide } } }),
    'operation "read", out: expected at most 40 bytes (carry it as data), found 41 bytes',
  );
  assert.equal(
    refusal({ events: { changed: { ...events.changed, data: wide } } }),
    'event "changed", data: expected at most 40 bytes (carry it as data), found 41 bytes',
  );
  assert.match(
    refusal({ operations: { read: { ...operations.read, deadlineMs: 0 } } }),
    /^operation "read", deadlineMs: expected/,
  );
});
