// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Overflow } from "@ring3/core/contract";
import { DeviceError } from "@ring3/core/errors";
import { Ending, EventStream } from "./event-stream.ts";

function stream(overflow: Overflow) {
  const { promise: ended, resolve: end } = Promise.withResolvers<DeviceError | undefined>();
  const given: ((data: number, dropped: number) => void)[] = [];
  let stopped = 0;
  const subscribe = (give: (data: number, dropped: number) => void) => {
    given.push(give);
    return () => {
      stopped++;
    };
  };
  const events = new EventStream<number>(overflow, subscribe, new Ending(ended));
  const give = (data: number, dropped = 0) => given[0]!(data, dropped);
  return { events, give, end, stopped: () => stopped };
}

test("a reader who waits has each state, one who comes late the latest", async () => {
  const { events, give } = stream("latest");
  const first = events.next();
  give(1);
  assert.deepEqual(await first, { done: false, value: 1 });
  give(2);
  await null;
  give(3);
  assert.deepEqual(await events.next(), { done: false, value: 3 });
  assert.equal(events.dropped, 0);
});

test("a key that is down and up at once, twice, is read so by whoever waits for it", async () => {
  const { events, give } = stream("latest");
  const seen: number[] = [];
  const reading = (async () => {
    for await (const value of events) {
      seen.push(value);
      if (seen.length === 5) break;
    }
  })();
  await null;
  for (const value of [30, 0, 30, 0]) give(value);
  await new Promise(setImmediate);
  assert.deepEqual(seen, [30, 0, 30, 0]);
  give(30);
  await reading;
  assert.deepEqual(seen, [30, 0, 30, 0, 30]);
});

test("a reader of states who is slow goes on with those that came last, and no more than 1024 wait", async () => {
  const { events, give } = stream("latest");
  for (const value of [1, 2, 3]) give(value);
  await null;
  for (const value of [4, 5]) give(value);
  assert.deepEqual([(await events.next()).value, (await events.next()).value], [4, 5]);
  for (let value = 0; value < 2000; value++) give(value);
  const seen: number[] = [];
  while (seen.at(-1) !== 1999) seen.push((await events.next()).value!);
  assert.deepEqual([seen.length, events.dropped], [1024, 0]);
});

test("a unit that has ended ends a stream that is opened then; one that was left is forgotten", async () => {
  const { promise, resolve } = Promise.withResolvers<DeviceError | undefined>();
  const ending = new Ending(promise);
  const told: string[] = [];
  ending.on(() => told.push("stays"));
  ending.on(() => told.push("left"))();
  resolve(new DeviceError("disconnected", "usb-1-4:1.0#0"));
  await null;
  assert.deepEqual(told, ["stays"]);
  let stopped = 0;
  const late = new EventStream<number>("latest", () => () => void stopped++, ending);
  await assert.rejects(late.next(), { kind: "disconnected" });
  assert.equal(stopped, 1);
});

test("occurrences wait for their reader, 1024 of them; the others are counted", async () => {
  const { events, give } = stream("drop-and-count");
  for (let count = 0; count < 1030; count++) give(count);
  const seen: number[] = [];
  for await (const value of events) {
    seen.push(value);
    if (value === 1023) break;
  }
  assert.deepEqual([seen.length, seen[0], events.dropped], [1024, 0, 6]);
});

test("what was lost on the way counts as dropped too", () => {
  const { events, give } = stream("drop-and-count");
  give(1);
  give(7, 5);
  assert.equal(events.dropped, 5);
});

test("a reader who leaves ends the subscription; so does the end of the unit, which is thrown once what came before is read", async () => {
  const left = stream("drop-and-count");
  left.give(1);
  await left.events.return();
  left.end(new DeviceError("disconnected", "usb-1-4:1.0#0")); // whoever has left does not hear of it
  await null;
  assert.deepEqual([await left.events.next(), left.stopped()], [{ done: true, value: undefined }, 1]);

  const { events, give, end, stopped } = stream("drop-and-count");
  give(1);
  end(new DeviceError("disconnected", "usb-1-4:1.0#0"));
  await null;
  assert.deepEqual(await events.next(), { done: false, value: 1 });
  await assert.rejects(events.next(), { kind: "disconnected" });
  assert.deepEqual(await events.next(), { done: true, value: undefined });
  assert.equal(stopped(), 1);
});

test("a reader who waits is told of the unit's end", async () => {
  const { events, end } = stream("latest");
  const waiting = events.next();
  end(new DeviceError("disconnected", "usb-1-4:1.0#0"));
  await assert.rejects(waiting, { kind: "disconnected" });
});

test("two who wait are both told of the end, and a unit that its own user closes is no failure", async () => {
  const { events, end } = stream("latest");
  const waiting = [events.next(), events.next()];
  end(undefined);
  assert.deepEqual(await Promise.all(waiting), [
    { done: true, value: undefined },
    { done: true, value: undefined },
  ]);
});
