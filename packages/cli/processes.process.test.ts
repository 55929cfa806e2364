// Runs in: tests. Owns: a ring3 of which reflector and keeper are killed; manager-death.process.test.ts is about the manager.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCK_BYTES, blocksOf } from "./disk-ledger.fixture.ts";
import { DriversLife, eventually, pause, socketOf } from "./drivers-life.fixture.ts";
import { NbdClient, NbdError } from "./nbd-client.ts";
import { descendants, left } from "./process-tree.fixture.ts";
import { RunningRing3 } from "./running-ring3.fixture.ts";

const MIB = 2 ** 20;
/** How long the rest may live when one that all need is killed. */
const END_MS = 2000;

const blocks = (version: number, count: number) => blocksOf(0, new Uint32Array(count).fill(version));

async function serving(ring3: RunningRing3) {
  const drive = await ring3.plug("disk", "--create", "16M");
  const life = await DriversLife.of(ring3);
  const status = await life.served(drive);
  life.close();
  return { drive, status, socket: socketOf(status) };
}

/** A new reflector's endpoint: at the address of the old one, which nobody answers for a moment. */
function reconnect(socket: string): Promise<NbdClient> {
  return eventually(`somebody at ${socket}`, () => NbdClient.connect(socket).catch(onlyNobody));
}

/** Refused, no socket, or accepted by the old one as it died. */
function onlyNobody(error: NodeJS.ErrnoException | NbdError): undefined {
  if (![0, "ECONNREFUSED", "ENOENT"].includes(error.code!)) throw error;
}

test("SIGKILL of the reflector, three times: its clients are disconnected, the same address answers soon, the driver lives", async () => {
  await using ring3 = await RunningRing3.start();
  const { drive, status, socket } = await serving(ring3);
  for (let times = 1; times <= 3; times++) {
    const client = await reconnect(socket);
    await client.write(0, blocks(times, 256));
    const [reflector] = (await ring3.status()).reflectors;
    process.kill(reflector!.pid, "SIGKILL");
    await eventually("the end of the connection", () => client.ended || undefined);
    const next = await reconnect(socket);
    assert.ok((await next.read(0, MIB)).equals(blocks(times, 256)));
    await next.close();
  }
  await eventually(
    "the endpoint in the listing",
    async () => (await ring3.device(drive.device)).units[0]!.endpoints[0],
  );
  const now = await ring3.device(drive.device);
  assert.deepEqual([now.incarnation, now.hostPid, now.units], [1, status.hostPid, status.units]);
});

test("SIGKILL of the reflector with a write under way: nobody is refused, and that write overtakes no later one", async () => {
  await using ring3 = await RunningRing3.start();
  const { drive, socket } = await serving(ring3);
  await drive.say("fault slow:60");
  const client = await NbdClient.connect(socket);
  await client.startWrite(0, blocks(1, 256)).sent;
  await pause(20);
  process.kill((await ring3.status()).reflectors[0]!.pid, "SIGKILL");
  const next = await reconnect(socket);
  await next.write(0, blocks(2, 256));
  await next.flush();
  await next.close();
  await pause(600); // longer than the first write would have taken
  assert.ok(drive.bytes(0, 256 * BLOCK_BYTES).equals(blocks(2, 256)));
});

test(`SIGKILL of the keeper: everything ends within ${END_MS} ms, and the next ring3 starts clean`, async () => {
  const ring3 = await RunningRing3.start();
  const { drive, socket } = await serving(ring3);
  const client = await NbdClient.connect(socket);
  await client.write(0, blocks(1, 256));
  const pids = descendants(ring3.keeperPid);
  assert.ok(pids.length >= 5, `${pids.length} processes: manager, reflector, bubblewrap, its init, the host`);
  process.kill(ring3.keeperPid, "SIGKILL");
  await eventually(
    "the end of everything",
    () => (left(ring3.directory, pids).length === 0 ? true : undefined),
    END_MS,
  );
  const { code, signal } = await ring3.ended();
  assert.deepEqual([code, signal], [null, "SIGKILL"]);

  await drive.end();
  const again = await RunningRing3.start({ stateDirectory: ring3.directory });
  const next = await serving(again);
  const found = await NbdClient.connect(next.socket);
  assert.equal((await found.read(0, BLOCK_BYTES)).length, BLOCK_BYTES);
  await found.close();
  assert.equal(next.socket, socket);
  await again.stop();
  await ring3.stop();
});

test("SIGTERM under load ends all in order with 0, and no process is left", async () => {
  const ring3 = await RunningRing3.start();
  const { drive, socket } = await serving(ring3);
  await drive.say("fault slow:50");
  const client = await NbdClient.connect(socket);
  const write = client.write(0, blocks(1, 1024));
  const failed = assert.rejects(write, NbdError);
  await pause(30);
  const pids = descendants(ring3.keeperPid);
  await ring3.stop(); // asserts exit code 0
  await failed;
  assert.deepEqual(left(ring3.directory, pids), []);
  assert.doesNotMatch(ring3.stderr, /error/);
});
