// Runs in: tests. Owns: a C program that prints what this machine's headers say.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  deviceInfo,
  diskParameters,
  requestDescription,
  UBLK_F_USER_RECOVERY,
  UBLK_IO_F_FUA,
  UBLK_IO_F_NOUNMAP,
  UBLK_S_DEV_QUIESCED,
  UBLKSRV_IO_BUF_OFFSET,
} from "./constants.ts";

test("structures lie as the C compiler lays them, constants are the header's", (context) => {
  const directory = mkdtempSync(join(tmpdir(), "ring3-ublk-"));
  context.after(() => rmSync(directory, { recursive: true }));
  const expected = {
    "sizeof(struct ublksrv_ctrl_dev_info)": deviceInfo.size,
    "offsetof(struct ublksrv_ctrl_dev_info, max_io_buf_bytes)": deviceInfo.offsets.maxIoBufBytes,
    "offsetof(struct ublksrv_ctrl_dev_info, ublksrv_pid)": deviceInfo.offsets.ublksrvPid,
    "offsetof(struct ublksrv_ctrl_dev_info, flags)": deviceInfo.offsets.flags,
    "offsetof(struct ublksrv_ctrl_dev_info, ublksrv_flags)": deviceInfo.offsets.ublksrvFlags,
    "offsetof(struct ublk_params, basic.logical_bs_shift)": diskParameters.offsets.logicalBsShift,
    "offsetof(struct ublk_params, basic.max_sectors)": diskParameters.offsets.maxSectors,
    "offsetof(struct ublk_params, basic.dev_sectors)": diskParameters.offsets.devSectors,
    "offsetof(struct ublk_params, discard.discard_granularity)": diskParameters.offsets.discardGranularity,
    "offsetof(struct ublk_params, discard.max_discard_segments)": diskParameters.offsets.maxDiscardSegments,
    "sizeof(struct ublksrv_io_desc)": requestDescription.size,
    "offsetof(struct ublksrv_io_desc, start_sector)": requestDescription.offsets.startSector,
    UBLK_F_USER_RECOVERY,
    UBLK_IO_F_FUA,
    UBLK_IO_F_NOUNMAP,
    UBLK_S_DEV_QUIESCED,
    UBLKSRV_IO_BUF_OFFSET,
  };
  const source = [
    "#include <stddef.h>",
    "#include <stdio.h>",
    "#include <linux/ublk_cmd.h>",
    "int main(void) {",
    ...Object.keys(expected).map((name) => `  printf("%lu\\n", (unsigned long)(${name}));`),
    "}",
  ].join("\n");
  const program = join(directory, "constants");
  execFileSync("cc", ["-std=c17", "-xc", "-", "-o", program], { input: source });
  const printed = execFileSync(program, { encoding: "utf8" }).trim().split("\n").map(Number);
  assert.deepEqual(
    Object.fromEntries(Object.keys(expected).map((name, at) => [name, printed[at]])),
    expected,
  );
});
