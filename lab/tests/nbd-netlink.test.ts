// Runs in: lab guest, root. /dev/nbdN by netlink: the kernel's NBD client on a server that is played here, and whose connection ends, or is slow. What the
// kernel does then is what ring3 counts on (kernel/nbd/device.ts).
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import { before, beforeEach, test } from "node:test";
import { checkNbd, connectNbd, disconnectNbd, reconnectNbd, resizeNbd } from "@ring3/kernel/nbd/device";
import { nbdDevices, tuneNbd } from "@ring3/kernel/nbd/sysfs";
import { socketPair } from "@ring3/kernel/socket/unix";
import { eventually } from "../../packages/cli/drivers-life.fixture.ts";
import { within } from "../guest/patience.ts";
import { run } from "../guest/program.ts";

const BYTES = 1 << 20;
const FILE = "/run/nbd-source";
const FLAGS = 1 | 4; // has flags, flush
const [READ, WRITE, DISC] = [0, 1, 2]; // proto.md, "Request types"
const REQUEST_BYTES = 28;
/**
 * Nobody else's: nbd's own are 0 to 15. Each test has another: a number whose node has gone is refused as "going down" (EINVAL) a moment longer,
 * until the kernel has put all of it away (drivers/block/nbd.c, nbd_genl_connect).
 */
let index = 39;
const node = () => `/dev/nbd${index}`;
beforeEach(() => {
  index++;
});
const RESEND_MS = 500;

before(async () => {
  await run("modprobe", "nbd");
  checkNbd();
});

interface Serving {
  /** Requests that it answers before it hangs up. */
  readonly most?: number;
  /** Before each answer. */
  readonly slowMs?: number;
}

/** One connection of a server with its disk in `disk`; resolves with the requests that came, at its end. */
function serve(
  socket: Socket,
  disk: Buffer,
  { most = Number.POSITIVE_INFINITY, slowMs = 0 }: Serving = {},
): Promise<string[]> {
  let input = Buffer.alloc(0);
  const came: string[] = [];
  socket.on("data", (data: Buffer) => {
    input = Buffer.concat([input, data]);
    while (input.length >= REQUEST_BYTES) {
      const [type, at, length] = [
        input.readUInt16BE(6),
        Number(input.readBigUInt64BE(16)),
        input.readUInt32BE(24),
      ];
      const whole = REQUEST_BYTES + (type === WRITE ? length : 0);
      if (input.length < whole) return;
      if (type === DISC || came.push(`${type} at ${at} of ${length}`) > most) return void socket.destroy();
      const reply = Buffer.alloc(16);
      reply.writeUInt32BE(0x67446698, 0);
      input.copy(reply, 8, 8, 16); // its cookie
      if (type === WRITE) input.copy(disk, at, REQUEST_BYTES, whole);
      const answer = type === READ ? Buffer.concat([reply, disk.subarray(at, at + length)]) : reply;
      setTimeout(() => socket.write(answer), slowMs);
      input = input.subarray(whole);
    }
  });
  const closed = new Promise<string[]>((resolve) => socket.once("close", () => resolve(came)));
  return within(closed, () => `the end of a connection; what came: ${came.join(", ")}`);
}

/** Our end, and what to do with the kernel's. */
function connection(give: (socket: number) => void): Socket {
  const [kernel, server] = socketPair();
  give(kernel.fd);
  kernel.close();
  return new Socket({ fd: server.take(), readable: true, writable: true });
}

const device = { temporary: true, bytes: 0, blockBytes: 512, flags: FLAGS, deadSeconds: 60 };
const connected = (backend = "test") =>
  connection((socket) => connectNbd({ ...device, index, socket, backend }));
const state = () => nbdDevices().find((each) => each.index === index);

/** From its first connection on: with a size and all else that ring3 gives it. */
async function begun(): Promise<void> {
  await tuneNbd(index, { resendMs: RESEND_MS, transferBytes: 65_536 });
  resizeNbd(index, "test", BYTES);
}

const ended = async () => {
  disconnectNbd(index);
  await eventually(`the end of ${node()}`, () => !existsSync(node()) || undefined);
};

/**
 * Another server for the same disk: offered until the kernel keeps it. It sees the end of the last socket a moment later than who has closed that
 * (drivers/block/nbd.c, recv_work), and until then closes another one, before any request.
 */
const servedNext = (disk: Buffer): Promise<string[]> =>
  eventually("a socket that is kept", async () => {
    const came = await serve(
      connection((socket) => reconnectNbd(index, "test", socket)),
      disk,
    );
    return came.length > 0 ? came : undefined;
  });

test("a copy goes on over the end of its connection, once there is another; nothing is lost", async () => {
  const disk = Buffer.alloc(BYTES);
  const over = serve(connected(), disk, { most: 20 });
  assert.deepEqual([existsSync(node()), state()?.bytes, state()?.backend], [true, 0, "test"]);
  await begun();
  assert.equal(state()?.bytes, BYTES);
  const source = randomBytes(BYTES);
  writeFileSync(FILE, source);
  const copied = run("dd", `if=${FILE}`, `of=${node()}`, "bs=4096", "oflag=direct", "conv=fsync");
  await over;
  assert.throws(() => connection((socket) => reconnectNbd(index, "another's", socket)), { errno: 22 });
  const second = servedNext(disk);
  const start = performance.now();
  await copied;
  assert.ok(disk.equals(source));
  assert.ok(performance.now() - start < 30_000); // the block layer's own time, after which it would have been sent again too
  await ended();
  assert.ok((await second).length > 200);
});

test("a server that is slow, and not dead, keeps its connection, and is asked once", async () => {
  const over = serve(connected(), Buffer.alloc(BYTES, 7), { slowMs: 6 * RESEND_MS });
  await begun();
  await run("dd", `if=${node()}`, "of=/dev/null", "bs=4096", "skip=16", "count=1", "iflag=direct");
  await ended();
  const [asked, ...again] = (await over).filter((request) => request === `${READ} at ${16 * 4096} of 4096`);
  assert.deepEqual([asked !== undefined, again], [true, []]);
});

test("another socket while the kernel has not seen the end of the last one is closed, and nothing said", async () => {
  const over = serve(connected(), Buffer.alloc(BYTES));
  await begun();
  const other = connection((socket) => reconnectNbd(index, "test", socket));
  assert.deepEqual(await serve(other, Buffer.alloc(0)), []);
  await run("dd", `if=${node()}`, "of=/dev/null", "bs=4096", "count=1", "iflag=direct");
  await ended();
  assert.ok((await over).length > 0);
});

test("disconnected while it is open: who reads is told of an error, and the number stays as long as it is open", async () => {
  const socket = connected();
  await begun();
  const read = run("dd", `if=${node()}`, "of=/dev/null", "bs=4096", "iflag=direct");
  await within(once(socket, "data"), () => "a request");
  socket.destroy();
  disconnectNbd(index);
  await assert.rejects(read, /error/);
  await eventually(`the end of ${node()}`, () => !existsSync(node()) || undefined);
});

test("a number that is used is refused as busy", async () => {
  const over = serve(connected(), Buffer.alloc(BYTES));
  assert.throws(() => connected("another's"), { kind: "busy" });
  await ended();
  await over;
});
