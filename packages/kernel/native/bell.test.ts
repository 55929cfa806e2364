// Runs in: tests. Owns: pairs of memories and pipes, both sides of which are played here or by a child process.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { pipe } from "../fd/descriptor.ts";
import { type BellHandle, native, type PollHandle } from "../native.ts";

const [NEWS, GONE, NEEDLESS] = [0, 1, 2];
const [PARKED, TAIL, SECOND_TAIL] = [0, 16, 32];
const [HEAD, SECOND_HEAD] = [0, 16];

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** A bell whose owner consumes what it is told of, and a peer that is played by hand. */
function setUp({ poll = false, consume = true, run = (_what: number) => {} } = {}) {
  const { read, write } = pipe();
  const own = new Uint32Array(48);
  const peer = new Uint32Array(32);
  const told: number[] = [];
  const waiting: { what: number; resolve: () => void }[] = [];
  const at = Int32Array.of(PARKED, -1, HEAD, TAIL, SECOND_HEAD, SECOND_TAIL);
  const handle = native.bellStart(read.fd, own, peer, at, poll, (what) => {
    told.push(what);
    if (consume) {
      own[TAIL] = peer[HEAD]!;
      own[SECOND_TAIL] = peer[SECOND_HEAD]!;
    }
    run(what);
    for (const { resolve } of waiting.splice(0).filter((each) => each.what === what)) resolve();
  }) as BellHandle;
  assert.equal(typeof handle, "object");
  stops.push(() => {
    native.bellStop(handle);
    read.close();
    write.close();
  });
  const next = (what: number) =>
    new Promise<void>((resolve) => {
      waiting.push({ what, resolve });
    });
  return { own, peer, told, next, handle, write };
}

test("news in either ring are told without a bell, once they are there", async () => {
  const { peer, told, next } = setUp();
  const first = next(NEWS!);
  Atomics.store(peer, HEAD, 1);
  await first;
  const second = next(NEWS!);
  Atomics.store(peer, SECOND_HEAD, 5);
  await second;
  assert.deepEqual(told, [NEWS, NEWS]);
});

test("what is not consumed is told again", async () => {
  const { peer, told } = setUp({ consume: false });
  Atomics.store(peer, HEAD, 1);
  while (told.length < 200) await sleep(1); // and timers run meanwhile
});

test("asleep the parked word is odd: awake again it is even, and higher by two for each sleep", async () => {
  const { own } = setUp();
  const before = Atomics.load(own, PARKED);
  let after = before;
  for (; after === before; after = Atomics.load(own, PARKED)) await sleep(20); // over before it is waited for, none is slept
  assert.ok(after > before);
  assert.equal(after & 1, 0);
});

test("news that never end leave their turn to descriptors, and to timers", async () => {
  let polls = 0;
  let timers = 0;
  const { own, peer } = setUp({
    run: () => {
      if (polls < 3 || timers < 3) Atomics.add(peer, HEAD, 1);
    },
  });
  const ready = pipe();
  native.write(ready.write.fd, Uint8Array.of(1));
  const poll = native.pollStart(ready.read.fd, 1, () => polls++) as PollHandle;
  const timer = setInterval(() => timers++, 1);
  Atomics.store(peer, HEAD, own[TAIL]! + 1);
  while (polls < 3 || timers < 3) await sleep(1);
  clearInterval(timer);
  native.pollStop(poll);
  for (const end of [ready.read, ready.write]) end.close();
});

test("one that another has set to wait for nothing is not told of what was ready before", async () => {
  const pipes = [pipe(), pipe()];
  for (const { write } of pipes) native.write(write.fd, Uint8Array.of(1));
  let told = 0;
  const polls: PollHandle[] = [];
  const rest = () => {
    told++;
    for (const each of polls) native.pollSet(each, 0);
  };
  for (const { read } of pipes) polls.push(native.pollStart(read.fd, 1, rest) as PollHandle);
  await sleep(20);
  assert.equal(told, 1);
  for (const handle of polls) native.pollStop(handle);
  for (const { read, write } of pipes) for (const end of [read, write]) end.close();
});

test("a pipe that nobody can write into any more is told once", async () => {
  const { told, next, write } = setUp();
  const gone = next(GONE!);
  write.close();
  await gone;
  await sleep(20);
  assert.deepEqual(told, [GONE]);
});

test("more bytes without news than a peer has reason for are told as needless", async () => {
  const { told, next, write } = setUp();
  const needless = next(NEEDLESS!);
  native.write(write.fd, new Uint8Array(5000));
  await needless;
  assert.deepEqual(told, [NEEDLESS]);
});

test("some needless bytes are forgotten with the next news", async () => {
  const { peer, told, next, write } = setUp();
  const rounds = 8; // their bytes together are too many; those of a few, where some are read late, are not
  for (let round = 1; round <= rounds; round++) {
    native.write(write.fd, new Uint8Array(1000));
    await sleep(5);
    const news = next(NEWS!);
    Atomics.store(peer, HEAD, round);
    await news;
  }
  assert.deepEqual(told, Array(rounds).fill(NEWS));
});

test("polled, it never parks, and timers and other descriptors have their turn", async () => {
  const { own, peer, next } = setUp({ poll: true });
  const child = spawn(process.execPath, ["-e", "process.stdout.write('x')"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout!, "data");
  await sleep(5);
  assert.equal(Atomics.load(own, PARKED), 0);
  const news = next(NEWS!);
  Atomics.store(peer, HEAD, 1);
  await news;
});

test("timers are not late behind a bell, nor is what is put off to the next turn", async () => {
  setUp();
  const began = performance.now();
  for (let turn = 0; turn < 5; turn++) await sleep(10);
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
  const took = performance.now() - began;
  assert.ok(took >= 48 && took < 2000, `${took} ms`);
});

test("one that is stopped by another is not told any more, and may be stopped again from within itself", async () => {
  const first = setUp();
  const second = setUp({ run: () => native.bellStop(first.handle) });
  native.bellStop(second.handle);
  const third = setUp({
    run: () => {
      native.bellStop(first.handle);
      native.bellStop(third.handle);
      native.bellStop(third.handle);
    },
  });
  const news = third.next(NEWS!);
  Atomics.store(first.peer, HEAD, 1); // told first or not at all
  Atomics.store(third.peer, HEAD, 1);
  await news;
  const before = first.told.length;
  Atomics.store(first.peer, HEAD, 2);
  Atomics.store(third.peer, HEAD, 2);
  await sleep(20);
  assert.deepEqual([first.told.length, third.told.length], [before, 1]);
});

test("words outside the memories and descriptors that cannot be waited for are refused", () => {
  const { read, write } = pipe();
  const [own, peer] = [new Uint32Array(4), new Uint32Array(2)];
  const start = (fd: number, ...at: number[]) =>
    native.bellStart(fd, own, peer, Int32Array.from(at), false, () => {});
  assert.throws(() => start(read.fd, 0, -1, 2, 1), TypeError);
  assert.throws(() => start(read.fd, 4, -1, 0, 1), TypeError);
  assert.throws(() => start(read.fd, 0, -1, 0, -1), TypeError);
  assert.throws(() => start(read.fd, 0, 4, 0, 1), TypeError);
  assert.throws(() => start(read.fd, 0, -1, 0, 1, 1), TypeError);
  assert.throws(() => start(read.fd, 0, -1, 0, 1, 1, 2, 1, 3), TypeError);
  read.close();
  write.close();
  assert.equal(start(1 << 20, 0, -1, 0, 1), -9); // EBADF
});

test("a process that has nothing but a bell stays, until it is stopped", async () => {
  const script = `
    const { pipe } = await import(${JSON.stringify(new URL("../fd/descriptor.ts", import.meta.url).href)});
    const { native } = await import(${JSON.stringify(new URL("../native.ts", import.meta.url).href)});
    const { read, write } = pipe();
    const bell = native.bellStart(read.fd, new Uint32Array(2), new Uint32Array(1), Int32Array.of(0, -1, 0, 1), false, () => native.bellStop(bell));
    setTimeout(() => { console.log("still here"); write.close(); }, 50).unref();`;
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", script],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const [said] = await once(child.stdout!, "data");
  const [code] = await once(child, "exit");
  assert.deepEqual([String(said), code], ["still here\n", 0]);
});
