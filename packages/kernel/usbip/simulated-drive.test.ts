import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { systemClock } from "../clock/clock.ts";
import type { UsbTransport } from "../usb/transport.ts";
import { importDevice, listDevices } from "./import.ts";
import { usbipTransport } from "./transport.ts";

const MAIN = fileURLToPath(new URL("../../../sims/usb-drive/main.ts", import.meta.url));

/** The simulated drive as a process of its own, which shares no code with us. */
async function drive(
  context: TestContext,
  ...args: string[]
): Promise<{ socket: string; busid: string; process: ChildProcess }> {
  const folder = mkdtempSync(join(tmpdir(), "ring3-drive-"));
  const image = join(folder, "image");
  const sectors = Buffer.alloc(1 << 20);
  sectors.write("first sector", 0);
  writeFileSync(image, sectors);
  const socket = join(folder, "usb.sock");
  const child = spawn(process.execPath, [MAIN, "--listen", socket, "--image", image, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  context.after(async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    rmSync(folder, { recursive: true });
  });
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return { socket, busid: (JSON.parse(line) as { busid: string }).busid, process: child };
}

async function open(socket: string, busid: string) {
  const { stream, info } = await importDevice(socket, busid, systemClock);
  const devid = (info.busNumber << 16) | info.deviceNumber;
  return { info, transport: usbipTransport(stream, { devid, speed: info.speed }, systemClock) };
}

/** One command by USB Mass Storage Bulk-Only 1.0 §5, spelled out here; its status. */
async function command(
  transport: UsbTransport,
  tag: number,
  cdb: number[],
  data: Uint8Array,
): Promise<number> {
  const wrapper = new Uint8Array(31);
  const view = new DataView(wrapper.buffer);
  view.setUint32(0, 0x43425355, true);
  view.setUint32(4, tag, true);
  view.setUint32(8, data.length, true);
  wrapper.set([0x80, 0, cdb.length, ...cdb], 12);
  assert.equal((await transport.transfer("bulk", 0x02, wrapper)).status, "ok");
  if (data.length > 0) assert.equal((await transport.transfer("bulk", 0x81, data)).status, "ok");
  const status = new Uint8Array(13);
  assert.deepEqual(await transport.transfer("bulk", 0x81, status), { status: "ok", bytes: 13, errno: 0 });
  assert.equal(new DataView(status.buffer).getUint32(4, true), tag);
  return status[12]!;
}

const TEST_UNIT_READY = [0, 0, 0, 0, 0, 0];
const READ_FIRST_SECTOR = [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0]; // READ(10)

async function firstSector(transport: UsbTransport): Promise<string> {
  // The first command after power-on or reset may meet a unit attention (SPC-4 §5.14).
  await command(transport, 1, TEST_UNIT_READY, new Uint8Array(0));
  const data = new Uint8Array(512);
  assert.equal(await command(transport, 2, READ_FIRST_SECTOR, data), 0);
  return new TextDecoder().decode(data.subarray(0, 12));
}

test("the simulated drive is listed, imported and described", async (context) => {
  const { socket, busid } = await drive(context, "--serial", "S123", "--product", "Stick");
  const [listed] = await listDevices(socket, systemClock);
  assert.equal(listed?.busid, busid);
  const { info, transport } = await open(socket, busid);
  assert.deepEqual([info.strings.serial, info.strings.product], ["S123", "Stick"]);
  const [storage] = info.descriptors.configurations[0]!.interfaces;
  assert.deepEqual([storage?.class, storage?.subclass, storage?.protocol], [8, 6, 0x50]);
  await transport.close();
});

test("a sector is read from the simulated drive, and a second import fences the first", async (context) => {
  const { socket, busid } = await drive(context);
  const first = await open(socket, busid);
  assert.equal(await firstSector(first.transport), "first sector");
  const second = await open(socket, busid);
  await first.transport.gone;
  assert.equal((await first.transport.clearHalt(0x81)).status, "gone");
  assert.equal(await firstSector(second.transport), "first sector");
  await second.transport.close();
});

test("a transfer that the drive never answers is cancelled, and a reset leaves the drive usable", async (context) => {
  const { socket, busid } = await drive(context);
  const { transport } = await open(socket, busid);
  const abort = new AbortController();
  const pending = transport.transfer("bulk", 0x81, new Uint8Array(13), abort.signal);
  abort.abort();
  assert.equal((await pending).status, "cancelled");
  assert.equal((await transport.reset()).status, "ok");
  assert.equal(await firstSector(transport), "first sector");
  await transport.close();
});

test("unplugging the simulated drive in the middle of a transfer is gone", async (context) => {
  const { socket, busid, process } = await drive(context);
  const { transport } = await open(socket, busid);
  const pending = transport.transfer("bulk", 0x81, new Uint8Array(13));
  process.stdin!.write("unplug\n");
  assert.equal((await pending).status, "gone");
  await transport.gone;
});
