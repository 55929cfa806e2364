// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Block, block } from "@ring3/classes/block/contract";
import { recovery } from "@ring3/classes/block/recovery";
import type { Operation } from "@ring3/core/contract";
import fc from "fast-check";
import { type Entry, Journal } from "./journal.ts";

type BlockEntry = Entry<Block>;
type Name = BlockEntry["name"];

const killed = { outside: true, shared: false };
const crashed = { outside: false, shared: false };

let lastId = 0;
function entry(name: Name, lba: number, count: number, tag = lastId % 64): BlockEntry {
  const spec = block.operations[name] as unknown as Operation;
  const input = { lba, count, fua: 0, unmap: 0, medium: 1 } as BlockEntry["input"];
  return {
    id: ++lastId,
    tag,
    name,
    spec,
    input,
    length: 0,
    deadlineMs: 1000,
    failures: 0,
    cancelled: false,
    again: false,
    flight: undefined,
  };
}

function journal(...entries: BlockEntry[]): Journal<Block, BlockEntry> {
  const made = new Journal<Block, BlockEntry>(recovery);
  for (const added of entries) made.add(added);
  return made;
}

/** Sends all that may be sent. */
function sendAll(from: Journal<Block, BlockEntry>): BlockEntry[] {
  const sent: BlockEntry[] = [];
  for (let next = from.takeNext(); next !== undefined; next = from.takeNext()) sent.push(next);
  return sent;
}

test("requests that do not meet are sent in their order", () => {
  const [a, b, c] = [entry("write", 0, 8), entry("read", 0, 8), entry("write", 8, 8)];
  assert.deepEqual(sendAll(journal(a, b, c)), [a, b, c]);
});

test("of two overlapping writes the later one waits for the earlier one's end", () => {
  const [first, second] = [entry("write", 0, 8), entry("write", 7, 8)];
  const made = journal(first, second);
  assert.deepEqual(sendAll(made), [first]);
  made.finish(first);
  assert.deepEqual(sendAll(made), [second]);
});

test("a write may not overtake a waiting write that it overlaps, even where it meets nothing in flight", () => {
  const [first, second, third] = [entry("write", 0, 4), entry("write", 2, 4), entry("write", 5, 4)];
  const made = journal(first, second, third);
  assert.deepEqual(sendAll(made), [first]);
  made.finish(first);
  assert.deepEqual(sendAll(made), [second]);
});

test("after the driver's death what was in flight is sent again before what waited, in the old order", () => {
  const [a, b, c] = [entry("write", 0, 8), entry("write", 8, 8), entry("write", 4, 8)];
  const made = journal(a, b, c);
  sendAll(made);
  made.driverLost(killed);
  assert.deepEqual(sendAll(made), [a, b]);
});

test("a request in flight at two failures of the driver is sent alone, and beside it nothing", () => {
  const [a, b] = [entry("read", 0, 8), entry("read", 8, 8)];
  const made = journal(a, b);
  for (let failure = 0; failure < 2; failure++) {
    sendAll(made);
    made.driverLost(crashed);
  }
  assert.deepEqual(sendAll(made), [a]);
  made.finish(a);
  assert.deepEqual(sendAll(made), [b]);
});

test("a request alone in flight at a third failure is poison", () => {
  const [a, b] = [entry("read", 0, 8), entry("read", 8, 8)];
  const made = journal(a, b);
  const outcomes = Array.from({ length: 3 }, () => {
    sendAll(made);
    return made.driverLost(crashed);
  });
  assert.deepEqual(outcomes, [[], [], [{ entry: a, kind: "poison" }]]);
});

test("deaths from outside make no request a suspect, however many", () => {
  const a = entry("write", 0, 8);
  const made = journal(a);
  const poison = Array.from({ length: 100 }, () => {
    sendAll(made);
    return made.driverLost(killed);
  });
  assert.deepEqual(poison.flat(), []);
});

test("with other clients at the driver nobody's request is poison: theirs may be what it died of", () => {
  const made = journal(entry("read", 0, 8));
  const refused = Array.from({ length: 10 }, () => {
    sendAll(made);
    return made.driverLost({ outside: false, shared: true });
  });
  assert.deepEqual(refused.flat(), []);
});

test("a suspect that waits is not passed by what came after it", () => {
  const [first, suspect, later] = [entry("read", 0, 8), entry("read", 8, 8), entry("read", 16, 8)];
  const made = journal(suspect);
  for (let failures = 0; failures < 2; failures++) {
    sendAll(made);
    made.driverLost(crashed);
  }
  made.add(first);
  made.add(later);
  made.driverLost(crashed); // with nothing in flight
  assert.deepEqual(sendAll(made), [first]);
  made.finish(first);
  assert.deepEqual(sendAll(made), [suspect]);
});

test("a request that was taken back while its driver died is not sent again", () => {
  const taken = entry("write", 0, 8);
  const made = journal(taken);
  sendAll(made);
  taken.cancelled = true;
  assert.deepEqual(made.driverLost(killed), [{ entry: taken, kind: "cancelled" }]);
});

test("a journal is idle when its last request is finished", async () => {
  const a = entry("read", 0, 8);
  const made = journal(a);
  const idle = made.idle();
  made.finish(a);
  await idle;
  assert.equal(made.size, 0);
});

test("whatever happens, overlapping writes are never in flight together and start in the order of their submission", () => {
  const step = fc.oneof(
    fc.record({
      do: fc.constant("add" as const),
      name: fc.constantFrom<Name>("write", "discard", "writeZeroes", "read"),
      lba: fc.nat(15),
      count: fc.integer({ min: 1, max: 6 }),
    }),
    fc.record({ do: fc.constant("send" as const) }),
    fc.record({ do: fc.constant("finish" as const), which: fc.nat(20) }),
    fc.record({ do: fc.constant("die" as const), outside: fc.boolean() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const made = journal();
      const completed: BlockEntry[] = [];
      const added: BlockEntry[] = [];
      const overlaps = (x: BlockEntry, y: BlockEntry) =>
        recovery.conflicts({ operation: x.name, input: x.input }, { operation: y.name, input: y.input });
      for (const action of steps) {
        if (action.do === "add" && made.size < 64) {
          const tag = [...Array(64).keys()].find((free) => !made.all().some((other) => other.tag === free))!;
          added.push(entry(action.name, action.lba, action.count, tag));
          made.add(added.at(-1)!);
        }
        if (action.do === "send") {
          for (const sent of sendAll(made)) {
            const earlier = added.filter((other) => other.id < sent.id && overlaps(other, sent));
            assert.ok(earlier.every((other) => completed.includes(other)));
          }
        }
        const flying = [...made.inFlight.values()];
        for (const x of flying) for (const y of flying) assert.ok(x === y || !overlaps(x, y));
        if (action.do === "finish" && flying.length > 0) {
          const done = flying[action.which % flying.length]!;
          made.finish(done);
          completed.push(done);
        }
        if (action.do === "die")
          for (const { entry: failed } of made.driverLost({ outside: action.outside, shared: false })) {
            made.finish(failed);
            completed.push(failed);
          }
      }
    }),
    { numRuns: 1000 },
  );
});
