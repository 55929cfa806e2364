// Runs in: tests. Owns: a listener that says what a bus might say, and worse.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type ManualClock, manualClock } from "@ring3/core/clock";
import type { DeviceError } from "@ring3/core/errors";
import { type Descriptor, pipe } from "../fd/descriptor.ts";
import { native } from "../native.ts";
import { type Watch, watch } from "../poll/watch.ts";
import { listen } from "../socket/unix.ts";
import { BusConnection, BusError, type BusMessage, socketPath } from "./connection.ts";
import { marshaled, type Typed } from "./message.fixture.ts";
import { decodeMessage, type Message } from "./message.ts";
import { recorded } from "./recorded.fixture.ts";
import { HANDSHAKE } from "./stream.ts";

const folder = mkdtempSync(join(tmpdir(), "r3-dbus-"));
after(() => rmSync(folder, { recursive: true }));
const BUS = "org.freedesktop.DBus";
let buses = 0;

interface FakeBus {
  readonly path: string;
  /** Waits for the next call. */
  call(): Promise<Message>;
  say(bytes: Uint8Array, descriptors?: readonly Descriptor[]): void;
  reply(to: Message, body: readonly Typed[], sender?: string): void;
  refuse(to: Message, name: string, text?: string): void;
  hangUp(): void;
}

const answerTo = ({ serial }: Message, sender: string) =>
  [
    [5, "u", serial],
    [7, "s", sender],
  ] as const;

/** Greets whoever comes, gives a name, and does for the rest what the test says. */
function fakeBus(): FakeBus {
  const path = join(folder, String(++buses));
  const calls: Message[] = [];
  let waiting: ((message: Message) => void) | undefined;
  let peer!: Descriptor;
  let watched: Watch | undefined;
  const buffer = new Uint8Array(4096);
  const say = (bytes: Uint8Array, descriptors: readonly Descriptor[] = []) =>
    void native.sendmsg(
      peer.fd,
      [bytes],
      descriptors.map(({ fd }) => fd),
    );
  const bus: FakeBus = {
    path,
    say,
    call: () =>
      new Promise((resolve) => {
        const call = calls.shift();
        if (call !== undefined) resolve(call);
        else waiting = resolve;
      }),
    reply: (to, body, sender = BUS) => say(marshaled({ type: 2, fields: answerTo(to, sender), body })),
    refuse: (to, name, text = "") =>
      say(marshaled({ type: 3, fields: [...answerTo(to, BUS), [4, "s", name]], body: [["s", text]] })),
    hangUp() {
      watched?.close();
      peer?.close();
    },
  };
  const listener = listen(path, 0o600, (connection) => {
    peer = connection;
    let greeted = 0;
    const reading = watch(connection.fd, { readable: true }, () => {
      let bytes = buffer.subarray(0, Math.max(0, native.read(connection.fd, buffer)));
      if (bytes.length === 0) return reading.close();
      if (greeted < HANDSHAKE.length) {
        greeted += HANDSHAKE.length;
        bytes = bytes.subarray(HANDSHAKE.length);
        say(recorded.greeting);
      }
      while (bytes.length > 0) {
        const view = new DataView(bytes.buffer, bytes.byteOffset);
        const size = Math.ceil((16 + view.getUint32(12, true)) / 8) * 8 + view.getUint32(4, true);
        const message = decodeMessage(bytes.subarray(0, size));
        bytes = bytes.subarray(size);
        if (message.member === "Hello") bus.reply(message, [["s", ":1.7"]]);
        else if (waiting === undefined) calls.push(message);
        else waiting(message);
      }
    });
    reading.ref(false);
    watched = reading;
  });
  after(() => {
    listener.close();
    bus.hangUp();
  });
  return bus;
}

async function connected(clock: ManualClock = manualClock()) {
  const bus = fakeBus();
  const connection = await BusConnection.open(bus.path, clock);
  after(() => connection.close());
  return { bus, connection };
}

const asked = { destination: ":1.5", path: "/a", interface: "a.b", member: "Ask", strings: ["x"] };
const descriptors = () => readdirSync("/proc/self/fd").length;

test("a call carries what it should, and its answer comes back, whoever else has to say something first", async () => {
  const { bus, connection } = await connected();
  const signals: BusMessage[] = [];
  connection.onSignal = (signal) => signals.push(signal);
  const answer = connection.call(asked);
  const call = await bus.call();
  assert.deepEqual([call.path, call.interface, call.member, call.body], ["/a", "a.b", "Ask", ["x"]]);
  bus.say(recorded.prepareForSleep);
  bus.reply(call, [["b", true]], ":1.66"); // not whom it was asked of
  bus.reply(call, [["b", false]], ":1.5");
  assert.deepEqual((await answer).body, [false]);
  assert.deepEqual(
    signals.map(({ member }) => member),
    ["PrepareForSleep"],
  );
});

test("an error is told by its name, the daemon's for one who is not there too; a name without an owner is none", async () => {
  const { bus, connection } = await connected();
  const refused = connection.call(asked);
  bus.refuse(await bus.call(), "a.b.No", "not today");
  await assert.rejects(refused, (error: BusError) => {
    assert.deepEqual([error instanceof BusError, error.busName], [true, "a.b.No"]);
    assert.match(error.message, /call of Ask at :1\.5: a\.b\.No \(not today\)/);
    return true;
  });
  const owner = connection.ownerOf("no.such.name");
  bus.refuse(await bus.call(), `${BUS}.Error.NameHasNoOwner`);
  assert.equal(await owner, undefined);
});

test("a descriptor comes with its answer; one that nobody asked for is closed, whatever it came with", async () => {
  const { bus, connection } = await connected();
  const { read, write } = pipe();
  const before = descriptors();
  const fields = (serial: number) =>
    [
      [5, "u", serial],
      [7, "s", ":1.5"],
      [9, "u", 1],
    ] as const;
  const answer = connection.call(asked, 1);
  bus.say(marshaled({ type: 2, fields: fields((await bus.call()).serial), body: [["h", 0]] }), [write]);
  const [own] = (await answer).descriptors;
  native.write(own!.fd, Uint8Array.of(1));
  assert.equal(native.read(read.fd, new Uint8Array(2)), 1);
  own!.close();

  const unwanted = assert.rejects(connection.call(asked), /expected 0 descriptors, found 1/);
  bus.say(marshaled({ type: 2, fields: fields((await bus.call()).serial), body: [["h", 0]] }), [write]);
  await unwanted;
  bus.say(
    marshaled({
      type: 4,
      fields: [
        [3, "s", "Unasked"],
        [9, "u", 1],
      ],
    }),
    [write],
  );
  bus.say(marshaled({ type: 2, fields: fields(4711) }), [write]);
  const last = connection.call(asked);
  bus.reply(await bus.call(), [], ":1.5");
  await last;
  assert.equal(descriptors(), before);
  for (const end of [read, write]) end.close();
});

for (const [what, happens, kind] of [
  ["hangs up", (bus: FakeBus) => bus.hangUp(), "disconnected"],
  ["breaks the protocol", (bus: FakeBus) => bus.say(new Uint8Array(64).fill(0x6c)), "protocol"],
] as const)
  test(`a bus that ${what}: what was asked fails, the end is told once, and nothing can be asked any more`, async () => {
    const { bus, connection } = await connected();
    const ended = new Promise<DeviceError>((resolve) => {
      connection.onClose = resolve;
    });
    const lost = assert.rejects(connection.call(asked), { kind: "disconnected" });
    await bus.call();
    happens(bus);
    assert.equal((await ended).kind, kind);
    await lost;
    await assert.rejects(connection.call(asked), { kind: "disconnected" });
  });

test("a bus that does not answer in time is given up", async () => {
  const clock = manualClock();
  const { bus, connection } = await connected(clock);
  const lost = assert.rejects(connection.call(asked), { kind: "disconnected" });
  const ended = new Promise<DeviceError>((resolve) => {
    connection.onClose = resolve;
  });
  await bus.call();
  clock.advance(10_000);
  await lost;
  assert.match((await ended).message, /call of Ask at :1\.5: the deadline passed/);
});

test("no bus there: the error names the path", async () => {
  await assert.rejects(BusConnection.open(join(folder, "none"), manualClock()), /none: ENOENT/);
});

test("addresses of a bus", () => {
  assert.equal(socketPath("unix:path=/run/dbus/system_bus_socket"), "/run/dbus/system_bus_socket");
  assert.equal(socketPath("tcp:host=x;unix:guid=0,path=/a%20b%c3%a4,x=y"), "/a bä");
  for (const address of ["", "unix:abstract=/x", "unix:path=", "tcp:path=/x"])
    assert.throws(() => socketPath(address), { kind: "unsupported" }, address);
});
