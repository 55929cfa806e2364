// Runs in: lab guest, root. Our simulated input devices as devices of a real kernel: Linux's own drivers judge them. What a script does
// arrives at /dev/input, and what programs write there reaches the device.
// lab machine: input
import assert from "node:assert/strict";
import { closeSync, globSync, openSync, readdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { EV_ABS, EV_KEY, EV_LED, EV_REL, EventNode, inputDevicesOf } from "../guest/event-node.ts";
import { until } from "../guest/patience.ts";
import { run } from "../guest/program.ts";
import { SimulatedInput } from "../guest/simulated-input.ts";

before(async () => {
  await run(
    "modprobe",
    "-a",
    "vhci_hcd",
    "evdev",
    "usbhid",
    "hid-generic",
    "hid-playstation",
    "hid-nintendo",
    "hid-logitech-hidpp",
    "xpad",
  );
});
after(async () => {
  // Other files' keyboards are to be nobody's.
  await run(
    "modprobe",
    "-ra",
    "hid-playstation",
    "hid-nintendo",
    "hid-logitech-hidpp",
    "xpad",
    "hid-generic",
    "usbhid",
  );
});

/** Plugged into this kernel; its script is played from when Linux's driver reads it. */
const plugged = (kind: string, model: string, script: string, ...options: string[]) =>
  new SimulatedInput(kind, model, { script, options }).plugIntoKernel();

// linux/input-event-codes.h
const BTN_SOUTH = 0x130;
const [BTN_Z, BTN_TL] = [0x135, 0x136];
const BTN_MODE = 0x13c;
const [KEY_A, KEY_LEFTSHIFT, KEY_VOLUMEUP] = [30, 42, 115];
const LED_CAPSL = 1;
const [BTN_SIDE, BTN_EXTRA] = [0x113, 0x114];
const [REL_X, REL_Y, REL_HWHEEL, REL_WHEEL, REL_WHEEL_HI_RES] = [0, 1, 6, 8, 11];
const [ABS_X, ABS_Y, ABS_Z, ABS_RX, ABS_RY, ABS_RZ, ABS_HAT0X] = [0, 1, 2, 3, 4, 5, 16];
const [ABS_MT_POSITION_X, ABS_MT_POSITION_Y] = [0x35, 0x36];
/** 108 degrees a second, in 1024ths, by way of 16 bits that have a step of 62 or 63 of them. */
const turned = { dualsense: 110_604, dualshock4: 110_610 };

test("xbox-360: xpad takes it, hears it, lights it up and makes it rumble", async () => {
  const script = `repeat forever {
    300ms press south left-shoulder
    left 0.5 -1
    left-trigger 1
    hat left
    300ms release all
  }`;
  await using sim = await plugged("gamepad", "xbox-360", script);
  const [pad] = await inputDevicesOf("045e 028e", ["Microsoft X-Box 360 pad"]);
  using node = new EventNode(pad!);
  await node.hears(
    ...([
      [EV_KEY, BTN_SOUTH, 1],
      [EV_KEY, BTN_TL, 1],
      [EV_ABS, ABS_X, 16384],
      [EV_ABS, ABS_Y, -32768],
    ] as const),
    ...([
      [EV_ABS, ABS_Z, 255],
      [EV_ABS, ABS_HAT0X, -1],
      [EV_KEY, BTN_SOUTH, 0],
      [EV_ABS, ABS_X, 0],
    ] as const),
  );
  await sim.observes({ observed: "led", pattern: 2 }); // xpad_identify_controller: the first player
  node.rumble(0xffff, 0x8000, 500);
  await sim.observes({ observed: "rumble", strong: 255, weak: 128 });
  await sim.observes({ observed: "rumble", strong: 0, weak: 0 });
});

test("xbox-one: xpad wakes it, hears it, answers for its guide button, and makes it rumble", async () => {
  const script = `repeat forever {
    300ms press south mode
    right -1 0.5
    right-trigger 1
    300ms release all
  }`;
  await using sim = await plugged("gamepad", "xbox-one", script);
  const [pad] = await inputDevicesOf("045e 02ea", ["Microsoft X-Box One S pad"]);
  using node = new EventNode(pad!);
  for (let time = 0; time < 2; time++)
    await node.hears(
      ...([
        [EV_KEY, BTN_MODE, 1],
        [EV_KEY, BTN_SOUTH, 1],
        [EV_ABS, ABS_RX, -32768],
      ] as const),
      ...([
        [EV_ABS, ABS_RY, 16383],
        [EV_ABS, ABS_RZ, 1023],
        [EV_KEY, BTN_MODE, 0],
      ] as const),
    );
  await sim.observes({ observed: "power", mode: 0 });
  node.rumble(0xffff, 0x8000, 500);
  await sim.observes({ observed: "rumble", strong: 127, weak: 64, leftTrigger: 0 });
  await sim.observes({ observed: "rumble", strong: 0, weak: 0, leftTrigger: 0 });
});

const NINTENDO = ["Nintendo Co., Ltd. Pro Controller", "Nintendo Co., Ltd. Pro Controller (IMU)"];
const SONY = "Sony Interactive Entertainment Wireless Controller";
const sonyScript = `repeat forever {
  300ms press south
  left 1 -1
  right-trigger 1
  hat right
  touch 0 0.5 1
  gyro 0 108 0
  300ms release all
  gyro 0 0 0
}`;

for (const [model, id, touchMaxY] of [
  ["dualsense", "054c 0ce6", 1079],
  ["dualshock4", "054c 09cc", 941],
] as const) {
  test(`${model}: hid-playstation takes it, hears all three of its parts, and makes it rumble`, async () => {
    await using sim = await plugged("gamepad", model, sonyScript, "--interval", "100");
    const names = [SONY, `${SONY} Motion Sensors`, `${SONY} Touchpad`];
    const [pad, sensors, touchpad] = await inputDevicesOf(id, names);
    using padNode = new EventNode(pad!);
    using sensorsNode = new EventNode(sensors!);
    using touchpadNode = new EventNode(touchpad!);
    await padNode.hears(
      ...([
        [EV_KEY, BTN_SOUTH, 1],
        [EV_ABS, ABS_X, 255],
        [EV_ABS, ABS_Y, 0],
        [EV_ABS, ABS_RZ, 255],
      ] as const),
      ...([
        [EV_ABS, ABS_HAT0X, 1],
        [EV_KEY, BTN_SOUTH, 0],
        [EV_ABS, ABS_X, 128],
      ] as const),
    );
    await touchpadNode.hears([EV_ABS, ABS_MT_POSITION_X, 960], [EV_ABS, ABS_MT_POSITION_Y, touchMaxY]);
    await sensorsNode.hears([EV_ABS, ABS_RY, turned[model]]);
    padNode.rumble(0xffff, 0x8000, 500);
    await sim.observes({ observed: "rumble", strong: 255, weak: 128 });
    await sim.observes({ observed: "rumble", strong: 0, weak: 0 });
  });
}

test("switch-pro: hid-nintendo takes it, calibrates and hears it, and makes it rumble", async () => {
  const script = `repeat forever {
    300ms press south capture
    left 1 -1
    gyro 0 0 100
    accel 0 0 -1
    300ms release all
    gyro 0 0 0
    accel 0 0 1
  }`;
  await using sim = await plugged("gamepad", "switch-pro", script, "--interval", "30");
  const [pad, sensors] = await inputDevicesOf("057e 2009", NINTENDO);
  using padNode = new EventNode(pad!);
  using sensorsNode = new EventNode(sensors!);
  await padNode.hears(
    ...([
      [EV_KEY, BTN_SOUTH, 1],
      [EV_KEY, BTN_Z, 1],
      [EV_ABS, ABS_X, 32767],
    ] as const),
    ...([
      [EV_ABS, ABS_Y, -32767],
      [EV_KEY, BTN_SOUTH, 0],
      [EV_ABS, ABS_X, 0],
    ] as const),
  );
  // 6 + 100 * 13365 / 936 = 1434, less 6, by 13371 / 13365; 200 ∓ 16184 / 4 by 16384 / 16184, as hid-nintendo leaves the offset in
  await sensorsNode.hears([EV_ABS, ABS_RZ, 1_428_641], [EV_ABS, ABS_RZ, 0]);
  await sensorsNode.hears([EV_ABS, ABS_Z, -3893], [EV_ABS, ABS_Z, 4298]);
  await sim.observes({ observed: "player", lights: 1 });
  padNode.rumble(0xffff, 0x8000, 500);
  const still = { highHz: 320, high: 0, lowHz: 160, low: 0 };
  await sim.observes({ observed: "rumble", left: { ...still, high: 100, low: 100 } });
  await sim.observes({ observed: "rumble", left: still, right: still });
});

test("generic: hid-generic takes it and hears it", async () => {
  const script = `repeat forever {
    300ms press button-1 button-7
    right 1 -1
    300ms release all
  }`;
  await using _sim = await plugged("gamepad", "generic", script);
  const [pad] = await inputDevicesOf("1209 0002", ["ring3 Simulated Gamepad"]);
  using node = new EventNode(pad!);
  await node.hears(
    ...([
      [EV_KEY, BTN_SOUTH, 1],
      [EV_KEY, BTN_TL, 1],
      [EV_ABS, ABS_Z, 255],
      [EV_ABS, ABS_RZ, 0],
    ] as const),
    ...([
      [EV_KEY, BTN_SOUTH, 0],
      [EV_ABS, ABS_Z, 128],
    ] as const),
  );
});

test("keyboard: usbhid takes it and hears it; a light that a program turns on shines", async () => {
  const script = `repeat forever {
    300ms key leftshift down
    key a down
    300ms release all
  }`;
  await using sim = await plugged("keyboard", "keyboard", script);
  const [keyboard] = await inputDevicesOf("1209 0003", ["ring3 Simulated Keyboard"]);
  using node = new EventNode(keyboard!);
  await node.hears(
    ...([
      [EV_KEY, KEY_LEFTSHIFT, 1],
      [EV_KEY, KEY_A, 1],
    ] as const),
    ...([
      [EV_KEY, KEY_LEFTSHIFT, 0],
      [EV_KEY, KEY_A, 0],
    ] as const),
  );
  node.write(EV_LED, LED_CAPSL, 1);
  await sim.observes({ observed: "leds", mask: 2 });
});

test("nkro: hid-generic takes both of its interfaces, and hears seven keys at once and a media key", async () => {
  const keys = [..."abcdefg"];
  const script = `repeat forever {
    ${keys.map((key) => `20ms key ${key} down`).join("\n")}
    key volumeup down
    300ms release all
    wait 300ms
  }`;
  await using sim = await plugged("keyboard", "nkro", script);
  const name = "ring3 Simulated NKRO Keyboard";
  const [, all] = await inputDevicesOf("1209 0005", [name, name]);
  using allNode = new EventNode(all!);
  const codes = [30, 48, 46, 32, 18, 33, 34]; // KEY_A to KEY_G
  await allNode.hears(...codes.map((code) => [EV_KEY, code, 1] as const), [EV_KEY, KEY_VOLUMEUP, 1]);
  await allNode.hears([EV_KEY, codes[0]!, 0], [EV_KEY, KEY_VOLUMEUP, 0]);
  allNode.write(EV_LED, LED_CAPSL, 1);
  await sim.observes({ observed: "leds", mask: 2 });
});

test("hidpp: hid-logitech-hidpp takes it, hears the mouse, and knows its name and its battery", async () => {
  const script = `repeat forever {
    300ms button side down
    move 7 -7
    battery 60
    300ms release all
    battery 90 charging
  }`;
  await using _sim = await plugged("keyboard", "hidpp", script);
  const [mouse] = await inputDevicesOf("046d c087", ["Logitech G703 Wired/Wireless Gaming Mouse"]);
  using node = new EventNode(mouse!);
  await node.hears([EV_KEY, BTN_SIDE, 1], [EV_REL, REL_X, 7], [EV_REL, REL_Y, -7], [EV_KEY, BTN_SIDE, 0]);
  // hid-logitech-hidpp asks by itself; what the mouse tells unasked is read while a program has its interface open.
  // Its other interface is taken after the one that the mouse is.
  const batteries = () => globSync("/sys/class/power_supply/hidpp_battery_*");
  const raw = () =>
    readdirSync("/sys/class/hidraw").filter((name) =>
      readFileSync(`/sys/class/hidraw/${name}/device/uevent`, "utf8").includes(
        "HID_ID=0003:0000046D:0000C087",
      ),
    );
  await until(
    () => batteries().length === 1 && raw().length === 2,
    () => `a battery and two interfaces; found ${batteries()} and ${raw()}`,
  );
  using opened = new DisposableStack();
  for (const name of raw()) opened.adopt(openSync(`/dev/${name}`, "r"), closeSync);
  const [battery] = batteries();
  const told = (what: string) => readFileSync(`${battery}/${what}`, "utf8").trim();
  assert.equal(told("model_name"), "G703 Wired/Wireless Gaming Mouse");
  for (const [percent, status] of [
    ["60", "Discharging"],
    ["90", "Charging"],
  ])
    await until(
      () => told("capacity") === percent && told("status") === status,
      () => `${percent} percent, ${status}; found ${told("capacity")}, ${told("status")}`,
    );
});

test("mouse: hid-generic takes it, asks for parts of a notch, and hears it", async () => {
  const script = `repeat forever {
    200ms button extra down
    move 1000 -1000
    wheel 0.5
    wheel 0.5
    pan -1
    200ms release all
  }`;
  await using sim = await plugged("keyboard", "mouse", script);
  const [mouse] = await inputDevicesOf("1209 0004", ["ring3 Simulated Mouse"]);
  await sim.observes({ observed: "resolution-multiplier", wheel: 8, pan: 8 });
  using node = new EventNode(mouse!);
  await node.hears(
    ...([
      [EV_KEY, BTN_EXTRA, 1],
      [EV_REL, REL_X, 1000],
      [EV_REL, REL_Y, -1000],
    ] as const),
    ...([
      [EV_REL, REL_WHEEL_HI_RES, 60],
      [EV_REL, REL_WHEEL, 1],
      [EV_REL, REL_HWHEEL, -1],
    ] as const),
    [EV_KEY, BTN_EXTRA, 0],
  );
});
