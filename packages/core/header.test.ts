// Runs in: tests. Needs the C compiler: it is the judge of layouts, ioctl codes and the generated header.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { defineContract, event, operation } from "./contract.ts";
import { cHeader } from "./header.ts";
import { _IO, _IOR, _IOW, _IOWR, ioctlArgument, ioctlCode } from "./ioctl.ts";
import { array, be, bytes, f32, f64, i8, i16, i32, i64, struct, u8, u16, u32, u64 } from "./struct.ts";

const directory = mkdtempSync(join(tmpdir(), "ring3-header-"));
after(() => rmSync(directory, { recursive: true }));

/** Compiles one C file, header beside it, and returns what the program prints, parsed. */
function runC(name: string, header: string, includes: string, prints: string[]): Record<string, number> {
  const lines = prints.map(
    (expression) =>
      `printf("%s\\t%llu\\n", ${JSON.stringify(expression)}, (unsigned long long)(${expression}));`,
  );
  writeFileSync(join(directory, `${name}.h`), header);
  const source = `${includes}\n#include "${name}.h"\n#include <stdio.h>\nint main(void) { ${lines.join("\n")} return 0; }\n`;
  writeFileSync(join(directory, `${name}.c`), source);
  const flags = [
    "-std=c11",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-o",
    join(directory, name),
    join(directory, `${name}.c`),
  ];
  execFileSync("cc", flags, { stdio: ["ignore", "ignore", "inherit"] });
  const output = execFileSync(join(directory, name), { encoding: "utf8" }).trim().split("\n");
  return Object.fromEntries(output.map((line) => [line.split("\t")[0], Number(line.split("\t")[1])]));
}

const everything = defineContract({
  name: "every-thing",
  version: 3,
  properties: struct({
    small: u8,
    wide: u64,
    half: be.u16,
    list: array(u16, 3),
    serialNumber: bytes(5),
    signedOnes: struct({ a: i8, b: i16, c: i32, d: i64 }),
    tight: struct({ a: u8, b: u32, c: be.f64 }, { packed: true }),
    grid: array(array(struct({ x: f32, y: f64 }), 2), 3),
    default: be.u64,
    beFloat: be.f32,
    beSigned: array(be.i32, 2),
  }),
  operations: {
    plain: operation({ nr: 1, replay: "never" }),
    give: operation({ nr: 2, in: struct({ a: u32, b: u8 }), replay: "never", mutates: true }),
    take: operation({ nr: 3, out: struct({ value: f64 }), replay: "always", optional: true }),
    swapBoth: operation({ nr: 4, in: struct({ a: bytes(9) }), out: struct({ b: u64 }), replay: "always" }),
    readBytes: operation({ nr: 5, in: struct({ lba: u64, count: u32 }), data: "out", replay: "always" }),
    writeBytes: operation({
      nr: 6,
      in: struct({ c: bytes(3) }),
      out: struct({ d: u16 }),
      data: "in",
      replay: "never",
    }),
    stream: operation({ nr: 255, data: "out", replay: "checkpoint" }),
  },
  events: {
    changed: event({ nr: 1, data: struct({ channel: u32, value: f64 }), overflow: "latest" }),
    bare: event({ nr: 2, overflow: "drop-and-count" }),
  },
});

test("the C compiler accepts the header without a warning and sees the codec's sizes and offsets", () => {
  const { properties, operations } = everything;
  const { offsets } = properties!;
  const p = "struct ring3_every_thing_properties";
  const expected = {
    [`sizeof(${p})`]: properties!.size,
    [`_Alignof(${p})`]: properties!.align,
    [`offsetof(${p}, small)`]: offsets.small,
    [`offsetof(${p}, wide)`]: offsets.wide,
    [`offsetof(${p}, half)`]: offsets.half,
    [`offsetof(${p}, list)`]: offsets.list,
    [`offsetof(${p}, serial_number)`]: offsets.serialNumber,
    [`offsetof(${p}, signed_ones)`]: offsets.signedOnes,
    [`offsetof(${p}, tight)`]: offsets.tight,
    [`offsetof(${p}, grid)`]: offsets.grid,
    [`offsetof(${p}, default_)`]: offsets.default,
    [`offsetof(${p}, be_float)`]: offsets.beFloat,
    [`offsetof(${p}, be_signed)`]: offsets.beSigned,
    [`sizeof(((${p} *)0)->tight)`]: 13,
    [`sizeof(((${p} *)0)->grid)`]: 96,
    "sizeof(struct ring3_every_thing_swap_both_arg)": ioctlArgument(operations.swapBoth).size,
    "offsetof(struct ring3_every_thing_read_bytes_arg, data)": ioctlArgument(operations.readBytes)
      .dataOffset!,
    "offsetof(struct ring3_every_thing_write_bytes_arg, length)":
      ioctlArgument(operations.writeBytes).dataOffset! + 8,
    RING3_EVERY_THING_PLAIN: ioctlCode(everything, "plain"),
    RING3_EVERY_THING_GIVE: ioctlCode(everything, "give"),
    RING3_EVERY_THING_TAKE: ioctlCode(everything, "take"),
    RING3_EVERY_THING_SWAP_BOTH: ioctlCode(everything, "swapBoth"),
    RING3_EVERY_THING_READ_BYTES: ioctlCode(everything, "readBytes"),
    RING3_EVERY_THING_WRITE_BYTES: ioctlCode(everything, "writeBytes"),
    RING3_EVERY_THING_STREAM: ioctlCode(everything, "stream"),
    RING3_EVERY_THING_EVENT_CHANGED: 1,
    RING3_EVERY_THING_VERSION: 3,
    "sizeof(struct ring3_every_thing_event_changed)": everything.events.changed.data!.size,
  };
  assert.deepEqual(runC("every", cHeader(everything), "", Object.keys(expected)), expected);
});

test("a C program reads the bytes that the codec wrote", () => {
  const { properties } = everything;
  const value = {
    ...properties!.create(),
    small: 200,
    wide: 2 ** 53 - 1,
    half: 0x1234,
    signedOnes: { a: -1, b: -2, c: -3, d: -4 },
  };
  const raw = new Uint8Array(properties!.size);
  properties!.encode({ ...value, tight: { a: 7, b: 0xdeadbeef, c: 0 } }, new DataView(raw.buffer), 0);
  const header = `${cHeader(everything)}\n#include <endian.h>
static const unsigned char raw[] __attribute__((aligned(8))) = { ${raw.join(", ")} };
#define VALUE ((const struct ring3_every_thing_properties *)raw)`;
  const read = {
    "VALUE->small": 200,
    "VALUE->wide": 2 ** 53 - 1,
    "be16toh(VALUE->half)": 0x1234,
    "-VALUE->signed_ones.a": 1,
    "-VALUE->signed_ones.b": 2,
    "-VALUE->signed_ones.c": 3,
    "-VALUE->signed_ones.d": 4,
    "VALUE->tight.b": 0xdeadbeef,
  };
  assert.deepEqual(runC("bytes", header, "#define _DEFAULT_SOURCE", Object.keys(read)), read);
});

test("ioctl codes are those that the kernel's own headers compute", () => {
  // linux/usbdevice_fs.h, linux/nbd.h, linux/fs.h: one of each macro, and the largest structures.
  const expected = {
    USBDEVFS_CONTROL: _IOWR(0x55, 0, 24),
    USBDEVFS_SETINTERFACE: _IOR(0x55, 4, 8),
    USBDEVFS_SUBMITURB: _IOR(0x55, 10, 56),
    USBDEVFS_DISCARDURB: _IO(0x55, 11),
    USBDEVFS_REAPURBNDELAY: _IOW(0x55, 13, 8),
    USBDEVFS_RESET: _IO(0x55, 20),
    USBDEVFS_DISCONNECT_CLAIM: _IOR(0x55, 27, 264),
    USBDEVFS_DROP_PRIVILEGES: _IOW(0x55, 30, 4),
    NBD_SET_SOCK: _IO(0xab, 0),
    BLKGETSIZE64: _IOR(0x12, 114, 8),
    "_IOWR(0xff, 255, struct { char c[16383]; })": _IOWR(255, 255, 16383),
  };
  const includes = "#include <linux/usbdevice_fs.h>\n#include <linux/nbd.h>\n#include <linux/fs.h>";
  assert.deepEqual(runC("codes", "", includes, Object.keys(expected)), expected);
});

test("a type, number or size that a code cannot hold is refused", () => {
  assert.throws(() => _IOR(256, 1, 4), { kind: "out-of-range" });
  assert.throws(() => _IOR(1, 256, 4), { kind: "out-of-range" });
  assert.throws(() => _IOR(1, 1, 16384), { kind: "out-of-range" });
  assert.throws(() => ioctlCode(everything, "missing" as "plain"), { kind: "invalid" });
});
