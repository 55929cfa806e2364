// Runs in: tests. Owns: a ring3 with a card reader, whose cards are exchanged, and whose driver is killed, while a client writes.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { seeded } from "@ring3/core/chance";
import { DriversLife, eventually, pause, socketOf } from "./drivers-life.fixture.ts";
import { NbdClient, NbdError } from "./nbd-client.ts";
import { type Drive, RunningRing3 } from "./running-ring3.fixture.ts";

const CARD_BYTES = 4 * 2 ** 20;
const WRITE_BYTES = 16_384;
const WRITES_AT_A_TIME = 16;

const ring3 = await RunningRing3.start();
const life = await DriversLife.of(ring3);
after(async () => {
  life.close();
  await ring3.stop();
});

/** A card that holds one byte again and again. */
function card(name: string, fill: number): string {
  const file = join(ring3.folder, name);
  writeFileSync(file, Buffer.alloc(CARD_BYTES, fill));
  return file;
}

async function exchange(drive: Drive, file: string): Promise<void> {
  await drive.say("eject");
  await drive.say(`insert ${file}`);
}

/** Many writes at a time, each full of `fill`, until one fails; those acknowledged are in the answer. */
class Writer {
  readonly acknowledged = new Set<number>();
  readonly ended: Promise<unknown>;
  readonly #client: NbdClient;
  readonly #fill: number;
  #next = 0;

  constructor(client: NbdClient, fill: number) {
    this.#client = client;
    this.#fill = fill;
    this.ended = Promise.all(Array.from({ length: WRITES_AT_A_TIME }, () => this.#write()));
    this.ended.catch(() => {}); // awaited later
  }

  async #write(): Promise<never> {
    for (;;) {
      const offset = (this.#next++ * WRITE_BYTES) % CARD_BYTES;
      await this.#client.write(offset, Buffer.alloc(WRITE_BYTES, this.#fill));
      this.acknowledged.add(offset);
    }
  }

  underWay(): Promise<true> {
    const before = this.acknowledged.size;
    const more = () => this.acknowledged.size > Math.min(before, CARD_BYTES / WRITE_BYTES - 1) || undefined;
    return eventually("a write", more);
  }

  /** Once it has failed: everything acknowledged is on the card it was meant for. */
  async reached(file: string): Promise<void> {
    await assert.rejects(this.ended, NbdError);
    const bytes = readFileSync(file);
    for (const offset of this.acknowledged)
      assert.deepEqual(bytes.subarray(offset, offset + WRITE_BYTES), Buffer.alloc(WRITE_BYTES, this.#fill));
  }
}

/** A client of the card that is in now. Who comes before everyone has noticed that is refused, or hung up on. */
function firstWrite(socket: string, bytes: Uint8Array): Promise<NbdClient> {
  return eventually("a write to the new card", async () => {
    const client = await NbdClient.connect(socket).catch(refused);
    if (await client?.write(0, bytes).then(() => true, refused)) return client;
    client?.drop();
    return undefined;
  });
}

function refused(error: unknown): undefined {
  assert.ok(error instanceof NbdError, `${error}`);
}

type Moment = (drive: Drive, file: string, random: () => number) => Promise<void>;
const moments: [string, Moment][] = [
  ["while the driver runs", exchange],
  [
    "while the driver is stopped, which is then killed",
    async (drive, file) => {
      const { hostPid, incarnation } = await ring3.device(drive.device);
      process.kill(hostPid!, "SIGSTOP");
      await exchange(drive, file);
      process.kill(hostPid!, "SIGKILL");
      await life.restarted(drive, incarnation);
    },
  ],
  [
    "right after the driver is killed",
    async (drive, file) => {
      const killed = life.kill(drive);
      await exchange(drive, file);
      await killed;
    },
  ],
  [
    "a moment before the driver is killed",
    async (drive, file, random) => {
      await exchange(drive, file);
      await pause(random() * 6);
      await life.kill(drive);
    },
  ],
];

for (const [index, [name, moment]] of moments.entries())
  test(`a card is exchanged ${name}: no write reaches the new one, clients that come later use it`, async () => {
    const random = seeded(index + 1);
    const drive = await ring3.plug(`reader${index}`, "--removable", "--create", `${CARD_BYTES}`);
    const socket = socketOf(await life.served(drive));
    let now = drive.image;
    let client = await NbdClient.connect(socket);
    for (let round = 1; round <= 3; round++) {
      const fill = 0xe0 + round;
      const writer = new Writer(client, round);
      await writer.underWay();
      const next = card(`card${index}-${round}`, fill);
      await moment(drive, next, random);
      await writer.reached(now);
      assert.deepEqual(readFileSync(next), Buffer.alloc(CARD_BYTES, fill));
      const written = Buffer.alloc(512, 0x77);
      client = await firstWrite(socket, written);
      assert.deepEqual(await client.read(0, 1024), Buffer.concat([written, Buffer.alloc(512, fill)]));
      now = next;
    }
  });

test("a card that nobody touches keeps its number over 15 deaths of its driver: no write fails", async () => {
  const drive = await ring3.plug("still", "--removable", "--create", `${CARD_BYTES}`);
  const client = await NbdClient.connect(socketOf(await life.served(drive)));
  const writer = new Writer(client, 1);
  const random = seeded(9);
  for (let kill = 1; kill <= 15; kill++) {
    await pause(random() * 30);
    await life.kill(drive);
    await client.flush();
  }
  assert.equal(client.ended, false);
  client.drop();
  await writer.reached(drive.image);
});

test("a reader is pulled out and put back with the card that was put in before: whoever has it open goes on", async () => {
  const drive = await ring3.plug("loose-reader", "--removable", "--create", `${CARD_BYTES}`);
  const socket = socketOf(await life.served(drive));
  const { medium } = life.unit(drive)!.properties;
  await exchange(drive, card("loose-card", 0xee));
  const client = await firstWrite(socket, Buffer.alloc(512, 1));
  // So that it has another number after the unplugging, when numbers begin anew.
  await eventually("another number", () => life.unit(drive)!.properties.medium !== medium || undefined);
  await drive.say("unplug");
  await drive.say("plug");
  await life.replugged(drive, 2);
  await client.write(0, Buffer.alloc(512, 2));
  assert.deepEqual(await client.read(0, 512), Buffer.alloc(512, 2));
  assert.equal(life.unit(drive)!.properties.medium, medium);
  await client.close();
});
