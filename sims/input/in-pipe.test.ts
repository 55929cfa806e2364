// Runs in: tests. Owns: nothing; an IN endpoint between a device that talks and a host that asks, early or late.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Urb } from "../usbip/urb.ts";
import { InPipe } from "./in-pipe.ts";

const PACKET = 8;

/** A URB of `length` bytes, and what it was answered: "errno:bytes". */
function urb(length: number, answers: string[]): Urb {
  const stream = {
    answer: (_: Urb, errno: number, actual: number, data: readonly Uint8Array[]) => {
      assert.equal(Buffer.concat(data).length, actual);
      answers.push(`${errno}:${Buffer.concat(data).toString("hex")}`);
    },
  };
  return new Urb(
    stream,
    { seqnum: 1, endpoint: 1, in: true, flags: 0, length, setup: new Uint8Array(8) },
    [],
  );
}

test("messages wait for the host, in order; of states that nobody asked for the newest", () => {
  const pipe = new InPipe(PACKET);
  const answers: string[] = [];
  pipe.send(Uint8Array.of(1));
  pipe.report(Uint8Array.of(2));
  pipe.send(Uint8Array.of(3));
  pipe.report(Uint8Array.of(4));
  for (let asked = 0; asked < 4; asked++) pipe.submit(urb(8, answers));
  assert.deepEqual(answers, ["0:01", "0:03", "0:04"]);
  pipe.report(Uint8Array.of(5));
  assert.deepEqual(answers.slice(3), ["0:05"]);
});

test("a host that asks again and again misses no state, unless it is far behind", () => {
  const pipe = new InPipe(PACKET);
  const answers: string[] = [];
  pipe.submit(urb(8, answers));
  for (let state = 0; state < 70; state++) pipe.report(Uint8Array.of(state));
  assert.deepEqual([answers, pipe.lost], [["0:00"], 5]);
  pipe.submit(urb(8, answers));
  assert.equal(answers[1], "0:06");
});

test("a host that has stopped asking gets the newest state when it asks again", () => {
  const pipe = new InPipe(PACKET);
  const answers: string[] = [];
  const given = urb(8, answers);
  pipe.submit(given);
  pipe.unlink(given);
  pipe.report(Uint8Array.of(1));
  pipe.report(Uint8Array.of(2));
  pipe.submit(urb(8, answers));
  assert.deepEqual(answers, ["0:02"]);
});

test("a report longer than a packet fills a URB of its length; one that does not fit overflows", () => {
  const pipe = new InPipe(PACKET);
  const answers: string[] = [];
  pipe.submit(urb(16, answers));
  pipe.send(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9));
  pipe.submit(urb(8, answers));
  pipe.submit(urb(8, answers));
  pipe.send(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9));
  pipe.submit(urb(4, answers));
  pipe.send(Uint8Array.of(1, 2, 3, 4, 5));
  assert.deepEqual(answers, ["0:010203040506070809", "0:0102030405060708", "0:09", "75:"]);
});

test("a halted endpoint answers with a stall until it is cleared; a reset ends what waits", () => {
  const pipe = new InPipe(PACKET);
  const answers: string[] = [];
  pipe.submit(urb(8, answers));
  pipe.halt();
  pipe.submit(urb(8, answers));
  pipe.send(Uint8Array.of(1));
  pipe.clearHalt();
  pipe.submit(urb(8, answers));
  pipe.submit(urb(8, answers));
  pipe.flush();
  assert.deepEqual(answers, ["32:", "32:", "0:01", "108:"]);
});
