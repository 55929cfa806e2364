// Runs in: node --test.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { type TestContext, test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { systemClock } from "@ring3/kernel/clock/clock";
import {
  NBD_CMD_CACHE,
  NBD_CMD_DISC,
  NBD_CMD_FLAG_DF,
  NBD_CMD_FLAG_FUA,
  NBD_CMD_FLAG_NO_HOLE,
  NBD_CMD_FLUSH,
  NBD_CMD_READ,
  NBD_CMD_TRIM,
  NBD_CMD_WRITE,
  NBD_CMD_WRITE_ZEROES,
  NBD_EINVAL,
  NBD_EIO,
  NBD_ENOSPC,
  NBD_EOVERFLOW,
  NBD_EPERM,
  NBD_ESHUTDOWN,
} from "@ring3/kernel/nbd/constants";
import { BLOCK_MEDIUM_PRESENT, BLOCK_READ_ONLY } from "./contract.ts";
import { EXPORT_NAME, latch, type RawClient, type ServeOptions, serveNbd } from "./endpoint-nbd.fixture.ts";
import type { MemoryDisk } from "./memory-disk.fixture.ts";

const serve = (t: TestContext, options?: ServeOptions) => serveNbd(t, systemClock, options);
const ok = { error: 0, message: "" };
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

for (const structured of [true, false]) {
  test(`bytes written are read back, structured replies ${structured ? "on" : "off"}`, async (t) => {
    const { client, disk } = serve(t);
    const nbd = await (await client()).go({ structured });
    const data = randomBytes(4096);
    assert.partialDeepStrictEqual(await nbd.ask(NBD_CMD_WRITE, 1024, 4096, 0, data), {
      ...ok,
      kind: "simple",
    });
    const reply = await nbd.ask(NBD_CMD_READ, 1024, 4096);
    assert.equal(reply.kind, structured ? "chunk" : "simple");
    assert.deepEqual(reply.data, data);
    assert.deepEqual(Buffer.from(disk.bytes.subarray(1024, 5120)), data);
  });
}

test("a request larger than a slot is split, and its reply is one", async (t) => {
  const { client, disk } = serve(t); // 8 slots of 64 KiB
  const nbd = await (await client()).go();
  const data = randomBytes(8 * 65_536);
  assert.partialDeepStrictEqual(await nbd.ask(NBD_CMD_WRITE, 512, data.length, 0, data), ok);
  assert.deepEqual((await nbd.ask(NBD_CMD_READ, 512, data.length, NBD_CMD_FLAG_DF)).data, data);
  assert.equal(disk.seen.filter(({ name }) => name === "write").length, 8);
  assert.equal(disk.freeSlots(), 8);
});

test("a driver that takes few sectors at a time is sent no more", async (t) => {
  const { client, disk } = serve(t, { disk: { maxTransferSectors: 3 } });
  const nbd = await (await client()).go();
  const data = randomBytes(8 * 512);
  await nbd.ask(NBD_CMD_WRITE, 0, data.length, 0, data);
  assert.deepEqual(
    disk.seen.map(({ input }) => (input as { count: number }).count),
    [3, 3, 2],
  );
  assert.deepEqual((await nbd.ask(NBD_CMD_READ, 0, data.length)).data, data);
});

test("a hundred large writes at once from two clients all arrive", async (t) => {
  const { client, disk } = serve(t, { disk: { sectors: 65_536 } });
  const data = randomBytes(200 * 131_072);
  await Promise.all(
    [0, 100].map(async (first) => {
      const nbd = await (await client()).go();
      for (let index = first; index < first + 100; index++)
        nbd.request(
          NBD_CMD_WRITE,
          index * 131_072,
          131_072,
          0,
          data.subarray(index * 131_072, (index + 1) * 131_072),
        );
      for (let index = 0; index < 100; index++) assert.partialDeepStrictEqual(await nbd.reply(), ok);
    }),
  );
  assert.deepEqual(Buffer.from(disk.bytes.subarray(0, data.length)), data);
  assert.equal(disk.freeSlots(), 8);
});

for (const [name, type, payload] of [
  ["reads", NBD_CMD_READ, undefined],
  ["writes", NBD_CMD_WRITE, new Uint8Array(65_536)],
] as const)
  test(`a client that asks for all slots' worth of ${name} has 2 MiB under way, and all are done`, async (t) => {
    const { client, disk } = serve(t, { disk: { sectors: 8192, slots: 64 } });
    const held = latch();
    disk.gate = () => held.opened;
    const nbd = await (await client()).go();
    for (let index = 0; index < 64; index++) nbd.request(type, index * 65_536, 65_536, 0, payload);
    while (disk.seen.length < 32) await turn();
    for (let turns = 0; turns < 20; turns++) await turn();
    assert.equal(disk.seen.length, 32);
    held.open();
    for (let index = 0; index < 64; index++) assert.partialDeepStrictEqual(await nbd.reply(), ok);
    assert.deepEqual([disk.seen.length, disk.freeSlots()], [64, 64]);
  });

test("replies come in the order in which requests are done", async (t) => {
  const { client, disk } = serve(t);
  const slow = latch();
  disk.gate = ({ input }) => ((input as { lba: number }).lba === 0 ? slow.opened : undefined);
  const nbd = await (await client()).go();
  const first = nbd.request(NBD_CMD_READ, 0, 512);
  const second = nbd.request(NBD_CMD_READ, 512, 512);
  assert.equal((await nbd.reply()).cookie, second);
  slow.open();
  assert.equal((await nbd.reply()).cookie, first);
});

test("FUA, trim with FUA, zeroes and no-hole reach the driver as such, with the number of the medium", async (t) => {
  const { client, disk } = serve(t, { disk: { medium: 3 } });
  const nbd = await (await client()).go();
  await nbd.ask(NBD_CMD_WRITE, 0, 512, NBD_CMD_FLAG_FUA, new Uint8Array(512));
  await nbd.ask(NBD_CMD_FLUSH, 0, 0);
  await nbd.ask(NBD_CMD_TRIM, 1024, 1024, NBD_CMD_FLAG_FUA);
  await nbd.ask(NBD_CMD_WRITE_ZEROES, 2048, 512);
  await nbd.ask(NBD_CMD_WRITE_ZEROES, 2048, 512, NBD_CMD_FLAG_NO_HOLE | NBD_CMD_FLAG_FUA);
  await nbd.ask(NBD_CMD_CACHE, 4096, 512);
  assert.deepEqual(disk.seen, [
    { name: "write", input: { lba: 0, count: 1, fua: 1, medium: 3 } },
    { name: "flush", input: { medium: 3 } },
    { name: "discard", input: { lba: 2, count: 2, medium: 3 } },
    { name: "flush", input: { medium: 3 } },
    { name: "writeZeroes", input: { lba: 4, count: 1, fua: 0, unmap: 1, medium: 3 } },
    { name: "writeZeroes", input: { lba: 4, count: 1, fua: 1, unmap: 0, medium: 3 } },
    { name: "read", input: { lba: 8, count: 1, medium: 3 } },
  ]);
});

test("zeroes and discards reach the driver in parts of 16 MiB", async (t) => {
  const { client, disk } = serve(t, { disk: { sectors: 81_920 } });
  const nbd = await (await client()).go();
  await nbd.ask(NBD_CMD_WRITE_ZEROES, 0, 81_920 * 512);
  await nbd.ask(NBD_CMD_TRIM, 0, 81_920 * 512);
  const parts = disk.seen.map(({ name, input }) => [name, (input as { count: number }).count]);
  const cut = (name: string) => [32_768, 32_768, 16_384].map((count) => [name, count]);
  assert.deepEqual(parts, [...cut("writeZeroes"), ...cut("discard")]);
});

test("zeroes are written out for a driver that has no operation for them", async (t) => {
  const { client, disk } = serve(t, { disk: { lacks: ["writeZeroes"] } });
  disk.bytes.fill(1);
  const nbd = await (await client()).go();
  assert.partialDeepStrictEqual(await nbd.ask(NBD_CMD_WRITE_ZEROES, 512, 200_192), ok);
  assert.equal(disk.bytes.indexOf(0), 512);
  assert.equal(disk.bytes.lastIndexOf(0), 512 + 200_192 - 1);
});

const wrong: [string, Parameters<RawClient["ask"]>, number, RegExp][] = [
  ["read beyond the end", [NBD_CMD_READ, 2048 * 512, 512], NBD_EINVAL, /the export ends at 1048576/],
  [
    "write beyond the end",
    [NBD_CMD_WRITE, 2047 * 512, 1024, 0, new Uint8Array(1024)],
    NBD_ENOSPC,
    /the export ends at/,
  ],
  ["zeroes beyond the end", [NBD_CMD_WRITE_ZEROES, 2 ** 53, 512], NBD_ENOSPC, /the export ends at/],
  ["trim beyond the end", [NBD_CMD_TRIM, 2048 * 512, 512], NBD_EINVAL, /the export ends at/],
  ["read at an odd offset", [NBD_CMD_READ, 100, 512], NBD_EINVAL, /multiples of 512/],
  ["write of an odd length", [NBD_CMD_WRITE, 0, 100, 0, new Uint8Array(100)], NBD_EINVAL, /multiples of 512/],
  ["read of nothing", [NBD_CMD_READ, 0, 0], NBD_EINVAL, /nothing to do/],
  [
    "read of more than the export's maximum",
    [NBD_CMD_READ, 0, 1_048_576],
    NBD_EOVERFLOW,
    /at most 524288 bytes/,
  ],
  ["unknown command", [99, 0, 512], NBD_EINVAL, /command 99 .*unknown command/],
  ["unknown flag", [NBD_CMD_READ, 0, 512, 1 << 9], NBD_EINVAL, /unknown flags 512/],
  [
    "fast zeroes, which were not offered",
    [NBD_CMD_WRITE_ZEROES, 0, 512, 1 << 4],
    NBD_EINVAL,
    /unknown flags 16/,
  ],
  ["flush with an unknown flag", [NBD_CMD_FLUSH, 0, 0, 1 << 3], NBD_EINVAL, /unknown flags/],
];

for (const [name, request, error, message] of wrong) {
  test(`${name} is refused, and the connection goes on`, async (t) => {
    const { client } = serve(t);
    const nbd = await (await client()).go();
    const reply = await nbd.ask(...request);
    assert.equal(reply.error, error);
    assert.match(reply.message, message);
    assert.partialDeepStrictEqual(await nbd.ask(NBD_CMD_READ, 0, 512), ok);
  });
}

test("a refused request without structured replies gets its error value", async (t) => {
  const { client } = serve(t);
  const nbd = await (await client()).go({ structured: false });
  const reply = await nbd.ask(NBD_CMD_READ, 100, 512);
  assert.partialDeepStrictEqual(reply, { kind: "simple", error: NBD_EINVAL });
});

test("writes to a read-only export are refused, payload and all", async (t) => {
  const { client, opened } = serve(t, { disk: { flags: BLOCK_MEDIUM_PRESENT | BLOCK_READ_ONLY } });
  const nbd = await (await client()).go();
  assert.equal((await nbd.ask(NBD_CMD_WRITE, 0, 512, 0, new Uint8Array(512))).error, NBD_EPERM);
  assert.equal((await nbd.ask(NBD_CMD_WRITE_ZEROES, 0, 512)).error, NBD_EPERM);
  assert.equal((await nbd.ask(NBD_CMD_READ, 0, 512)).error, 0);
  assert.deepEqual(opened, ["read"]);
});

test("a guest that may read gets a read-only export of a disk that another may write", async (t) => {
  const modes = ["read", "write"] as const;
  let asked = 0;
  const { client, opened } = serve(t, { guests: async () => modes[asked++]! });
  const reader = await (await client()).go();
  const writer = await (await client()).go();
  const sector = new Uint8Array(512);
  assert.equal((await reader.ask(NBD_CMD_WRITE, 0, 512, 0, sector)).error, NBD_EPERM);
  assert.equal((await writer.ask(NBD_CMD_WRITE, 0, 512, 0, sector)).error, 0);
  assert.equal((await reader.ask(NBD_CMD_READ, 0, 512)).error, 0);
  assert.deepEqual(opened, ["write"]);
});

for (const [what, guests] of [
  ["may do nothing", async () => null],
  ["nobody can say anything of", () => Promise.reject(new DeviceError("disconnected", "access"))],
] as const)
  test(`a guest that ${what} is hung up on before the greeting`, async (t) => {
    const { client, log, opened } = serve(t, { guests });
    assert.equal((await (await client()).readToEnd()).length, 0);
    assert.match(log.at(-1)!.message, /NBD client of user \d+ refused/);
    assert.deepEqual(opened, []);
  });

const failures = [
  ["medium", NBD_EIO, /read of 512 bytes at 0: the medium is damaged/],
  ["poison", NBD_EIO, /makes the driver fail/],
  ["disconnected", NBD_ESHUTDOWN, /the device is gone/],
  ["no-space", NBD_ENOSPC, /no space left/],
] as const;

for (const [kind, error, message] of failures) {
  test(`the driver's failure "${kind}" is told with its text`, async (t) => {
    const { client, disk } = serve(t);
    disk.fault = () => kind;
    const nbd = await (await client()).go();
    const reply = await nbd.ask(NBD_CMD_READ, 0, 512);
    assert.equal(reply.error, error);
    assert.match(reply.message, message);
    assert.equal(disk.freeSlots(), 8);
  });
}

test("one failed part fails the whole request, and the log tells of it, once a second and of how many it did not", async (t) => {
  const clock = manualClock();
  const { client, disk, log } = serveNbd(t, clock);
  disk.fault = ({ input }) => ((input as { lba: number }).lba === 256 ? "medium" : undefined);
  const nbd = await (await client()).go();
  assert.equal((await nbd.ask(NBD_CMD_READ, 0, 4 * 65_536)).error, NBD_EIO);
  assert.equal((await nbd.ask(NBD_CMD_WRITE, 0, 4 * 65_536, 0, new Uint8Array(4 * 65_536))).error, NBD_EIO);
  assert.equal(disk.freeSlots(), 8);
  clock.advance(1000);
  assert.equal((await nbd.ask(NBD_CMD_READ, 65_536, 4 * 65_536)).error, NBD_EIO);
  assert.deepEqual(
    log.map(({ level, message }) => `${level} ${message}`),
    [
      "warn read of 262144 bytes at 0: the medium is damaged",
      "warn read of 262144 bytes at 65536: the medium is damaged (and 1 more before it)",
    ],
  );
});

test("NBD_CMD_DISC is followed by the replies under way, then by the end", async (t) => {
  const { client, disk } = serve(t);
  const slow = latch();
  disk.gate = () => slow.opened;
  const nbd = await (await client()).go();
  const cookie = nbd.request(NBD_CMD_READ, 0, 512);
  nbd.request(NBD_CMD_DISC, 0, 0);
  await nbd.sent();
  slow.open();
  assert.equal((await nbd.reply()).cookie, cookie);
  assert.equal((await nbd.readToEnd()).length, 0);
});

test("all connections share one port, which is closed after the last", async (t) => {
  const { client, disk, opened, endpoint } = serve(t);
  const clients = [await client(), await client()];
  for (const nbd of clients) await nbd.go();
  assert.deepEqual(opened, ["write"]);
  assert.equal(endpoint.connections(), 2);
  for (const nbd of clients) nbd.request(NBD_CMD_DISC, 0, 0);
  for (const nbd of clients) await nbd.readToEnd();
  await endpoint.close();
  assert.equal(disk.closed, 1);
});

test("after close nobody listens", async (t) => {
  const { client, endpoint } = serve(t);
  await endpoint.close();
  await assert.rejects(client(), { code: "ECONNREFUSED" });
});

test("the address names export and socket, escaped", (t) => {
  const { endpoint, socketPath } = serve(t);
  const address = new URL(endpoint.address);
  assert.equal(decodeURIComponent(address.pathname.slice(1)), EXPORT_NAME);
  assert.equal(address.searchParams.get("socket"), socketPath);
  assert.match(endpoint.address, /^nbd\+unix:\/\/\/usb-1-4\.2%3A1\.0%230\?socket=[^ ]+%20/);
});

test("disconnecting all answers what is under way and then hangs up", async (t) => {
  const { client, disk, endpoint } = serve(t);
  const slow = latch();
  disk.gate = () => slow.opened;
  const nbd = await (await client()).go();
  const cookie = nbd.request(NBD_CMD_READ, 0, 512);
  await nbd.sent();
  disk.gate = () => slow.opened;
  const idle = await (await client()).go();
  endpoint.disconnectAll("the medium was changed");
  assert.equal((await idle.readToEnd()).length, 0);
  slow.open();
  assert.equal((await nbd.reply()).cookie, cookie);
  assert.equal((await nbd.readToEnd()).length, 0);
});

const bugs: Record<string, (disk: MemoryDisk) => void> = {
  "throws at once": ({ port }) => {
    port.send = () => {
      throw new TypeError("a bug");
    };
  },
  "rejects later": (disk) => {
    disk.gate = () => Promise.reject(new TypeError("a bug"));
  },
};
for (const [how, plant] of Object.entries(bugs))
  test(`a port that ${how} costs its connection, and is logged as our fault`, async (t) => {
    const { client, disk, log } = serve(t);
    const before = { gate: disk.gate, send: disk.port.send };
    plant(disk);
    const nbd = await (await client()).go();
    if (how === "throws at once") nbd.request(NBD_CMD_READ, 0, 512);
    else nbd.request(NBD_CMD_FLUSH, 0, 0);
    assert.equal((await nbd.readToEnd()).length, 0);
    disk.gate = before.gate;
    disk.port.send = before.send;
    await (await client()).go();
    assert.deepEqual([log[0]!.level, log[0]!.message], ["error", "NBD connection failed: TypeError: a bug"]);
  });

test("a port that rejects while a client is to ask for no more costs its connection too", async (t) => {
  const { client, disk, log } = serve(t, { disk: { sectors: 8192, slots: 64 } });
  const held = latch();
  disk.gate = () => held.opened.then(() => Promise.reject(new TypeError("a bug")));
  const nbd = await (await client()).go();
  for (let index = 0; index < 40; index++)
    nbd.request(NBD_CMD_WRITE, index * 65_536, 65_536, 0, new Uint8Array(65_536));
  while (disk.seen.length < 32) await turn();
  held.open();
  await nbd.readToEnd();
  while (log.length === 0) await turn();
  assert.deepEqual([log[0]!.level, log[0]!.message], ["error", "NBD connection failed: TypeError: a bug"]);
});
