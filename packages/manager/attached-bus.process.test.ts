// Runs in: tests. Owns: simulated drives that take each other's place at one socket, and the bus that they are attached to.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { systemClock } from "@ring3/kernel/clock/clock";
import { AttachedBus } from "./attached-bus.ts";
import type { BusDevice } from "./bus.ts";
import { noLegacy } from "./fake-host.fixture.ts";

const program = fileURLToPath(new URL("../../sims/usb-drive/main.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "ring3-attached-"));
const socket = join(folder, "s");
const drives: ChildProcess[] = [];
after(async () => {
  for (const drive of drives) await kill(drive);
  rmSync(folder, { recursive: true });
});

async function start(serial: string): Promise<ChildProcess> {
  const args = ["--listen", socket, "--image", join(folder, serial), "--create", "1M", "--serial", serial];
  const drive = spawn(process.execPath, [program, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  drives.push(drive);
  await once(createInterface({ input: drive.stdout! }), "line"); // it is ready
  return drive;
}

async function kill(drive: ChildProcess): Promise<void> {
  if (drive.signalCode !== null) return;
  drive.kill("SIGKILL");
  await once(drive, "close");
}

/** Stands between a bus and the drive; `garbled` says, a connection at a time, whether the drive's serial number arrives as it is, and when. */
async function relay(path: string, garbled: () => boolean | Promise<boolean>): Promise<Server> {
  const right = Buffer.from("AAAA", "utf16le");
  const server = createServer(async (near) => {
    const wrong = await garbled();
    const far = connect(socket);
    near.pipe(far).on("error", () => near.destroy());
    far.on("data", (chunk: Buffer) => {
      const at = wrong ? chunk.indexOf(right) : -1;
      if (at >= 0) chunk.fill(0xff, at, at + 2);
      near.write(chunk);
    });
    near.on("error", () => {}).on("close", () => far.destroy());
  });
  server.listen(path);
  await once(server, "listening");
  return server;
}

async function setUp(port: string, serial: string, at: string = socket) {
  const present = new Map<string, BusDevice>();
  const told: string[] = [];
  const bus = new AttachedBus(
    { clock: systemClock, legacy: noLegacy, returnMs: 10_000 },
    (id) => present.has(id),
    (device) => {
      present.set(device.id, device);
      told.push(`added ${device.identity.serial}`);
    },
    (id) => {
      present.delete(id);
      told.push("removed");
    },
  );
  const drive = await start(serial);
  const attachment = await bus.attach(at, "1-1", port);
  const device = () => present.get(`usb-${port}:1.0`)!;
  return { told, drive, device, attachment };
}

const reopened = async (device: BusDevice) => (await device.open()).descriptor.close();

test("a device is opened again and again while its server lives", async () => {
  const { drive, device, told } = await setUp("same", "AAAA");
  await reopened(device());
  await reopened(device());
  assert.deepEqual(told, ["added AAAA"]);
  await kill(drive);
});

test("another device at the same socket is not opened but unplugged and plugged in, once", async () => {
  const { drive, device, told, attachment } = await setUp("other", "AAAA");
  const before = device();
  await kill(drive);
  const other = await start("BBBB");
  await assert.rejects(before.open(), { kind: "disconnected", message: /another device/ });
  await assert.rejects(before.open(), { kind: "disconnected" });
  assert.deepEqual(told, ["added AAAA", "removed", "added BBBB"]);
  await reopened(device());
  attachment.detach();
  assert.deepEqual(told.slice(3), ["removed"]);
  await kill(other);
});

test("the same device behind another server is a new enumeration: what its server kept in memory is lost", async () => {
  const { drive, device, told } = await setUp("again", "AAAA");
  const before = device();
  await kill(drive);
  const other = await start("AAAA");
  await assert.rejects(before.open(), { kind: "disconnected" });
  assert.deepEqual(told, ["added AAAA", "removed", "added AAAA"]);
  await kill(other);
});

test("a device that is unplugged while it says who it is wrongly is not asked again: another may be plugged in there by then", async (t) => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const answers = [false, promise, false];
  const path = join(folder, "late");
  const server = await relay(path, () => answers.shift() ?? false);
  t.after(() => server.close());
  const { drive, device, told, attachment } = await setUp("late", "AAAA", path);
  const opening = device().open();
  attachment.detach();
  resolve(true);
  await assert.rejects(opening, { kind: "disconnected", message: /another device/ });
  assert.deepEqual([told, answers], [["added AAAA", "removed"], [false]]);
  await kill(drive);
});

test("a device that says who it is wrongly once is the same still; twice in a row, it is another", async (t) => {
  const answers = [false, true, false, true, true];
  const path = join(folder, "relay");
  const server = await relay(path, () => answers.shift() ?? false);
  t.after(() => server.close());
  const { drive, device, told } = await setUp("garbled", "AAAA", path);
  await reopened(device());
  assert.deepEqual([told, answers.length], [["added AAAA"], 2]);
  await assert.rejects(device().open(), { kind: "disconnected", message: /another device/ });
  assert.deepEqual(told.slice(1), ["removed", "added \u{ffff}AAA"]);
  await kill(drive);
});
