// Runs in: node --test. Owns: descriptors that stand for /dev/uinput's.
import assert from "node:assert/strict";
import { fstatSync } from "node:fs";
import { test } from "node:test";
import { type Descriptor, pipe } from "@ring3/kernel/fd/descriptor";
import { InputDevices } from "./input-devices.ts";

const pad = { unit: "usb-1-4:1.0#0", index: 0, shape: "a pad" };

function setUp(folders: Record<string, string[]> = {}) {
  const log: string[] = [];
  const opened: Descriptor[] = [];
  const inputs = new InputDevices({
    open() {
      const { read, write } = pipe();
      write.close();
      opened.push(read);
      return read;
    },
    list: (folder) => folders[folder] ?? [],
    legacy: {
      note: (_kind, name, record) => void log.push(`note ${name} ${JSON.stringify(record)}`),
      hold: (name, descriptors) => void log.push(`hold ${name} ${descriptors.length}`),
      drop: (name) => void log.push(`drop ${name}`),
    },
  });
  return { inputs, log, opened };
}

const same = (one: Descriptor, other: Descriptor) => fstatSync(one.fd).ino === fstatSync(other.fd).ino;

test("a device is noted and held before its reflector has it, and the next reflector gets the same", () => {
  const { inputs, log, opened } = setUp();
  using first = inputs.open(pad).descriptor;
  const name = "input/usb-1-4:1.0#0.0";
  assert.deepEqual(log.splice(0), [`note ${name} ${JSON.stringify({ ...pad, memo: "" })}`, `hold ${name} 1`]);
  using second = inputs.open(pad).descriptor;
  assert.deepEqual([opened.length, same(first, second), first.fd === second.fd, log], [1, true, false, []]);
});

test("what a reflector wants remembered is noted, and told to the next", () => {
  const { inputs, log } = setUp();
  inputs.open(pad).descriptor.close();
  log.length = 0;
  inputs.remember(pad, "two effects");
  assert.deepEqual(log, [`note input/usb-1-4:1.0#0.0 ${JSON.stringify({ ...pad, memo: "two effects" })}`]);
  const { descriptor, memo } = inputs.open(pad);
  descriptor.close();
  assert.equal(memo, "two effects");
  assert.throws(() => inputs.remember({ ...pad, index: 3 }, ""), { kind: "invalid" });
});

test("one of another shape is another device: the one before ends", () => {
  const { inputs, log, opened } = setUp();
  inputs.open(pad).descriptor.close();
  log.length = 0;
  inputs.open({ ...pad, shape: "a pad with motors" }).descriptor.close();
  assert.deepEqual([opened.length, log[0], opened[0]!.fd], [2, "drop input/usb-1-4:1.0#0.0", -1]);
});

test("a unit's devices end with it, and those of units that there are not any more; others stay", () => {
  const { inputs, log, opened } = setUp();
  for (const index of [0, 1]) inputs.open({ ...pad, index }).descriptor.close();
  inputs.open({ ...pad, unit: "usb-1-5:1.0#0" }).descriptor.close();
  log.length = 0;
  inputs.remove(pad.unit);
  assert.deepEqual(log.splice(0), ["drop input/usb-1-4:1.0#0.0", "drop input/usb-1-4:1.0#0.1"]);
  assert.deepEqual(
    opened.map(({ fd }) => fd === -1),
    [true, true, false],
  );
  inputs.keep(new Set(["usb-1-5:1.0#0"]));
  assert.deepEqual(log, []);
  inputs.keep(new Set());
  assert.deepEqual(log, ["drop input/usb-1-5:1.0#0.0"]);
});

test("of one unit those end that it is to have no more", () => {
  const { inputs, opened } = setUp();
  for (const index of [0, 3]) inputs.open({ ...pad, index }).descriptor.close();
  inputs.open({ ...pad, unit: "usb-1-5:1.0#0", index: 3 }).descriptor.close();
  inputs.keepOf(pad.unit, new Set([0]));
  assert.deepEqual(
    opened.map(({ fd }) => fd === -1),
    [false, true, false],
  );
});

test("what an earlier manager has left is given to the next reflector", () => {
  const { inputs, opened } = setUp();
  const { read, write } = pipe();
  write.close();
  inputs.inherit([{ name: "input/usb-1-4:1.0#0.0", record: { ...pad, memo: "two effects" }, held: [read] }]);
  const { descriptor: given, memo } = inputs.open(pad);
  assert.deepEqual([same(given, read), opened.length, memo], [true, 0, "two effects"]);
  given.close();
  inputs.remove(pad.unit);
});

test("a device's node is found by the kernel's name for it", () => {
  const { inputs } = setUp({
    "/sys/class/input/input12": ["capabilities", "event7", "js0", "id"],
    "/sys/class/input/input13": ["capabilities"],
  });
  assert.equal(inputs.node("input12"), "/dev/input/event7");
  assert.throws(() => inputs.node("input13"), { kind: "unsupported", message: /modprobe evdev/ });
  for (const odd of ["../../etc", "input", "input12/..", ""])
    assert.throws(() => inputs.node(odd), { kind: "invalid" });
});
