// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pending, Ticket, Tracker } from "@ring3/core/recovery";
import fc from "fast-check";
import { BLOCK_FUA, BLOCK_MEDIUM_PRESENT, BLOCK_WRITE_CACHE, type Block, type Geometry } from "./contract.ts";
import { recovery } from "./recovery.ts";

const geometry: Geometry = {
  sectorBytes: 512,
  maxTransferSectors: 2048,
  sectors: 1000,
  flags: BLOCK_MEDIUM_PRESENT | BLOCK_WRITE_CACHE | BLOCK_FUA,
  optimalTransferSectors: 256,
  medium: 1,
};

const write = (lba: number, count: number, fua = 0): Pending<Block, "write"> => ({
  operation: "write",
  input: { lba, count, fua, medium: 1 },
});
const zeroes = (lba: number, count: number, fua = 0): Pending<Block, "writeZeroes"> => ({
  operation: "writeZeroes",
  input: { lba, count, fua, unmap: 0, medium: 1 },
});
const discard = (lba: number, count: number): Pending<Block, "discard"> => ({
  operation: "discard",
  input: { lba, count, medium: 1 },
});
const read = (lba: number, count: number): Pending<Block, "read"> => ({
  operation: "read",
  input: { lba, count, medium: 1 },
});
const flush: Pending<Block, "flush"> = { operation: "flush", input: { medium: 1 } };

const pairs: [string, Pending<Block>, Pending<Block>, boolean][] = [
  ["writes of the same sector conflict", write(5, 1), write(5, 1), true],
  ["writes that share one sector conflict", write(0, 6), write(5, 9), true],
  ["adjacent writes do not conflict", write(0, 5), write(5, 1), false],
  ["a discard inside a write conflicts", discard(3, 1), write(0, 9), true],
  ["zeroes around a write conflict", zeroes(0, 100), write(50, 1), true],
  ["zeroes and a discard that overlap conflict", zeroes(0, 2), discard(1, 2), true],
  ["overlap beyond 2^32 sectors is seen", write(2 ** 40, 8), write(2 ** 40 + 7, 8), true],
  ["a read never conflicts with a write", read(5, 1), write(5, 1), false],
  ["reads never conflict", read(5, 1), read(5, 1), false],
  ["a flush never conflicts with a write", flush, write(5, 1), false],
  ["flushes never conflict", flush, flush, false],
];

for (const [name, a, b, expected] of pairs) {
  test(name, () => {
    assert.equal(recovery.conflicts(a, b), expected);
    assert.equal(recovery.conflicts(b, a), expected);
  });
}

test("two changes conflict exactly if they share a sector", () => {
  const change = fc
    .tuple(fc.constantFrom(write, zeroes, discard), fc.nat(40), fc.integer({ min: 1, max: 12 }))
    .map(([make, lba, count]) => ({ request: make(lba, count), lba, count }));
  fc.assert(
    fc.property(change, change, (a, b) => {
      const sectors = (range: { lba: number; count: number }) =>
        Array.from({ length: range.count }, (_, index) => range.lba + index);
      const shared = sectors(a).some((sector) => sectors(b).includes(sector));
      assert.equal(recovery.conflicts(a.request, b.request), shared);
    }),
  );
});

const sent = (tracker: Tracker<Block>, { operation, input }: Pending<Block>) =>
  tracker.sent(operation, input);
const plain = write(0, 1);
const forced = write(0, 1, 1);

test("power loss after an acknowledged write fails the next flush, and only that one", () => {
  const tracker = recovery.createTracker(geometry);
  tracker.completed(sent(tracker, plain), true);
  tracker.powerLost();
  assert.equal(tracker.refuse("write"), undefined);
  assert.equal(tracker.refuse("flush"), "lost-writes");
  assert.equal(tracker.refuse("flush"), undefined);
});

test("power loss after a flush loses nothing", () => {
  const tracker = recovery.createTracker(geometry);
  tracker.completed(sent(tracker, plain), true);
  tracker.completed(sent(tracker, flush), true);
  tracker.powerLost();
  assert.equal(tracker.refuse("flush"), undefined);
});

test("a failed flush leaves the writes dirty", () => {
  const tracker = recovery.createTracker(geometry);
  tracker.completed(sent(tracker, plain), true);
  tracker.completed(sent(tracker, flush), false);
  tracker.powerLost();
  assert.equal(tracker.refuse("flush"), "lost-writes");
});

test("a write acknowledged while a flush was under way stays dirty", () => {
  const tracker = recovery.createTracker(geometry);
  const flushing = sent(tracker, flush);
  tracker.completed(sent(tracker, plain), true);
  assert.equal(tracker.completed(flushing, true), undefined);
  tracker.powerLost();
  assert.equal(tracker.refuse("flush"), "lost-writes");
});

test("a flush that was under way when power was lost fails though the device completes it", () => {
  const tracker = recovery.createTracker(geometry);
  tracker.completed(sent(tracker, plain), true);
  const flushing = sent(tracker, flush);
  tracker.powerLost();
  assert.equal(tracker.completed(flushing, true), "lost-writes");
  assert.equal(tracker.refuse("flush"), undefined);
});

test("a write acknowledged after power was lost, but sent before, counts as lost", () => {
  const tracker = recovery.createTracker(geometry);
  const writing = sent(tracker, plain);
  tracker.powerLost();
  tracker.completed(writing, true);
  assert.equal(tracker.refuse("flush"), "lost-writes");
});

test("a write sent once more after power was lost is not lost", () => {
  const tracker = recovery.createTracker(geometry);
  sent(tracker, plain);
  tracker.powerLost();
  tracker.completed(sent(tracker, plain), true);
  assert.equal(tracker.refuse("flush"), undefined);
});

test("power loss, lost writes and another medium are told apart", () => {
  assert.equal(recovery.meaning("writesLost"), "writes-lost");
  assert.equal(recovery.meaning("powerLost"), "power-lost");
  assert.equal(recovery.meaning("mediumChanged"), "medium-changed");
});

const afterPowerLoss: [string, Geometry, Pending<Block>, string | undefined][] = [
  ["a write with FUA is safe at once", geometry, forced, undefined],
  ["zeroes with FUA are safe at once", geometry, zeroes(0, 1, 1), undefined],
  ["zeroes without FUA may be lost", geometry, zeroes(0, 1), "lost-writes"],
  ["a discard may be forgotten", geometry, discard(0, 1), undefined],
  ["a read loses nothing", geometry, read(0, 1), undefined],
  [
    "a disk without a write cache loses nothing",
    { ...geometry, flags: BLOCK_MEDIUM_PRESENT },
    plain,
    undefined,
  ],
];

for (const [name, properties, request, expected] of afterPowerLoss) {
  test(name, () => {
    const tracker = recovery.createTracker(properties);
    tracker.completed(sent(tracker, request), true);
    tracker.powerLost();
    assert.equal(tracker.refuse("flush"), expected);
  });
}

test("acknowledged writes that the device owns to have lost fail the next flush, cache or no cache", () => {
  const tracker = recovery.createTracker({ ...geometry, flags: BLOCK_MEDIUM_PRESENT });
  tracker.completed(sent(tracker, plain), true);
  tracker.writesLost();
  assert.equal(tracker.refuse("flush"), "lost-writes");
  tracker.completed(sent(tracker, plain), true);
  tracker.completed(sent(tracker, flush), true);
  tracker.writesLost();
  assert.equal(tracker.refuse("flush"), undefined);
});

test("a disk that comes back with its cache switched on may lose what is written from then on", () => {
  const tracker = recovery.createTracker({ ...geometry, flags: BLOCK_MEDIUM_PRESENT });
  tracker.completed(sent(tracker, plain), true);
  tracker.replugged(geometry);
  assert.equal(tracker.refuse("flush"), undefined);
  tracker.completed(sent(tracker, plain), true);
  tracker.powerLost();
  assert.equal(tracker.refuse("flush"), "lost-writes");
});

test("a disk that comes back with its cache switched off has lost what was in it", () => {
  const tracker = recovery.createTracker(geometry);
  tracker.completed(sent(tracker, plain), true);
  tracker.replugged({ ...geometry, flags: BLOCK_MEDIUM_PRESENT });
  assert.equal(tracker.refuse("flush"), "lost-writes");
});

interface InFlight {
  readonly id: number;
  readonly ticket: Ticket;
  readonly request: Pending<Block>;
  /** What was acknowledged when it was sent, and so what a flush vouches for. */
  readonly covers: readonly number[];
  executed: boolean;
}

/** A disk with a cache that executes a request at any moment between its being sent and its completion being seen. */
function modelDisk() {
  const tracker = recovery.createTracker(geometry);
  const inFlight: InFlight[] = [];
  const acknowledged: number[] = [];
  const cache = new Set<number>();
  const stable = new Set<number>();
  let nextId = 0;
  /** What was acknowledged when a loss was last reported; it is vouched for no more. */
  let reported = new Set<number>();

  const report = (kind: string | undefined) => {
    if (kind !== undefined) reported = new Set(acknowledged);
  };
  const send = (request: Pending<Block>) =>
    inFlight.push({
      id: nextId++,
      ticket: sent(tracker, request),
      request,
      covers: [...acknowledged],
      executed: false,
    });
  const execute = (chosen: InFlight) => {
    if (chosen.executed) return;
    chosen.executed = true;
    if (chosen.request === forced) stable.add(chosen.id);
    if (chosen.request === plain) cache.add(chosen.id);
    if (chosen.request === flush) for (const id of cache) stable.add(id);
  };
  return {
    write: () => void send(plain),
    force: () => void send(forced),
    flush() {
      report(tracker.refuse("flush"));
      send(flush);
    },
    execute(pick: number) {
      for (const chosen of inFlight.slice(pick).slice(0, 1)) execute(chosen);
    },
    complete(pick: number) {
      for (const chosen of inFlight.splice(pick, 1)) {
        execute(chosen);
        const failure = tracker.completed(chosen.ticket, true);
        report(failure);
        if (chosen.request !== flush) acknowledged.push(chosen.id);
        else if (failure === undefined)
          assert.deepEqual(
            chosen.covers.filter((id) => !stable.has(id) && !reported.has(id)),
            [],
          );
      }
    },
    power() {
      cache.clear();
      tracker.powerLost();
    },
  };
}

test("a flush never vouches for a write that the disk forgot", () => {
  const action = fc.constantFrom(...(["write", "force", "flush", "execute", "complete", "power"] as const));
  fc.assert(
    fc.property(fc.array(fc.tuple(action, fc.nat(2)), { maxLength: 60, size: "max" }), (steps) => {
      const disk = modelDisk();
      for (const [what, pick] of steps) disk[what](pick);
    }),
    { numRuns: 2000 },
  );
});

test("without power loss no flush fails", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(plain, forced, flush), fc.boolean())), (requests) => {
      const tracker = recovery.createTracker(geometry);
      for (const [request, ok] of requests) {
        assert.equal(tracker.refuse("flush"), undefined);
        assert.equal(tracker.completed(sent(tracker, request), ok), undefined);
      }
    }),
  );
});
