import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "@ring3/sdk";
import { runDriver } from "@ring3/sdk/test/run-driver";
import { scriptedUsb } from "@ring3/sdk/test/scripted-usb";
import fc from "fast-check";
import { CBW_BYTES, CSW_BYTES } from "./bot.ts";
import driver from "./driver.ts";
import { descriptors, IN, rigOf } from "./wire.fixture.ts";

type Transport = ReturnType<typeof scriptedUsb>;

const misfortunes = ["ok", "stall", "overflow", "error"] as const;
const errnos = { ok: 0, stall: 32, overflow: 75, error: 71 };

/** Honest answers by length, INQUIRY and READ CAPACITY (10): given now and then, they lead further in. */
const honest = new Map([
  [36, new Uint8Array(36)],
  [8, Uint8Array.of(0, 0, 3, 255, 0, 0, 2, 0)],
]);

/** Answers whatever comes to mind: `dice` decides whether all is well (seven times in eight) and, if not, what happens. */
function whimsical(dice: Iterator<number>): Transport {
  const roll = (): number => dice.next().value ?? 0;
  const odd = <T>(whim: () => T, usual: T): T => (roll() % 8 === 0 ? whim() : usual);
  let tag = new Uint8Array(4);
  const answer = (data: Uint8Array) => {
    const status = odd(() => misfortunes[roll() % 4]!, "ok");
    const bytes = odd(() => roll() % (data.length + 1), data.length);
    return { status, bytes, errno: errnos[status] };
  };
  const csw = () => {
    const residue = odd(() => roll() % 3, 0);
    return Uint8Array.of(
      0x55,
      0x53,
      0x42,
      0x53,
      ...tag,
      residue,
      0,
      0,
      0,
      odd(() => roll() % 4, 0),
    );
  };
  const incoming = (data: Uint8Array): void => {
    const usual =
      data.length === CSW_BYTES ? csw() : (honest.get(data.length) ?? new Uint8Array(data.length));
    data.set(odd(() => data.map(roll), usual));
  };
  return {
    ...scriptedUsb(),
    control: async (_setup, data) => {
      data.fill(odd(roll, 0));
      return answer(data);
    },
    transfer: async (_type, address, data) => {
      if (data.length === CBW_BYTES) tag = data.slice(4, 8);
      if (address === IN) incoming(data);
      return answer(data);
    },
    clearHalt: async () => answer(new Uint8Array(0)),
    reset: async () => answer(new Uint8Array(0)),
  };
}

test("a device that answers at random: probe ends, with units or a DeviceError, and so does a read", async () => {
  const dice = fc.infiniteStream(fc.nat(255));
  const probed = async (stream: Iterator<number>): Promise<void> => {
    const { clock, patient } = rigOf(() => []);
    const running = patient(
      runDriver(driver, { usb: { transport: whimsical(stream), descriptors }, clock, probeMs: 5000 }),
    );
    const device = await running.catch((error: unknown) => {
      assert.ok(error instanceof DeviceError, String(error));
      assert.notEqual(error.kind, "internal");
    });
    for (const unit of device?.units ?? []) {
      const { sectorBytes } = unit.properties;
      const read = unit.request("read", { lba: 0, count: 1, medium: 1 }, { length: sectorBytes });
      const found = await patient(read).catch((error: unknown) => error);
      assert.ok(
        found instanceof DeviceError ? found.kind !== "internal" : found !== undefined,
        String(found),
      );
    }
    await device?.remove();
  };
  await fc.assert(fc.asyncProperty(dice, probed), { numRuns: 200 });
});
