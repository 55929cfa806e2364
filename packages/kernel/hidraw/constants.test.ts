// Runs in: tests. Owns: a C program that prints what this machine's headers say.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { hostRequests as usbfsRequests } from "../usbfs/constants.ts";
import * as constants from "./constants.ts";

const LENGTHS = [1, 64, 4096];

test("every request, structure and number of hidraw's has the value that the C compiler gives it", (context) => {
  const directory = mkdtempSync(join(tmpdir(), "ring3-hidraw-"));
  context.after(() => rmSync(directory, { recursive: true }));
  const { hidrawDevinfo, REPORT_DESCRIPTOR_BYTES, HIDRAW_BUFFER_SIZE } = constants;
  const ours: Record<string, number> = {
    "sizeof(struct hidraw_devinfo)": hidrawDevinfo.size,
    "offsetof(struct hidraw_devinfo, vendor)": hidrawDevinfo.offsets.vendor,
    "offsetof(struct hidraw_devinfo, product)": hidrawDevinfo.offsets.product,
    "sizeof(struct hidraw_report_descriptor)": REPORT_DESCRIPTOR_BYTES,
    HIDRAW_BUFFER_SIZE,
  };
  for (const [name, value] of Object.entries(constants)) {
    if (!name.startsWith("HIDIOC")) continue;
    if (typeof value === "number") ours[name] = value;
    else if (typeof value === "function")
      for (const length of LENGTHS) ours[`${name}(${length})`] = value(length);
  }
  const source = [
    "#include <stddef.h>",
    "#include <stdio.h>",
    "#include <sys/ioctl.h>",
    "#include <linux/hidraw.h>",
    "#ifndef HIDIOCREVOKE", // headers before Linux 6.12
    "#define HIDIOCREVOKE _IOW('H', 0x0D, int)",
    "#endif",
    "int main(void) {",
    ...Object.keys(ours).map((expression) => `  printf("%lu\\n", (unsigned long)(${expression}));`),
    "}",
  ].join("\n");
  const program = join(directory, "constants");
  execFileSync("cc", ["-std=c17", "-xc", "-", "-o", program], { input: source });
  const printed = execFileSync(program, { encoding: "utf8" }).trim().split("\n").map(Number);
  assert.deepEqual(
    Object.keys(ours).map((expression, at) => [expression, printed[at]]),
    Object.entries(ours),
  );
  assert.equal(Object.keys(ours).filter((name) => name.startsWith("HIDIOC")).length, 4 + 6 * LENGTHS.length);
});

test("the filter cannot take a request of hidraw's, of whatever length, for one of usbfs's", () => {
  const withoutLength = (request: number) => (request & ~0x3fff0000) >>> 0; // asm-generic/ioctl.h, _IOC_SIZEMASK
  const ours = new Set<number>(Object.values(constants.hostRequests));
  assert.deepEqual(
    Object.values(usbfsRequests).filter((request) => ours.has(withoutLength(request))),
    [],
  );
});
