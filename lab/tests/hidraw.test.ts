// Runs in: lab guest, root. HID devices that are on no USB bus, behind ring3: taken from the kernel, driven over the deaths of drivers, given back.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, open } from "node:fs/promises";
import { after, before, test } from "node:test";
import { BTN_EAST, BTN_SOUTH, EV_KEY, KEY_A } from "@ring3/kernel/uinput/codes";
import { eventually } from "../../packages/cli/drivers-life.fixture.ts";
import { HidDevice } from "../guest/hid-device.ts";
import { changes, startEvtest, type Triple } from "../guest/input-nodes.ts";
import { run } from "../guest/program.ts";
import { type GuestRing3, loggedOf, refuses, startRing3, succeeds } from "../guest/ring3.ts";
import type { Talker } from "../guest/talker.ts";
import { scaled } from "../timing.ts";

const PAD = "00:00:5e:00:53:31";
const KEYBOARD = "00:00:5e:00:53:32";

let guest: GuestRing3;
let pad: HidDevice;
let keyboard: HidDevice;
/** Reads what ring3 makes of the pad, from when it is first taken on. */
let reader: Talker;

before(async () => {
  await run("modprobe", "-a", "uhid", "hid-generic", "uinput", "evdev");
  await plugPad();
  keyboard = await HidDevice.plug("keyboard", KEYBOARD);
  guest = await startRing3();
});
after(async () => {
  await reader?.[Symbol.asyncDispose]();
  await guest?.[Symbol.asyncDispose]();
  await pad?.[Symbol.asyncDispose]();
  await keyboard?.[Symbol.asyncDispose]();
});

/** The node that programs open, once a driver runs. */
async function endpoint({ id }: HidDevice): Promise<string> {
  const { ring3 } = guest;
  return await loggedOf(ring3, id, () =>
    eventually("an event node", async () => {
      const { units, state } = await ring3.device(id);
      return state === "running" ? units[0]?.endpoints[0]?.address : undefined;
    }),
  );
}

const key = (code: number, value: number): Triple => [EV_KEY, code, value];

/** The kernel takes its sticks to be at 0 until it hears of them. */
async function plugPad(): Promise<void> {
  pad = await HidDevice.plug("gamepad", PAD);
  buttons(0);
}

/** Buttons from the first one on, by bits. */
const buttons = (bits: number) => pad.send(1, 128, 128, 128, 128, bits);

async function pressed(evtest: Talker, bit: number, code: number): Promise<void> {
  buttons(bit);
  assert.deepEqual(await changes(evtest, 1), [key(code, 1)]);
  buttons(0);
  assert.deepEqual(await changes(evtest, 1), [key(code, 0)]);
}

const isTheKernels = async (device: HidDevice): Promise<void> => {
  await guest.ring3.reached(device.id, "available");
  assert.deepEqual([...new Set(device.inhibited)], ["0"]);
};

test("they are listed on bus hid by place, and the kernel keeps them until they are taken", async () => {
  const { ring3 } = guest;
  const { devices } = await ring3.status();
  const listed = await Promise.all([pad, keyboard].map(({ id }) => ring3.device(id)));
  assert.deepEqual(
    listed.map(({ bus, identity, name, driver, state }) => [bus, identity, name, driver, state]),
    [
      ["hid", `1209:0101 ${PAD}`, "Lab Gamepad", "generic-gamepad", "available"],
      ["hid", `1209:0102 ${KEYBOARD}`, "Lab Keyboard", "hid-keyboard-mouse", "available"],
    ],
  );
  assert.ok(!devices.some(({ id }) => id.startsWith("hid-0003")), "QEMU's own are on USB, and listed there");
  assert.match(await succeeds(ring3, "explain", pad.id), /the kernel's hid-generic has it/);
  assert.match(await refuses(ring3, "start", pad.id), /the kernel's driver hid-generic has it; take it with/);
  await isTheKernels(pad);
});

test("a device whose node a program has open is not taken, and explain names the program", async () => {
  const { ring3 } = guest;
  await using _open = await open(pad.node, "r");
  const named = new RegExp(`${pad.node}.*open.*process ${process.pid}`, "s");
  assert.match(await refuses(ring3, "start", pad.id, "--take"), named);
  assert.match(await succeeds(ring3, "explain", pad.id), named);
  await isTheKernels(pad);
});

test("taken: the kernel's event node is silent, its hidraw node is nobody else's, and ring3's tells what is pressed", async () => {
  const { ring3 } = guest;
  await chmod(pad.node, 0o666); // as rules for games do it
  await using kernels = await startEvtest(pad.eventNode);
  await pressed(kernels, 1, BTN_SOUTH);
  await loggedOf(ring3, pad.id, () => succeeds(ring3, "start", pad.id, "--take"));
  assert.deepEqual([pad.inhibited, pad.mode], [["1"], "600"]);
  const nobody = { uid: 65534, gid: 65534 };
  const denied = spawnSync("cat", [pad.node], { ...nobody, encoding: "utf8", timeout: scaled(1000) });
  assert.match(denied.stderr, /Permission denied/);
  const node = await endpoint(pad);
  assert.notEqual(node, pad.eventNode);
  reader = await startEvtest(node);
  await pressed(reader, 1, BTN_SOUTH);
  await succeeds(ring3, "stop", pad.id);
  assert.deepEqual([pad.inhibited, pad.mode], [["0"], "666"]);
  await pressed(kernels, 2, BTN_EAST); // and nothing of what came meanwhile
  await reader[Symbol.asyncDispose]();
});

test("a keyboard is taken too, and its lights are reached through its node", async () => {
  const { ring3 } = guest;
  await succeeds(ring3, "start", keyboard.id, "--take");
  const node = await endpoint(keyboard);
  await using evtest = await startEvtest(node);
  keyboard.send(0, 0, 4, 0, 0, 0, 0, 0);
  assert.deepEqual(await changes(evtest, 1), [key(KEY_A, 1)]);
  keyboard.send(0, 0, 0, 0, 0, 0, 0, 0);
  assert.deepEqual(await changes(evtest, 1), [key(KEY_A, 0)]);
  await using lights = await open(node, "r+");
  const event = Buffer.alloc(24); // struct input_event: EV_LED, LED_CAPSL, on
  event.writeUInt16LE(0x11, 16);
  event.writeUInt16LE(1, 18);
  event.writeInt32LE(1, 20);
  await lights.write(event);
  await keyboard.talker.hears("the light", (line) => line === "output 0002" || undefined);
});

test("its driver is killed while a button is down: it comes up, and the reader reads on at the same node", async () => {
  const { ring3 } = guest;
  await chmod(pad.node, 0o660);
  await succeeds(ring3, "start", pad.id, "--take");
  const node = await endpoint(pad);
  reader = await startEvtest(node);
  buttons(1);
  assert.deepEqual(await changes(reader, 1), [key(BTN_SOUTH, 1)]);
  const { hostPid, incarnation } = await ring3.device(pad.id);
  process.kill(hostPid!, "SIGKILL");
  assert.deepEqual(await changes(reader, 1), [key(BTN_SOUTH, 0)]);
  await eventually("the next driver", async () => {
    const now = await ring3.device(pad.id);
    return now.state === "running" && now.incarnation > incarnation ? true : undefined;
  });
  buttons(0);
  await pressed(reader, 2, BTN_EAST);
  assert.deepEqual([await endpoint(pad), pad.inhibited, pad.mode], [node, ["1"], "600"]);
});

test("the manager is killed: its device stays taken, and the next one gives it back", async () => {
  const { ring3 } = guest;
  const pidOf = async () => (await ring3.status()).manager.pid;
  const before = await pidOf();
  process.kill(before, "SIGKILL");
  await eventually("another manager", async () =>
    (await pidOf().catch(() => before)) !== before ? true : undefined,
  );
  await pressed(reader, 1, BTN_SOUTH);
  assert.deepEqual(pad.inhibited, ["1"]);
  assert.doesNotMatch(await succeeds(ring3, "explain", pad.id), /hid-generic has it/);
  await reader[Symbol.asyncDispose]();
  await succeeds(ring3, "stop", pad.id);
  assert.deepEqual([pad.inhibited, pad.mode], [["0"], "660"]);
});

test("away and back: the kernel has it again; with a rule ring3 takes it, in the same place, once no program has it open", async () => {
  await pad[Symbol.asyncDispose]();
  await guest.ring3.reached(pad.id, "gone").catch(() => undefined); // gone, or forgotten since
  await plugPad();
  await isTheKernels(pad);
  await guest[Symbol.asyncDispose]();
  assert.deepEqual([...pad.inhibited, ...keyboard.inhibited], ["0", "0"], "the end of ring3 gives back");
  const program = await open(pad.node, "r");
  guest = await startRing3({ take: [PAD], graceMs: scaled(3000) }); // a plugging-in is a start of Node here
  await isTheKernels(pad);
  assert.match(await succeeds(guest.ring3, "explain", pad.id), /end the program that has it open/);
  await program.close();
  const node = await endpoint(pad);
  reader = await startEvtest(node);
  await pressed(reader, 1, BTN_SOUTH);
  await pad[Symbol.asyncDispose]();
  await plugPad();
  assert.equal(await endpoint(pad), node);
  await pressed(reader, 2, BTN_EAST);
  assert.deepEqual(pad.inhibited, ["1"]);
  await reader[Symbol.asyncDispose]();
});

test("all of ring3 is killed while it has the device: the next one gives it back", async () => {
  const { ring3 } = guest;
  const { keeperPid, manager, devices, reflectors } = await ring3.status();
  const pids = [
    manager.pid,
    ...reflectors.map(({ pid }) => pid),
    ...devices.flatMap(({ hostPid }) => hostPid ?? []),
  ];
  for (const pid of [keeperPid, ...pids]) process.kill(pid, "SIGKILL");
  await ring3.ended();
  assert.deepEqual(pad.inhibited, ["1"], "nobody was left to do it");
  guest = await startRing3({ stateDirectory: ring3.directory });
  await isTheKernels(pad);
  await using kernels = await startEvtest(pad.eventNode);
  await pressed(kernels, 1, BTN_SOUTH);
});
