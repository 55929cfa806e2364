// Runs in: tests. Owns: a ring3 whose client leaves in mid-write and comes back with other bytes, while the driver is killed.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { seeded } from "@ring3/core/chance";
import { BLOCK_BYTES, blocksOf } from "./disk-ledger.fixture.ts";
import { DriversLife, pause, socketOf } from "./drivers-life.fixture.ts";
import { NbdClient } from "./nbd-client.ts";
import { RunningRing3 } from "./running-ring3.fixture.ts";

const ROUNDS = 24;
/** Several requests to the driver, so that a kill hits some of them before and some after they were done. */
const BLOCKS = 768;
const BYTES = BLOCKS * BLOCK_BYTES;
/** Blocks that only the first write writes: pieces of the second then overlap two of the first one's each. */
const SHIFT = 100;

const ring3 = await RunningRing3.start();
const life = await DriversLife.of(ring3);
after(async () => {
  life.close();
  await ring3.stop();
});

test("a write of a client that left never overtakes the one it sent when it came back", async (t) => {
  const seed = Number(process.env.RING3_SEED ?? Date.now() % 2 ** 32);
  t.diagnostic(`RING3_SEED=${seed}`);
  const random = seeded(seed);
  const drive = await ring3.plug("overlap", "--create", `${ROUNDS * BYTES}`);
  const socket = socketOf(await life.served(drive));
  await drive.say("fault slow:4"); // both writes are under way for a tenth of a second
  const versions = Array.from({ length: ROUNDS }, () => new Uint32Array(BLOCKS));
  const image = (round: number) => drive.bytes(round * BYTES, BYTES);

  for (let round = 0; round < ROUNDS; round++) {
    const range = versions[round]!;
    const killed = pause(random() * 150).then(() => life.kill(drive));

    const first = await NbdClient.connect(socket);
    await first.startWrite(round * BYTES, blocksOf(0, range.fill(1))).sent;
    await pause(random() * 30);
    first.drop();

    const second = await NbdClient.connect(socket);
    range.fill(2, SHIFT);
    await second.write(round * BYTES + SHIFT * BLOCK_BYTES, blocksOf(SHIFT, range.subarray(SHIFT)));
    await second.flush();
    assert.ok(image(round).equals(blocksOf(0, range)), `round ${round}: not the later write's bytes`);
    await second.close();
    await killed;
  }

  await life.kill(drive);
  for (const [round, range] of versions.entries())
    assert.ok(
      image(round).equals(blocksOf(0, range)),
      `round ${round}: not the later write's bytes any more`,
    );
});

test("a client that leaves in the middle of a write's bytes has written nothing of it", async () => {
  const drive = await ring3.plug("half", "--create", "16M");
  const socket = socketOf(await life.served(drive));
  const client = await NbdClient.connect(socket);
  client.startPartOfWrite(0, 8 * 2 ** 20, blocksOf(0, new Uint32Array(512).fill(1)));
  await client.left();
  const next = await NbdClient.connect(socket);
  assert.ok((await next.read(0, 8 * 2 ** 20)).every((byte) => byte === 0));
  await next.close();
});
