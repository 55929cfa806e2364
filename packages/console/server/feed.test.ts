// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Feed } from "./feed.ts";

const never = new AbortController().signal;
const setUp = () => new Feed("e", () => "all");
const words = async (feed: Feed, id: string | undefined) =>
  (await feed.after(id, never)).map(({ id, event, data }) => `${id} ${event} ${data}`);

test("who is new is told everything, then what comes", async () => {
  const feed = setUp();
  feed.add("device", 1);
  assert.deepEqual(await words(feed, undefined), ['e.1 snapshot "all"']);
  const next = words(feed, "e.1");
  feed.add("device", 2);
  assert.deepEqual(await next, ["e.2 device 2"]);
});

test("who was away is told what was missed, in order", async () => {
  const feed = setUp();
  for (let value = 1; value <= 5; value++) feed.add("device", value);
  assert.deepEqual(await words(feed, "e.3"), ["e.4 device 4", "e.5 device 5"]);
});

test("who was away for too long is told everything", async () => {
  const feed = setUp();
  for (let value = 1; value <= 601; value++) feed.add("device", value);
  assert.deepEqual((await words(feed, "e.1")).at(-1), "e.17 device 17"); // sixteen at once
  feed.add("device", 602);
  assert.deepEqual(await words(feed, "e.1"), ['e.602 snapshot "all"']);
});

test("what is kept is bounded in bytes too", async () => {
  const feed = setUp();
  for (let value = 0; value < 10; value++) feed.add("second", "x".repeat(1 << 19));
  assert.equal((await feed.after("e.3", never)).length, 7); // of half a MiB each, with their quotes
  assert.deepEqual(await words(feed, "e.2"), ['e.10 snapshot "all"']);
});

for (const id of ["", "e", "e.", "f.1", "e.99", "e.1.2", "e.-1", "e.1e1", `e.${"9".repeat(400)}`])
  test(`"${id.slice(0, 12)}" is no place to go on from`, async () => {
    const feed = setUp();
    feed.add("device", 1);
    assert.deepEqual(await words(feed, id), ['e.1 snapshot "all"']);
  });

test("a page that is closed waits no longer", async () => {
  const closed = new AbortController();
  const waiting = setUp().after("e.0", closed.signal);
  closed.abort();
  await assert.rejects(waiting, { name: "AbortError" });
});
