// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { duplicate } from "../fd/descriptor.ts";
import { native } from "../native.ts";
import { hangUp, hungUp } from "./hang-up.ts";
import { socketPair } from "./unix.ts";

const [EAGAIN, EPIPE] = [11, 32];
const byte = new Uint8Array(1);

test("hung up on: the peer finds the end, though others have this end open", () => {
  const [peer, ours] = socketPair();
  const theirs = duplicate(ours.fd);
  ours.close();
  assert.equal(native.read(peer.fd, byte), -EAGAIN);
  hangUp(theirs.fd);
  assert.equal(native.read(peer.fd, byte), 0);
  assert.equal(native.write(peer.fd, byte), -EPIPE);
  for (const end of [peer, theirs]) end.close();
});

test("a peer has hung up once it has ended its part: what it sent is read away, and it finds the end before", async () => {
  const [peer, ours] = socketPair();
  const clock = manualClock();
  native.write(peer.fd, new Uint8Array(100_000));
  const over = hungUp(ours.fd, 1000, clock);
  assert.equal(native.read(peer.fd, byte), 0);
  peer.close();
  clock.advance(20);
  assert.equal(await over, true);
  ours.close();
});

test("a peer that does not hang up is waited for as long as was said", async () => {
  const [peer, ours] = socketPair();
  const clock = manualClock();
  const over = hungUp(ours.fd, 1000, clock);
  for (let times = 0; times < 52; times++) {
    clock.advance(20);
    await new Promise(setImmediate);
  }
  assert.equal(await over, false);
  for (const end of [peer, ours]) end.close();
});
