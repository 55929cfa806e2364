import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as constants from "./constants.ts";

test("every USBDEVFS constant has the value that the C compiler gives it", (context) => {
  const directory = mkdtempSync(join(tmpdir(), "ring3-usbfs-"));
  context.after(() => rmSync(directory, { recursive: true }));
  const ours = Object.fromEntries(Object.entries(constants).filter(([name]) => name.startsWith("USBDEVFS_")));
  const names = Object.keys(ours);
  const source = [
    "#include <stdio.h>",
    "#include <sys/ioctl.h>",
    "#include <linux/usbdevice_fs.h>",
    "int main(void) {",
    ...names.map((name) => `  printf("${name} %lu\\n", (unsigned long)(${name}));`),
    `  printf("GETDRIVER_BYTES %zu\\n", sizeof(struct usbdevfs_getdriver));`,
    `  printf("DISCONNECT_CLAIM_BYTES %zu\\n", sizeof(struct usbdevfs_disconnect_claim));`,
    "}",
  ].join("\n");
  const program = join(directory, "constants");
  execFileSync("cc", ["-std=c17", "-xc", "-", "-o", program], { input: source });
  const printed = execFileSync(program, { encoding: "utf8" }).trim().split("\n");
  const theirs = Object.fromEntries(printed.map((line) => [line.split(" ")[0], Number(line.split(" ")[1])]));
  assert.deepEqual(theirs, {
    ...ours,
    GETDRIVER_BYTES: constants.GETDRIVER_BYTES,
    DISCONNECT_CLAIM_BYTES: constants.DISCONNECT_CLAIM_BYTES,
  });
});
