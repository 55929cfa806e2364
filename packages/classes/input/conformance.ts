// Runs in: node --test. Owns: what any driver of keyboards and mice must do, whether its port is near (in the same process) or far (a client end).
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DeviceError, type DeviceErrorKind } from "@ring3/core/errors";
import { assertInOrder } from "../event-times.fixture.ts";
import { type InputUnderTest, KeyWatcher } from "./conformance-device.fixture.ts";
import {
  INPUT_ABSOLUTE,
  INPUT_DPI,
  INPUT_KEYS,
  INPUT_LEDS,
  INPUT_RELATIVE,
  INPUT_WHEEL,
  WHEEL_NOTCH,
} from "./contract.ts";
import { faultOf } from "./policy.ts";

export type { InputUnderTest, KeyHands, OpenInput } from "./conformance-device.fixture.ts";

/** Registers the suite. `start` is called once; nobody else has a hand on it, and nothing is pressed. */
export function inputConformance(name: string, start: () => Promise<InputUnderTest>): void {
  describe(name, () => {
    let device: InputUnderTest;
    let watcher: KeyWatcher;
    const two = () => device.hands.keys.slice(0, 2) as [number, number];
    before(async () => {
      device = await start();
      watcher = new KeyWatcher(await device.open());
    });
    after(async () => {
      await watcher?.close();
      await device?.close();
    });

    test("its properties make sense, and its operations are those that its features say", () => {
      const { port } = watcher;
      const { properties } = port;
      assert.equal(faultOf(properties), undefined);
      assert.notEqual(properties.features, 0);
      assert.equal(port.supports("leds"), watcher.has(INPUT_LEDS));
      assert.equal(port.supports("dpi"), watcher.has(INPUT_DPI));
      assert.equal(properties.leds !== 0, watcher.has(INPUT_LEDS));
      assert.equal(properties.dpi !== 0, watcher.has(INPUT_DPI));
      assert.equal(
        properties.keys.some((word) => word !== 0),
        watcher.has(INPUT_KEYS),
      );
      assert.ok(!watcher.has(INPUT_KEYS) || device.hands.keys.length >= 2, "no keys that could be pressed");
      assert.ok(device.hands.keys.every(isAnnounced), "it has not the keys that are to be pressed");
    });

    const isAnnounced = (code: number) =>
      ((watcher.port.properties.keys[code >>> 5]! >>> (code & 31)) & 1) === 1;

    test("each key is told alone, and its release", async () => {
      if (!watcher.has(INPUT_KEYS)) return;
      for (const code of device.hands.keys) {
        await device.hands.press(code);
        await watcher.keys(code);
        await device.hands.release(code);
        await watcher.keys();
      }
    });

    test("keys are told in the order in which they were pressed, and those that stay keep theirs", async () => {
      if (!watcher.has(INPUT_KEYS)) return;
      const [one, other] = two();
      await device.hands.press(other);
      await watcher.keys(other);
      await device.hands.press(one);
      await watcher.keys(other, one);
      await device.hands.release(other);
      await watcher.keys(one);
      await device.hands.release(one);
      await watcher.keys();
    });

    test("no key is told that the properties do not name", () =>
      assert.ok(watcher.pressed.flat().every(isAnnounced)));

    test("who comes later is told what is pressed, though nothing changes", async () => {
      if (!watcher.has(INPUT_KEYS)) return;
      const [code] = two();
      await device.hands.press(code);
      await watcher.keys(code);
      const late = new KeyWatcher(await device.open());
      await late.keys(code);
      await late.close();
      await device.hands.release(code);
      await watcher.keys();
    });

    test("moves add up to the way, right and down positive; none is told by who moves nothing", async () => {
      const { moved } = watcher;
      assert.deepEqual([moved.x, moved.y], [0, 0]);
      if (!watcher.has(INPUT_RELATIVE)) return;
      for (let step = 0; step < 20; step++) await device.hands.move(7, -3);
      await watcher.until("motion", "a way", () => moved.x === 140 && moved.y === -60);
    });

    test("a notch of the wheel is a notch, up positive", async () => {
      if (!watcher.has(INPUT_WHEEL)) return;
      for (let notch = 0; notch < 3; notch++) await device.hands.turn(1);
      await watcher.until("motion", "three notches", () => watcher.moved.wheel === 3 * WHEEL_NOTCH);
      await device.hands.turn(-1);
      await watcher.until("motion", "one back", () => watcher.moved.wheel === 2 * WHEEL_NOTCH);
    });

    test("where its pointer is stays within its ranges", () => {
      const { absoluteMaxX, absoluteMaxY } = watcher.port.properties;
      assert.equal(absoluteMaxX > 0 && absoluteMaxY > 0, watcher.has(INPUT_ABSOLUTE));
    });

    test("times never go back", () => assertInOrder(watcher.times));

    /** All that a driver of its features can be asked. */
    const asked = async ({ port }: KeyWatcher) => {
      const { leds, dpi } = port.properties;
      if (watcher.has(INPUT_LEDS)) await port.request("leds", { mask: leds });
      if (watcher.has(INPUT_DPI)) await port.request("dpi", { dpi });
    };

    test("LEDs that it has may shine, all and none; without any they are unsupported", async () => {
      for (const mask of [watcher.port.properties.leds, 0]) {
        const asked = watcher.port.request("leds", { mask });
        if (watcher.has(INPUT_LEDS)) await asked;
        else await fails("unsupported", asked);
      }
    });

    test("its resolution may be what it was; where it has none it is unsupported", async () => {
      const asked = watcher.port.request("dpi", { dpi: watcher.port.properties.dpi });
      if (watcher.has(INPUT_DPI)) await asked;
      else await fails("unsupported", asked);
    });

    test("what was pressed before a rest and let go meanwhile is not pressed after it", async () => {
      if (!watcher.has(INPUT_KEYS)) return;
      const [one, other] = two();
      await device.hands.press(one);
      await watcher.keys(one);
      await device.suspend();
      await device.hands.release(one);
      await device.resume();
      await device.hands.press(other);
      await watcher.keys(other);
      await device.hands.release(other);
      await watcher.keys();
    });

    test("after a rest it does what it is asked", async () => {
      await device.suspend();
      await device.resume();
      await asked(watcher);
    });

    test("the driver is killed while a key is down: the next one tells what is pressed then, and is asked", async () => {
      const [one, other] = two();
      if (watcher.has(INPUT_KEYS)) {
        await device.hands.press(one);
        await watcher.keys(one);
      }
      await device.kill();
      const next = new KeyWatcher(await device.open());
      await asked(next);
      if (watcher.has(INPUT_KEYS)) {
        await device.hands.release(one);
        await device.hands.press(other);
        await next.keys(other);
        await device.hands.release(other);
        await next.keys();
      }
      assertInOrder(next.times);
      await next.close();
    });
  });
}

async function fails(kind: DeviceErrorKind, request: Promise<unknown>): Promise<void> {
  await assert.rejects(request, (error) => error instanceof DeviceError && error.kind === kind);
}
