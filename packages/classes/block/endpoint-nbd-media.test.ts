// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "@ring3/kernel/clock/clock";
import { NBD_CMD_FLUSH, NBD_CMD_READ, NBD_CMD_WRITE, NBD_EIO } from "@ring3/kernel/nbd/constants";
import { latch, serveNbd } from "./endpoint-nbd.fixture.ts";
import { memoryDisk } from "./memory-disk.fixture.ts";

test("another medium: old clients are hung up on, new ones wait for them and see the new one", async (t) => {
  const [old, young] = [memoryDisk(), memoryDisk({ sectors: 64, medium: 2 })];
  let now = old;
  const opened: number[] = [];
  const { client, endpoint } = serveNbd(t, systemClock, {
    geometry: () => now.geometry,
    async open() {
      opened.push(now.geometry.medium);
      return now.port;
    },
  });
  const first = await (await client()).go({ structured: false });
  const { opened: gate, open } = latch();
  old.gate = () => gate;
  old.fault = () => "medium-changed"; // as a driver answers once the medium has gone
  const cookie = first.request(NBD_CMD_WRITE, 0, 512, 0, new Uint8Array(512).fill(7));
  await first.sent();
  while (old.seen.length === 0) await new Promise(setImmediate);
  now = young;
  endpoint.disconnectAll("the medium was changed");
  const second = await client();
  const entering = second.go({ structured: false });
  assert.deepEqual(opened, [1]);
  open();
  assert.partialDeepStrictEqual(await first.reply(), { cookie, error: NBD_EIO });
  assert.equal((await first.readToEnd()).length, 0);
  await entering;
  assert.deepEqual([opened, old.closed, young.closed], [[1, 2], 1, 0]);
  assert.deepEqual(Buffer.from(young.bytes), Buffer.alloc(64 * 512));
  const last = 63 * 512;
  assert.equal((await second.ask(NBD_CMD_WRITE, last, 512, 0, new Uint8Array(512).fill(9))).error, 0);
  assert.equal((await second.ask(NBD_CMD_FLUSH, 0, 0)).error, 0);
  assert.deepEqual((await second.ask(NBD_CMD_READ, last, 512)).data, Buffer.alloc(512, 9));
});

test("a medium that has another number since it was plugged in again is spoken of by that", async (t) => {
  const { client, disk } = serveNbd(t, systemClock, { disk: { medium: 3 } });
  const nbd = await (await client()).go();
  await nbd.ask(NBD_CMD_FLUSH, 0, 0);
  Object.assign(disk.geometry, { medium: 1 });
  await nbd.ask(NBD_CMD_FLUSH, 0, 0);
  assert.deepEqual(disk.seen, [
    { name: "flush", input: { medium: 3 } },
    { name: "flush", input: { medium: 1 } },
  ]);
});
