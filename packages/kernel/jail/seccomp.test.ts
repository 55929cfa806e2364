// Runs in: tests. Judges the filters with an interpreter of its own and with the C library's headers.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ALLOW, ARCH, errno, headerNumbers, KILL, run } from "./bpf.fixture.ts";
import {
  type Architecture,
  architectureOf,
  assembleFilter,
  INSTRUCTION_BYTES,
  type Rule,
} from "./seccomp.ts";
import { stageZero, stageZeroFilter } from "./stage-zero.ts";

const nr = (call: string, architecture: Architecture): number =>
  stageZero.find((rule) => rule.call === call)![architecture]!;

for (const architecture of ["x64", "arm64"] as const) {
  const filter = stageZeroFilter(architecture);
  const answer = (call: string, ...args: bigint[]): number =>
    run(filter, ARCH[architecture], nr(call, architecture), args);

  test(`${architecture}: calls of any other architecture kill the process`, () => {
    const others = Object.entries(ARCH).filter(([name]) => name !== architecture);
    assert.deepEqual(
      others.map(([, arch]) => run(filter, arch, 0)),
      others.map(() => KILL),
    );
  });

  test(`${architecture}: io_uring and clone3 answer ENOSYS`, () => {
    const calls = ["io_uring_setup", "io_uring_enter", "io_uring_register", "clone3"];
    assert.deepEqual(
      calls.map((call) => answer(call)),
      calls.map(() => errno(38)),
    );
  });

  test(`${architecture}: every refused call gets its errno, all others pass`, () => {
    const plain = stageZero.filter((rule) => rule.when === undefined && rule[architecture] !== undefined);
    const refused = new Map(
      plain.map((rule) => [rule[architecture]!, errno((rule.verdict as { errno: number }).errno)]),
    );
    const all = Array.from({ length: 512 }, (_, n) => n);
    // All arguments 1: AF_UNIX to socket, and to clone neither a namespace nor a thread.
    refused.set(nr("clone", architecture), errno(1));
    const args = new Array<bigint>(6).fill(1n);
    assert.deepEqual(
      all.map((n) => run(filter, ARCH[architecture], n, args)),
      all.map((n) => refused.get(n) ?? ALLOW),
    );
  });

  test(`${architecture}: clone makes threads, no processes and no namespaces`, () => {
    const thread = 0x3d0f00n; // pthread_create's flags
    const fork = 0x01200011n; // fork's: CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD
    assert.deepEqual([answer("clone", thread), answer("clone", fork)], [ALLOW, errno(1)]);
    const namespaces = [0x20000n, 0x2000000n, 0x4000000n, 0x8000000n, 0x10000000n, 0x20000000n, 0x40000000n];
    assert.deepEqual(
      namespaces.map((flag) => answer("clone", thread | flag)),
      namespaces.map(() => errno(1)),
    );
  });

  for (const call of ["socket", "socketpair"])
    test(`${architecture}: ${call} makes Unix sockets or none`, () => {
      const families = [1n, 2n, 10n, 16n, 17n, 30n, 38n, 40n]; // unix, inet, inet6, netlink, packet, tipc, alg, vsock
      assert.deepEqual(
        families.map((family) => answer(call, family)),
        [ALLOW, ...new Array(7).fill(errno(97))],
      );
      // The kernel reads 32 bits of the family: what stands above them must not make it another.
      assert.equal(answer(call, (1n << 32n) | 2n), errno(97));
    });

  test(`${architecture}: nothing can be typed into a terminal by ioctl`, () => {
    const requests = [0x5412n, 0x541cn, 0x5413n, 0x8038550an, (5n << 32n) | 0x5412n];
    assert.deepEqual(
      requests.map((request) => answer("ioctl", 0n, request)),
      [errno(1), errno(1), ALLOW, ALLOW, errno(1)],
    );
  });
}

test("x64: x32 numbers kill the process, whatever they call", () => {
  const filter = stageZeroFilter("x64");
  assert.deepEqual(
    [0, 101, 425, 511].map((n) => run(filter, ARCH.x64, 0x40000000 + n)),
    [KILL, KILL, KILL, KILL],
  );
  assert.equal(run(filter, ARCH.x64, 0xffffffff), KILL);
});

test("numbers are those of the C library's headers on both architectures", () => {
  for (const architecture of ["x64", "arm64"] as const) {
    const rules = stageZero.filter((rule) => rule[architecture] !== undefined);
    assert.deepEqual(
      headerNumbers(
        architecture,
        rules.map(({ call }) => call),
      ),
      rules.map((rule) => rule[architecture]),
    );
  }
});

test("any table decides each call by its first rule whose tests all hold", () => {
  const word = fc.integer({ min: 0, max: 0xffffffff });
  const small = fc.constantFrom(0, 1, 2, 3, 0x80000000);
  const verdict = fc.oneof(
    fc.constantFrom("allow" as const, "kill" as const),
    fc.record({ errno: fc.integer({ min: 1, max: 4095 }) }),
  );
  const argumentTest = fc.record({
    index: fc.nat({ max: 5 }),
    is: fc.constantFrom("equal" as const, "different" as const, "any-bit" as const),
    value: fc.oneof(small, word),
  });
  const rule = fc.record({
    call: fc.constant("x"),
    x64: fc.nat({ max: 5 }),
    arm64: fc.constant(undefined),
    when: fc.array(argumentTest, { maxLength: 3 }),
    verdict,
  });
  const code = (v: Rule["verdict"]): number => (v === "allow" ? ALLOW : v === "kill" ? KILL : errno(v.errno));
  const holds = {
    equal: (a: number, b: number) => a === b,
    different: (a: number, b: number) => a !== b,
    "any-bit": (a: number, b: number) => (a & b) !== 0,
  };
  const args = fc.array(fc.oneof(small, word), { minLength: 6, maxLength: 6 });
  fc.assert(
    fc.property(
      fc.array(rule, { maxLength: 40 }),
      verdict,
      fc.nat({ max: 6 }),
      args,
      (rules, otherwise, n, given) => {
        const first = rules.find(
          (r) => r.x64 === n && r.when.every((t) => holds[t.is](given[t.index]!, t.value)),
        );
        const filter = assembleFilter("x64", rules, otherwise);
        assert.equal(run(filter, ARCH.x64, n, given.map(BigInt)), code(first?.verdict ?? otherwise));
      },
    ),
    { numRuns: 300 },
  );
});

test("an unknown architecture and a filter the kernel would refuse as too long are errors", () => {
  assert.equal(INSTRUCTION_BYTES, 8);
  assert.equal(architectureOf("arm64"), "arm64");
  assert.throws(() => architectureOf("riscv64"), { kind: "unsupported" });
  const rule: Rule = { call: "read", x64: 0, arm64: 63, verdict: "allow" };
  assert.throws(() => assembleFilter("x64", new Array(2048).fill(rule), "kill"), { kind: "invalid" });
});
