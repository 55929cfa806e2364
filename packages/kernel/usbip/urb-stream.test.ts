// Runs in: tests. Owns: how often a USB/IP stream is read, as the kernel counts it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { native } from "../native.ts";
import { socketPair } from "../socket/unix.ts";
import { encodeReply } from "./codec.ts";
import { usbipTransport } from "./transport.ts";

const TRANSFERS = 50;
const BYTES = 4096; // more than is read together with a header

/** read(2) by this thread so far: proc_pid_io(5). */
const reads = () => Number(/^syscr: (\d+)$/m.exec(readFileSync("/proc/thread-self/io", "utf8"))![1]);

test("a transfer that comes alone takes two reads: its header with the first bytes, and the rest into its own place", async (context) => {
  const [ours, theirs] = socketPair();
  const transport = usbipTransport(ours, { devid: 1, speed: "high" }, manualClock());
  context.after(async () => {
    await transport.close();
    theirs.close();
  });
  const payload = new Uint8Array(BYTES).fill(7);
  const into = new Uint8Array(BYTES);
  const before = reads();
  const own = reads() - before;
  for (let seqnum = 1; seqnum <= TRANSFERS; seqnum++) {
    const done = transport.transfer("bulk", 0x81, into.fill(0));
    const header = { seqnum, status: 0, length: BYTES, startFrame: 0, packetCount: 0, errorCount: 0 };
    native.sendmsg(theirs.fd, [encodeReply({ reply: "submit", ...header }), payload], []);
    assert.equal((await done).bytes, BYTES);
    assert.equal(into[BYTES - 1], 7);
  }
  const each = (reads() - before - own) / TRANSFERS;
  assert.ok(each >= 2 && each < 2.5, `${each} reads a transfer`);
});
