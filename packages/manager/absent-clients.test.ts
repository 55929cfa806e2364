// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ClientRecord, recordName } from "@ring3/control/legacy";
import { manualClock } from "@ring3/core/clock";
import { AbsentClients } from "./absent-clients.ts";
import { Claims } from "./claims.ts";
import { noLegacy } from "./fake-host.fixture.ts";

function setUp(record: Partial<ClientRecord> = {}) {
  const clock = manualClock();
  const claims = new Claims(noLegacy);
  const released: string[] = [];
  claims.closeAll = ({ name }) => void released.push(name);
  const absent = new AbsentClients(clock, 10_000, claims);
  const left = { name: "process 4711", uid: 1000, reflector: null, openings: [], ...record };
  absent.inherit({ name: recordName("client", "secret"), record: left, held: [] }, () => undefined);
  return { clock, absent, released };
}

test("who has the token, and is the same user, is the client that was there before, once", () => {
  const { absent, clock, released } = setUp();
  const found = absent.find("secret", 1000, null)!;
  assert.deepEqual([found.name, found.token, found.trusted], ["process 4711", "secret", false]);
  assert.equal(absent.find("secret", 1000, null), undefined);
  clock.advance(60_000);
  assert.deepEqual(released, []); // it is back: nothing of its is given up
});

test("nobody else is: with another token, as another user, or in another part", () => {
  const { absent } = setUp();
  assert.equal(absent.find("guessed", 1000, null), undefined);
  assert.equal(absent.find("secret", 1001, null), undefined);
  assert.equal(absent.find("secret", 1000, "block"), undefined);
  const reflector = setUp({ reflector: "block" }).absent;
  assert.equal(reflector.find("secret", 1000, null), undefined);
  assert.equal(reflector.find("secret", 1000, "block")!.trusted, true);
});

test("who has not come back after ten seconds gives up what it had opened", () => {
  const { clock, absent, released } = setUp();
  clock.advance(9_999);
  assert.deepEqual(released, []);
  clock.advance(1);
  assert.deepEqual(released, ["process 4711"]);
  assert.equal(absent.find("secret", 1000, null), undefined);
});

test("a reflector that died will not come back: what it had opened is free at once, and nobody else's", () => {
  const { clock, absent, released } = setUp({ reflector: "block" });
  const application = { name: "process 7", uid: 1000, reflector: null, openings: [] };
  absent.inherit({ name: recordName("client", "other"), record: application, held: [] }, () => undefined);
  absent.forget("block/usb-storage"); // an inline driver's
  assert.deepEqual(released, []);
  absent.forget("block");
  assert.deepEqual(released, ["process 4711"]);
  clock.advance(10_000);
  assert.equal(released.length, 2);
});
