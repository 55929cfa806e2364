// Runs in: tests. Owns: each one `ring3 probe`, and the ring3 that it starts.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));

async function probe(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [main, "probe", ...args], {
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  const said = { out: "", err: "" };
  child.stdout.on("data", (text) => {
    said.out += text;
  });
  child.stderr.on("data", (text) => {
    said.err += text;
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...said };
}

const listOf = (text: string) => JSON.parse(text) as { group: string; name: string }[];

describe("ring3 probe", { concurrency: 2 }, () => {
  for (const tier of ["standard", "strict"])
    test(`in a jail of tier ${tier} everything is denied, and at most 45 system calls are left`, async () => {
      const { code, out, err } = await probe("--json", "--tier", tier);
      const { probes, denied, escaped, syscalls, ...more } = JSON.parse(out || "{}");
      assert.deepEqual([escaped, denied, code, more, err], [[], probes, 0, {}, ""]);
      assert.ok(probes >= 200, `${probes} probes`);
      assert.ok(syscalls > 0 && syscalls <= 45, `${syscalls} system calls`);
    });
});

test("without a jail every probe that may run there has escaped, and the exit code is 1", async () => {
  const { code, out } = await probe("--json", "--insecure-no-sandbox");
  const { probes, denied, escaped, syscalls } = JSON.parse(out);
  assert.deepEqual([code, denied, syscalls, escaped.length], [1, 0, 0, probes]);
  assert.ok(escaped.includes("statx /etc/passwd: 0; denied would be EPERM"), escaped.join("\n"));
  assert.ok(!escaped.some((line: string) => /^(kill|reboot|mount)/.test(line)));
});

test("--list names every probe once", async () => {
  const [standard, strict] = await Promise.all([
    probe("--list", "--json"),
    probe("--list", "--json", "--tier", "strict"),
  ]);
  const names = listOf(standard.out).map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  const more = listOf(strict.out).filter(({ name }) => !names.includes(name));
  assert.ok(more.length > 0 && more.every(({ name }) => /executable/.test(name)));
});

test("a tier that does not exist is wrong usage", async () => {
  const { code, err } = await probe("--tier", "lax");
  assert.equal(code, 2);
  assert.match(err, /^ring3 probe: --tier: expected standard or strict, found "lax"\nusage: ring3 probe /);
});
