// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { layoutOf } from "@ring3/channel/layout";
import { BLOCK_MEDIUM_PRESENT, block } from "@ring3/classes/block/contract";
import { type InputProperties, KEYS_PRESSED_MAX } from "@ring3/classes/input/contract";
import { manualClock } from "@ring3/core/clock";
import { DeviceError, kindCode } from "@ring3/core/errors";
import { inputClass } from "./classes.ts";
import { clientEnd, driver, properties, SECTOR, sector, settle, write } from "./client-end.fixture.ts";
import { ClientEnd } from "./client-end.ts";

test("a request waits for the first driver", async () => {
  const { end } = clientEnd();
  const answer = end.request("read", { lba: 0, count: 1, medium: 1 }, { length: SECTOR });
  await settle();
  const { held, done } = driver(end, 1);
  await settle();
  held[0]!.data.fill(7);
  done(held[0]!);
  assert.deepEqual((await answer).data, sector(7));
});

test("writes in flight when the driver dies reach the next one with the same bytes, and are answered once", async () => {
  const { end } = clientEnd();
  const first = driver(end, 1);
  const answers = [write(end, 0, 1), write(end, 8, 2)];
  await settle();
  first.kill();
  const second = driver(end, 2);
  await settle();
  assert.deepEqual(
    second.held.map(({ data }) => data[0]),
    [1, 2],
  );
  for (const request of second.held) second.done(request);
  await Promise.all(answers);
  assert.equal(end.unfinished, 0);
});

test("what the driver completed before it died is not sent again", async () => {
  const { end } = clientEnd();
  const first = driver(end, 1);
  const answers = [write(end, 0, 1), write(end, 8, 2)];
  await settle();
  first.done(first.held[0]!);
  await new Promise<void>((resolve) => queueMicrotask(resolve)); // published, and not yet seen by the client
  first.kill();
  const second = driver(end, 2);
  await settle();
  assert.deepEqual(
    second.held.map(({ input }) => (input as { lba: number }).lba),
    [8],
  );
  second.done(second.held[0]!);
  await Promise.all(answers);
});

test("a driver's error reaches the caller with kind and errno", async () => {
  const { end } = clientEnd();
  const { held, side } = driver(end, 1);
  const answer = write(end, 0, 1);
  await settle();
  side.complete(held[0]!.tag, kindCode("medium"), 5, 0);
  await assert.rejects(answer, (error: DeviceError) => error.kind === "medium" && error.errno === 5);
});

test("while a debugger holds the driver no deadline passes; then what was left of it does", async () => {
  const { end, clock, suspicions } = clientEnd();
  const { held, cancelled, done } = driver(end, 1);
  const answer = end.request("read", { lba: 0, count: 1, medium: 1 }, { length: SECTOR, deadlineMs: 1000 });
  await settle();
  clock.advance(600);
  end.paused(true);
  clock.advance(60_000);
  end.paused(false);
  clock.advance(300);
  await settle();
  assert.deepEqual([cancelled, suspicions], [[], []]);
  clock.advance(300);
  await settle();
  assert.deepEqual([cancelled, suspicions], [[held[0]!.tag], []]);
  done(held[0]!);
  await answer;
});

test("a driver that is held and dies before its channel is attached does not hold the next one's requests", async () => {
  const { end, clock } = clientEnd();
  end.paused(true);
  end.driverLost({ outside: true, shared: false });
  const { held, cancelled, done } = driver(end, 2);
  const answer = end.request("read", { lba: 0, count: 1, medium: 1 }, { length: SECTOR, deadlineMs: 1000 });
  await settle();
  clock.advance(1000);
  await settle();
  assert.deepEqual(cancelled, [held[0]!.tag]);
  done(held[0]!);
  await answer;
});

test("behind a driver that cannot be ended, what was not sent fails and what comes after; what it was sent waits for its death, and was answered where it had been", async () => {
  const { end } = clientEnd();
  const told: boolean[] = [];
  end.onDriver((there) => told.push(there));
  const { held, done, kill } = driver(end, 1);
  const failed = { kind: "disconnected" };
  const answered = write(end, 16, 1);
  const sent = write(end, 0, 1);
  const notSent = write(end, 0, 2); // waits for the one before it
  await settle();
  end.paused(true);
  done(held[0]!);
  await null; // published, and not yet seen by the client
  end.stuck(new DeviceError("disconnected", "it did not end"));
  await answered;
  await assert.rejects(notSent, failed);
  await assert.rejects(write(end, 8, 3), failed);
  await settle();
  assert.deepEqual([end.unfinished, held.length, told], [1, 2, [true, false, false]]);
  const over = assert.rejects(sent, failed);
  kill();
  await over;
  assert.match((await end.whenEnded).message, /it did not end/);
});

test("who waits for a driver while the last one turns out to be stuck has none to wait for", async () => {
  const { end } = clientEnd();
  const waits = write(end, 0, 1);
  end.stuck(new DeviceError("disconnected", "it did not end"));
  await assert.rejects(waits, { kind: "disconnected" });
  assert.equal((await end.whenEnded).kind, "disconnected");
});

test("an end that has nothing in the hands of a driver that is stuck is over at once", async () => {
  const { end } = clientEnd();
  const { kill } = driver(end, 1);
  await settle();
  end.stuck(new DeviceError("disconnected", "it did not end"));
  assert.match((await end.whenEnded).message, /it did not end/);
  kill();
  end.close();
});

/** A keyboard's end, what it was told (a key, or whether there is a driver), and a driver on which keys are pressed. */
function keyboardEnd() {
  const end = new ClientEnd({
    ...inputClass,
    properties: {} as InputProperties,
    operations: [],
    clock: manualClock(),
    listener: { suspect() {}, progress() {}, replayed() {} },
  });
  const told: (number | boolean)[] = [];
  end.on("keys", ({ pressed }) => told.push(pressed[0]!));
  end.onDriver((there) => told.push(there));
  const { side, kill } = driver(end, 1);
  const presses = (code: number) =>
    side.emit("keys", { timestampUs: 1, pressed: new Array(KEYS_PRESSED_MAX).fill(code) });
  return { end, told, presses, kill };
}

for (const goesOn of [true, false])
  test(`its manager dies while a driver is being ended, and the next one ${goesOn ? "goes on with it: what it told is told again" : "does not: nothing is"}`, async () => {
    const { end, told, presses, kill } = keyboardEnd();
    presses(30);
    await settle();
    end.paused(true);
    end.unsaid();
    await settle();
    assert.deepEqual(told.splice(0), [true, 30, false]);
    if (goesOn) end.goesOn();
    else kill();
    await settle();
    assert.deepEqual(told, goesOn ? [true, 30] : [false]);
    if (goesOn) kill();
    end.close();
  });

test("what a driver told before it was stuck is over, and not told again when its manager dies and nobody is known to hold it", async () => {
  const { end, told, presses, kill } = keyboardEnd();
  presses(30);
  await settle();
  end.paused(true);
  presses(31); // before it was killed
  await null; // published, and not yet seen by the client
  end.stuck(new DeviceError("disconnected", "it did not end"));
  end.unsaid();
  end.goesOn();
  await settle();
  assert.deepEqual(told, [true, 30, false, 31, false]);
  kill();
  end.close();
});

test("a driver that fails while its channel is being opened, of whose loss nothing is heard, does not hold the next one's requests", async () => {
  const { end, clock } = clientEnd();
  const told: boolean[] = [];
  end.onDriver((there) => told.push(there));
  end.prepare();
  end.paused(true); // that channel is never attached: its opening is refused
  const { held, cancelled, done } = driver(end, 2);
  const answer = end.request("read", { lba: 0, count: 1, medium: 1 }, { length: SECTOR, deadlineMs: 1000 });
  await settle();
  clock.advance(1000);
  await settle();
  assert.deepEqual([told, cancelled], [[true], [held[0]!.tag]]);
  done(held[0]!);
  await answer;
});

test("a request alone in flight at three crashes is poison; the next one goes on", async () => {
  const { end } = clientEnd();
  const answer = write(end, 0, 1);
  for (let generation = 1; generation <= 3; generation++) {
    const { kill } = driver(end, generation);
    await settle();
    kill(false);
  }
  await assert.rejects(answer, (error: DeviceError) => error.kind === "poison");
  const { held, done } = driver(end, 4);
  const next = write(end, 0, 2);
  await settle();
  done(held[0]!);
  await next;
});

test("a write that waits while the suspect before it is completed was not alone in flight when the driver dies", async () => {
  const { end } = clientEnd();
  const answers = [write(end, 0, 1), write(end, 8, 2)];
  for (let generation = 1; generation <= 2; generation++) {
    const { kill } = driver(end, generation);
    await settle();
    kill(false);
  }
  const third = driver(end, 3);
  await settle();
  third.done(third.held[0]!);
  await new Promise<void>((resolve) => queueMicrotask(resolve)); // published, and not yet seen by the client
  third.kill(false);
  const fourth = driver(end, 4);
  await settle();
  assert.deepEqual(fourth.held[0]?.data, sector(2));
  fourth.done(fourth.held[0]!);
  await Promise.all(answers);
});

test("past its deadline a request is cancelled first, and the driver reported a second later", async () => {
  const { end, clock, suspicions } = clientEnd();
  const { cancelled } = driver(end, 1);
  write(end, 0, 1).catch(() => {}); // ends with the test
  await settle();
  clock.advance(30_100);
  await settle();
  assert.deepEqual([cancelled.length, suspicions.length], [1, 0]);
  clock.advance(1100);
  assert.match(suspicions[0]!, /deadline: write/);
});

test("a request that its deadline has cancelled fails with timeout, one that its caller has taken back with cancelled", async () => {
  const { end, clock } = clientEnd();
  const { held, cancelled, side } = driver(end, 1);
  const abort = new AbortController();
  const read = { lba: 0, count: 1, medium: 1 };
  const late = end.request("read", read, { length: SECTOR, deadlineMs: 80 });
  const takenBack = end.request("read", read, { length: SECTOR, signal: abort.signal });
  await settle();
  abort.abort();
  clock.advance(100);
  await settle();
  assert.equal(cancelled.length, 2);
  for (const { tag } of held) side.complete(tag, kindCode("cancelled"), 125, 0);
  await assert.rejects(late, { kind: "timeout" });
  await assert.rejects(takenBack, { kind: "cancelled" });
});

test("a driver that says it lets go within 50 ms is reported that much sooner", async () => {
  const { end, clock, suspicions } = clientEnd();
  const { cancelled } = driver(end, 1, 50);
  end.request("read", { lba: 0, count: 1, medium: 1 }, { length: SECTOR, deadlineMs: 80 }).catch(() => {}); // ends with the test
  await settle();
  clock.advance(100);
  await settle();
  assert.deepEqual([cancelled.length, suspicions.length], [1, 0]);
  clock.advance(50);
  assert.deepEqual(suspicions, ["deadline: read passed its deadline of 80 ms"]);
});

test("an aborted request that no driver has is given up at once", async () => {
  const { end } = clientEnd();
  const abort = new AbortController();
  const answer = end.request("flush", { medium: 1 }, { signal: abort.signal });
  await settle();
  abort.abort();
  await assert.rejects(answer, (error: DeviceError) => error.kind === "cancelled");
});

test("after the device is gone everything unfinished fails, and so does what comes later", async () => {
  const { end } = clientEnd();
  driver(end, 1);
  const inFlight = write(end, 0, 1);
  await settle();
  end.end(new DeviceError("disconnected", "unplugged"));
  await assert.rejects(inFlight, (error: DeviceError) => error.kind === "disconnected");
  await assert.rejects(write(end, 0, 2), (error: DeviceError) => error.kind === "disconnected");
});

test("unflushed writes and a replug: the next flush fails once, the one after it is sent", async () => {
  const { end } = clientEnd();
  const first = driver(end, 1);
  const answer = write(end, 0, 1);
  await settle();
  first.done(first.held[0]!);
  await answer;
  first.kill();
  end.replugged(properties);
  const second = driver(end, 2);
  await assert.rejects(
    end.request("flush", { medium: 1 }),
    (error: DeviceError) => error.kind === "lost-writes",
  );
  const flush = end.request("flush", { medium: 1 });
  await settle();
  second.done(second.held[0]!);
  await flush;
});

test("lost writes told while the ring of events is full fail the next flush all the same", async () => {
  const { end } = clientEnd();
  const { side, held, done } = driver(end, 1);
  const answer = write(end, 0, 1);
  await settle();
  for (let count = 0; count < layoutOf(block).driver.events.size; count++) side.emit("powerLost", {});
  side.emit("writesLost", {});
  done(held[0]!);
  await answer;
  await assert.rejects(end.request("flush", { medium: 1 }), { kind: "lost-writes" });
  const again = write(end, 0, 2);
  await settle();
  done(held[1]!);
  await again;
  side.retryEvents();
  await settle();
  await assert.rejects(end.request("flush", { medium: 1 }), { kind: "lost-writes" });
});

test("another medium: what waits fails, and nothing more is accepted", async () => {
  const { end } = clientEnd();
  const { side, held, done } = driver(end, 1);
  const inFlight = write(end, 0, 1);
  const changed = (error: DeviceError) => error.kind === "medium-changed";
  const waiting = assert.rejects(write(end, 0, 2), changed);
  await settle();
  side.emit("mediumChanged", { sectors: 10, sectorBytes: SECTOR, flags: BLOCK_MEDIUM_PRESENT, medium: 2 });
  await settle();
  await waiting;
  done(held[0]!, kindCode("medium-changed"));
  await assert.rejects(inFlight, changed);
  await assert.rejects(write(end, 1, 1), changed);
});

test("closing waits for the requests of whoever is gone", async () => {
  const { end } = clientEnd();
  const { held, done } = driver(end, 1);
  void write(end, 0, 1);
  await settle();
  let closed = false;
  const closing = end.idle().then(() => {
    closed = true;
  });
  await settle();
  assert.equal(closed, false);
  done(held[0]!);
  await closing;
});

test("an incarnation's first completion is told, once", async () => {
  const { end, progress } = clientEnd();
  const { held, done } = driver(end, 1);
  const answers = [write(end, 0, 1), write(end, 8, 1)];
  await settle();
  for (const request of held) done(request);
  await Promise.all(answers);
  assert.equal(progress(), 1);
});

test("a driver says that the device has gone: its requests wait for the device's return", async () => {
  const { end, progress } = clientEnd();
  const first = driver(end, 1);
  const answer = write(end, 0, 1);
  await settle();
  first.done(first.held[0]!, kindCode("disconnected"));
  await settle();
  assert.deepEqual([end.unfinished, progress()], [1, 0]);
  first.kill();
  const second = driver(end, 2);
  await settle();
  assert.deepEqual(second.held[0]!.data, sector(1));
  second.done(second.held[0]!);
  await answer;
});

test("a driver says that the device has gone, and the manager that it is for good: its requests fail", async () => {
  const { end } = clientEnd();
  const { held, done } = driver(end, 1);
  const failed = assert.rejects(write(end, 0, 1), { kind: "disconnected" });
  await settle();
  done(held[0]!, kindCode("disconnected"));
  await settle();
  end.end(new DeviceError("disconnected", "unplugged"));
  await failed;
});

test("a driver that only says that the device has gone is suspected when the request's time is over", async () => {
  const { end, clock, suspicions } = clientEnd();
  const { held, done } = driver(end, 1);
  const request = end.request("read", { lba: 0, count: 1, medium: 1 }, { length: SECTOR, deadlineMs: 500 });
  request.catch(() => {});
  await settle();
  done(held[0]!, kindCode("disconnected"));
  await settle();
  clock.advance(1400);
  assert.deepEqual(suspicions, []);
  clock.advance(200);
  assert.deepEqual(suspicions, ["deadline: read passed its deadline of 500 ms"]);
});

test("who asks is told when a driver is there and when it is dead, after its last words", async () => {
  const { end } = clientEnd();
  const told: string[] = [];
  const stop = end.onDriver((there) => told.push(there ? "there" : "dead"));
  const first = driver(end, 1);
  const answer = write(end, 0, 1).then(() => told.push("answered"));
  await settle();
  first.done(first.held[0]!);
  await null; // published, and not seen yet
  first.kill();
  await answer;
  const second = driver(end, 2);
  stop();
  second.kill();
  assert.deepEqual(told, ["there", "dead", "answered", "there"]);
});

test("a driver that comes to rest does not work any more, and whoever comes then is told nothing of its state; at work again it is there", async () => {
  const { end } = clientEnd();
  const told: string[] = [];
  const { side } = driver(end, 1);
  end.onDriver((there) => told.push(there ? "works" : "rests"));
  end.on("powerLost", () => told.push("event"));
  end.paused(true);
  side.emit("powerLost", {}); // while it comes to rest
  await null; // published, and not seen yet
  end.paused(true);
  end.on("powerLost", () => assert.fail("that was said before the rest"));
  end.paused(false);
  end.paused(false);
  await settle();
  assert.deepEqual(told, ["rests", "event", "rests", "works"]);
});

test("a driver that is away died by its own fault, or it was killed, or it rests", async () => {
  const { end } = clientEnd();
  const told: string[] = [];
  const works: boolean[] = [end.works];
  end.onDriver((there, failed) => {
    told.push(there ? "there" : failed ? "failed" : "away");
    works.push(end.works);
  });
  const first = driver(end, 1);
  end.paused(true);
  first.kill(false);
  const second = driver(end, 2);
  end.paused(true);
  end.paused(false);
  second.kill(true);
  const third = driver(end, 3, 1000, () => end.paused(true));
  end.paused(false);
  end.stuck(new DeviceError("disconnected", "it cannot be ended"));
  third.kill();
  assert.deepEqual(told, [
    "there",
    "away",
    "failed",
    "there",
    "away",
    "there",
    "away",
    "away",
    "there",
    "away",
    "away",
  ]);
  assert.deepEqual(works, [false, ...told.map((what) => what === "there")]);
});

test("one that is at rest when its channel is opened was not at work: what it had told before is over", async () => {
  const { end } = clientEnd();
  const told: boolean[] = [];
  end.onDriver((there) => told.push(there));
  driver(end, 1, 1000, () => end.paused(true));
  await settle();
  end.paused(false);
  assert.deepEqual(told, [false, true]);
});

test("what is sent again to the next driver is counted, and told once; what waited is not, nor what it had answered", async () => {
  const { end, replayed } = clientEnd();
  const first = driver(end, 1);
  assert.deepEqual(replayed, []);
  const answers = [write(end, 0, 1), write(end, 8, 2), write(end, 0, 3)]; // the last waits for the first
  await settle();
  first.kill();
  const second = driver(end, 2);
  await settle();
  assert.equal(second.held.length, 2);
  assert.deepEqual(replayed, [2]);
  for (let at = 0; at < 3; at++) {
    second.done(second.held[at]!);
    await settle();
  }
  await Promise.all(answers);
  second.kill();
  driver(end, 3);
  assert.deepEqual(replayed, [2, 0]);
});

test("suspects that are sent one at a time are told when all of them were", async () => {
  const { end, replayed } = clientEnd();
  let last = driver(end, 1);
  const answers = [write(end, 0, 1), write(end, 8, 2)];
  await settle();
  for (let generation = 2; generation < 4; generation++) {
    last.kill(false);
    last = driver(end, generation);
    await settle();
  }
  assert.deepEqual([last.held.length, replayed], [1, [2]]);
  last.done(last.held[0]!);
  await settle();
  last.done(last.held[1]!);
  await Promise.all(answers);
  assert.deepEqual(replayed, [2, 2]);
});
