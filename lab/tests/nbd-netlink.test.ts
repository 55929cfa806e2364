// Runs in: lab guest, root. /dev/nbdN by netlink: the kernel's NBD client on a server that is played here, and whose connection ends in the middle.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import { before, test } from "node:test";
import { connectNbd, disconnectNbd, reconnectNbd } from "@ring3/kernel/nbd/device";
import { socketPair } from "@ring3/kernel/socket/unix";
import { eventually } from "../../packages/cli/drivers-life.fixture.ts";
import { run } from "../guest/program.ts";

const BYTES = 1 << 20;
const FILE = "/run/nbd-source";
const FLAGS = 1 | 4; // has flags, flush
const [READ, WRITE, DISC] = [0, 1, 2]; // proto.md, "Request types"
const REQUEST_BYTES = 28;

before(() => run("modprobe", "nbd"));

/** One connection of a server with its disk in `disk`; resolves with its end. `most`: requests that it answers before it hangs up. */
function serve(socket: Socket, disk: Buffer, most = Number.POSITIVE_INFINITY): Promise<void> {
  let input = Buffer.alloc(0);
  let answered = 0;
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
      if (type === DISC || ++answered > most) return void socket.destroy();
      const reply = Buffer.alloc(16);
      reply.writeUInt32BE(0x67446698, 0);
      input.copy(reply, 8, 8, 16); // its cookie
      if (type === WRITE) input.copy(disk, at, REQUEST_BYTES, whole);
      socket.write(type === READ ? Buffer.concat([reply, disk.subarray(at, at + length)]) : reply);
      input = input.subarray(whole);
    }
  });
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

function connection() {
  const [kernel, server] = socketPair();
  return { kernel, server: new Socket({ fd: server.take(), readable: true, writable: true }) };
}

test("a copy goes on over the end of its connection, once there is another; nothing is lost", async () => {
  const disk = Buffer.alloc(BYTES);
  const first = connection();
  const over = serve(first.server, disk, 20);
  const index = connectNbd({
    socket: first.kernel.fd,
    bytes: BYTES,
    blockBytes: 512,
    flags: FLAGS,
    timeoutSeconds: 3,
    deadSeconds: 60,
  });
  first.kernel.close();
  const node = `/dev/nbd${index}`;
  const source = randomBytes(BYTES);
  writeFileSync(FILE, source);
  const copied = run("dd", `if=${FILE}`, `of=${node}`, "bs=4096", "oflag=direct", "conv=fsync");
  await over;
  const second = connection();
  const ended = serve(second.server, disk);
  reconnectNbd(index, second.kernel.fd);
  second.kernel.close();
  await copied;
  assert.ok(disk.equals(source));
  disconnectNbd(index);
  await ended;
  await eventually(`the release of ${node}`, () => !existsSync(`/sys/block/nbd${index}/pid`) || undefined);
});

test("a number that is used is refused as busy", async () => {
  const one = connection();
  const ended = serve(one.server, Buffer.alloc(BYTES));
  const device = { bytes: BYTES, blockBytes: 512, flags: FLAGS, timeoutSeconds: 3, deadSeconds: 1 };
  const index = connectNbd({ ...device, socket: one.kernel.fd });
  const other = connection();
  assert.throws(() => connectNbd({ ...device, index, socket: other.kernel.fd }), { kind: "busy" });
  disconnectNbd(index);
  await ended;
  for (const end of [one.kernel, other.kernel]) end.close();
  other.server.destroy();
});
