// Runs in: tests. Owns: what judges the filters: an interpreter of its own, and the C library's headers.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";

export const ARCH = {
  x64: 0xc000003e,
  arm64: 0xc00000b7,
  i386: 0x40000003,
  arm: 0x40000028,
  riscv64: 0xc00000f3,
};
export const ALLOW = 0x7fff0000;
export const KILL = 0x80000000;
export const errno = (n: number): number => 0x50000 + n;

/** What the kernel would answer to one call: classic BPF, the instructions that seccomp filters use. */
export function run(filter: Uint8Array, arch: number, nr: number, args: readonly bigint[] = []): number {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, nr, true);
  data.setUint32(4, arch, true);
  for (const [i, arg] of args.entries()) data.setBigUint64(16 + 8 * i, arg, true);
  const program = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  let accumulator = 0;
  for (let pc = 0; pc < filter.length / 8; pc++) {
    const code = program.getUint16(pc * 8, true);
    const [jt, jf] = [program.getUint8(pc * 8 + 2), program.getUint8(pc * 8 + 3)];
    const k = program.getUint32(pc * 8 + 4, true);
    const jump = (holds: boolean): void => {
      pc += holds ? jt : jf;
    };
    if (code === 0x06) return k;
    if (code === 0x20) accumulator = data.getUint32(k, true);
    else if (code === 0x54) accumulator = (accumulator & k) >>> 0;
    else if (code === 0x15) jump(accumulator === k);
    else if (code === 0x35) jump(accumulator >= k);
    else if (code === 0x45) jump((accumulator & k) !== 0);
    else assert.fail(`instruction ${code.toString(16)}`);
  }
  return assert.fail("the program ran off its end");
}

/** The numbers of system calls as the C library's headers have them. */
export function headerNumbers(architecture: "x64" | "arm64", calls: readonly string[]): number[] {
  const header = { x64: "asm/unistd_64.h", arm64: "asm-generic/unistd.h" }[architecture];
  const source = [
    ..."SYS_CLONE3 NEW_STAT".split(" ").map((name) => `#define __ARCH_WANT_${name}`), // as arm64's own header does
    `#include <${header}>`,
    ...calls.map((call) => `ring3 ${call} __NR_${call}`),
  ].join("\n");
  const output = execFileSync("cc", ["-E", "-P", "-"], { input: source, encoding: "utf8" });
  const found = new Map(
    [...output.matchAll(/^ring3 (\w+) (\S+)$/gm)].map(([, call, number]) => [call, Number(number)]),
  );
  return calls.map((call) => {
    const number = found.get(call);
    assert.ok(Number.isInteger(number), `${call} has no number on ${architecture}`);
    return number!;
  });
}
