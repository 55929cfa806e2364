// Runs in: lab guest, root. What somebody uses is never taken, whoever asks for it: a person or a rule.
import assert from "node:assert/strict";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { after, before, test } from "node:test";
import { kernelDriverOf, madeOf, mounted } from "../guest/kernel-disk.ts";
import { plug, unplug } from "../guest/monitor.ts";
import { run } from "../guest/program.ts";
import { type GuestRing3, refuses, startRing3, succeeds } from "../guest/ring3.ts";
import { type Announcements, listen } from "../guest/uevents.ts";

const SERIAL = "USED";

let announced: Announcements;
let guest: GuestRing3;
let node: string;
let device: string;

before(async () => {
  await run("modprobe", "-a", "usb-storage", "sd_mod");
  announced = listen();
  await plug({
    driver: "usb-storage",
    id: "used",
    bus: "xhci.0",
    port: "5",
    drive: "disk2",
    serial: SERIAL,
  });
  ({ node, device } = madeOf(await announced.next("add", "disk")));
  await run("mkfs.ext4", "-q", node);
});
after(async () => {
  announced?.[Symbol.dispose]();
  await guest?.[Symbol.asyncDispose]();
  await unplug("used");
});

/** Not taken, and nothing has happened to it; each refusal and explanation names the node and its use. */
async function isLeftAlone(use: RegExp): Promise<void> {
  const { ring3 } = guest;
  const { state, incarnation } = await ring3.reached(device, "available");
  assert.deepEqual([state, incarnation, kernelDriverOf(device)], ["available", 0, "usb-storage"]);
  for (const words of [
    await refuses(ring3, "start", device, "--take"),
    await succeeds(ring3, "explain", device),
  ]) {
    assert.ok(words.includes(node), words);
    assert.match(words, use);
  }
}

test("mounted: no rule and no start takes it, and both name the mount point", () =>
  mounted(node, "sync", async (folder) => {
    guest = await startRing3({ take: [SERIAL] });
    await isLeftAlone(/mounted.*\/run\/mounted/s);
    await run("sh", "-c", `echo still mine > ${folder}/file`);
    assert.match(await guest.ring3.log(device), /not taken/);
  }));

test("swap: likewise", async () => {
  await run("mkswap", node);
  await run("swapon", node);
  await isLeftAlone(/swap/);
  await run("swapoff", node);
});

test("held by a program that opened it for itself alone: likewise", async () => {
  await using _held = await open(node, constants.O_RDONLY | constants.O_EXCL); // as a mount of another namespace does
  await isLeftAlone(/open/);
});

test("open in a program that shares it: likewise, and both name the process", async () => {
  await using _open = await open(node, constants.O_RDONLY);
  await isLeftAlone(new RegExp(`open.*process ${process.pid}`, "s"));
});

test("free again: it is taken, and stop gives the kernel the same bytes back", async () => {
  const { ring3 } = guest;
  const before = await run("sha256sum", node);
  await succeeds(ring3, "start", device, "--take");
  assert.equal(kernelDriverOf(device), "usbfs");
  await succeeds(ring3, "stop", device);
  assert.equal(kernelDriverOf(device), "usb-storage");
  assert.deepEqual(madeOf(await announced.next("add", "disk")), { node, device });
  assert.equal(await run("sha256sum", node), before);
});

test("ring3 is killed while it has the device: the kernel has it back once the next ring3 stops it", async () => {
  await succeeds(guest.ring3, "start", device, "--take");
  process.kill(guest.ring3.keeperPid, "SIGKILL");
  await guest.ring3.ended();
  guest = await startRing3();
  await guest.ring3.reached(device, "running");
  await succeeds(guest.ring3, "stop", device);
  assert.equal(kernelDriverOf(device), "usb-storage");
});
