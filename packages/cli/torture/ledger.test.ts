// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Ledger, type Range, SECTOR_BYTES, sectorsOf } from "./ledger.ts";

const range: Range = { lba: 4, count: 2 };

function writtenOnce() {
  const ledger = new Ledger(64);
  const version = ledger.next();
  ledger.written(range, version, false);
  return { ledger, version, bytes: sectorsOf(range, version) };
}

test("a disk that nobody has written to holds zeroes", () => {
  const ledger = new Ledger(64);
  assert.equal(ledger.read(range, new Uint8Array(2 * SECTOR_BYTES)), undefined);
  assert.match(
    ledger.read(range, sectorsOf(range, 1))!,
    /^2 of 2 sectors from 4 are wrong; sector 4 may hold version 0, holds none/,
  );
});

test("what was acknowledged is read, and nothing else", () => {
  const { ledger, version, bytes } = writtenOnce();
  assert.equal(ledger.read(range, bytes), undefined);
  assert.match(ledger.read(range, sectorsOf({ lba: 5, count: 2 }, version))!, /holds none of ours/);
});

test("one wrong byte is found, and the sector is not counted as wrong again until it is written", () => {
  const { ledger, bytes } = writtenOnce();
  const wrong = bytes.slice();
  wrong[700]! ^= 1;
  assert.match(ledger.read(range, wrong)!, /^1 of 2 sectors from 4 are wrong; sector 5 may hold version 1/);
  assert.equal(ledger.read(range, wrong), undefined);
  const version = ledger.next();
  ledger.written(range, version, true);
  assert.match(ledger.read(range, wrong)!, /^2 of 2/);
});

test("bytes that are missing are wrong", () => {
  const { ledger, bytes } = writtenOnce();
  assert.equal(ledger.read(range, bytes.subarray(1)), "1023 bytes of 2 sectors from 4");
});

test("after a write that failed old and new bytes are right, sector by sector; once read they stay", () => {
  const { ledger, version, bytes } = writtenOnce();
  const failed = ledger.next();
  ledger.failed(range, failed);
  const torn = Buffer.concat([
    sectorsOf({ lba: 4, count: 1 }, failed),
    sectorsOf({ lba: 5, count: 1 }, version),
  ]);
  assert.equal(ledger.read(range, torn), undefined);
  assert.match(
    ledger.read(range, bytes)!,
    /^1 of 2 sectors from 4 are wrong; sector 4 may hold version 2, holds version 1/,
  );
});

test("after a power loss what no flush has covered may be gone, and what one has covered may not", () => {
  const { ledger, version, bytes } = writtenOnce();
  ledger.flushed();
  const later = ledger.next();
  ledger.written(range, later, false);
  assert.equal(ledger.owed, true);
  ledger.lostPower();
  assert.equal(ledger.owed, false);
  assert.equal(ledger.read(range, bytes), undefined);
  assert.match(ledger.read(range, new Uint8Array(bytes.length))!, /may hold version 1, holds version 0/);
  assert.equal(version, 1);
});

test("a forced write survives a power loss, and owes no flush", () => {
  const ledger = new Ledger(64);
  const version = ledger.next();
  ledger.written(range, version, true);
  assert.equal(ledger.owed, false);
  ledger.lostPower();
  assert.match(ledger.read(range, new Uint8Array(2 * SECTOR_BYTES))!, /may hold version 1, holds version 0/);
});

test("what was in doubt and was read from the cache may be gone with the cache", () => {
  const { ledger, version, bytes } = writtenOnce();
  ledger.flushed();
  const failed = ledger.next();
  ledger.failed(range, failed);
  assert.equal(ledger.read(range, sectorsOf(range, failed)), undefined);
  ledger.lostPower();
  assert.equal(ledger.read(range, bytes), undefined);
  assert.equal(version, 1);
});
