// Runs in: tests. Owns: URB tables over files that are not usbfs, and over a device made of ioctl answers. The lab has real ones.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { native, type UsbfsHandle } from "../native.ts";

const { errno } = constants;
const ISO = 0; // USBDEVFS_URB_TYPE_*, linux/usbdevice_fs.h
const BULK = 3;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function open(): { fd: number; handle: UsbfsHandle } {
  const fd = native.memfdCreate("ring3-not-usbfs", false);
  const handle = native.usbfsOpen(fd);
  assert.equal(typeof handle, "object");
  return { fd, handle: handle as UsbfsHandle };
}

const isOpen = (fd: number) => existsSync(`/proc/self/fd/${fd}`);

test("a file that is not usbfs answers ENOTTY, an id not in flight EINVAL", () => {
  const { fd, handle } = open();
  assert.equal(native.usbfsSubmit(handle, 1, BULK, 0x81, 0, new Uint8Array(8), null), -errno.ENOTTY);
  assert.equal(native.usbfsDiscard(handle, 1), -errno.EINVAL);
  assert.equal(native.usbfsReap(handle, new Int32Array(4), null), -errno.ENOTTY);
  assert.ok(isOpen(fd));
  assert.equal(native.usbfsClose(handle), 0);
  assert.ok(!isOpen(fd));
});

test("after closing, which may be done twice, everything is EBADF", () => {
  const { handle } = open();
  assert.equal(native.usbfsClose(handle), 0);
  assert.equal(native.usbfsClose(handle), 0);
  assert.equal(native.usbfsSubmit(handle, 1, BULK, 0x81, 0, new Uint8Array(8), null), -errno.EBADF);
  assert.equal(native.usbfsReap(handle, new Int32Array(4), null), -errno.EBADF);
});

test("a handle that is collected closes its descriptor", async () => {
  const fd = (() => open().fd)();
  for (let round = 0; round < 20 && isOpen(fd); round++) {
    await turn();
    collect();
  }
  assert.ok(!isOpen(fd));
});

const buffer = new Uint8Array(100);
const wrong: Record<string, (handle: UsbfsHandle) => unknown> = {
  "a negative descriptor": () => native.usbfsOpen(-1),
  "a negative id": (handle) => native.usbfsSubmit(handle, -1, BULK, 0x81, 0, buffer, null),
  "an unknown type": (handle) => native.usbfsSubmit(handle, 1, 4, 0x81, 0, buffer, null),
  "an endpoint beyond a byte": (handle) => native.usbfsSubmit(handle, 1, BULK, 256, 0, buffer, null),
  "negative flags": (handle) => native.usbfsSubmit(handle, 1, BULK, 0x81, -1, buffer, null),
  "packets on a bulk transfer": (handle) =>
    native.usbfsSubmit(handle, 1, BULK, 0x81, 0, buffer, Uint32Array.of(8)),
  "no packets on an isochronous transfer": (handle) =>
    native.usbfsSubmit(handle, 1, ISO, 0x81, 0, buffer, null),
  "an empty list of packets": (handle) =>
    native.usbfsSubmit(handle, 1, ISO, 0x81, 0, buffer, new Uint32Array(0)),
  "129 packets": (handle) => native.usbfsSubmit(handle, 1, ISO, 0x81, 0, buffer, new Uint32Array(129)),
  "packets longer than the buffer": (handle) =>
    native.usbfsSubmit(handle, 1, ISO, 0x81, 0, buffer, Uint32Array.of(50, 51)),
  "packets whose sum wraps 32 bits": (handle) =>
    native.usbfsSubmit(handle, 1, ISO, 0x81, 0, buffer, Uint32Array.of(2 ** 32 - 1, 2)),
  "packets in an Int32Array": (handle) =>
    native.usbfsSubmit(handle, 1, ISO, 0x81, 0, buffer, new Int32Array(1) as unknown as Uint32Array),
  "a result of three words": (handle) => native.usbfsReap(handle, new Int32Array(3), null),
  "packet results that are no Int32Array": (handle) =>
    native.usbfsReap(handle, new Int32Array(4), buffer as unknown as Int32Array),
  "no memory at all": (handle) => native.usbfsMap(handle, 0),
  "more memory than usbfs has": (handle) => native.usbfsMap(handle, (1 << 24) + 1),
  "a view for a buffer": (handle) => native.usbfsUnmap(handle, buffer as unknown as ArrayBuffer),
  "an object for a handle": () => native.usbfsClose({} as UsbfsHandle),
};
for (const [what, call] of Object.entries(wrong))
  test(`${what} is a TypeError`, () => {
    const { handle } = open();
    assert.throws(() => call(handle), TypeError);
    native.usbfsClose(handle);
  });

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), "ring3-usbfs-"));
  const source = join(import.meta.dirname, "fixtures/usbfs.c");
  const flags = ["-std=c17", "-D_GNU_SOURCE", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror"];
  execFileSync("cc", [...flags, source, "-o", join(directory, "usbfs.so")]);
});
after(() => rmSync(directory, { recursive: true }));

/** Runs a script, with `native`, an open `handle`, `submit` and `reap` in scope, on the device of fixtures/usbfs.c; returns what it logs. */
function onDevice(body: string): unknown {
  const script = `
    const { native } = await import(${JSON.stringify(import.meta.resolve("../native.ts"))});
    const handle = native.usbfsOpen(native.memfdCreate("ring3-usbfs", false));
    const submit = (id, endpoint, bytes = new Uint8Array(8)) => native.usbfsSubmit(handle, id, 3, endpoint, 0, bytes, null);
    const reap = (packets = null) => { const out = new Int32Array(4); return [native.usbfsReap(handle, out, packets), ...out]; };
    const collect = async () => { for (let i = 0; i < 5; i++) { await new Promise(setImmediate); gc(); } };
    const log = (value) => console.log(JSON.stringify(value));
    ${body}`;
  const preload = [process.env.LD_PRELOAD, join(directory, "usbfs.so")].filter(Boolean).join(":");
  const output = execFileSync(process.execPath, ["--expose-gc", "--input-type=module", "-e", script], {
    env: { ...process.env, LD_PRELOAD: preload },
  });
  return JSON.parse(output.toString());
}

test("reaped URBs carry id, status and length, their bytes lie in the buffer, and partial bytes survive a stall", () => {
  const seen = onDevice(`
    const bytes = new Uint8Array(4);
    submit(7, 0x81, bytes); submit(9, 0x82);
    log([reap(), reap(), reap(), [...bytes]]);`);
  assert.deepEqual(seen, [
    [1, 7, 0, 3, 0],
    [1, 9, -errno.EPIPE, 1, 0],
    [0, 0, 0, 0, 0],
    [0xab, 0xab, 0xab, 0],
  ]);
});

test("an id in flight is EEXIST until it is reaped", () => {
  const seen = onDevice(
    "log([submit(1, 0x83), submit(1, 0x81), native.usbfsDiscard(handle, 1), submit(1, 0x81), reap(), submit(1, 0x81)]);",
  );
  assert.deepEqual(seen, [0, -errno.EEXIST, 0, -errno.EEXIST, [1, 1, -errno.ENOENT, 0, 0], 0]);
});

test("an URB that the kernel refuses is forgotten", () => {
  const seen = onDevice("log([submit(1, 0x84), native.usbfsDiscard(handle, 1), submit(1, 0x81), reap()]);");
  assert.deepEqual(seen, [-errno.EINVAL, -errno.EINVAL, 0, [1, 1, 0, 7, 0]]);
});

test("an URB that is not ours is EPROTO, and ours stay", () => {
  const seen = onDevice("log([submit(1, 0x85), reap()[0], submit(1, 0x81), native.usbfsClose(handle)]);");
  assert.deepEqual(seen, [0, -errno.EPROTO, -errno.EEXIST, 0]);
});

test("isochronous packets come back one by one, as many as there is room for", () => {
  const seen = onDevice(`
    const lengths = Uint32Array.of(10, 20, 30);
    const iso = (id) => native.usbfsSubmit(handle, id, 0, 0x81, 2, new Uint8Array(60), lengths);
    const all = new Int32Array(6), few = new Int32Array(3);
    log([iso(1), iso(2), reap(all), [...all], reap(few), [...few]]);`);
  assert.deepEqual(seen, [
    0,
    0,
    [1, 1, 0, 59, 1],
    [5, 0, 10, -errno.EXDEV, 15, 0],
    [1, 2, 0, 59, 1],
    [5, 0, 0],
  ]);
});

test("a buffer that nobody holds lives until its URB is reaped", () => {
  const seen = onDevice(`
    let collected = 0;
    const registry = new FinalizationRegistry(() => collected++);
    (() => { const bytes = new Uint8Array(100000); registry.register(bytes); submit(1, 0x83, bytes); })();
    await collect();
    const before = collected;
    native.usbfsDiscard(handle, 1); reap();
    await collect();
    log([before, collected]);`);
  assert.deepEqual(seen, [0, 1]);
});

test("closing with URBs in flight reaps them and lets their buffers go", () => {
  const seen = onDevice(`
    let collected = 0;
    const registry = new FinalizationRegistry(() => collected++);
    const start = (id) => { const bytes = new Uint8Array(100000); registry.register(bytes); submit(id, id % 2 ? 0x83 : 0x81, bytes); };
    for (let id = 0; id < 8; id++) start(id);
    native.usbfsClose(handle);
    await collect();
    const other = native.usbfsOpen(native.memfdCreate("ring3-usbfs", false)); // the device is the same: what is left there would come back
    log([collected, native.usbfsDiscard(handle, 1), native.usbfsReap(other, new Int32Array(4), null)]);`);
  assert.deepEqual(seen, [8, -errno.EINVAL, 0]);
});

test("an URB's bytes land in the very memory of the buffer: another mapping of it sees them, and the addon has copied nothing", () => {
  const seen = onDevice(`
    const fd = native.memfdCreate("ring3-slots", true);
    native.ftruncate(fd, 8192);
    const slots = native.part(native.map(fd, 8192, true), 4096, 4096);
    submit(1, 0x81, new Uint8Array(slots, 512, 64)); reap();
    const peer = new Uint8Array(native.part(native.map(fd, 8192, false), 0, 8192));
    log([peer[4607], peer[4608], peer[4670], peer[4671]]);`);
  assert.deepEqual(seen, [0, 0xab, 0xab, 0]);
});

const IN_SHARED_MEMORY = `
  const { readFileSync } = await import("node:fs");
  const mapped = () => readFileSync("/proc/self/maps", "utf8").includes("ring3-slots");
  const start = () => {
    const fd = native.memfdCreate("ring3-slots", true);
    native.ftruncate(fd, 4096);
    const slots = native.part(native.map(fd, 4096, true), 0, 4096);
    native.close(fd);
    submit(1, 0x83, new Uint8Array(slots));
  };`;

test("shared memory whose last user has gone stays mapped while an URB into it waits, and goes once that is reaped", () => {
  const seen = onDevice(`${IN_SHARED_MEMORY}
    start(); await collect();
    const before = mapped();
    native.usbfsDiscard(handle, 1); reap(); await collect();
    log([before, mapped()]);`);
  assert.deepEqual(seen, [true, false]);
});

test("shared memory with an URB into it that waits when the device is let go: reaped first, unmapped then", () => {
  const seen = onDevice(`${IN_SHARED_MEMORY}
    start(); await collect();
    const before = mapped();
    native.usbfsClose(handle); await collect();
    log([before, mapped()]);`);
  assert.deepEqual(seen, [true, false]);
});

const MAPPED = `
  const fd = native.memfdCreate("ring3-usbfs-memory", true);
  native.ftruncate(fd, 1 << 20);
  const device = native.usbfsOpen(fd);
  const { readFileSync } = await import("node:fs");
  const mapped = () => readFileSync("/proc/self/maps", "utf8").split("ring3-usbfs-memory").length - 1;`;

test("memory of the descriptor: an URB in it, not unmapped before it is reaped, empty afterwards", () => {
  const seen = onDevice(`${MAPPED}
    const buffer = native.usbfsMap(device, 65536), bytes = new Uint8Array(buffer, 100, 50);
    const before = [buffer.byteLength, mapped()];
    native.usbfsSubmit(device, 1, 3, 0x81, 0, bytes, null);
    const busy = native.usbfsUnmap(device, buffer);
    native.usbfsReap(device, new Int32Array(4), null);
    log([before, busy, bytes[0], native.usbfsUnmap(device, buffer), buffer.byteLength, bytes.length, mapped(), native.usbfsUnmap(device, buffer)]);`);
  assert.deepEqual(seen, [[65536, 1], -errno.EBUSY, 0xab, 0, 0, 0, 0, -errno.EINVAL]);
});

test("memory of the descriptor outlives its closing, and is unmapped with the handle at the latest", () => {
  const seen = onDevice(`${MAPPED}
    const first = native.usbfsMap(device, 4096), second = native.usbfsMap(device, 4096);
    const spare = native.dup(fd);
    native.usbfsClose(device);
    new Uint8Array(first)[0] = 1;
    const closed = [mapped(), native.usbfsMap(device, 4096), native.usbfsUnmap(device, first)];
    (() => native.usbfsMap(native.usbfsOpen(spare), 4096))();
    await collect();
    log([closed, mapped(), native.usbfsUnmap(device, second), mapped()]);`);
  assert.deepEqual(seen, [[2, -errno.EBADF, 0], 1, 0, 0]);
});

test("what is no memory of the descriptor is not unmapped", () => {
  const seen = onDevice(`${MAPPED}
    log([native.usbfsUnmap(device, new ArrayBuffer(8)), native.usbfsUnmap(device, new ArrayBuffer(0)), native.usbfsMap(native.usbfsOpen(native.dup(0)), 4096) < 0]);`);
  assert.deepEqual(seen, [-errno.EINVAL, -errno.EINVAL, true]);
});

test("a process that ends with URBs in flight ends cleanly", () => {
  assert.equal(onDevice("submit(1, 0x83); submit(2, 0x81); log(1);"), 1);
});
