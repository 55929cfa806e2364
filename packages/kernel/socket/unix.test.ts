// Runs in: tests. Owns: socket paths in a directory of its own.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Descriptor } from "../fd/descriptor.ts";
import { native } from "../native.ts";
import { acceptFrom, bindPath, connect, listen, type PeerCredentials } from "./unix.ts";

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), "ring3-unix-"));
});
after(() => rmSync(directory, { recursive: true }));
const path = (name: string) => join(directory, name);

test("who connects is told to the listener, whose path has its mode and goes with it", async () => {
  const { promise, resolve } = Promise.withResolvers<[Descriptor, PeerCredentials]>();
  const listener = listen(path("plain"), 0o660, (...connection) => resolve(connection));
  assert.equal(statSync(path("plain")).mode & 0o777, 0o660); // whatever the umask
  const client = connect(path("plain"));
  const [server, peer] = await promise;
  assert.deepEqual(peer, { pid: process.pid, uid: process.getuid!(), gid: process.getgid!() });
  listener.close();
  assert.ok(!existsSync(path("plain")));
  assert.equal(native.write(client.fd, Uint8Array.of(1)), 1);
  assert.equal(native.read(server.fd, new Uint8Array(2)), 1);
  client.close();
  server.close();
});

test("a path where somebody listens is busy, and stays theirs", () => {
  const listener = listen(path("busy"), 0o600, () => {});
  assert.throws(() => bindPath(path("busy"), 0o600), { kind: "busy", message: /another process listens/ });
  connect(path("busy")).close();
  listener.close();
});

test("a path whose listener has died is taken over", () => {
  bindPath(path("stale"), 0o600).close();
  assert.ok(existsSync(path("stale")));
  assert.throws(() => connect(path("stale")), { errno: 111 }); // ECONNREFUSED
  const listener = listen(path("stale"), 0o600, () => {});
  connect(path("stale")).close();
  listener.close();
});

test("a plain file in the place of a socket is busy, and not removed", () => {
  writeFileSync(path("file"), "precious");
  assert.throws(() => bindPath(path("file"), 0o600), {
    kind: "busy",
    message: /something other than a socket/,
  });
  assert.ok(existsSync(path("file")));
});

test("a path over 107 bytes names the limit and the way out", () => {
  const long = path("x".repeat(108 - directory.length - 1));
  const expected = {
    kind: "invalid",
    errno: 36,
    message: /of 108 bytes; Linux takes at most 107.*--state-dir DIR/,
  };
  assert.throws(() => bindPath(long, 0o600), expected);
  assert.throws(() => connect(long), expected);
  bindPath(long.slice(0, 107), 0o600).close();
});

test("bytes count, not characters", () => {
  assert.throws(() => connect("/ü".repeat(40)), { message: /of 120 bytes/ });
});

test("a path without a directory and one where nobody is are errors with errno", () => {
  assert.throws(() => bindPath(path("none/s"), 0o600), { errno: 2 });
  assert.throws(() => connect(path("none")), { errno: 2 });
});

test("a listening socket outlives whoever accepted on it", async () => {
  const bound = bindPath(path("kept"), 0o600);
  const kept = native.dup(bound.fd);
  acceptFrom(bound, () => assert.fail("accepted")).close();
  const client = connect(path("kept"));
  assert.ok(client.fd >= 0);
  const server = native.accept(kept);
  assert.ok(server >= 0);
  for (const fd of [kept, server]) native.close(fd);
  client.close();
});

test("several connections waiting are accepted in one turn, and none after a close among them", async () => {
  let accepted = 0;
  const listener = listen(path("many"), 0o600, (connection) => {
    accepted++;
    connection.close();
    if (accepted === 2) listener.close();
  });
  const clients = [connect(path("many")), connect(path("many")), connect(path("many"))];
  while (accepted < 2) await new Promise(setImmediate);
  assert.equal(accepted, 2);
  for (const client of clients) client.close();
});

test("a listener without descriptors left hangs up on callers and works again later", () => {
  const script = `
    const { listen, connect } = await import(${JSON.stringify(import.meta.resolve("./unix.ts"))});
    const { native } = await import(${JSON.stringify(import.meta.resolve("../native.ts"))});
    const accepted = [];
    const listener = listen(process.argv[1], 0o600, (connection) => accepted.push(connection));
    const client = connect(process.argv[1]);
    const eaten = [];
    for (let fd; (fd = native.dup(0)) >= 0; ) eaten.push(fd);
    while (native.read(client.fd, new Uint8Array(1)) < 0) await new Promise(setImmediate);
    const during = accepted.length;
    for (const fd of eaten) native.close(fd);
    const again = connect(process.argv[1]);
    while (accepted.length === 0) await new Promise(setImmediate);
    console.log(during, accepted.length);
    process.exit();`;
  const limited = `ulimit -n 100; exec "$0" --input-type=module -e "$1" "$2"`;
  const { stdout, stderr } = spawnSync("sh", ["-c", limited, process.execPath, script, path("full")], {
    encoding: "utf8",
    timeout: 20_000,
  });
  assert.equal(stdout, "0 1\n", stderr);
});
