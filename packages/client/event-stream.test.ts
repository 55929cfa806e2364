// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Overflow } from "@ring3/core/contract";
import { DeviceError } from "@ring3/core/errors";
import { EventStream } from "./event-stream.ts";

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
  const events = new EventStream<number>(overflow, subscribe, ended);
  const give = (data: number, dropped = 0) => given[0]!(data, dropped);
  return { events, give, end, stopped: () => stopped };
}

test("a reader who waits has each state, one who comes late the latest", async () => {
  const { events, give } = stream("latest");
  const first = events.next();
  give(1);
  assert.deepEqual(await first, { done: false, value: 1 });
  give(2);
  give(3);
  assert.deepEqual(await events.next(), { done: false, value: 3 });
  assert.equal(events.dropped, 0);
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
