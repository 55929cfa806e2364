// Runs in: tests.
import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findBwrap, obstacle, parseLdd, runtimeFiles, stageRuntime, unreadable } from "./files.ts";

const directory = mkdtempSync(join(realpathSync(tmpdir()), "ring3-files-"));
after(() => rmSync(directory, { recursive: true }));
chmodSync(directory, 0o755);
const stranger = { uid: 61999, gid: 61999 };

const file = (path: string, text: string, mode = 0o644): string => {
  const whole = join(directory, path);
  mkdirSync(join(whole, ".."), { recursive: true });
  writeFileSync(whole, text);
  chmodSync(whole, mode);
  return whole;
};

test("ldd's answer becomes the paths the loader opens, without the kernel's own library", () => {
  const answer = `\tlinux-vdso.so.1 (0x00007fb872e4d000)
\tlibstdc++.so.6 => /lib/x86_64-linux-gnu/libstdc++.so.6 (0x00007fb872a00000)
\tlibc.so.6 => /opt/my libs/libc.so.6 (0x00007fb87281e000)
\tlibz.so.1 => /usr/lib/libz.so.1 (0x00007fb87281e000)
\t/lib64/ld-linux-x86-64.so.2 (0x00007fb872e4f000)
`;
  const expected = [
    "/lib/x86_64-linux-gnu/libstdc++.so.6",
    "/opt/my libs/libc.so.6",
    "/usr/lib/libz.so.1",
    "/lib64/ld-linux-x86-64.so.2",
  ];
  assert.deepEqual(parseLdd(answer, "node"), expected);
});

test("a library that is not installed is named together with who needs it", () => {
  assert.throws(() => parseLdd("\tlibatomic.so.1 => not found\n", "/opt/node"), {
    kind: "unsupported",
    message: /^\/opt\/node needs the shared library libatomic\.so\.1/,
  });
});

test("the runtime's files are node, host and its code, addon and each library once, all free of links", async () => {
  const host = file("host.cjs", "");
  symlinkSync(host, join(directory, "host-link.cjs"));
  const paths = {
    node: process.execPath,
    host: join(directory, "host-link.cjs"),
    code: [file("more.cjs", "")],
    addon: process.execPath,
  };
  const files = await runtimeFiles(paths);
  assert.deepEqual(files.slice(0, 4), [
    { source: realpathSync(process.execPath), target: "/ring3/node" },
    { source: host, target: "/ring3/host.cjs" },
    { source: realpathSync(process.execPath), target: "/ring3/kernel.node" },
    { source: join(directory, "more.cjs"), target: "/ring3/more.cjs" },
  ]);
  const targets = files.map(({ target }) => target);
  assert.equal(new Set(targets).size, targets.length);
  assert.ok(targets.some((target) => target.endsWith("/libc.so.6")));
  assert.deepEqual(
    files.map(({ source }) => realpathSync(source)),
    files.map(({ source }) => source),
  );
});

test("a file that is no program makes ldd fail with its name", async () => {
  const host = file("text.node", "not a binary");
  await assert.rejects(runtimeFiles({ node: process.execPath, host, code: [], addon: host }), {
    kind: "io",
    message: /text\.node/,
  });
});

test("the first closed directory or file on the way is the obstacle", () => {
  const open = file("open/file", "x");
  assert.equal(obstacle(open, stranger), undefined);
  const shut = file("open/shut", "x", 0o640);
  assert.equal(obstacle(shut, stranger), shut);
  const deep = file("closed/inner/file", "x");
  chmodSync(join(directory, "closed"), 0o750);
  chmodSync(join(directory, "closed/inner"), 0o700);
  assert.equal(obstacle(deep, stranger), join(directory, "closed"));
  const { uid, gid } = statSync(deep);
  assert.equal(obstacle(deep, { uid, gid }), undefined);
  assert.equal(obstacle(deep, { uid: 61999, gid }), join(directory, "closed/inner"));
});

test("an owner or group that is shut out stays out though others may pass", () => {
  const odd = file("odd", "x", 0o604);
  const { uid, gid } = statSync(odd);
  assert.deepEqual([obstacle(odd, { uid: 61999, gid }), obstacle(odd, stranger)], [odd, undefined]);
  chmodSync(odd, 0o044);
  assert.equal(obstacle(odd, { uid, gid }), odd);
});

test("what a stranger cannot read is staged where he can, and only once", () => {
  const secret = file("home/checkout/node", "binary", 0o700);
  chmodSync(join(directory, "home"), 0o700);
  const files = [
    { source: secret, target: "/ring3/node" },
    { source: file("lib/libc.so", "library"), target: "/lib/libc.so" },
  ];
  const needed = unreadable(files, stranger);
  assert.deepEqual(needed, [files[0]]);
  const [staged] = stageRuntime(needed, join(directory, "runtime"));
  assert.deepEqual(staged, { source: join(directory, "runtime/ring3-node"), target: "/ring3/node" });
  assert.deepEqual(unreadable([staged!], stranger), []);
  assert.equal(readFileSync(staged!.source, "utf8"), "binary");
  const { ino } = statSync(staged!.source);
  stageRuntime(needed, join(directory, "runtime"));
  assert.equal(statSync(staged!.source).ino, ino);
  utimesSync(secret, 1, 1);
  stageRuntime(needed, join(directory, "runtime"));
  assert.notEqual(statSync(staged!.source).ino, ino);
});

test("bubblewrap is found, or its package is named", () => {
  const path = file("bin/bwrap", "#!/bin/sh", 0o755);
  assert.equal(findBwrap(`/nonexistent:${join(directory, "bin")}`), path);
  assert.equal(findBwrap("/nonexistent"), "/usr/bin/bwrap");
  assert.throws(() => findBwrap("/nonexistent", "/nonexistent"), {
    kind: "unsupported",
    message: /apt-get install bubblewrap/,
  });
});
