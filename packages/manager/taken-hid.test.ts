import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { systemError } from "@ring3/core/errors";
import { createLog } from "@ring3/core/log";
import { setInhibited } from "@ring3/kernel/hidraw/inhibit";
import { setNodeMode } from "@ring3/kernel/hidraw/node-mode";
import { folderOf, type HidSpec, hidDevice } from "@ring3/kernel/hidraw/sysfs.fixture";
import { sysfs } from "@ring3/kernel/usbfs/sysfs.fixture";
import { TakenHid } from "./taken-hid.ts";

const pad: HidSpec = { kernelName: "0005:1209:0101.0001", driver: "hid-generic", hidraw: 4, inputs: [1, 2] };
const other: HidSpec = { kernelName: "0005:1209:0102.0002", driver: "hid-generic", inputs: [3] };

function setUp(context: TestContext) {
  const root = sysfs(context, hidDevice(pad), hidDevice(other));
  const file = join(root, "taken-hid.json");
  const said: string[] = [];
  const log = createLog("manager", ({ message }) => void said.push(message), manualClock());
  const node = join(root, "hidraw4");
  writeFileSync(node, "");
  chmodSync(node, 0o664);
  /** Folders of input devices whose files may not be written just now, and nodes. */
  const refused = new Set<string>();
  const set = (input: string, on: boolean) => {
    if (refused.has(input)) throw systemError(`write ${input}`, -13); // EACCES
    setInhibited(input, on);
  };
  const inputsOf = (spec: HidSpec) =>
    (spec.inputs ?? []).map((number) => join(root, folderOf(spec), `input/input${number}`));
  return {
    file,
    said,
    inputsOf,
    start: (boot = "first") =>
      new TakenHid({
        ...{ file, boot: () => boot, log, sysfs: root, dev: root, setInhibited: set },
        setNodeMode(node, mode) {
          if (refused.has(node)) throw systemError(`chmod ${node}`, -1); // EPERM
          setNodeMode(node, mode);
        },
      }),
    refused,
    node,
    /** Its device has another number. */
    renumbered(mode: number) {
      const next = join(root, "hidraw5");
      writeFileSync(next, "");
      chmodSync(next, mode);
      rmSync(node);
      mkdirSync(join(root, folderOf(pad), "hidraw/hidraw5"), { recursive: true });
      symlinkSync("../..", join(root, folderOf(pad), "hidraw/hidraw5/device"));
      symlinkSync(join(root, folderOf(pad), "hidraw/hidraw5"), join(root, "class/hidraw/hidraw5"));
      return next;
    },
    /** The kernel has used its number again. */
    moved() {
      rmSync(join(root, "class/hidraw/hidraw4"));
      mkdirSync(join(root, folderOf(other), "hidraw/hidraw4"), { recursive: true });
      symlinkSync("../..", join(root, folderOf(other), "hidraw/hidraw4/device"));
      symlinkSync(join(root, folderOf(other), "hidraw/hidraw4"), join(root, "class/hidraw/hidraw4"));
    },
    mode: () => (statSync(node).mode & 0o777).toString(8),
    /** Nothing can be written down from here on. */
    fill: () => mkdirSync(`${file}.new`),
    drain: () => rmSync(`${file}.new`, { recursive: true }),
    silent: (spec: HidSpec) =>
      inputsOf(spec).map((input) => readFileSync(join(input, "inhibited"), "utf8").trim() === "1"),
    write: (spec: HidSpec, at: number, text: string) =>
      writeFileSync(join(inputsOf(spec)[at]!, "inhibited"), text),
  };
}

test("what is taken is silent until it is given back, and nothing else is", (context) => {
  const { start, silent, inputsOf } = setUp(context);
  const taken = start();
  taken.take(pad.kernelName, inputsOf(pad));
  assert.deepEqual([silent(pad), silent(other), taken.has(pad.kernelName)], [[true, true], [false], true]);
  taken.giveBack(pad.kernelName);
  assert.deepEqual([silent(pad), taken.has(pad.kernelName)], [[false, false], false]);
});

test("what is silent at somebody else's wish stays so", (context) => {
  const { start, silent, inputsOf, write } = setUp(context);
  write(pad, 1, "1\n");
  const taken = start();
  taken.take(pad.kernelName, inputsOf(pad));
  taken.giveBack(pad.kernelName);
  assert.deepEqual(silent(pad), [false, true]);
});

test("the next manager knows what was taken, a device without input devices too", (context) => {
  const { start, silent, inputsOf } = setUp(context);
  const before = start();
  before.take(pad.kernelName, inputsOf(pad));
  before.take("0005:1209:0103.0003", []);
  const next = start();
  assert.deepEqual([next.has(pad.kernelName), next.has("0005:1209:0103.0003")], [true, true]);
  next.giveBackAll();
  assert.deepEqual([silent(pad), start().has(pad.kernelName)], [[false, false], false]);
});

test("what cannot be silenced as a whole is not taken, and what was silenced of it speaks again", (context) => {
  const { start, file, inputsOf, silent, write } = setUp(context);
  const inputs = inputsOf(pad);
  rmSync(join(inputs[1]!, "inhibited")); // a kernel before 5.11
  const taken = start();
  assert.throws(() => taken.take(pad.kernelName, inputs), { kind: "unsupported", message: /Linux 5\.11/ });
  assert.deepEqual([taken.has(pad.kernelName), JSON.parse(readFileSync(file, "utf8")).taken], [false, {}]);
  write(pad, 1, "0\n");
  assert.deepEqual(silent(pad), [false, false]);
});

test("it is written down first: what cannot be is not silenced", (context) => {
  const { inputsOf, silent } = setUp(context);
  const log = createLog("manager", () => {}, manualClock());
  const taken = new TakenHid({ file: "/nowhere/taken-hid.json", boot: () => "this", log });
  assert.throws(() => taken.take(pad.kernelName, inputsOf(pad)), { code: "ENOENT" });
  assert.deepEqual(silent(pad), [false, false]);
});

test("an input device that came later is silent too; what has gone is forgotten", (context) => {
  const { start, silent, inputsOf } = setUp(context);
  const [first] = inputsOf(pad);
  const taken = start();
  taken.take(pad.kernelName, [first!]);
  assert.deepEqual(silent(pad), [true, false]);
  taken.take(pad.kernelName, inputsOf(pad));
  assert.deepEqual(silent(pad), [true, true]);
  taken.keep(new Set([other.kernelName]));
  assert.deepEqual([taken.has(pad.kernelName), start().has(pad.kernelName)], [false, false]);
});

test("what was written before the kernel was started anew means nothing", (context) => {
  const { start, silent, inputsOf } = setUp(context);
  start("first").take(pad.kernelName, inputsOf(pad));
  const next = start("second");
  next.giveBackAll();
  assert.deepEqual([next.has(pad.kernelName), silent(pad)], [false, [true, true]]);
});

test("a file that cannot be read is told of, and ring3 starts without it", (context) => {
  const { start, said, file } = setUp(context);
  writeFileSync(file, "{");
  assert.equal(start().has(pad.kernelName), false);
  assert.match(said.join(), /taken-hid\.json cannot be read, so nothing is given back/);
  assert.ok(existsSync(file));
});

test("an input device that may not be told to speak is told once and tried again, by the next manager too", (context) => {
  const { start, refused, silent, inputsOf, said } = setUp(context);
  const taken = start();
  taken.take(pad.kernelName, inputsOf(pad));
  refused.add(inputsOf(pad)[0]!);
  taken.giveBack(pad.kernelName);
  taken.keep(new Set([pad.kernelName]));
  assert.deepEqual([silent(pad), taken.has(pad.kernelName), said.length], [[true, false], false, 1]);
  const next = start();
  refused.clear();
  next.keep(new Set([pad.kernelName]));
  assert.deepEqual([silent(pad), next.has(pad.kernelName)], [[false, false], false]);
});

test("what is owed its voice is ring3's own silence when it is taken again, and is let be while it is taken", (context) => {
  const { start, refused, silent, inputsOf } = setUp(context);
  const taken = start();
  taken.take(pad.kernelName, inputsOf(pad));
  refused.add(inputsOf(pad)[0]!);
  taken.giveBack(pad.kernelName);
  refused.clear();
  taken.take(pad.kernelName, inputsOf(pad));
  start().keep(new Set([pad.kernelName]));
  assert.deepEqual(silent(pad), [true, true]);
  taken.giveBackAll();
  assert.deepEqual(silent(pad), [false, false]);
});

test("where nothing can be written down all is given back, and nothing is taken; it is written when it can be", (context) => {
  const { start, fill, drain, silent, inputsOf, said } = setUp(context);
  const taken = start();
  taken.take(pad.kernelName, inputsOf(pad));
  taken.take(other.kernelName, inputsOf(other));
  fill();
  taken.giveBackAll();
  taken.keep(new Set());
  assert.deepEqual([silent(pad), silent(other)], [[false, false], [false]]);
  assert.throws(() => taken.take(pad.kernelName, inputsOf(pad)), { code: "EISDIR" });
  assert.deepEqual([taken.has(pad.kernelName), silent(pad)], [false, [false, false]]);
  assert.match(said.join("; "), /^which HID devices are taken cannot be written down: EISDIR[^;]*$/);
  assert.equal(start().has(pad.kernelName), true);
  drain();
  taken.keep(new Set());
  assert.equal(start().has(pad.kernelName), false);
});

test("an input device that vanishes while others are silenced is left out", (context) => {
  const { start, silent, inputsOf } = setUp(context);
  const taken = start();
  taken.take(pad.kernelName, [inputsOf(pad)[0]!]);
  taken.take(pad.kernelName, ["/nowhere/input7", ...inputsOf(pad)]);
  assert.deepEqual(silent(pad), [true, true]);
});

test("devices that no driver has are given back", (context) => {
  const { start, silent, inputsOf } = setUp(context);
  const taken = start();
  taken.take(pad.kernelName, inputsOf(pad));
  taken.take(other.kernelName, inputsOf(other));
  taken.giveBackBut(new Set([other.kernelName]));
  assert.deepEqual([silent(pad), silent(other)], [[false, false], [true]]);
});

test("all is given back when the end fails, and when it takes too long", async (context) => {
  const { start, silent, inputsOf } = setUp(context);
  const clock = manualClock();
  const taken = start();
  taken.take(pad.kernelName, inputsOf(pad));
  await assert.rejects(
    taken.giveBackAfter(() => Promise.reject(new Error("no end")), 1000, clock),
    /no end/,
  );
  assert.deepEqual(silent(pad), [false, false]);
  taken.take(pad.kernelName, inputsOf(pad));
  const end = Promise.withResolvers<void>();
  const ended = taken.giveBackAfter(() => end.promise, 1000, clock);
  clock.advance(999);
  assert.deepEqual(silent(pad), [true, true]);
  clock.advance(1);
  assert.deepEqual(silent(pad), [false, false]);
  end.resolve();
  await ended;
});

for (const [what, written] of [
  ["nothing that was taken", { boot: "first" }],
  ["a path elsewhere", { boot: "first", taken: { x: ["/etc"] }, owed: [] }],
  ["a path that leads elsewhere", { boot: "first", taken: {}, owed: ["ROOT/../etc"] }],
] as const)
  test(`a file with ${what} is told of, and ring3 starts without it`, (context) => {
    const { start, said, file } = setUp(context);
    writeFileSync(file, JSON.stringify(written).replace("ROOT", dirname(file)));
    start().giveBackAll();
    assert.match(said.join(), /taken-hid\.json cannot be read/);
  });

test("the node of a device that is taken is its owner's alone, and as it was once it is given back", (context) => {
  const { start, inputsOf, node, mode } = setUp(context);
  const taken = start();
  taken.take(pad.kernelName, inputsOf(pad), node);
  assert.equal(mode(), "600");
  chmodSync(node, 0o660); // a rule of udev's has run once more
  taken.take(pad.kernelName, inputsOf(pad), node);
  assert.equal(mode(), "600");
  const next = start();
  next.giveBack(pad.kernelName);
  assert.equal(mode(), "664");
});

test("a node that was nobody else's before stays so", (context) => {
  const { start, inputsOf, node, mode } = setUp(context);
  chmodSync(node, 0o600);
  const taken = start();
  taken.take(pad.kernelName, inputsOf(pad), node);
  taken.giveBackAll();
  assert.equal(mode(), "600");
});

test("another driver of the kernel's gives the device another node: that is closed too, and as it was afterwards", (context) => {
  const { start, inputsOf, node, renumbered } = setUp(context);
  const taken = start();
  taken.take(pad.kernelName, inputsOf(pad), node);
  const next = renumbered(0o640);
  taken.take(pad.kernelName, inputsOf(pad), next);
  assert.equal(statSync(next).mode & 0o777, 0o600);
  taken.giveBack(pad.kernelName);
  assert.equal(statSync(next).mode & 0o777, 0o640);
});

test("a node that cannot be opened to others again is tried again, by the next manager too", (context) => {
  const { start, inputsOf, node, mode, refused, said } = setUp(context);
  const taken = start();
  taken.take(pad.kernelName, inputsOf(pad), node);
  refused.add(node);
  taken.giveBack(pad.kernelName);
  assert.deepEqual([mode(), said.length], ["600", 1]);
  refused.clear();
  start().keep(new Set([pad.kernelName]));
  assert.equal(mode(), "664");
  chmodSync(node, 0o600);
  start().keep(new Set([pad.kernelName]));
  assert.equal(mode(), "600", "once only");
});

test("a node that another device has by now is left as it is", (context) => {
  const { start, inputsOf, node, mode, moved } = setUp(context);
  const taken = start();
  taken.take(pad.kernelName, inputsOf(pad), node);
  moved();
  taken.giveBackAll();
  assert.equal(mode(), "600");
});

test("a node that cannot be closed is told of once, and the device is taken all the same", (context) => {
  const { start, inputsOf, node, mode, refused, said, file } = setUp(context);
  refused.add(node);
  const taken = start();
  for (let time = 0; time < 2; time++) taken.take(pad.kernelName, inputsOf(pad), node);
  assert.deepEqual([taken.has(pad.kernelName), mode(), said.length], [true, "664", 1]);
  assert.match(said[0]!, /hidraw4 stays open to others, who may meet the device twice/);
  assert.deepEqual(JSON.parse(readFileSync(file, "utf8")).closed, {});
});

test("a node that cannot be written down is not closed", (context) => {
  const { start, inputsOf, node, mode, fill } = setUp(context);
  const taken = start();
  taken.take(pad.kernelName, inputsOf(pad));
  fill();
  taken.take(pad.kernelName, inputsOf(pad), node);
  assert.equal(mode(), "664");
});

test("a file from before nodes were closed is read", (context) => {
  const { start, file } = setUp(context);
  writeFileSync(file, JSON.stringify({ boot: "first", taken: { [pad.kernelName]: [] }, owed: [] }));
  assert.equal(start().has(pad.kernelName), true);
});

for (const closed of [
  { node: "/etc/hidraw4", mode: 0o664 },
  { node: "hidraw4/../../shadow", mode: 0o666 },
  { node: "hidraw4", mode: 0o4755 },
])
  test(`a file that would have ${JSON.stringify(closed)} opened is not believed`, (context) => {
    const { start, file, node, said } = setUp(context);
    const named = closed.node.startsWith("/") ? closed.node : join(dirname(node), closed.node);
    const note = {
      boot: "first",
      taken: {},
      closed: { [pad.kernelName]: { ...closed, node: named } },
      owed: [],
    };
    writeFileSync(file, JSON.stringify(note));
    start();
    assert.match(said.join(), /cannot be read, so nothing is given back/);
  });
