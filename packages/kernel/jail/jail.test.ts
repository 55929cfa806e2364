// Runs in: tests. Needs bubblewrap, the C compiler and the addon: what a driver host in a real jail can and cannot do.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { processState } from "../process/pidfd.ts";
import { inside } from "./files.ts";
import { prepareJails } from "./jail.fixture.ts";
import { architectureOf } from "./seccomp.ts";
import { stageZero } from "./stage-zero.ts";

const { directory, jailed } = await prepareJails();
after(() => rmSync(directory, { recursive: true }));

const innerPid = (pid: number, tid: string): number =>
  Number(/^NSpid:.*\s(\d+)$/m.exec(readFileSync(`/proc/${pid}/task/${tid}/status`, "utf8"))![1]);

test("every way out of the jail fails", async () => {
  const server = createServer((socket) => socket.destroy(new Error("a driver got through"))).listen(
    0,
    "127.0.0.1",
  );
  const abstract = createServer().listen(`\0ring3-jail-${process.pid}`);
  await Promise.all([once(server, "listening"), once(abstract, "listening")]);
  const { port } = server.address() as { port: number };
  const jail = await jailed(`
    const fs = require("fs"), net = require("net"), dgram = require("dgram");
    const found = {};
    const attempt = (name, run) => { try { found[name] = "done: " + run(); } catch (error) { found[name] = error.code ?? error.message; } };
    attempt("read /etc/passwd", () => fs.readFileSync("/etc/passwd"));
    attempt("read the checkout", () => fs.readFileSync(${JSON.stringify(import.meta.filename)}));
    attempt("open /dev/mem", () => fs.openSync("/dev/mem"));
    attempt("open /dev/bus/usb", () => fs.readdirSync("/dev/bus/usb"));
    attempt("open /dev/kvm", () => fs.openSync("/dev/kvm", "r+"));
    attempt("open /dev/tty", () => fs.openSync("/dev/tty", "r+"));
    for (const path of ["/proc", "/sys", "/home", "/root", "/tmp", "/run", "/var"]) attempt("list " + path, () => fs.readdirSync(path));
    attempt("write into /", () => fs.writeFileSync("/file", ""));
    attempt("write into /ring3", () => fs.writeFileSync("/ring3/file", ""));
    attempt("write into /dev", () => fs.writeFileSync("/dev/file", ""));
    attempt("change the host", () => fs.writeFileSync("${inside.host}", ""));
    attempt("change node's mode", () => fs.chmodSync("${inside.node}", 0o777));
    attempt("remove the addon", () => fs.unlinkSync("${inside.addon}"));
    attempt("make a directory", () => fs.mkdirSync("/ring3/tmp"));
    attempt("become root", () => process.setuid(0));
    attempt("list the network", () => require("os").networkInterfaces());
    attempt("signal the test", () => process.kill(${process.pid}, 0));
    attempt("run a shell", () => { const r = require("child_process").spawnSync("/bin/sh", ["-c", "id"]); if (r.error) throw r.error; });
    process.kill(1, "SIGKILL"); // process 1 of a namespace takes no signal from inside that it has no handler for
    found.pids = [];
    for (let pid = 1; pid < 70000; pid++) { try { process.kill(pid, 0); found.pids.push(pid); } catch {} }
    setInterval(() => {}, 1000);
    const connect = (name, where) => new Promise((resolve) => net.connect(where).once("connect", () => { found[name] = "connected"; resolve(); })
      .once("error", (error) => { found[name] = error.code; resolve(); }));
    const send = (name) => new Promise((resolve) => { const s = dgram.createSocket("udp4"); s.once("error", (e) => { found[name] = e.code; resolve(); });
      s.send("x", 53, "127.0.0.1", (e) => { found[name] = e?.code ?? "sent"; s.close(); resolve(); }); });
    Promise.all([connect("connect by TCP", { host: "127.0.0.1", port: ${port} }), connect("connect by IPv6", { host: "::1", port: ${port} }),
      connect("connect to an abstract socket", { path: "\\0ring3-jail-${process.pid}" }),
      send("send by UDP")]).then(() => console.log(JSON.stringify(found)));`);
  const [line] = await jail.said(1);
  server.close();
  abstract.close();
  const { pids, ...found } = JSON.parse(line!);
  // Process 1 and its own threads, which kill() takes for processes too.
  const threads = readdirSync(`/proc/${jail.driver}/task`).map((tid) => innerPid(jail.driver, tid));
  assert.deepEqual([...new Set(pids).difference(new Set([1, ...threads]))], []);
  assert.deepEqual(found, {
    "read /etc/passwd": "ENOENT",
    "read the checkout": "ENOENT",
    "open /dev/mem": "ENOENT",
    "open /dev/bus/usb": "ENOENT",
    "open /dev/kvm": "ENOENT",
    "open /dev/tty": "ENOENT",
    "list /proc": "ENOENT",
    "list /sys": "ENOENT",
    "list /home": "ENOENT",
    "list /root": "ENOENT",
    "list /tmp": "ENOENT",
    "list /run": "ENOENT",
    "list /var": "ENOENT",
    "write into /": "EROFS",
    "write into /ring3": "EROFS",
    "write into /dev": "EROFS",
    "change the host": "EROFS",
    "change node's mode": "EROFS",
    "remove the addon": "EROFS",
    "make a directory": "EROFS",
    "become root": "EINVAL",
    "list the network": "ERR_SYSTEM_ERROR",
    "signal the test": "ESRCH",
    "run a shell": "EPERM",
    "connect by TCP": "EAFNOSUPPORT",
    "connect by IPv6": "EAFNOSUPPORT",
    "connect to an abstract socket": "ECONNREFUSED",
    "send by UDP": "EAFNOSUPPORT",
  });
  assert.match(processState(jail.init), /^(running|sleeping)$/); // the signal from inside did nothing
  process.kill(jail.init, "SIGKILL");
  await jail.ended;
});

test("inside are only the descriptors that were passed and the runtime's own, and io_uring is none of them", async () => {
  const jail = await jailed(`console.log("up"); setInterval(() => {}, 1000);`);
  const target = (pid: number, fd: string): string =>
    readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/:\[\d+\]$/, "");
  const closesOnExec = (fd: string): boolean =>
    (Number.parseInt(/^flags:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))![1]!, 8) &
      0o2000000) !==
    0;
  // What whoever started this test left open for everyone below it.
  const leaked = new Set(
    readdirSync("/proc/self/fd").filter((fd) => Number(fd) > 5 && isOpen(fd) && !closesOnExec(fd)),
  );
  const open = readdirSync(`/proc/${jail.driver}/fd`).filter((fd) => !leaked.has(fd));
  const passed = open.filter((fd) => Number(fd) <= 3).map((fd) => target(jail.driver, fd));
  assert.deepEqual(passed, ["/dev/null", "socket", "socket", "socket"]);
  const own = new Set(open.filter((fd) => Number(fd) > 3).map((fd) => target(jail.driver, fd)));
  const runtime = new Set(["anon_inode:[eventpoll]", "anon_inode:[eventfd]", "pipe", "/dev/null"]);
  assert.deepEqual([...own.difference(runtime)], []);
  const init = readdirSync(`/proc/${jail.init}/fd`).map((fd) => target(jail.init, fd));
  assert.deepEqual(init.slice(0, 3), ["/dev/null", "socket", "socket"]);
  assert.deepEqual([...new Set(init.slice(3)).difference(new Set(["anon_inode:[eventfd]"]))], []);
  process.kill(jail.init, "SIGKILL");
  await jail.ended;
});

function isOpen(fd: string): boolean {
  return statSync(`/proc/self/fd/${fd}`, { throwIfNoEntry: false }) !== undefined;
}

test("the process has no capability, no way to new privilege, a filter, and namespaces of its own", async () => {
  const jail = await jailed(`console.log("up"); setInterval(() => {}, 1000);`);
  const status = readFileSync(`/proc/${jail.driver}/status`, "utf8");
  const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)![1]!;
  assert.deepEqual(["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"].map(field), [
    ...new Array(5).fill("0000000000000000"),
    "1",
    "2",
  ]);
  assert.equal(field("NSpid").split("\t").length, 2);
  const kinds = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];
  const shared = kinds.filter(
    (kind) => readlinkSync(`/proc/${jail.driver}/ns/${kind}`) === readlinkSync(`/proc/self/ns/${kind}`),
  );
  assert.deepEqual(shared, []);
  process.kill(jail.init, "SIGKILL");
  await jail.ended;
});

test("the kernel answers every refused call with the errno of the table", async () => {
  const architecture = architectureOf(process.arch);
  const plain = stageZero.filter((rule) => rule.when === undefined && rule[architecture] !== undefined);
  const calls = plain.map(({ call }) => call);
  const source = `#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#define TRY(name, expression) do { errno = 0; printf("%s %d\\n", name, (expression) == -1 ? errno : 0); } while (0)
int main(void) {
${plain.map((rule) => `TRY("${rule.call}", syscall(${rule[architecture]}, -1L, 0L, 0L, 0L, 0L, 0L));`).join("\n")}
TRY("clone into a user namespace", syscall(SYS_clone, 0x10000011L, 0L, 0L, 0L, 0L));
TRY("vsock", socket(40, SOCK_STREAM, 0));
TRY("alg", socket(38, SOCK_SEQPACKET, 0));
TRY("unix", socket(AF_UNIX, SOCK_STREAM, 0));
TRY("TIOCSTI", ioctl(0, 0x5412, "x"));
puts("end");
return 0; }`;
  writeFileSync(join(directory, "probe.c"), source);
  execFileSync("cc", ["-static", "-Wno-nonnull", "-o", join(directory, "probe"), join(directory, "probe.c")]);
  const probe = { source: join(directory, "probe"), target: "/ring3/probe" };
  const jail = await jailed("", { command: ["/ring3/probe"], files: [probe] });
  const answers = new Map(
    (await jail.said(calls.length + 6)).map((line) => [line.replace(/ \d+$/, ""), line.split(" ").at(-1)]),
  );
  assert.deepEqual(
    calls.map((call) => [call, answers.get(call)]),
    plain.map(({ call, verdict }) => [call, String((verdict as { errno: number }).errno)]),
  );
  const tested = ["clone into a user namespace", "vsock", "alg", "unix", "TIOCSTI"].map((name) =>
    answers.get(name),
  );
  assert.deepEqual(tested, ["1", "97", "97", "0", "1"]);
  assert.equal((await jail.ended).exitCode, 0);
});

// Only x86-64 programs can make a call of another architecture without being another program.
const foreignCalls: Record<string, string[]> = {
  x64: [
    'long answer; __asm__ volatile("int $0x80" : "=a"(answer) : "a"(20L)); printf("getpid %ld\\n", answer);',
  ],
  arm64: [],
};
for (const call of foreignCalls[process.arch]!) {
  test("a system call of another architecture kills the process", async () => {
    const source = `#include <stdio.h>\nint main(void) { puts("up"); fflush(stdout); ${call} return 0; }`;
    writeFileSync(join(directory, "foreign.c"), source);
    execFileSync("cc", ["-static", "-o", join(directory, "foreign"), join(directory, "foreign.c")]);
    const foreign = { source: join(directory, "foreign"), target: "/ring3/foreign" };
    const jail = await jailed("", { command: [foreign.target], files: [foreign] });
    assert.equal((await jail.ended).exitCode, 128 + 31); // SIGSYS
    assert.deepEqual(await jail.said(9), ["up"]);
  });
}
