// Runs in: lab guest, root. QEMU's own keyboard, mouse and tablets, which nobody here wrote, out of the hands of the kernel's usbhid and back. Of the Wacom tablet
// Linux's own wacom sees the same.
// lab machine: input
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "../../packages/cli/drivers-life.fixture.ts";
import { EV_ABS, EV_KEY, EV_REL, EventNode, inputDevices } from "../guest/event-node.ts";
import { kernelDriverOf } from "../guest/kernel-disk.ts";
import { plug, qmp, unplug } from "../guest/monitor.ts";
import { run } from "../guest/program.ts";
import { type GuestRing3, loggedOf, startRing3, succeeds } from "../guest/ring3.ts";

const drivers = ["wacom", "hid-generic", "usbhid"];
let guest: GuestRing3;
before(async () => {
  await run("modprobe", "-a", "evdev", "uinput", ...drivers);
  guest = await startRing3();
});
after(async () => {
  await guest?.[Symbol.asyncDispose]();
  await run("modprobe", "-ra", ...drivers); // other files' devices are to be nobody's
});

type Event = readonly [type: number, code: number, value: number];
/** What QEMU is told that a user does (qapi/ui.json, InputEvent), and what of that is seen. */
interface Act {
  readonly does: readonly object[];
  readonly seen: readonly Event[];
}

/** Of x and y, a millimetre. */
const resolutions = (node: EventNode) => [node.resolution(X), node.resolution(Y)];

const key = (data: string, down: boolean) => ({ type: "key", data: { down, key: { type: "qcode", data } } });
const button = (name: string, down: boolean) => ({ type: "btn", data: { down, button: name } });
const axis = (type: "rel" | "abs", name: string, value: number) => ({ type, data: { axis: name, value } });

// linux/input-event-codes.h
const [KEY_A, KEY_LEFTSHIFT, BTN_LEFT, BTN_RIGHT] = [30, 42, 0x110, 0x111];
const [BTN_TOUCH, BTN_STYLUS] = [0x14a, 0x14b];
const [X, Y, REL_WHEEL] = [0, 1, 8];

const typed: Act = {
  does: [key("shift", true), key("a", true), key("a", false), key("shift", false)],
  seen: [
    [EV_KEY, KEY_LEFTSHIFT, 1],
    [EV_KEY, KEY_A, 1],
    [EV_KEY, KEY_A, 0],
    [EV_KEY, KEY_LEFTSHIFT, 0],
  ],
};
const clicked = (which: string, code: number): Act => ({
  does: [button(which, true), button(which, false)],
  seen: [
    [EV_KEY, code, 1],
    [EV_KEY, code, 0],
  ],
});
const moved: Act = {
  does: [axis("rel", "x", 7), axis("rel", "y", -9)],
  seen: [
    [EV_REL, X, 7],
    [EV_REL, Y, -9],
  ],
};
const turned: Act = {
  does: [button("wheel-up", true), button("wheel-up", false)],
  seen: [[EV_REL, REL_WHEEL, 1]],
};
const pointed: Act = {
  does: [axis("abs", "x", 0x4000), axis("abs", "y", 0x1234)],
  seen: [
    [EV_ABS, X, 0x4000],
    [EV_ABS, Y, 0x1234],
  ],
};
/** hw/usb/dev-wacom.c, usb_wacom_event: of 5040 and 3780. */
const drawn: Act = {
  does: pointed.does,
  seen: [
    [EV_ABS, X, 2520],
    [EV_ABS, Y, 537],
  ],
};

const devices = {
  "usb-kbd": { ids: "0627 0001", acts: [typed] },
  "usb-mouse": { ids: "0627 0001", acts: [moved, clicked("left", BTN_LEFT), turned] },
  "usb-tablet": { ids: "0627 0001", acts: [pointed, clicked("right", BTN_RIGHT), turned] },
  "usb-wacom-tablet": {
    ids: "056a 0000",
    acts: [drawn, clicked("left", BTN_TOUCH), clicked("right", BTN_STYLUS)],
    resolution: 40, // WACOM_PENPRTN_RES, drivers/hid/wacom_wac.h
  },
} as const;

/** The event nodes that one of the kernel's drivers, or ring3, has made of it. */
const nodesOf = (ids: string, isRing3s: boolean) =>
  inputDevices().filter(({ id, phys }) => id.includes(ids) && phys.startsWith("ring3/") === isRing3s);

async function acted(node: EventNode, { does, seen }: Act): Promise<void> {
  for (const event of does) await qmp("input-send-event", { events: [event] });
  await node.hears(...seen);
}

for (const [driver, { ids, acts, ...more }] of Object.entries(devices))
  test(`${driver}: usbhid has it, ring3 takes it and sees what its user does, usbhid has it again`, async () => {
    const { ring3 } = guest;
    await plug({ driver, id: "hands", bus: "xhci.0", port: "7" });
    await using plugged = new AsyncDisposableStack();
    plugged.defer(() => unplug("hands"));
    const device = await eventually(
      "the device",
      async () => (await ring3.status()).devices.find(({ state }) => state !== "gone")?.id,
    );
    await loggedOf(ring3, device, async () => {
      const [kernels] = await eventually("the kernel's node", () => {
        const found = nodesOf(ids, false);
        return found.length > 0 ? found : undefined;
      });
      assert.equal(kernelDriverOf(device), "usbhid");
      await ring3.cli("start", device, "--take"); // where a driver declines it, that is told before the next one starts
      await ring3.reached(device, "running");
      assert.equal(kernelDriverOf(device), "usbfs");
      const [ours] = await eventually("ring3's node", () => {
        const found = nodesOf(ids, true);
        return found.length > 0 ? found : undefined;
      });
      assert.deepEqual(nodesOf(ids, false), []);
      assert.deepEqual([ours!.name, ours!.id], [kernels!.name, kernels!.id]);
      {
        using node = new EventNode(ours!);
        if ("resolution" in more) assert.deepEqual(resolutions(node), [more.resolution, more.resolution]);
        for (const act of acts) await acted(node, act);
      }
      await succeeds(ring3, "stop", device);
      assert.equal(kernelDriverOf(device), "usbhid");
      const [again] = await eventually("the kernel's node again", () => {
        const found = nodesOf(ids, false);
        return found.length > 0 ? found : undefined;
      });
      using node = new EventNode(again!);
      if ("resolution" in more) assert.deepEqual(resolutions(node), [more.resolution, more.resolution]);
      for (const act of acts) await acted(node, act);
    });
    await plugged.disposeAsync();
    await ring3.reached(device, "gone");
  });
