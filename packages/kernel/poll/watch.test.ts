// Runs in: tests. Owns: pipes and sockets watched by this loop.
import assert from "node:assert/strict";
import { test } from "node:test";
import { pipe } from "../fd/descriptor.ts";
import { native } from "../native.ts";
import { socketPair } from "../socket/unix.ts";
import { type Ready, watch } from "./watch.ts";

const byte = Uint8Array.of(1);

/** The first event, copied. */
function first(
  fd: number,
  events: { readable?: boolean; writable?: boolean; hangup?: boolean },
): Promise<Ready> {
  return new Promise((resolve) => {
    const watched = watch(fd, events, (ready) => {
      watched.close();
      resolve({ ...ready });
    });
  });
}

test("a byte makes a pipe readable and nothing else", async () => {
  const { read, write } = pipe();
  native.write(write.fd, byte);
  assert.deepEqual(await first(read.fd, { readable: true }), {
    readable: true,
    writable: false,
    hangup: false,
  });
  read.close();
  write.close();
});

test("a peer that has gone is a hangup where that was asked for", async () => {
  const [near, far] = socketPair();
  far.close();
  assert.deepEqual(await first(near.fd, { hangup: true }), {
    readable: false,
    writable: false,
    hangup: true,
  });
  near.close();
});

test("an error condition is everything at once, again and again until the watch is closed", async () => {
  const { read, write } = pipe();
  read.close();
  const seen: Ready[] = [];
  await new Promise<void>((resolve) => {
    const watched = watch(write.fd, { writable: true }, (ready) => {
      seen.push({ ...ready });
      if (seen.length < 3) return;
      watched.close();
      resolve();
    });
  });
  assert.deepEqual(seen, Array(3).fill({ readable: true, writable: true, hangup: true }));
  write.close();
});

test("set changes what is waited for, and is nothing once closed", async () => {
  const [near, far] = socketPair();
  const seen: boolean[] = [];
  await new Promise<void>((resolve) => {
    const watched = watch(near.fd, { readable: true }, ({ writable }) => {
      seen.push(writable);
      watched.close();
      watched.set({ readable: true });
      watched.ref(true);
      watched.close();
      resolve();
    });
    watched.set({ writable: true });
  });
  assert.deepEqual(seen, [true]);
  near.close();
  far.close();
});

test("a closed descriptor and one that is watched already are errors with errno", () => {
  const { read, write } = pipe();
  const watched = watch(read.fd, { readable: true }, () => {});
  assert.throws(() => watch(read.fd, { readable: true }, () => {}), { errno: 17 }); // EEXIST
  watched.close();
  read.close();
  assert.throws(() => watch(read.fd, { readable: true }, () => {}), { errno: 9 }); // EBADF
  write.close();
});
