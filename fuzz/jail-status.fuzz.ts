// Runs in: fuzzing.
import assert from "node:assert/strict";
import { parseJailStatus } from "../packages/kernel/jail/bwrap.ts";
import { parseLdd } from "../packages/kernel/jail/files.ts";
import { bytesOf, type Target } from "./target.ts";

export default {
  what: "what bubblewrap and ldd say",
  seeds: [
    bytesOf('s{ "child-pid": 4711, "net-namespace": 4026532 }\n{ "exit-code": 137 }\n'),
    bytesOf(
      "l\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f0000000000)\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f00)\n",
    ),
  ],
  run(input) {
    const text = new TextDecoder().decode(input.subarray(1));
    if (input[0] === 0x6c) {
      for (const path of parseLdd(text, "node")) assert.ok(path.startsWith("/"), path);
      return true;
    }
    const { init, exitCode } = parseJailStatus(text);
    for (const value of [init, exitCode]) assert.ok(value === undefined || Number.isSafeInteger(value));
    return init !== undefined || exitCode !== undefined;
  },
} satisfies Target;
