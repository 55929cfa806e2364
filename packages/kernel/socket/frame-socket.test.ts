// Runs in: tests. Owns: both ends of connections; counts the descriptors of this process before and after.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { afterEach, beforeEach, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { DeviceError } from "@ring3/core/errors";
import { type Descriptor, duplicate, pipe } from "../fd/descriptor.ts";
import { native } from "../native.ts";
import { Allowance } from "./allowance.ts";
import { FrameSocket, QUEUE_MAX, socketPair } from "./frame-socket.ts";
import { encodeHeader, PAYLOAD_MAX } from "./frames.ts";

const openDescriptors = () => readdirSync("/proc/self/fd").length;
let before: number;
beforeEach(async () => {
  const warm = new FrameSocket(socketPair()[0]!); // the loop's own descriptors exist from here on
  warm.close();
  before = openDescriptors();
});
afterEach(() => assert.equal(openDescriptors(), before, "descriptors leaked"));

function pair(): [FrameSocket, FrameSocket] {
  const [near, far] = socketPair();
  return [new FrameSocket(near), new FrameSocket(far)];
}

/** A frame socket, and the bare other end for a peer that does not keep to the rules. */
function withHostilePeer(): [FrameSocket, Descriptor] {
  const [near, far] = socketPair();
  return [new FrameSocket(near), far];
}

function frames(socket: FrameSocket, count: number): Promise<{ payload: Uint8Array; fds: Descriptor[] }[]> {
  const seen: { payload: Uint8Array; fds: Descriptor[] }[] = [];
  return new Promise((resolve) => {
    socket.onFrame = (payload, fds) => {
      seen.push({ payload, fds });
      if (seen.length === count) resolve(seen);
    };
  });
}

function closed(socket: FrameSocket): Promise<DeviceError | undefined> {
  socket.onFrame = (_, fds) => {
    for (const fd of fds) fd.close();
  };
  return new Promise((resolve) => {
    socket.onClose = resolve;
  });
}

test("what has come is read at once where it is asked for, before whatever else there is to read", () => {
  const [near, far] = pair();
  const seen: string[] = [];
  far.drain(); // nobody listens yet: nothing is lost
  near.send(Buffer.from("one"));
  far.onFrame = (payload) => seen.push(Buffer.from(payload).toString());
  far.drain();
  assert.deepEqual(seen, ["one"]);
  const many = Array.from({ length: 150 }, (_, frame) => `${frame}`.padStart(200)); // of more than one read
  for (const frame of many) near.send(Buffer.from(frame));
  far.drain();
  assert.deepEqual(seen.slice(1), many);
  near.close();
  far.close();
  far.drain();
});

test("what has come on one connection is read in the middle of another's frames, and neither hears the other's", async () => {
  const [[near, far], [otherNear, otherFar]] = [pair(), pair()];
  const seen: string[] = [];
  otherFar.onFrame = (payload) => seen.push(Buffer.from(payload).toString());
  for (const word of ["one", "two", "three"]) near.send(Buffer.from(word));
  const { promise, resolve } = Promise.withResolvers<void>();
  far.onFrame = (payload) => {
    seen.push(Buffer.from(payload).toString());
    if (seen.length === 1) otherNear.send(Buffer.from("the other's"));
    otherFar.drain();
    if (seen.includes("three")) resolve();
  };
  await promise;
  assert.deepEqual(seen, ["one", "the other's", "two", "three"]);
  for (const end of [near, far, otherNear, otherFar]) end.close();
});

test("frames arrive whole and in order, with their descriptors", async () => {
  const [near, far] = pair();
  const { read, write } = pipe();
  near.send(Buffer.from("one"));
  near.send(Buffer.from("two"), [read.fd, write.fd]);
  near.send(new Uint8Array(0));
  const seen = await frames(far, 3);
  assert.deepEqual(
    seen.map(({ payload, fds }) => [Buffer.from(payload).toString(), fds.length]),
    [
      ["one", 0],
      ["two", 2],
      ["", 0],
    ],
  );
  const [copyOfRead, copyOfWrite] = seen[1]!.fds;
  native.write(copyOfWrite!.fd, Uint8Array.of(1));
  assert.equal(native.read(read.fd, new Uint8Array(2)), 1);
  for (const end of [read, write, copyOfRead!, copyOfWrite!, near, far]) end.close();
});

test("what does not fit is queued, payload and descriptors copied", async () => {
  const [near, far] = pair();
  const payload = new Uint8Array(1 << 20);
  const { read, write } = pipe();
  for (let index = 0; index < 10; index++) {
    payload.fill(index);
    near.send(payload, [read.fd]);
  }
  payload.fill(99);
  read.close();
  const seen = await frames(far, 10);
  assert.deepEqual(
    seen.map(({ payload: bytes }) => bytes.every((byte) => byte === bytes[0]) && bytes[0]),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  native.write(write.fd, Uint8Array.of(5));
  assert.equal(native.read(seen[9]!.fds[0]!.fd, new Uint8Array(2)), 1);
  for (const { fds } of seen) fds[0]!.close();
  for (const end of [write, near, far]) end.close();
});

test("nothing is read before somebody listens", async () => {
  const [near, far] = pair();
  near.send(Buffer.from("early"));
  for (let round = 0; round < 3; round++) await turn();
  assert.equal(Buffer.from((await frames(far, 1))[0]!.payload).toString(), "early");
  near.close();
  far.close();
});

test("a peer that hangs up between frames is a close without an error", async () => {
  const [near, far] = pair();
  const end = closed(near);
  far.close();
  assert.equal(await end, undefined);
  near.send(Buffer.from("into the void"));
  near.close();
});

test("the last frames of a peer that died with unread bytes are delivered before its end", async () => {
  const [near, far] = pair();
  const end = closed(near);
  let received = 0;
  near.onFrame = (payload) => {
    received += payload.length;
  };
  near.send(Buffer.from("never read"));
  far.send(new Uint8Array(150_000)); // more than one read, less than the socket's buffer
  far.close();
  near.send(Buffer.from("too late"));
  assert.equal(await end, undefined);
  assert.equal(received, 150_000);
});

test("a peer that hangs up in the middle of a frame is disconnected", async () => {
  const [near, peer] = withHostilePeer();
  const end = closed(near);
  native.write(peer.fd, encodeHeader(10, 0));
  peer.close();
  assert.equal((await end)?.kind, "disconnected");
});

test("a frame too large, with a surplus descriptor, a missing one, or garbage closes the connection", async () => {
  const hostile: [Uint8Array, number[]][] = [
    [Uint8Array.of(0, 0, 64, 1, 0, 0, 0, 0), []], // 20 MiB
    [encodeHeader(0, 0), [0]],
    [encodeHeader(0, 1), []],
    [encodeHeader(0, 1), [0, 0]],
    [encodeHeader(4, 0), [0, 0, 0]],
    [encodeHeader(0, 16), Array(17).fill(0)], // more than there is room for
    [new TextEncoder().encode("GET / HTTP/1.1\r\n"), []],
  ];
  for (const [bytes, fds] of hostile) {
    const [near, peer] = withHostilePeer();
    const end = closed(near);
    native.sendmsg(peer.fd, [bytes], fds);
    const error = await end;
    assert.match(`${error?.kind} ${error?.errno}`, /^protocol|^io 90$/); // EMSGSIZE
    assert.equal(native.sendmsg(peer.fd, [bytes], []), -32); // EPIPE
    peer.close();
  }
});

test("a peer that does not read costs at most the queue's limit, then the connection", async () => {
  const [near, far] = pair();
  const end = closed(near);
  const payload = new Uint8Array(PAYLOAD_MAX);
  for (let sent = 0; sent <= QUEUE_MAX; sent += PAYLOAD_MAX) near.send(payload, [0]);
  near.send(payload);
  const error = await end;
  assert.equal(error?.kind, "no-space");
  assert.match(error!.message, /16777216 bytes unread/);
  far.close();
});

test("a peer that asks and does not read is not asked on before it has read, and gets every answer in the end", async () => {
  const [stream, far] = socketPair();
  const near = new FrameSocket(stream, { answersFirst: true });
  const answer = new Uint8Array(300_000); // more than a socket's buffer takes
  let asked = 0;
  near.onFrame = () => {
    asked++;
    queueMicrotask(() => near.send(answer));
  };
  const request = Buffer.concat([encodeHeader(32, 0), Buffer.alloc(32)]);
  const requests = Buffer.concat(Array.from({ length: 1000 }, () => request));
  assert.equal(native.write(far.fd, requests), requests.length);
  for (let round = 0; round < 100; round++) await turn();
  assert.ok(asked > 0 && asked <= 512 / request.length + 1, `${asked} were read`);
  const reader = new FrameSocket(far);
  await frames(reader, 1000);
  assert.equal(asked, 1000);
  for (const socket of [near, reader]) socket.close();
});

test("peers that share an allowance: who goes beyond it is hung up on, and its end makes room for the others", async () => {
  const allowance = new Allowance(2 << 20);
  const [one, other] = [1, 2].map(() => {
    const [stream, far] = socketPair();
    return { near: new FrameSocket(stream, { allowance }), far };
  });
  one!.near.send(new Uint8Array(1 << 20));
  const end = closed(other!.near);
  other!.near.send(new Uint8Array(1.5 * 2 ** 20));
  assert.equal((await end)?.kind, "no-space");
  assert.ok(allowance.take(1 << 20));
  for (const socket of [one!.near, one!.far, other!.far]) socket.close();
});

test("a peer that may send small frames only is hung up on for a larger one", async () => {
  const [stream, far] = socketPair();
  const end = closed(new FrameSocket(stream, { payloadMax: 100 }));
  native.write(far.fd, encodeHeader(101, 0));
  assert.match((await end)!.message, /expected at most 100 bytes, found 101/);
  far.close();
});

test("a descriptor that is not open ends the connection with EBADF", async () => {
  const [near, far] = pair();
  const end = closed(near);
  near.send(Buffer.from("x"), [-1 >>> 1]);
  assert.equal((await end)?.errno, 9);
  far.close();
});

test("a frame that no peer would take is the caller's error and sends nothing", () => {
  const [near, far] = pair();
  assert.throws(() => near.send(new Uint8Array(PAYLOAD_MAX + 1)), { kind: "invalid" });
  assert.throws(() => near.send(new Uint8Array(1), Array(17).fill(0)), { kind: "invalid" });
  near.close();
  far.close();
});

test("a listener that throws ends the connection with its error", async () => {
  const [near, far] = pair();
  const end = closed(near);
  const cause = new RangeError("from the listener");
  near.onFrame = () => {
    throw cause;
  };
  far.send(Buffer.from("x"));
  assert.equal((await end)?.cause, cause);
  far.close();
});

test("closing within onFrame drops the frames behind it, with their descriptors, and calls no onClose", async () => {
  const [near, far] = pair();
  let seen = 0;
  near.onClose = () => assert.fail("called");
  for (let index = 0; index < 5; index++) far.send(Buffer.from("x"), [0]);
  await new Promise<void>((resolve) => {
    near.onFrame = (_, fds) => {
      seen++;
      fds[0]!.close();
      near.close();
      resolve();
    };
  });
  await turn();
  assert.equal(seen, 1);
  near.close();
  near.send(Buffer.from("closed"));
  far.close();
});

test("a listener may keep a descriptor beyond the connection", async () => {
  const [near, far] = pair();
  const original = duplicate(0);
  near.send(Buffer.from("x"), [original.fd]);
  const [frame] = await frames(far, 1);
  for (const end of [near, far, original]) end.close();
  assert.ok(native.fileSize(frame!.fds[0]!.fd) >= 0);
  frame!.fds[0]!.close();
});
