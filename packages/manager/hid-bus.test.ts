import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { createLog } from "@ring3/core/log";
import { folderOf, type HidSpec, hidDevice } from "@ring3/kernel/hidraw/sysfs.fixture";
import type { openersOf } from "@ring3/kernel/usbfs/openers";
import { sysfs, type Tree } from "@ring3/kernel/usbfs/sysfs.fixture";
import { HidDevices } from "./hid-bus.ts";
import { TakenHid } from "./taken-hid.ts";

const pad: HidSpec = {
  kernelName: "0005:1209:0101.0001",
  uniq: "00:00:5e:00:53:31",
  phys: "00:00:5e:00:53:01",
  driver: "hid-generic",
  inputs: [1],
};

function bus(context: TestContext, ...trees: Tree[]) {
  const root = sysfs(context, ...trees);
  const log = createLog("manager", () => {}, manualClock());
  const taken = new TakenHid({ file: join(root, "taken.json"), boot: () => "this", log, sysfs: root });
  const hid = new HidDevices(log, taken, root);
  return { root, log, taken, hid, ids: () => hid.find().map(({ id }) => id) };
}

test("a device is called by what tells it from others, else by where it is, else by its kind", (context) => {
  const { ids } = bus(
    context,
    hidDevice(pad),
    hidDevice({ kernelName: "0018:04F3:3195.0002", phys: "i2c-ELAN0001:00" }),
    hidDevice({ kernelName: "0003:1209:0001.0003", phys: "my/place here" }),
    hidDevice({ kernelName: "0006:1209:0002.0004" }),
  );
  assert.deepEqual(ids(), [
    "hid-0005:1209:0101-00:00:5e:00:53:31",
    "hid-0018:04f3:3195-i2c-ELAN0001:00",
    "hid-0003:1209:0001-my-place-here",
    "hid-0006:1209:0002",
  ]);
});

test("devices that nothing tells apart are numbered, and each keeps its name when another goes", (context) => {
  const twins = ["0006:1209:0002.0004", "0006:1209:0002.0005", "0006:1209:0002.0006"];
  const { root, ids } = bus(context, ...twins.map((kernelName) => hidDevice({ kernelName })));
  assert.deepEqual(ids(), ["hid-0006:1209:0002", "hid-0006:1209:0002_2", "hid-0006:1209:0002_3"]);
  rmSync(join(root, "bus/hid/devices", twins[0]!));
  assert.deepEqual(ids(), ["hid-0006:1209:0002_2", "hid-0006:1209:0002_3"]);
});

test("what is a part of a USB interface is not listed: the usb bus has it", (context) => {
  const USB = "pci0000:00/usb1/1-4/1-4:1.0";
  const { ids } = bus(
    context,
    hidDevice({ kernelName: "0003:046D:C52B.0001", below: USB }),
    { [`devices/${USB}/bInterfaceNumber`]: "00\n" },
    hidDevice({ ...pad, kernelName: "0005:1209:0101.0002" }),
  );
  assert.deepEqual(ids(), ["hid-0005:1209:0101-00:00:5e:00:53:31"]);
});

test("matching sees ids, serial and the usages of the outermost collections", (context) => {
  const [found] = bus(context, hidDevice({ ...pad, hidraw: 0 })).hid.find();
  const { facts, identity, bus: name, transport } = found!.describe();
  assert.deepEqual(facts, {
    bus: "hid",
    bustype: 5,
    vendor: 0x1209,
    product: 0x0101,
    serial: "00:00:5e:00:53:31",
    usages: [0x0001_0002],
  });
  assert.deepEqual(
    [identity, name, transport, found!.bound, found!.plugging],
    [{ vendor: "1209", product: "0101", serial: "00:00:5e:00:53:31" }, "hid", "hidraw", true, pad.kernelName],
  );
});

test("a device is one that its kernel driver has bound once it has a hidraw node, which comes last", (context) => {
  const [found] = bus(context, hidDevice(pad)).hid.find();
  assert.equal(found!.bound, false);
});

test("the kernel's driver has it, is not robbed unasked, and is nobody while ring3 has it", async (context) => {
  const { hid, taken, root } = bus(context, hidDevice({ ...pad, hidraw: 0 }));
  const device = hid.find()[0]!.describe();
  assert.deepEqual([device.kernelDriver(), device.withheld()], ["hid-generic", true]);
  await assert.rejects(device.open(), {
    kind: "busy",
    message: /hid-generic holds it; take it with: ring3 start/,
  });
  device.allowTaking();
  assert.equal(device.withheld(), false);
  taken.take(pad.kernelName, [join(root, folderOf(pad), "input/input1")]);
  assert.equal(device.kernelDriver(), null);
  assert.equal(device.giveBack(), "hid-generic");
  assert.equal(device.kernelDriver(), "hid-generic");
});

test("a device whose node another program has open is not opened, taken or not", async (context) => {
  const { root, taken, log } = bus(context, hidDevice({ ...pad, hidraw: 0 }));
  const openers = (nodes: readonly string[]) => nodes.map((node) => ({ node, pid: 7, name: "steam" }));
  const device = new HidDevices(log, taken, root, openers).find()[0]!.describe();
  device.allowTaking();
  const refusal = { kind: "busy", message: /\/dev\/hidraw0 is open process 7, steam/ };
  await assert.rejects(device.open(), refusal);
  assert.equal(taken.has(pad.kernelName), false);
  taken.take(pad.kernelName, []);
  await assert.rejects(device.open(), refusal);
});

test("of who has the node open, those that had it before are looked at first where one will do, and everybody where they have closed it", (context) => {
  const { root, taken, log } = bus(context, hidDevice({ ...pad, hidraw: 0 }));
  const asked: (readonly number[] | undefined)[] = [];
  let open = [7, 8];
  const openers: typeof openersOf = (nodes, among) => {
    asked.push(among);
    return open
      .filter((pid) => among?.includes(pid) ?? true)
      .map((pid) => ({ node: nodes[0]!, pid, name: "game" }));
  };
  const device = new HidDevices(log, taken, root, openers).find()[0]!.describe();
  const pids = (wanted?: "one") => device.holders(wanted).map(({ where }) => where);
  assert.deepEqual(pids(), ["process 7, game", "process 8, game"]);
  open = [8, 9];
  assert.deepEqual(pids("one"), ["process 8, game"]);
  open = [9];
  assert.deepEqual(pids("one"), ["process 9, game"]);
  open = [];
  assert.deepEqual(pids("one"), []);
  assert.deepEqual(asked, [undefined, [7, 8], [8], undefined, [9], undefined]);
});

test("what the kernel makes of a taken device later is silenced when the bus is looked at", (context) => {
  const { hid, taken, root } = bus(context, hidDevice({ ...pad, inputs: [1, 2] }));
  const inputs = [1, 2].map((number) => join(root, folderOf(pad), `input/input${number}`));
  const silent = () => inputs.map((input) => readFileSync(join(input, "inhibited"), "utf8").trim());
  taken.take(pad.kernelName, [inputs[0]!]);
  assert.deepEqual(silent(), ["1", "0"]);
  hid.find();
  assert.deepEqual(silent(), ["1", "1"]);
});

test("a taken device that cannot be read for a moment is given back all the same, one that is gone is forgotten", (context) => {
  const { hid, taken, root } = bus(context, hidDevice(pad));
  taken.take(pad.kernelName, []);
  rmSync(join(root, folderOf(pad), "report_descriptor"));
  assert.deepEqual([hid.find(), taken.has(pad.kernelName)], [[], true]);
  rmSync(join(root, "bus/hid/devices", pad.kernelName));
  assert.deepEqual([hid.find(), taken.has(pad.kernelName)], [[], false]);
});

test("a report descriptor that is none is told when the device is described", (context) => {
  const { hid, root } = bus(context, hidDevice(pad));
  writeFileSync(join(root, folderOf(pad), "report_descriptor"), Uint8Array.of(0x05, 0x01, 0xa1));
  assert.throws(() => hid.find()[0]!.describe(), { kind: "protocol" });
});

test("its rules are for the devices of its ids, and let a group write", (context) => {
  const device = bus(context, hidDevice({ ...pad, hidraw: 3 }))
    .hid.find()[0]!
    .describe();
  assert.deepEqual(
    device.permissions().map(({ rule }) => rule("ring3")),
    [
      'SUBSYSTEM=="hidraw", KERNELS=="0005:1209:0101.*", GROUP="ring3", MODE="0660"',
      `SUBSYSTEM=="input", KERNEL=="input[0-9]*", KERNELS=="0005:1209:0101.*", RUN+="/bin/sh -c 'chgrp ring3 /sys%p/inhibited && chmod g+w /sys%p/inhibited'"`,
    ],
  );
  assert.match(device.permissions()[1]!.path, /input\/input1\/inhibited$/);
});
