// Runs in: tests, as root, which may run a child as another user. Owns: one ring3 whose sockets are sent what they do not expect.
import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { blockClass } from "@ring3/client";
import { connectToManager } from "@ring3/client/connect";
import { seeded } from "@ring3/core/chance";
import { DriversLife, pause, socketOf } from "./drivers-life.fixture.ts";
import { NbdClient } from "./nbd-client.ts";
import { type Drive, type Ended, RunningRing3, repository, run } from "./running-ring3.fixture.ts";

const NOBODY = 65_534;
const KIB = 1024;
const folder = mkdtempSync(join(tmpdir(), "r3-clients-"));
let ring3: RunningRing3;
let life: DriversLife;
let drive: Drive;
let processes: unknown;

const processesNow = async () => {
  const { keeperPid, manager, reflectors } = await ring3.status();
  return [keeperPid, manager.pid, reflectors];
};

before(async () => {
  chmodSync(folder, 0o711); // for the other user
  ring3 = await RunningRing3.start({
    stateDirectory: join(folder, "s"),
    config: `access:\n  - { uid: ${NOBODY}, device: "usb-lent", mode: read }\n`,
  });
  life = await DriversLife.of(ring3);
  drive = await ring3.plug("disk");
  await life.served(drive);
  processes = await processesNow();
});
after(async () => {
  life.close();
  await ring3.stop();
  rmSync(folder, { recursive: true });
});

const nbdSocket = async () => socketOf(await ring3.device(drive.device));
const controlSocket = () => join(ring3.directory, "control.sock");

async function opened(path: string): Promise<Socket> {
  const socket = connect(path);
  await once(socket, "connect");
  return socket.on("error", () => {}); // "close" follows
}

/** Resolves when the other side has hung up, whatever it said before. */
async function untilHungUp(socket: Socket): Promise<void> {
  socket.resume();
  await new Promise((resolve) => socket.once("close", resolve));
}

function frame(payload: string | Buffer, length = Buffer.byteLength(payload), descriptors = 0): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(length, 0);
  header.writeUInt32LE(descriptors, 4);
  return Buffer.concat([header, Buffer.from(payload)]);
}

/** A disk that is written and read all the while, over several deaths of its driver. */
async function whileServed(kills: number, disturb: () => Promise<void>): Promise<void> {
  const disk = await NbdClient.connect(await nbdSocket());
  let over = false;
  const work = (async () => {
    let round = 0;
    for (; !over || round < 10; round++) {
      const bytes = Buffer.alloc(64 * KIB, round + 1);
      await disk.write((round % 16) * bytes.length, bytes);
      assert.ok(bytes.equals(await disk.read((round % 16) * bytes.length, bytes.length)));
    }
  })();
  const deaths = (async () => {
    for (let kill = 0; kill < kills; kill++) await life.kill(drive);
  })();
  await disturb();
  await deaths;
  over = true;
  await work;
  await disk.close();
}

// proto.md, "Newstyle negotiation": client flags, then options of IHAVEOPT, number, length, data.
const option = (number: number, length: number, data = Buffer.alloc(0)) =>
  Buffer.concat([Buffer.from("00000003", "hex"), Buffer.from("IHAVEOPT"), be32(number), be32(length), data]);
const be32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};
const go = option(7, 6, Buffer.alloc(6));
const request = (type: number, offset: bigint, length: number) => {
  const bytes = Buffer.alloc(28);
  bytes.writeUInt32BE(0x25609513, 0);
  bytes.writeUInt16BE(type, 6);
  bytes.writeBigUInt64BE(offset, 16);
  bytes.writeUInt32BE(length, 24);
  return bytes;
};

/** What an NBD client may send that no server has to take, each on a connection of its own. */
const nbdNonsense: Readonly<Record<string, Buffer>> = {
  "flags that nobody has": Buffer.from("ffffffff", "hex"),
  "an option of 4 GiB": option(7, 0xffffffff),
  "an option without its magic": Buffer.concat([Buffer.from("00000003", "hex"), Buffer.alloc(64, 0x41)]),
  "a name longer than its option": option(7, 10, Buffer.concat([be32(0xffffff), Buffer.alloc(6)])),
  "a request without its magic": Buffer.concat([go, Buffer.alloc(280, 0x42)]),
  HTTP: Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
};

test("NBD clients that send nonsense at any stage are hung up on, while another is served and the driver is killed", async () => {
  await whileServed(4, async () => {
    const nonsense = Object.entries(nbdNonsense).map(async ([what, bytes]) => {
      const socket = await opened(await nbdSocket());
      socket.end(bytes); // what looks like the beginning of something is waited for otherwise, ten seconds long
      await Promise.race([untilHungUp(socket), pause(9000).then(() => assert.fail(what))]);
    });
    const random = seeded(7);
    for (let round = 0; round < 20; round++) {
      const socket = await opened(await nbdSocket());
      const prefix = [Buffer.alloc(0), go, option(6, 6, Buffer.alloc(6))][round % 3]!;
      socket.end(Buffer.concat([prefix, Buffer.from(Array.from({ length: 4096 }, () => random() * 256))]));
      await untilHungUp(socket);
    }
    await Promise.all(nonsense);
  });
});

test("NBD clients that announce writes and leave or fall silent change nothing and hold nobody up", async () => {
  await whileServed(3, async () => {
    const path = await nbdSocket();
    const silent: Socket[] = [];
    for (let round = 0; round < 12; round++) {
      const socket = await opened(path);
      socket.write(
        Buffer.concat([go, request(1, 2n * 1024n * 1024n, 1 << 20), Buffer.alloc(64 * KIB * round, 0xee)]),
      );
      if (round % 2 === 0) silent.push(socket);
      else socket.end();
    }
    await pause(500); // some of them hold slots by now, and keep them
    for (const socket of silent) socket.destroy();
  });
  const disk = await NbdClient.connect(await nbdSocket());
  assert.ok((await disk.read(2 * 1024 * KIB, 1 << 20)).every((byte) => byte === 0));
  await disk.close();
});

test("NBD requests beyond the end are refused, and the next one is answered", async () => {
  const disk = await NbdClient.connect(await nbdSocket());
  const end = 4 * 1024 * KIB;
  const [EINVAL, ENOSPC] = [22, 28]; // proto.md, "Error values"
  await assert.rejects(disk.read(end, 512), { code: EINVAL });
  await assert.rejects(disk.read(end - 512, 1024), { code: EINVAL });
  await assert.rejects(disk.read(2 ** 53, 512), { code: EINVAL });
  await assert.rejects(disk.write(end, Buffer.alloc(512)), { code: ENOSPC });
  await assert.rejects(disk.write(end - 512, Buffer.alloc(1024)), { code: ENOSPC });
  await assert.rejects(disk.read(1, 512), { code: EINVAL });
  await disk.write(end - 512, Buffer.alloc(512, 9));
  assert.equal((await disk.read(end - 512, 512))[0], 9);
  await disk.close();
});

const deep = "[".repeat(100) + "]".repeat(100);
/** By what a control client sends: it is hung up on. */
const controlNonsense: Readonly<Record<string, Buffer>> = {
  "random bytes": Buffer.from(Array.from({ length: 4096 }, seeded(3)).map((value) => value * 256)),
  "a frame of 4 GiB": frame("", 0xffffffff),
  "a frame with 17 descriptors": frame("{}", 2, 17),
  "a frame whose descriptors are missing": frame(`{"id":1,"method":"status"}`, undefined, 3),
  "no JSON": frame("status please"),
  "no UTF-8": frame(Buffer.from([0x22, 0xff, 0xfe, 0x22])),
  nothing: frame(""),
  "a list": frame("[]"),
  "deep nesting": frame(`{"id":1,"method":"status","params":${deep}}`),
  "4 MiB of brackets": frame("[".repeat(4 << 20)),
  "id 0": frame(`{"id":0,"method":"status"}`),
  "an answer to nothing": frame(`{"id":1,"result":{}}`),
  "an unknown notice": frame(`{"notice":"reboot","params":{}}`),
  "an endpoint, by one who is no reflector": frame(
    `{"notice":"endpoint","params":{"unit":"usb-disk:1.0#0","kind":"nbd","address":"evil"}}`,
  ),
};

test("control clients that send nonsense are hung up on", async () => {
  for (const [what, bytes] of Object.entries(controlNonsense)) {
    const socket = await opened(controlSocket());
    socket.write(bytes);
    await Promise.race([untilHungUp(socket), pause(10_000).then(() => assert.fail(what))]);
  }
  assert.deepEqual(await processesNow(), processes);
  assert.doesNotMatch(JSON.stringify(await ring3.status()), /evil/);
});

/** By request: what the refusal says. */
const refused: Readonly<Record<string, RegExp>> = {
  '"method":"halt"': /"unsupported".*halt/,
  '"method":"__proto__"': /"unsupported"/,
  '"method":"stop","params":{"device":7}': /"invalid".*params\.device: expected string, found 7/,
  '"method":"stop","params":{"device":"usb-disk","force":true}':
    /"invalid".*params\.force: expected no such field/,
  '"method":"stop","params":{"device":"nowhere"}': /"invalid".*nowhere/,
  '"method":"wait","params":{"device":"usb-disk","state":"happy","timeoutMs":1}': /"invalid".*params\.state/,
  '"method":"open","params":{"channel":1,"unit":"usb-disk:1.0#0","mode":"write","contract":{"name":"block","version":1,"hash":"0123456789abcdef"}}':
    /"invalid".*expected 1 descriptors, found 0/,
  '"method":"attach","params":{"transport":"usbip","socket":"/dev/null","busid":"1-1","port":null}':
    /"error"/,
  '"method":"attach","params":{"transport":"usbip","socket":"/x\\u0000y","busid":"1-1","port":null}':
    /"invalid".*zero byte/,
};

test("control requests that make no sense are refused, each with what was expected", async () => {
  const socket = await opened(controlSocket());
  for (const [body, said] of Object.entries(refused)) {
    socket.write(frame(`{"id":5,${body}}`));
    const [answer] = (await once(socket, "data")) as [Buffer];
    assert.match(answer.toString(), said, body);
  }
  socket.destroy();
});

test("memory that is no sealed memory is refused where it is handed in, and the driver never sees it", async () => {
  const { devices } = await ring3.status();
  const { name, version, hash } = blockClass.contract;
  const contract = { name, version, hash };
  const manager = connectToManager(ring3.directory);
  for (const file of ["/dev/null", "/dev/zero", "/proc/self/exe", join(ring3.directory, "events.jsonl")]) {
    const params = {
      channel: manager.nextChannel(),
      opening: 1,
      unit: `${drive.device}#0`,
      mode: "read",
      contract,
    } as const;
    await assert.rejects(manager.open(params, openSync(file, "r")), /shared memory: expected seals/);
  }
  const other = { name: "block", version: 9, hash: "0123456789abcdef" };
  const params = {
    channel: manager.nextChannel(),
    opening: 1,
    unit: `${drive.device}#0`,
    mode: "read",
    contract: other,
  } as const;
  await assert.rejects(
    manager.open(params, openSync("/dev/null", "r")),
    /your contract is block version 9 \(0123456789abcdef\), ring3 has block version 1/,
  );
  manager.disconnect();
  assert.equal(
    (await ring3.device(drive.device)).incarnation,
    devices.find(({ id }) => id === drive.device)!.incarnation,
  );
});

test("1500 connections and 200 half frames: one user's are limited, the others are served all the while", async () => {
  await whileServed(2, async () => {
    const crowd: Socket[] = [];
    while (crowd.length < 1500)
      // no more at a time than wait for the manager to accept them
      crowd.push(...(await Promise.all(Array.from({ length: 100 }, () => crowded(controlSocket())))));
    for (const socket of crowd.slice(0, 200)) socket.write(frame("{}", 1000).subarray(0, 9));
    const alive = () => crowd.filter((socket) => !socket.destroyed && socket.readyState === "open").length;
    // "connected" says the kernel; the manager takes its queue in turn, and this process learns of an end later still
    for (let turns = 0; turns < 200 && alive() > 1024; turns++) await pause(50);
    await ring3.status(); // over a connection from before
    assert.ok(alive() <= 1024 && alive() > 900, `${alive()} are connected`);
    for (const socket of crowd) socket.destroy();
  });
  assert.equal((await ring3.cli("status")).code, 0);
  assert.match((await ring3.cli("logs")).out, /user 0 has \d+ connections open; those beyond are hung up on/);
});

/** A queue of connections that is full (EAGAIN) means: try again. */
async function crowded(path: string): Promise<Socket> {
  for (;;) {
    const socket = connect(path);
    const error = await new Promise<Error | undefined>((resolve) =>
      socket.once("connect", () => resolve(undefined)).once("error", resolve),
    );
    if (error === undefined) return socket.on("error", () => {});
    await pause(5);
  }
}

test("clients that ask and never read are not read from; meanwhile the manager answers others, and stays small", async () => {
  const { manager } = await ring3.status();
  const greedy = await Promise.all(Array.from({ length: 64 }, () => opened(controlSocket())));
  const asks = (id: number) => frame(`{"id":${id},"method":"logs","params":{"device":null,"follow":true}}`);
  for (const socket of greedy) {
    socket.pause();
    socket.write(Buffer.concat(Array.from({ length: 20_000 }, (_, index) => asks(index + 1))));
  }
  const waits: number[] = [];
  for (const end = performance.now() + 3000; performance.now() < end; ) {
    const since = performance.now();
    await ring3.status();
    waits.push(performance.now() - since);
  }
  const usual = waits.toSorted((a, b) => a - b)[waits.length >> 1]!; // one may be the machine's; who is starved waits each time
  assert.ok(usual < 2000, waits.join());
  const resident = Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${manager.pid}/status`, "latin1"))![1]);
  assert.ok(resident < 600 * KIB, `${resident} KiB`);
  for (const socket of greedy) socket.destroy();
});

test("another user sees nothing without an access rule; with one what it says, and no more", async () => {
  const lent = await ring3.plug("lent");
  await life.served(lent);
  const unit = `${lent.device}#0`;
  const asNobody = (file: string, ...args: string[]): Promise<Ended> =>
    run(process.execPath, [join(repository, file), ...args, "--state-dir", ring3.directory], {
      uid: NOBODY,
      gid: NOBODY,
    });
  const verb = (...args: string[]) => asNobody("packages/cli/main.ts", ...args);
  assert.equal((await verb("status")).code, 0);
  for (const denied of [
    ["stop", lent.device],
    ["restart", lent.device],
    ["start", lent.device],
  ]) {
    const { code, err } = await verb(...denied);
    assert.deepEqual([code, /only root and the user of ring3 may/.test(err)], [1, true], err);
  }
  const block = (...args: string[]) => asNobody("examples/block-client/main.ts", ...args);
  assert.equal((await block("read", unit, "0", "8")).out.length, 4096);
  const write = await block("write", unit, "0");
  assert.match(write.err, /open usb-lent:1\.0#0 to write: an access rule in ring3\.yaml can allow it/);
  const other = await block("read", `${drive.device}#0`, "0", "8");
  assert.match(other.err, /open usb-disk:1\.0#0: there is no such unit/);
  const endpoint = async (device: string) => (await ring3.device(device)).units[0]!.endpoints[0]!.address;
  const as = (uid: number, file: string, ...args: string[]) => run(file, args, { uid, gid: uid });
  const address = await endpoint(lent.device);
  assert.match((await as(NOBODY, "nbdinfo", address)).out, /is_read_only: true/);
  assert.equal((await as(NOBODY, "nbdcopy", address, "null:")).code, 0);
  assert.notEqual((await as(NOBODY, "qemu-io", "-f", "raw", "-c", "write 0 4k", address)).code, 0);
  assert.match((await run("nbdinfo", [address])).out, /is_read_only: false/);
  assert.notEqual((await as(NOBODY - 1, "nbdinfo", address)).code, 0);
  assert.match((await as(NOBODY, "nbdinfo", await endpoint(drive.device))).err, /Permission denied/);

  mkdirSync(join(folder, "t"));
  await using closed = await RunningRing3.start({ stateDirectory: join(folder, "t", "s") });
  chmodSync(join(folder, "t"), 0o711);
  const { code, err } = await run(
    process.execPath,
    [join(repository, "packages/cli/main.ts"), "status", "--state-dir", closed.directory],
    { uid: NOBODY, gid: NOBODY },
  );
  assert.deepEqual(
    [code, /belongs to another user: run this as that user or as root/.test(err)],
    [1, true],
    err,
  );
});

test("the same processes have lived through it all", async () => {
  assert.deepEqual(await processesNow(), processes);
});
