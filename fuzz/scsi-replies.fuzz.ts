// Runs in: fuzzing.
import assert from "node:assert/strict";
import { decodeCsw } from "../drivers/usb-storage/bot.ts";
import {
  parseBlockLimits,
  parseCapacity10,
  parseCapacity16,
  parseInquiry,
  parseModeSense,
  parseProvisioning,
  parseRotational,
  parseSupportedPages,
} from "../drivers/usb-storage/replies.ts";
import { meaningOf, parseSense, senseText } from "../drivers/usb-storage/sense.ts";
import { bytesOf, type Target } from "./target.ts";

const TAG = 1;
const ROOM = 4096;

function fits({ sectors, sectorBytes }: { sectors: number; sectorBytes: number }): void {
  assert.ok(Number.isSafeInteger(sectors * sectorBytes) && sectors > 0 && sectorBytes >= 512);
}

function truths(facts: readonly unknown[]): boolean {
  for (const fact of facts) assert.equal(typeof fact, "boolean");
  return true;
}

function numbers(values: readonly number[], most: number): boolean {
  for (const value of values)
    assert.ok(Number.isSafeInteger(value) && value >= 0 && value <= most, `${value}`);
  return true;
}

/** By the input's first byte. False: told in words what is wrong. */
const parsers: readonly ((bytes: Uint8Array) => boolean)[] = [
  (bytes) => {
    const csw = decodeCsw(bytes, TAG, ROOM);
    if (typeof csw === "string") return false;
    assert.ok(csw.status === "phase-error" || csw.residue <= ROOM);
    return true;
  },
  (bytes) => {
    const sense = parseSense(bytes);
    if (sense === undefined) return false;
    assert.match(senseText(sense), /^\P{Control}+$/u);
    assert.equal(typeof meaningOf(sense).action, "string");
    return true;
  },
  (bytes) => {
    const { vendor, product, type } = parseInquiry(bytes);
    assert.match(vendor + product, /^[\x20-\x7e]*$/);
    assert.ok(type <= 31);
    return true;
  },
  (bytes) => {
    const capacity = parseCapacity10(bytes);
    if (capacity !== undefined) fits(capacity);
    return true;
  },
  (bytes) => {
    fits(parseCapacity16(bytes));
    return true;
  },
  (bytes) => truths([parseModeSense(bytes, 6).writeProtected, parseModeSense(bytes, 6).fua]),
  (bytes) => truths([parseModeSense(bytes, 10).writeProtected, parseModeSense(bytes, 10).fua]),
  (bytes) => numbers(parseSupportedPages(bytes), 0xff),
  (bytes) => numbers(Object.values(parseBlockLimits(bytes)), 0xffff_ffff),
  (bytes) => truths([parseRotational(bytes)]),
  (bytes) => truths(Object.values(parseProvisioning(bytes))),
];

const seed = (parser: number, ...bytes: number[]) => Uint8Array.of(parser, ...bytes);
const zeroes = (length: number) => Array.from({ length }, () => 0);

export default {
  what: "command status, sense data and the answers of SCSI commands, from a device",
  seeds: [
    seed(0, 0x55, 0x53, 0x42, 0x53, TAG, 0, 0, 0, 8, 0, 0, 0, 1), // BOT §5.2
    seed(1, 0x70, 0, 0x06, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x28, 0, 0, 0, 0, 0), // SPC-4 §4.5.3
    seed(1, 0x72, 0x05, 0x20, 0, 0, 0, 0, 0), // descriptor format, §4.5.2
    seed(2, 0, 0x80, 5, 2, 31, 0, 0, 0, ...bytesOf("SanDisk Extreme         0001")),
    seed(3, 0, 0, 0x1f, 0xff, 0, 0, 2, 0),
    seed(3, 0xff, 0xff, 0xff, 0xff, 0, 0, 2, 0),
    seed(4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0x80, ...zeroes(17)),
    seed(5, 23, 0, 0x90, 0, 8, 18, 4, ...zeroes(17)), // SBC-3 §6.5.5, caching page
    seed(6, 0, 26, 0, 0x10, 0, 0, 0, 0, 8, 18, 4, ...zeroes(17)),
    seed(7, 0, 0, 0, 4, 0, 0xb0, 0xb1, 0xb2),
    seed(8, 0, 0xb0, 0, 60, ...zeroes(60)),
    seed(9, 0, 0xb1, 0, 60, 0, 1, ...zeroes(58)),
    seed(10, 0, 0xb2, 0, 4, 0, 0xe4, 2, 0),
  ],
  run: (input) => input.length > 0 && parsers[input[0]! % parsers.length]!(input.subarray(1)),
} satisfies Target;
