// Runs in: node --test. Owns: both ends of real channels: sealed memory and pipes, in one process.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { defineContract, event, operation } from "@ring3/core/contract";
import { kindCode } from "@ring3/core/errors";
import { i32, struct, u32 } from "@ring3/core/struct";
import { duplicate, pipe } from "@ring3/kernel/fd/descriptor";
import { native } from "@ring3/kernel/native";
import { createShared } from "@ring3/kernel/shm/memory";
import fc from "fast-check";
import { ClientChannel, ClientMemory } from "./client-channel.ts";
import { DriverEnd, type Submission } from "./driver-end.ts";
import { createDriverMemory } from "./driver-memory.ts";
import { CLIENT_WORDS, COMPLETION, DESCRIPTOR_WORDS, DRIVER_WORDS, layoutOf, SUBMISSION } from "./layout.ts";
import type { MalformedChannel } from "./ring.ts";

const contract = defineContract({
  name: "echo",
  version: 1,
  slots: 8,
  slotBytes: 4096,
  operations: {
    add: operation({ nr: 1, in: struct({ a: u32, b: u32 }), out: struct({ sum: u32 }), replay: "always" }),
    read: operation({ nr: 2, in: struct({ from: u32 }), data: "out", replay: "always" }),
    write: operation({ nr: 3, in: struct({ at: u32 }), data: "in", replay: "always", mutates: true }),
  },
  events: {
    state: event({ nr: 1, data: struct({ value: u32 }), overflow: "latest" }),
    click: event({ nr: 2, data: struct({ value: u32 }), overflow: "drop-and-count" }),
    moved: event({ nr: 3, data: struct({ x: i32, at: u32 }), overflow: "add" }),
  },
});
/** For events that nobody reads. */
const ROOM = layoutOf(contract).driver.events.size;
const { add, read, write } = contract.operations;
const GENERATION = 7;

interface Answer {
  tag: number;
  kind: number;
  errno: number;
  data: Uint8Array;
  first: number;
}

const open: { close(): void }[] = [];
afterEach(() => {
  for (const end of open.splice(0)) end.close();
});

/** A channel whose driver side runs `serve`; answers and faults are awaited in order. */
function channel(serve: (request: Submission, end: DriverEnd) => void = () => {}) {
  const memory = new ClientMemory(contract);
  const toDriver = pipe();
  const toClient = pipe();
  const answers = queue<Answer>();
  const events = queue<{ nr: number; dropped: number; value: number; second: number }>();
  const clientFaults = queue<MalformedChannel>();
  const driverFaults = queue<MalformedChannel>();
  const cancels = queue<number>();
  const driverMemory = createDriverMemory(contract);
  const end: DriverEnd = new DriverEnd(
    contract,
    {
      memory: duplicate(memory.fd),
      bellIn: toDriver.read,
      bellOut: toClient.write,
      own: duplicate(driverMemory.fd.fd),
      generation: GENERATION,
      poll: false,
    },
    {
      submitted: (request) => serve(request, end),
      cancelled: (tag) => cancels.push(tag),
      malformed: (error) => driverFaults.push(error),
    },
  );
  driverMemory.seal();
  const client = new ClientChannel(
    memory,
    {
      memory: driverMemory.fd,
      bellIn: toClient.read,
      bellOut: toDriver.write,
      generation: GENERATION,
      poll: false,
    },
    {
      completed: (tag, kind, errno, data, view, offset) =>
        answers.push({ tag, kind, errno, data, first: view.getUint32(offset, true) }),
      event: (nr, dropped, view, offset) =>
        events.push({
          ...{ nr, dropped },
          value: view.getUint32(offset, true),
          second: view.getUint32(offset + 4, true),
        }),
      malformed: (error) => clientFaults.push(error),
    },
  );
  open.push(client, end, { close: () => memory.close() });
  end.start();
  client.start();
  const ask = (tag: number, a: number, b: number) =>
    client.submit(tag, add.nr, 0, 0, 1000, (view, offset) => add.in!.encode({ a, b }, view, offset));
  return { memory, end, client, answers, events, clientFaults, driverFaults, cancels, ask };
}

/** What happened, to be awaited one by one. */
function queue<T>() {
  const items: T[] = [];
  const takers: ((item: T) => void)[] = [];
  return {
    push(item: T) {
      const taker = takers.shift();
      if (taker === undefined) items.push(item);
      else taker(item);
    },
    next: () =>
      items.length > 0 ? Promise.resolve(items.shift()!) : new Promise<T>((resolve) => takers.push(resolve)),
    get waiting() {
      return items.length;
    },
  };
}

const serveAdd = ({ tag, input }: Submission, end: DriverEnd) => {
  const { a, b } = input as { a: number; b: number };
  end.complete(tag, 0, 0, 0, (view, offset) => add.out!.encode({ sum: a + b }, view, offset));
};

test("a request comes back with its answer", async () => {
  const { ask, answers } = channel(serveAdd);
  ask(3, 40, 2);
  const { tag, kind, first } = await answers.next();
  assert.deepEqual({ tag, kind, first }, { tag: 3, kind: 0, first: 42 });
});

test("more requests than the rings have entries all come back, each to its slot", async () => {
  const { ask, answers } = channel(serveAdd);
  for (let round = 0; round < 50; round++) {
    for (let tag = 0; tag < contract.slots; tag++) ask(tag, round, tag);
    const got = await Promise.all(Array.from({ length: contract.slots }, () => answers.next()));
    assert.deepEqual(
      got.map(({ tag, first }) => [tag, first]),
      Array.from({ length: contract.slots }, (_, tag) => [tag, round + tag]),
    );
  }
});

test("bytes written by the client reach the driver, and bytes read come back", async () => {
  const store = new Uint8Array(4096);
  const { memory, client, answers } = channel(({ tag, operation, data }, end) => {
    if (operation === "write") store.set(data);
    else data.set(store.subarray(0, data.length));
    end.complete(tag, 0, 0, operation === "write" ? 0 : data.length);
  });
  memory.slot(5, 4096).set(Uint8Array.from({ length: 4096 }, (_, index) => index * 7));
  client.submit(5, write.nr, 4096, 0, 1000, (view, offset) => write.in!.encode({ at: 0 }, view, offset));
  await answers.next();
  client.submit(2, read.nr, 1000, 1000, 1000, (view, offset) => read.in!.encode({ from: 0 }, view, offset));
  const { data } = await answers.next();
  assert.deepEqual(data, store.subarray(0, 1000));
});

test("an error arrives as kind and errno", async () => {
  const { ask, answers } = channel(({ tag }, end) => end.complete(tag, kindCode("stall"), 32, 0));
  ask(0, 1, 1);
  const { kind, errno } = await answers.next();
  assert.deepEqual({ kind, errno }, { kind: kindCode("stall"), errno: 32 });
});

test("a cancel reaches the driver for the request in flight, and not for one that is done", async () => {
  const held: Submission[] = [];
  const { ask, client, cancels, answers, end } = channel((request) => held.push(request));
  ask(1, 0, 0);
  await new Promise(setImmediate);
  assert.equal(client.cancel(1), true);
  assert.equal(await cancels.next(), 1);
  end.complete(held[0]!.tag, kindCode("cancelled"), 125, 0);
  await answers.next();
  assert.equal(client.cancel(1), false);
});

test("an event emitted before a completion is seen before it", async () => {
  const seen: string[] = [];
  const { ask, events, answers } = channel((request, end) => {
    end.emit("click", { value: 1 });
    serveAdd(request, end);
  });
  ask(0, 1, 1);
  await Promise.all([
    events.next().then(() => seen.push("event")),
    answers.next().then(() => seen.push("answer")),
  ]);
  assert.deepEqual(seen, ["event", "answer"]);
});

test("occurrences that find no room are counted, state that finds none is replaced by newer state", async () => {
  const { end, events } = channel();
  for (let value = 0; value < ROOM + 36; value++) end.emit("click", { value });
  for (let value = 0; value < 10; value++) end.emit("state", { value });
  const clicks = await Promise.all(Array.from({ length: ROOM }, () => events.next()));
  assert.equal(clicks.at(-1)!.value, ROOM - 1);
  end.emit("click", { value: 1000 });
  end.retryEvents();
  const later = [await events.next(), await events.next()];
  assert.deepEqual(
    later.map(({ nr, dropped, value }) => ({ nr, dropped, value })).sort((a, b) => a.nr - b.nr),
    [
      { nr: 1, dropped: 0, value: 9 },
      { nr: 2, dropped: 36, value: 1000 },
    ],
  );
});

test("changes that find no room are added up, and their other fields are those of the last", async () => {
  const { end, events } = channel();
  for (let at = 0; at < ROOM + 36; at++) end.emit("moved", { x: -3, at });
  const told = await Promise.all(Array.from({ length: ROOM }, () => events.next()));
  assert.deepEqual([told.at(-1)!.value | 0, told.at(-1)!.second], [-3, ROOM - 1]);
  end.retryEvents();
  const { dropped, value, second } = await events.next();
  assert.deepEqual([dropped, value | 0, second], [0, -3 * 36, ROOM + 35]);
});

test("what waits for room comes in the order of its last changes", async () => {
  const { end, events } = channel();
  for (let value = 0; value < ROOM; value++) end.emit("click", { value });
  end.emit("moved", { x: 1, at: 1 });
  end.emit("state", { value: 5 });
  end.emit("moved", { x: 1, at: 2 });
  await Promise.all(Array.from({ length: ROOM }, () => events.next()));
  end.retryEvents();
  const later = [await events.next(), await events.next()];
  assert.deepEqual(
    later.map(({ nr, value }) => [nr, value]),
    [
      [1, 5],
      [3, 2],
    ],
  );
});

test("changes that are added up go no further than their field can say", async () => {
  const { end, events } = channel();
  for (let count = 0; count < ROOM; count++) end.emit("click", { value: count });
  for (let at = 0; at < 3; at++) end.emit("moved", { x: 0x7000_0000, at });
  await Promise.all(Array.from({ length: ROOM }, () => events.next()));
  end.retryEvents();
  assert.equal((await events.next()).value, 0x7fff_ffff);
});

test("a driver whose memory is not sealed is refused", () => {
  const memory = new ClientMemory(contract);
  const loose = createShared("loose", layoutOf(contract).driver.size);
  const { read: bellIn, write: bellOut } = pipe();
  const driver = { memory: loose.fd, bellIn, bellOut, generation: 1, poll: false };
  const listener = { completed() {}, event() {}, malformed() {} };
  assert.throws(() => new ClientChannel(memory, driver, listener), /seals/);
  for (const end of [bellIn, bellOut, loose.fd, memory]) end.close();
});

test("a client whose memory has another size is refused", () => {
  const other = createShared("small", 4096);
  other.seal();
  const { read: bellIn, write: bellOut } = pipe();
  const own = createDriverMemory(contract).fd;
  const client = { memory: other.fd, bellIn, bellOut, own, generation: 1, poll: false };
  const listener = { submitted() {}, cancelled() {}, malformed() {} };
  assert.throws(() => new DriverEnd(contract, client, listener), /4096/);
  for (const end of [bellIn, bellOut, own, other.fd]) end.close();
});

/** What a hostile client writes into its own memory behind the channel's back, and what the driver says of it. */
const clientLies: Record<string, { lie: (words: Uint32Array) => void; found: RegExp }> = {
  "another generation": {
    lie: (words) => {
      words[entry() + SUBMISSION.generation] = 8;
    },
    found: /generation 8/,
  },
  "an unknown operation": {
    lie: (words) => {
      words[entry() + SUBMISSION.operation] = 99;
    },
    found: /operation 99/,
  },
  "a slot that does not exist": {
    lie: (words) => {
      words[entry() + SUBMISSION.tag] = 8;
    },
    found: /slot 8/,
  },
  "more bytes than a slot holds": {
    lie: (words) => {
      words[entry() + SUBMISSION.operation] = read.nr;
      words[entry() + SUBMISSION.length] = 4097;
    },
    found: /4097 bytes/,
  },
  "bytes for an operation without any": {
    lie: (words) => {
      words[entry() + SUBMISSION.length] = 1;
    },
    found: /1 bytes/,
  },
};
const entry = () => layoutOf(contract).client.submissions.entries;

for (const [name, { lie, found }] of Object.entries(clientLies))
  test(`a client that sends ${name} loses its channel`, async () => {
    const { memory, ask, driverFaults } = channel(serveAdd);
    ask(0, 1, 1);
    lie(memory.words); // the request is published in a microtask: it changes before the driver looks
    assert.match((await driverFaults.next()).message, found);
  });

test("a client that claims more requests than the ring holds loses its channel", async () => {
  const { memory, ask, driverFaults } = channel(serveAdd);
  ask(0, 1, 1);
  queueMicrotask(() => Atomics.store(memory.words, CLIENT_WORDS.submissionHead, 1_000_000));
  assert.match((await driverFaults.next()).message, /1000000 entries in a ring of 16/);
});

test("a client that reuses a slot in flight loses its channel", async () => {
  const { ask, driverFaults } = channel();
  ask(0, 1, 1);
  ask(0, 2, 2);
  assert.match((await driverFaults.next()).message, /second request on slot 0/);
});

/** The driver's side of the same: its memory is written directly, as only its owner can. */
function hostile() {
  const memory = new ClientMemory(contract);
  const layout = layoutOf(contract);
  const shared = createShared("hostile", layout.driver.size);
  const words = new Uint32Array(shared.buffer);
  shared.seal();
  const toDriver = pipe();
  const toClient = pipe();
  const faults = queue<MalformedChannel>();
  const answers = queue<number>();
  const client = new ClientChannel(
    memory,
    {
      memory: duplicate(shared.fd.fd),
      bellIn: toClient.read,
      bellOut: toDriver.write,
      generation: GENERATION,
      poll: false,
    },
    { completed: (tag) => answers.push(tag), event() {}, malformed: (error) => faults.push(error) },
  );
  open.push(client, memory, toDriver.read, toClient.write, shared.fd);
  client.submit(0, add.nr, 0, 0, 1000, (view, offset) => add.in!.encode({ a: 1, b: 1 }, view, offset));
  const answer = (change: Partial<Record<keyof typeof COMPLETION, number>>, head = 1) => {
    const good = { generation: GENERATION, operation: add.nr, tag: 0, sequence: 1, length: 0, outcome: 0 };
    for (const [field, value] of Object.entries({ ...good, ...change }))
      words[layout.driver.completions.entries + COMPLETION[field as keyof typeof COMPLETION]] = value;
    Atomics.store(words, DRIVER_WORDS.completionHead, head);
    client.start();
  };
  return { answer, faults, answers, words, bell: toClient.write, start: () => client.start() };
}

const driverLies: Record<
  string,
  { change: Partial<Record<keyof typeof COMPLETION, number>>; found: RegExp }
> = {
  "from another generation": { change: { generation: 6 }, found: /generation 6/ },
  "for a slot that does not exist": { change: { tag: 8 }, found: /slot 8/ },
  "for a request that was never made": { change: { tag: 1 }, found: /not in flight on slot 1/ },
  "for an older request of the slot": { change: { sequence: 9 }, found: /not in flight/ },
  "of another operation": { change: { operation: write.nr }, found: /operation 3, expected 1/ },
  "with bytes nobody asked for": { change: { length: 1 }, found: /1 bytes where 0/ },
  "with an outcome that does not exist": { change: { outcome: 0xffff }, found: /outcome 65535/ },
};

for (const [name, { change, found }] of Object.entries(driverLies))
  test(`a completion ${name} is malformed, and nothing is completed`, async () => {
    const { answer, faults, answers } = hostile();
    answer(change);
    assert.match((await faults.next()).message, found);
    assert.equal(answers.waiting, 0);
  });

test("a second reply to a request is malformed; the first stands", async () => {
  const { answer, faults, answers, words } = hostile();
  const { entries } = layoutOf(contract).driver.completions;
  words.set([GENERATION, add.nr, 0, 1, 0, 0], entries + DESCRIPTOR_WORDS);
  answer({}, 2);
  assert.equal(await answers.next(), 0);
  assert.match((await faults.next()).message, /not in flight on slot 0/);
});

test("a head beyond the ring is malformed", async () => {
  const { answer, faults } = hostile();
  answer({}, 9);
  assert.match((await faults.next()).message, /9 entries in a ring of 8/);
});

test("whatever a driver writes into its memory, the client completes only what it sent, or ends the channel", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(layoutOf(contract).driver.dataOffset / 4 - 1), fc.nat(0xffffffff)), {
        maxLength: 200,
      }),
      async (writes) => {
        const { answer, faults, answers, words } = hostile();
        for (const [word, value] of writes) words[word] = value;
        const head = words[DRIVER_WORDS.completionHead]!;
        answer({}, head);
        await new Promise(setImmediate);
        assert.ok(answers.waiting <= 1);
        assert.ok(faults.waiting <= 1);
        for (const end of open.splice(0)) end.close();
      },
    ),
    { numRuns: 300 },
  );
});

test("a peer that fills the doorbell twice before we look is malformed", async () => {
  const { faults, bell, start } = hostile();
  const first = faults.next();
  start();
  native.write(bell.fd, new Uint8Array(8192));
  assert.match((await first).message, /doorbell/);
});

test("a peer that rings for nothing, for ever, is malformed", async () => {
  const { faults, bell, start } = hostile();
  const first = faults.next();
  start();
  let heard = false;
  void first.then(() => {
    heard = true;
  });
  for (let rings = 0; rings < 20_000 && !heard; rings++) {
    native.write(bell.fd, new Uint8Array(1));
    await new Promise(setImmediate);
  }
  assert.match((await first).message, /doorbell/);
});
