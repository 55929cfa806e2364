// Runs in: lab guest, root. Programs that know nothing of ring3 at its input devices, as they come from their packages, with udev beside them as on any
// machine: SDL, jstest, fftest, python-evdev, libinput.
// lab machine: input
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "../../packages/cli/drivers-life.fixture.ts";
import { unbuffered } from "../guest/input-nodes.ts";
import { plug, qmp, unplug } from "../guest/monitor.ts";
import { run } from "../guest/program.ts";
import { type GuestRing3, loggedOf, startRing3 } from "../guest/ring3.ts";
import { SimulatedInput } from "../guest/simulated-input.ts";
import { Talker } from "../guest/talker.ts";

const UDEVD = "/usr/lib/systemd/systemd-udevd";
const SDL_TESTS = "/usr/libexec/installed-tests/SDL2";

/** What SDL's own database (SDL_gamecontrollerdb.h) calls them; a plain pad is in none. */
const pads = {
  "xbox-360": { name: "X360 Controller", press: "press south", button: "a" },
  "xbox-one": { name: "Xbox One Wireless Controller", press: "press south", button: "a" },
  dualshock4: { name: "PS4 Controller", press: "press east", button: "b" },
  dualsense: { name: "PS5 Controller", press: "press west", button: "x" },
  "switch-pro": { name: "Nintendo Switch Pro Controller", press: "press mode", button: "guide" },
  generic: { name: "ring3 Simulated Gamepad", press: "press button-1", button: "a" },
} as const;
type Pad = keyof typeof pads;

interface Plugged {
  readonly sim: SimulatedInput;
  /** Its first event node. */
  readonly node: string;
}

let guest: GuestRing3;
const plugged = new Map<string, Plugged>();
const ends = new AsyncDisposableStack();
before(async () => {
  await run("modprobe", "-a", "uinput", "evdev", "joydev");
  ends.use(new Talker(UDEVD, []));
  guest = ends.use(await startRing3());
  for (const [kind, model] of [
    ...Object.keys(pads).map((model) => ["gamepad", model]),
    ["keyboard", "keyboard"],
    ["keyboard", "mouse"],
  ]) {
    const sim = ends.use(new SimulatedInput(kind!, model!, { options: ["--interval", "100"] }));
    const devices = await sim.plugIntoRing3(guest.ring3);
    const found = () =>
      eventually(`an event node of ${model}'s`, async () => {
        const own = (await guest.ring3.status()).devices.filter(({ id }) => devices.includes(id));
        return own.flatMap(({ units }) => units).flatMap(({ endpoints }) => endpoints)[0]?.address;
      });
    const address = await loggedOf(guest.ring3, devices[0]!, found);
    plugged.set(model!, { sim, node: address.split(" ")[0]! });
  }
  await run("udevadm", "settle");
});
after(() => ends.disposeAsync());

const at = (model: Pad | "keyboard" | "mouse"): Plugged => plugged.get(model)!;

/** Does it, and undoes it, until the program has said so: what it has opened before it says so it does not say. */
async function shown(sim: SimulatedInput, step: string, undo: string, seen: Promise<unknown>): Promise<void> {
  let isSeen = false;
  const watched = seen.finally(() => {
    isSeen = true;
  });
  watched.catch(() => {});
  while (!isSeen) {
    await sim.play(`${step}\n200ms ${undo}\nwait 200ms`);
  }
  await watched;
}

/** Without a screen no window has the focus, and a joystick is heard all the same (SDL_HINT_JOYSTICK_ALLOW_BACKGROUND_EVENTS). SDL_Log writes to standard error. */
const SDL = "SDL_VIDEODRIVER=dummy SDL_AUDIODRIVER=dummy SDL_JOYSTICK_ALLOW_BACKGROUND_EVENTS=1";
const sdlTest = (program: string) => new Talker("sh", ["-c", `${SDL} exec ${SDL_TESTS}/${program} 2>&1`]);

test("SDL has a mapping for each pad, by its own name for it, and sees a press", async () => {
  await using sdl = sdlTest("testgamecontroller");
  const found = new Map<string, string>();
  for (let count = 0; count < Object.keys(pads).length; count++) {
    const [, name, node] = await sdl.hears(
      "list of its pads",
      (line) => /Controller \d+: (.*), (\/dev\/input\/event\d+) \(guid/.exec(line) ?? undefined,
    );
    found.set(node!, name!);
  }
  const expected = Object.entries(pads).map(([model, { name }]) => [at(model as Pad).node, name]);
  assert.deepEqual(found, new Map(expected as [string, string][]));
  for (const [model, { press, button }] of Object.entries(pads)) {
    const pressed = (line: string) => line.includes(`button ${button} pressed`) || undefined;
    await shown(at(model as Pad).sim, press, "release all", sdl.hears(`${button} of ${model}`, pressed));
  }
});

test("SDL has a pad's axes, hat and buttons as those of a joystick too", async () => {
  await using sdl = sdlTest("testjoystick");
  const says = (pattern: RegExp) => sdl.hears(`${pattern}`, (line) => pattern.test(line) || undefined);
  for (const line of [/ axes: 6$/, / hats: 1$/, / buttons: 11$/, /VID\/PID: 0x045e\/0x028e$/])
    await says(line);
  const { sim } = at("xbox-360");
  await shown(sim, "press east", "release all", says(/Joystick \d+ button 1 down$/));
  await shown(sim, "left-x 1", "left-x 0", says(/Joystick \d+ axis 0 value: 32767$/));
  await shown(sim, "hat up", "hat center", says(/Joystick \d+ hat 0 value:/));
});

test("jstest sees a pad's buttons and axes at the joystick's node", async () => {
  const { sim, node } = at("xbox-360");
  const [js] = (await run("sh", "-c", `ls /sys/class/input/${node.split("/").at(-1)}/device | grep '^js'`))
    .trim()
    .split("\n");
  await using jstest = new Talker("stdbuf", ["-oL", "jstest", "--event", `/dev/input/${js}`]);
  const told = (pattern: RegExp) => jstest.hears(`${pattern}`, (line) => pattern.test(line) || undefined);
  await told(/^Joystick \(Microsoft X-Box 360 pad\) has 8 axes \(X, Y, Z, Rx, Ry, Rz, Hat0X, Hat0Y\)/);
  await told(/^and 11 buttons /);
  await shown(sim, "press east", "release all", told(/type 1, time -?\d+, number 1, value 1/)); // JS_EVENT_BUTTON, linux/joystick.h
  await shown(sim, "left-x -1", "left-x 0", told(/type 2, time -?\d+, number 0, value -32767/)); // JS_EVENT_AXIS
});

test("fftest plays a rumble, and the motors turn and stop", async () => {
  const { sim, node } = at("xbox-360");
  await using fftest = unbuffered("fftest", node);
  await fftest.hears("start", (line) => line.startsWith("Device") || undefined);
  sim.observed.length = 0;
  fftest.say("5"); // weak rumble, 0xc000 for 5 s at a gain of 75 %
  await sim.observes({ observed: "rumble", strong: 0, weak: Math.floor((0xc000 * 0.75) / 256) });
  fftest.say("-1");
  await sim.observes({ observed: "rumble", strong: 0, weak: 0 });
  assert.equal(await fftest.ended(), 0);
});

const EVDEV = `
import sys, evdev
from evdev import ecodes, ff
device = evdev.InputDevice(sys.argv[1])
print("name", device.name, flush=True)
rumble = ff.EffectType(ff_rumble_effect=ff.Rumble(strong_magnitude=0xffff, weak_magnitude=0x4000))
effect = ff.Effect(ecodes.FF_RUMBLE, -1, 0, ff.Trigger(0, 0), ff.Replay(60000, 0), rumble)
number = device.upload_effect(effect)
device.write(ecodes.EV_FF, number, 1)
for event in device.read_loop():
    if event.type == ecodes.EV_KEY:
        print("key", event.code, event.value, flush=True)
        if event.value == 0:
            break
device.erase_effect(number)
`;

test("python-evdev reads a pad, uploads an effect, plays it and takes it away", async () => {
  const { sim, node } = at("dualsense");
  sim.observed.length = 0;
  await using python = new Talker("python3", ["-c", EVDEV, node]);
  await python.hears(
    "name",
    (line) => line === "name Sony Interactive Entertainment Wireless Controller" || undefined,
  );
  await sim.observes({ observed: "rumble", strong: 255, weak: 64 });
  await sim.play("press start\n200ms release start");
  await python.hears("press", (line) => line === "key 315 1" || undefined); // BTN_START, linux/input-event-codes.h
  await python.hears("release", (line) => line === "key 315 0" || undefined);
  await sim.observes({ observed: "rumble", strong: 0, weak: 0 });
  assert.equal(await python.ended(), 0);
});

test("libinput takes keyboard and mouse for what they are, and sees a key, a motion, a click and a wheel", async () => {
  const [keyboard, mouse] = [at("keyboard"), at("mouse")];
  const devices = [keyboard, mouse].flatMap(({ node }) => ["--device", node]);
  await using libinput = new Talker("stdbuf", [
    "-oL",
    "libinput",
    "debug-events",
    "--show-keycodes",
    ...devices,
  ]);
  const told = (pattern: RegExp) => libinput.hears(`${pattern}`, (line) => pattern.test(line) || undefined);
  await told(/DEVICE_ADDED +ring3 Simulated Keyboard .*cap:k/);
  await told(/DEVICE_ADDED +ring3 Simulated Mouse .*cap:p/);
  await shown(keyboard.sim, "key a down", "release all", told(/KEYBOARD_KEY .*KEY_A .*pressed/));
  await shown(mouse.sim, "move 7 -7", "move -7 7", told(/POINTER_MOTION /));
  await shown(mouse.sim, "button left down", "release all", told(/POINTER_BUTTON .*BTN_LEFT .*pressed/));
  await shown(mouse.sim, "wheel 1", "wheel 1", told(/POINTER_SCROLL_WHEEL /));
});

test("libinput takes a pen tablet for one, as large as it is, and sees its pen", async () => {
  const { ring3 } = guest;
  const drivers = ["wacom", "hid-generic", "usbhid"]; // as udev would load them
  await run("modprobe", "-a", ...drivers);
  await using kernels = new AsyncDisposableStack();
  kernels.defer(async () => void (await run("modprobe", "-ra", ...drivers)));
  await plug({ driver: "usb-wacom-tablet", id: "pen", bus: "xhci.0", port: "7" });
  kernels.defer(() => unplug("pen"));
  const tablet = async () =>
    (await ring3.status()).devices.find(({ name, state }) => name?.includes("QEMU") && state !== "gone");
  const { id } = await eventually("the tablet", tablet);
  await ring3.reached(id, "available");
  await ring3.cli("start", id, "--take");
  const address = await eventually(
    "the tablet's event node",
    async () => (await tablet())?.units[0]?.endpoints[0]?.address,
  );
  await run("udevadm", "settle");
  const node = address.split(" ")[0]!;
  await using libinput = new Talker("stdbuf", ["-oL", "libinput", "debug-events", "--device", node]);
  const told = (pattern: RegExp) => libinput.hears(`${pattern}`, (line) => pattern.test(line) || undefined);
  await told(/DEVICE_ADDED +Wacom Penpartner Pen .*cap:T +size 126x9[45]mm/);
  const events = ["x", "y"].map((axis) => ({ type: "abs", data: { axis, value: 0x4000 } }));
  await qmp("input-send-event", { events });
  await told(/TABLET_TOOL_PROXIMITY .*proximity-in/);
});
