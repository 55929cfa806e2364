// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ManagerConnection } from "@ring3/client/manager-connection";
import type { InFlight } from "@ring3/control/observation";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { InFlightKeeper } from "./in-flight.ts";

const told = (device: string, ageMs: number): InFlight => ({
  device,
  requests: [{ operation: "read", client: "the block reflector", ageMs, bytes: 512 }],
});

function setUp() {
  const clock = manualClock();
  const asked: string[] = [];
  const refused = new Set<string>();
  const ask = (async (_: string, { device, follow }: { device: string; follow: boolean }) => {
    asked.push(`${device} ${follow}`);
    if (refused.has(device)) throw new DeviceError("invalid", "gone");
    return told(device, 1);
  }) as unknown as ManagerConnection["ask"];
  return { clock, asked, refused, keeper: new InFlightKeeper(ask, clock) };
}

test("however many pages look, the manager is asked once, and tells from then on", async () => {
  const { clock, asked, keeper } = setUp();
  assert.deepEqual(await Promise.all([keeper.of("a"), keeper.of("a")]), [told("a", 1), told("a", 1)]);
  for (let second = 2; second < 9; second++) {
    clock.advance(1000);
    keeper.heard(told("a", second));
    assert.deepEqual(await keeper.of("a"), told("a", second));
  }
  assert.deepEqual(asked, ["a true"]);
});

test("where no page has asked for three seconds the manager tells no more, and nothing old is shown later", async () => {
  const { clock, asked, keeper } = setUp();
  await keeper.of("a");
  keeper.heard(told("a", 7));
  clock.advance(3000);
  keeper.heard(told("a", 8));
  assert.deepEqual(await keeper.of("a"), told("a", 1));
  assert.deepEqual(asked, ["a true", "a false", "a true"]);
});

test("a device that has gone is asked about anew, and a refusal is not kept", async () => {
  const { clock, asked, refused, keeper } = setUp();
  await keeper.of("a");
  keeper.gone("a");
  refused.add("a");
  await assert.rejects(keeper.of("a"), /gone/);
  refused.clear();
  assert.deepEqual(await keeper.of("a"), told("a", 1));
  assert.deepEqual(asked, ["a true", "a true", "a true"]);
  keeper.gone("a");
  assert.equal(clock.pending, 0);
});
