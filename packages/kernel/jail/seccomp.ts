// Runs in: the manager. Owns: the assembler that turns a table of system calls into a seccomp filter. Pure.
import { DeviceError } from "@ring3/core/errors";
import { struct, u8, u16, u32 } from "@ring3/core/struct";

export type Architecture = "x64" | "arm64";
export type Verdict = "allow" | "kill" | { readonly errno: number };

/** A test of the low 32 bits of one argument. Arguments that are pointers cannot be followed. */
export interface ArgumentTest {
  /** 0 to 5. */
  readonly index: number;
  readonly is: "equal" | "different" | "any-bit" | "no-bit";
  readonly value: number;
  /** Only these bits are looked at; all, where absent. */
  readonly mask?: number;
}

/** One system call with its number on each architecture, and what becomes of it when every test holds; otherwise the search goes on. */
export interface Rule {
  readonly call: string;
  /** undefined: this architecture has no such call. */
  readonly x64: number | undefined;
  readonly arm64: number | undefined;
  readonly when?: readonly ArgumentTest[];
  readonly verdict: Verdict;
}

// linux/filter.h: struct sock_filter.
const sockFilter = struct({ code: u16, jt: u8, jf: u8, k: u32 });
export const INSTRUCTION_BYTES = sockFilter.size;
const BPF_MAXINSNS = 4096; // linux/bpf_common.h

// linux/bpf_common.h: class | size or operation | mode or source.
const LOAD_WORD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const AND = 0x54; // BPF_ALU | BPF_AND | BPF_K
const JUMP_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_AT_LEAST = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const JUMP_ANY_BIT = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const RETURN = 0x06; // BPF_RET | BPF_K

// linux/seccomp.h: struct seccomp_data { int nr; __u32 arch; __u64 instruction_pointer; __u64 args[6]; }
const NR = 0;
const ARCH = 4;
const ARGS = 16;

const AUDIT_ARCH = { x64: 0xc000003e, arm64: 0xc00000b7 } as const; // linux/audit.h: AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64
// x32 shares x86-64's AUDIT_ARCH and marks its numbers with this bit (asm/unistd.h: __X32_SYSCALL_BIT): unseen, it would go round every rule.
const X32_BIT = 0x40000000;

function returned(verdict: Verdict): number {
  if (verdict === "allow") return 0x7fff0000; // SECCOMP_RET_ALLOW
  if (verdict === "kill") return 0x80000000; // SECCOMP_RET_KILL_PROCESS
  return (0x00050000 | verdict.errno) >>> 0; // SECCOMP_RET_ERRNO
}

interface Instruction {
  code: number;
  k: number;
  /** How many instructions to skip when the jump's test holds, and when not. */
  jt: number;
  jf: number;
}

const step = (code: number, k: number, jt = 0, jf = 0): Instruction => ({ code, k: k >>> 0, jt, jf });

function ruleBlock(nr: number, { when = [], verdict }: Rule): Instruction[] {
  const end = step(RETURN, returned(verdict));
  if (when.length === 0) return [step(JUMP_EQUAL, nr, 0, 1), end];
  // The tests overwrite the accumulator, so the block that was entered reloads the number before it lets the search go on.
  let tests: Instruction[] = [];
  for (const { index, is, value, mask } of when.toReversed()) {
    const toReload = tests.length + 1; // over the tests behind it and the verdict
    const jump = is === "any-bit" || is === "no-bit" ? JUMP_ANY_BIT : JUMP_EQUAL;
    const branch =
      is === "different" || is === "no-bit" ? step(jump, value, toReload, 0) : step(jump, value, 0, toReload);
    const masked = mask === undefined ? [] : [step(AND, mask)];
    tests = [step(LOAD_WORD, ARGS + 8 * index), ...masked, branch, ...tests];
  }
  return [step(JUMP_EQUAL, nr, 0, tests.length + 2), ...tests, end, step(LOAD_WORD, NR)];
}

/**
 * The filter as an array of struct sock_filter. Calls of another architecture kill the process; rules are tried in order; what
 * no rule decides gets `otherwise`.
 */
export function assembleFilter(
  architecture: Architecture,
  rules: readonly Rule[],
  otherwise: Verdict,
): Uint8Array {
  const kill = step(RETURN, returned("kill"));
  const program = [
    step(LOAD_WORD, ARCH),
    step(JUMP_EQUAL, AUDIT_ARCH[architecture], 1, 0),
    kill,
    step(LOAD_WORD, NR),
    ...(architecture === "x64" ? [step(JUMP_AT_LEAST, X32_BIT, 0, 1), kill] : []),
  ];
  for (const rule of rules) {
    const nr = rule[architecture];
    if (nr !== undefined) program.push(...ruleBlock(nr, rule));
  }
  program.push(step(RETURN, returned(otherwise)));
  if (program.length > BPF_MAXINSNS)
    throw new DeviceError("invalid", `a seccomp filter of ${program.length} instructions`);
  const bytes = new Uint8Array(program.length * INSTRUCTION_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [i, instruction] of program.entries())
    sockFilter.encode(instruction, view, i * INSTRUCTION_BYTES);
  return bytes;
}

/** The architecture as node names it, or a refusal: without a filter nothing is started. */
export function architectureOf(name: string): Architecture {
  if (name === "x64" || name === "arm64") return name;
  throw new DeviceError("unsupported", `a seccomp filter for ${name} (x64 and arm64 are there)`);
}
