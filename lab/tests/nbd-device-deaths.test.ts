// Runs in: lab guest, root. /dev/nbdN and deaths that a whole ring3 is needed for each: of a reflector with the driver in it, of keeper and manager together.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { eventually } from "../../packages/cli/drivers-life.fixture.ts";
import { nbdNodes } from "../guest/kernel-disk.ts";
import { run } from "../guest/program.ts";
import { type GuestRing3, startRing3 } from "../guest/ring3.ts";

before(() => run("modprobe", "nbd"));

async function plugged(guest: GuestRing3) {
  const drive = await guest.ring3.plug("disk", "--create", "32M");
  const { units } = await guest.life.served(drive);
  return { drive, disk: units[0]!.endpoints[0]!.address };
}

test("a driver inline in its reflector dies, and both are started again: a copy goes on over the same disk", async () => {
  await using guest = await startRing3({ block: "nbd-device", placement: "inline" });
  const { drive, disk } = await plugged(guest);
  const copied = run("dd", "if=/dev/zero", `of=${disk}`, "bs=64k", "count=64", "oflag=direct", "conv=fsync");
  await guest.life.kill(drive);
  await copied;
  assert.equal((await guest.life.served(drive)).units[0]!.endpoints[0]!.address, disk);
});

test("keeper and manager killed together: who waits is told, and the next ring3 clears what is left", async () => {
  const stateDirectory = "/run/ring3-left";
  const guest = await startRing3({ block: "nbd-device", stateDirectory });
  const { drive, disk } = await plugged(guest);
  await drive.say("fault slow:20"); // so that it is still reading
  const read = run("dd", `if=${disk}`, "of=/dev/null", "bs=64k", "iflag=direct");
  const { manager } = await guest.ring3.status();
  for (const pid of [guest.ring3.keeperPid, manager.pid]) process.kill(pid, "SIGKILL");
  await assert.rejects(read, /Input\/output error/);
  assert.deepEqual(nbdNodes(), [disk]);
  await guest.ring3.ended();
  guest.life.close();
  await drive.end();
  await using _next = await startRing3({ block: "nbd", stateDirectory });
  await eventually("the end of the disk", () => nbdNodes().length === 0 || undefined);
});
