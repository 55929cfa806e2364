// Runs in: tests. Owns: one sim process a test: its command line, enumeration, imports and plugging.
import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { runToEnd, scratch } from "../usbip/test/sim-process.ts";
import { devlist, UsbipClient } from "../usbip/test/usbip-client.ts";
import { parseProcess } from "./options.ts";
import {
  cbw,
  EPIPE,
  input,
  none,
  output,
  pattern,
  read10,
  resetRecovery,
  sense,
  synchronizeCache,
  testUnitReady,
  write10,
} from "./test/bulk-only-host.ts";
import { IMAGE_BYTES, MAIN, Sim } from "./test/sim-process.ts";

test("wrong usage: the option, what was expected and what was found", () => {
  const base = ["--listen", "/nonexistent/s", "--image", "/nonexistent/i"];
  const cases: [string[], RegExp][] = [
    [["--sector", "513"], /--sector: expected 512 or 4096, found "513"/],
    [["--luns", "17"], /--luns: expected a number from 1 to 16, found "17"/],
    [["--image", "a", "--luns", "1"], /--image: expected at most one for each of 1 LUNs, found 2/],
    [["--speed", "warp"], /--speed: expected high or super, found "warp"/],
    [["--port", "a b"], /--port: expected .* found "a b"/],
    [["--vendor", "far too long"], /--vendor: expected 1 to 8 printable/],
    [["--create", "64X"], /--create: expected a size .* found "64X"/],
    [["--fault", "explode"], /--fault: expected KIND.* found "explode"/],
    [["--fault", "slow"], /--fault: slow: expected slow:NUMBER/],
    [["--fault", "hang@soon"], /--fault: hang: expected a number of commands after @, found "soon"/],
    [["--nonsense"], /--nonsense/],
    [["stray"], /stray/],
  ];
  for (const [args, message] of cases) assert.throws(() => parseProcess([...base, ...args]), message);
  assert.throws(() => parseProcess(["--image", "x"]), /--listen: expected the path of a socket, found none/);
  assert.throws(() => parseProcess(["--listen", "x"]), /--image: expected a file, found none/);
});

test("wrong usage ends the process with exit code 2 and the usage", async () => {
  const { code, stderr } = await runToEnd(MAIN, ["--listen", "x", "--image", "y", "--sector", "7"]);
  assert.equal(code, 2);
  assert.match(stderr, /^usb-drive: --sector: .*\nusb-drive --listen SOCKETPATH/);
});

test("an image that is missing, odd or empty, and a socket path that is taken: exit code 1 and the reason", async () => {
  using folder = scratch();
  const image = folder.path("image");
  const run = (...args: string[]) =>
    runToEnd(MAIN, ["--listen", folder.path("socket"), "--image", image, ...args]);
  assert.match((await run()).stderr, /image .*: cannot be opened: ENOENT/);
  writeFileSync(image, "");
  assert.match((await run()).stderr, /found an empty file/);
  truncateSync(image, 5120);
  const odd = await run("--sector", "4096");
  assert.deepEqual([odd.code, /multiple of 4096, found 5120/.test(odd.stderr)], [1, true]);
  writeFileSync(folder.path("socket"), "precious");
  const taken = await run();
  assert.deepEqual([taken.code, /is no socket/.test(taken.stderr)], [1, true]);
  assert.equal(readFileSync(folder.path("socket"), "utf8"), "precious");
});

test("DEVLIST and IMPORT tell the same device; another busid is refused", async () => {
  await using sim = new Sim();
  const ready = await sim.ready;
  assert.deepEqual(ready, { ready: true, socket: sim.socket, busid: "1-1" });
  assert.equal(statSync(sim.socket).mode & 0o777, 0o600);
  const list = await devlist(sim.socket);
  assert.equal(list.subarray(0, 12).toString("hex"), "011100050000000000000001");
  assert.equal(list.length, 12 + 312 + 4);
  assert.equal(list.subarray(12 + 312).toString("hex"), "08065000");
  const client = await sim.connect();
  const { record } = await client.imported.promise;
  assert.deepEqual(record, list.subarray(12, 12 + 312));
  assert.equal(record.toString("latin1", 256, 259), "1-1");
  assert.equal(record.readUInt32BE(296), 3, "USB_SPEED_HIGH");
  const stranger = new UsbipClient(sim.socket, "9-9");
  assert.notEqual(await stranger.importStatus, 0);
  await stranger.closed;
});

test("descriptors and standard requests of a high-speed drive", async () => {
  await using sim = new Sim(["--vendor", "Acme", "--product", "Stick", "--serial", "ABCDEF012345"]);
  const client = await sim.connect();
  const get = (value: number, length: number, index = 0) => client.control(0x80, 6, value, index, length);
  const device = await get(0x0100, 64);
  assert.deepEqual([device.data.length, device.data[0], device.data[7]], [18, 18, 64]);
  assert.equal((await get(0x0100, 8)).data.length, 8);
  const configuration = (await get(0x0200, 255)).data;
  assert.equal(configuration.length, configuration.readUInt16LE(2));
  assert.equal(configuration.subarray(9, 18).toString("hex"), "090400000208065000");
  assert.equal(configuration.subarray(18).toString("hex"), "07058102000200" + "07050202000200");
  assert.equal((await get(0x0300, 255)).data.toString("hex"), "04030904");
  const strings = await Promise.all(
    [1, 2, 3].map(async (i) => (await get(0x0300 | i, 255, 0x0409)).data.toString("utf16le", 2)),
  );
  assert.deepEqual(strings, ["Acme", "Stick", "ABCDEF012345"]);
  assert.equal((await get(0x0304, 255, 0x0409)).status, EPIPE, "no such string");
  assert.equal((await get(0x0600, 10)).data.length, 10, "device qualifier");
  assert.equal((await get(0x0f00, 5)).status, EPIPE, "BOS is SuperSpeed's");
  assert.equal((await client.control(0x80, 8, 0, 0, 1)).data[0], 1, "GET_CONFIGURATION");
  assert.equal((await client.control(0x00, 9, 1, 0)).status, 0, "SET_CONFIGURATION");
  assert.equal((await client.control(0x00, 9, 7, 0)).status, EPIPE);
  assert.equal((await client.control(0x81, 10, 0, 0, 1)).data[0], 0, "GET_INTERFACE");
  assert.equal((await client.control(0x01, 11, 0, 0)).status, 0, "SET_INTERFACE");
  assert.equal((await client.control(0x01, 11, 1, 0)).status, EPIPE);
  assert.equal((await client.control(0x80, 0, 0, 0, 2)).data.toString("hex"), "0000", "GET_STATUS");
  assert.equal((await client.control(0xa1, 0xfe, 0, 0, 1)).data[0], 0, "Get Max LUN");
  assert.equal((await client.control(0xc0, 0x77, 0, 0, 1)).status, EPIPE, "a vendor request");
});

test("a SuperSpeed drive has companions, a BOS and the requests that come with them", async () => {
  await using sim = new Sim(["--speed", "super"]);
  const client = await sim.connectReady();
  const configuration = (await client.control(0x80, 6, 0x0200, 0, 255)).data;
  assert.equal(configuration.length, 9 + 9 + 2 * 13);
  assert.equal(configuration.readUInt16LE(22), 1024);
  const bos = (await client.control(0x80, 6, 0x0f00, 0, 255)).data;
  assert.equal(bos.length, bos.readUInt16LE(2));
  assert.equal((await client.control(0x00, 0x30, 0, 0, new Uint8Array(6))).status, 0, "SET_SEL");
  assert.equal((await client.control(0x00, 0x31, 40, 0)).status, 0, "SET_ISOCH_DELAY");
  const data = pattern(3072, 1);
  await output(client, write10(0, 6), data);
  assert.deepEqual((await input(client, read10(0, 6), 3072)).data, data);
});

test("a second import closes the first stream and finds the device as it was", async () => {
  await using sim = new Sim();
  const first = await sim.connectReady();
  await first.out(cbw(write10(0, 4), 2048, false));
  await first.out(pattern(1024, 1));
  const half = UsbipClient.submitBytes(99, 2, 1024, { in: false });
  first.raw(Buffer.concat([half, pattern(500, 9)])); // cut off in the middle of a transfer
  const second = await sim.connect();
  await first.closed;
  await second.out(pattern(1024, 2)); // the write is still waiting for its second half
  const status = await second.in(13);
  assert.equal(status.data[12], 0);
  const written = (await input(second, read10(0, 4), 2048)).data;
  assert.deepEqual(written, Buffer.concat([pattern(1024, 1), pattern(1024, 2)]));
});

test("a port reset ends queued transfers, drops the command and raises a unit attention", async () => {
  await using sim = new Sim(["--write-cache"]);
  const client = await sim.connectReady();
  await output(client, write10(9, 1), pattern(512, 3));
  await client.out(cbw(write10(0, 4), 2048, false));
  const queued = client.in(13);
  assert.equal((await client.control(0x23, 3, 4, 0)).status, 0);
  assert.equal((await queued).status, -108, "ESHUTDOWN");
  assert.equal((await none(client, testUnitReady)).status, 1);
  assert.equal(await sense(client), "06/29/03");
  assert.deepEqual((await input(client, read10(9, 1), 512)).data, pattern(512, 3), "a reset keeps the cache");
});

test("several LUNs: each its own image, made beside the first where it is missing", async () => {
  await using sim = new Sim(["--luns", "2"]);
  const client = await sim.connectReady();
  assert.equal((await client.control(0xa1, 0xfe, 0, 0, 1)).data[0], 1);
  await none(client, testUnitReady, 1);
  assert.equal(await sense(client, 1), "06/29/00");
  await output(client, write10(5, 1), pattern(512, 1), 0);
  await output(client, write10(5, 1), pattern(512, 2), 1);
  assert.deepEqual((await input(client, read10(5, 1), 512, 0)).data, pattern(512, 1));
  assert.deepEqual(readFileSync(`${sim.image}.1`).subarray(2560, 3072), pattern(512, 2));
  assert.equal(statSync(`${sim.image}.1`).size, IMAGE_BYTES);
  assert.equal((await none(client, testUnitReady, 2)).status, 1);
});

test("a removable drive: eject, insert, and what the host hears", async () => {
  await using sim = new Sim(["--removable"]);
  const client = await sim.connectReady();
  await sim.command("eject");
  assert.equal((await none(client, testUnitReady)).status, 1);
  assert.equal(await sense(client), "02/3a/00");
  const other = `${sim.image}.b`;
  writeFileSync(other, pattern(1024, 4));
  assert.equal((await sim.command(`insert ${other}`)).ok, true);
  await none(client, testUnitReady);
  assert.equal(await sense(client), "06/28/00");
  assert.deepEqual((await input(client, read10(0, 2), 1024)).data, pattern(1024, 4));
});

test("unplug closes streams and empties the list; plug brings a drive back, with other options if told", async () => {
  await using sim = new Sim();
  const client = await sim.connectReady();
  assert.equal((await sim.command("unplug")).ok, true);
  assert.deepEqual(await sim.event("unplugged"), { event: "unplugged" });
  await client.closed;
  assert.equal((await devlist(sim.socket)).length, 12);
  const refused = new UsbipClient(sim.socket, "1-1");
  assert.notEqual(await refused.importStatus, 0);
  assert.equal((await sim.command("plug --serial 00000000000B --sector 4096")).ok, true);
  assert.deepEqual(await sim.event("plugged"), { event: "plugged", busid: "1-1" });
  const again = await sim.connectReady();
  const serial = await again.control(0x80, 6, 0x0303, 0x0409, 255);
  assert.equal(serial.data.toString("utf16le", 2), "00000000000B");
  const capacity = await input(again, [0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], 8);
  assert.equal(capacity.data.readUInt32BE(4), 4096);
});

test("commands that are wrong are answered with what was expected and found", async () => {
  await using sim = new Sim();
  await sim.ready;
  const cases: [string, RegExp][] = [
    ["dance", /expected one of fault, unplug.* found "dance"/],
    ["fault", /expected KIND/],
    ["fault nothing", /found "nothing"/],
    ["eject", /--removable/],
    ["plug --sector 7", /--sector: expected 512 or 4096, found "7"/],
    ["plug", /plugged already/],
  ];
  for (const [line, message] of cases) {
    const answer = await sim.command(line);
    assert.equal(answer.ok, false);
    assert.match(String(answer.error), message);
  }
});

test("bytes that are no USB/IP close that stream and no other", async () => {
  await using sim = new Sim();
  const client = await sim.connectReady();
  const stranger = new UsbipClient(sim.socket, "9-9");
  await stranger.importStatus;
  await stranger.closed;
  const noise = await sim.connect(); // takes the device over, then talks nonsense
  await client.closed;
  noise.raw(Buffer.alloc(48, 0xee));
  await noise.closed;
  const huge = await sim.connect();
  huge.raw(UsbipClient.submitBytes(1, 2, 0xffffffff, { in: false }));
  await huge.closed;
  assert.match(sim.stderr.join(""), /expected CMD_SUBMIT or CMD_UNLINK, found 0xeeeeeeee/);
  const after = await sim.connect();
  assert.equal((await none(after, testUnitReady)).status, 0);
});

test("SIGTERM writes the cache back, removes the socket and exits with 0; so does the end of a stdin pipe", async () => {
  for (const end of [(sim: Sim) => sim.signal("SIGTERM"), (sim: Sim) => sim.endInput()]) {
    await using sim = new Sim(["--write-cache"]);
    const client = await sim.connectReady();
    await output(client, write10(0, 1), pattern(512, 6));
    end(sim);
    assert.equal(await sim.exited, 0);
    assert.equal(existsSync(sim.socket), false);
    assert.deepEqual(readFileSync(sim.image).subarray(0, 512), pattern(512, 6));
  }
});

test("--fat-demo formats a missing image and leaves one with content alone", async () => {
  using folder = scratch();
  const demo = folder.path("demo.img");
  await using sim = new Sim();
  await sim.ready;
  await sim.command("unplug");
  assert.equal((await sim.command(`plug --image ${demo} --fat-demo`)).ok, true);
  assert.equal(statSync(demo).size, 64 * 1048576);
  assert.equal(readFileSync(demo).toString("latin1", 54, 59), "FAT16");
  await sim.command("unplug");
  await sim.command(`plug --image ${sim.image} --fat-demo`);
  assert.ok(readFileSync(sim.image).every((byte) => byte === 0));
});

test("a flush, a forced write and a large cache reach the image; --create makes a sparse one", async () => {
  using folder = scratch();
  const image = folder.path("sparse.img");
  await using sim = new Sim(["--write-cache"]);
  await sim.ready;
  await sim.command("unplug");
  await sim.command(`plug --image ${image} --create 3T --write-cache`);
  const client = await sim.connectReady();
  assert.equal(statSync(image).size, 3 * 2 ** 40);
  await output(client, write10(0, 1), pattern(512, 1));
  await output(client, write10(1, 1, true), pattern(512, 2));
  assert.equal((await sim.command("stats")).dirtyBytes, 512);
  assert.equal((await none(client, synchronizeCache)).status, 0);
  assert.equal((await sim.command("stats")).dirtyBytes, 0);
  await resetRecovery(client);
  assert.equal((await none(client, testUnitReady)).status, 0);
});
