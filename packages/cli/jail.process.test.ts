// Runs in: tests. Owns: a ring3 with two disks in use, whose driver hosts are looked at from outside, through /proc.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { after, before, test } from "node:test";
import { DriversLife, eventually, socketOf } from "./drivers-life.fixture.ts";
import { NbdClient } from "./nbd-client.ts";
import { type Drive, RunningRing3 } from "./running-ring3.fixture.ts";

/** Only root may make processes of other users: without it a host's user is ring3's, in a user namespace of its own. */
const USERS = process.getuid!() === 0 ? 3 : 1;

/** One a stage, below them the supervisors'. */
const FILTERS = "4";

const ring3 = await RunningRing3.start();
const life = await DriversLife.of(ring3);
let drives: Drive[];
let clients: NbdClient[];

before(async () => {
  drives = [await ring3.plug("one"), await ring3.plug("two")];
  clients = await Promise.all(
    drives.map(async (drive) => {
      const client = await NbdClient.connect(socketOf(await life.served(drive)));
      await client.read(0, 4096);
      return client;
    }),
  );
});

after(async () => {
  await Promise.all(clients.map((client) => client.close()));
  life.close();
  await ring3.stop();
});

const proc = (pid: number, file: string) => readFileSync(`/proc/${pid}/${file}`, "latin1");
const hostOf = async (drive: Drive | undefined) => (await ring3.device(drive!.device)).hostPid!;

/** proc_pid_status(5) */
function status(pid: number, field: string, thread: number | string = pid): string {
  return new RegExp(`^${field}:[ \\t]*(.*?)[ \\t]*$`, "m").exec(proc(pid, `task/${thread}/status`))![1]!;
}

/** Every descriptor but those that are closed meanwhile: what it is, in the words of proc_pid_fd(5), and whether it is open for reading, writing or both. */
function descriptors(pid: number): { fd: number; link: string; mode: string }[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      const flags = Number.parseInt(/^flags:\s*(\d+)$/m.exec(proc(pid, `fdinfo/${fd}`))![1]!, 8);
      const link = readlinkSync(`/proc/${pid}/fd/${fd}`);
      return [{ fd: Number(fd), link, mode: ["r", "w", "rw"][flags & 3]! }];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      return [];
    }
  });
}

/** How many of each kind. A pipe of which the process has both ends is its runtime's own way to wake itself. */
function census(pid: number): Record<string, number> {
  const all = descriptors(pid);
  const found: Record<string, number> = {};
  for (const { link, mode } of all) {
    const ends = new Set(all.filter((other) => other.link === link).map((other) => other.mode));
    const kind = !link.startsWith("pipe:")
      ? link.replace(/\[\d+\]/, "[N]")
      : ends.size === 2
        ? "pipe to itself"
        : `pipe to ${mode === "r" ? "read" : "write"}`;
    found[kind] = (found[kind] ?? 0) + 1;
  }
  return found;
}

const RUNTIME = ["anon_inode:[eventpoll]", "anon_inode:[eventfd]", "pipe to itself"];
/** What all waiting is done with, with another eventpoll (kernel/native/waiting.c). */
const WAITING = { "anon_inode:[timerfd]": 1 };
const ours = (pid: number) =>
  Object.fromEntries(Object.entries(census(pid)).filter(([kind]) => !RUNTIME.includes(kind)));

/** Standard input, output and error (both the same pipe), the control socket and the one for the next manager, the grant, which is a USB/IP stream. */
const IDLE = { ...WAITING, "/dev/null": 1, "pipe to write": 2, "socket:[N]": 3 };
/** One client more: its memory and both doorbells. The host's own memory is mapped and its descriptor closed. */
const IN_USE = {
  ...IDLE,
  "/memfd:ring3-client (deleted)": 1,
  "pipe to read": 1,
  "pipe to write": 3,
};

test("a driver host has no descriptor but its grant, its channel, its control sockets and the runtime's own", async () => {
  for (const drive of drives) assert.deepEqual(ours(await hostOf(drive)), IN_USE);
});

test("its control socket is descriptor 3, and what it writes to standard output and error is one pipe", async () => {
  const [input, output, errors, control] = descriptors(await hostOf(drives[0]))
    .sort((a, b) => a.fd - b.fd)
    .map(({ link }) => link);
  assert.deepEqual([input, output], ["/dev/null", errors]);
  assert.match(control!, /^socket:/);
});

test("when its client leaves, it has nothing of that channel any more; after a kill the next one has no more than the last", async () => {
  const [drive] = drives as [Drive];
  await clients[0]!.close();
  const pid = await hostOf(drive);
  await eventually(
    "the end of the channel",
    () => ours(pid)["/memfd:ring3-client (deleted)"] === undefined || undefined,
  );
  assert.deepEqual(ours(pid), IDLE);
  await life.kill(drive);
  clients[0] = await NbdClient.connect(socketOf(await ring3.device(drive.device)));
  await clients[0].read(0, 4096);
  await life.kill(drive);
  await clients[0].read(0, 4096);
  assert.deepEqual(ours(await hostOf(drive)), IN_USE);
});

test("it maps no file but the runtime, its own code and shared memory", async () => {
  const files = proc(await hostOf(drives[0]), "maps")
    .split("\n")
    .map((line) => /^\S+ \S+ \S+ \S+ \S+ +(.*)$/.exec(line)?.[1] ?? "")
    .filter((name) => name !== "" && !/^\[\w+\]$/.test(name));
  const allowed = /^(\/ring3\/(node|kernel\.node)|\/lib(64)?\/.*\.so[.\d]*|\/memfd:ring3-\w+ \(deleted\))$/;
  assert.deepEqual(
    [...new Set(files)].filter((name) => !allowed.test(name)),
    [],
  );
});

test("it runs as a user and group of its own, without capabilities, new privileges or unfiltered system calls", async () => {
  const hosts = await Promise.all(drives.map(hostOf));
  const users = hosts.map((pid) => status(pid, "Uid"));
  assert.equal(new Set([...users, status(process.pid, "Uid")]).size, USERS);
  for (const pid of hosts) {
    const [real, effective, saved, fs] = status(pid, "Uid").split("\t");
    assert.deepEqual([effective, saved, fs], [real, real, real]);
    assert.equal(status(pid, "Gid"), status(pid, "Uid"));
    assert.equal(status(pid, "Groups"), "");
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"])
      assert.equal(status(pid, set), "0000000000000000", set);
    assert.deepEqual([status(pid, "NoNewPrivs"), status(pid, "Seccomp")], ["1", "2"]);
    for (const thread of readdirSync(`/proc/${pid}/task`))
      assert.equal(status(pid, "Seccomp_filters", thread), FILTERS);
  }
});

test("each host has namespaces of its own, and the first of its processes there is not the driver's", async () => {
  const [one, two] = (await Promise.all(drives.map(hostOf))) as [number, number];
  for (const kind of ["user", "pid", "net", "ipc", "uts", "mnt", "cgroup"]) {
    const [here, first, second] = [process.pid, one, two].map((pid) =>
      readlinkSync(`/proc/${pid}/ns/${kind}`),
    );
    assert.equal(new Set([here, first, second]).size, 3, kind);
  }
  assert.deepEqual(status(one, "NSpid").split("\t"), [`${one}`, "2"]);
});

test("it has no network: one interface, lo, which has never carried a byte; and no socket address in its namespace", async () => {
  const pid = await hostOf(drives[0]);
  const interfaces = proc(pid, "net/dev").trim().split("\n").slice(2);
  assert.deepEqual(
    interfaces.map((line) =>
      line
        .trim()
        .split(/[:\s]+/)
        .slice(0, 3),
    ),
    [["lo", "0", "0"]],
  );
  for (const table of ["net/unix", "net/tcp", "net/tcp6", "net/udp", "net/route"])
    assert.equal(proc(pid, table).trim().split("\n").length, 1, table);
});

test("its file tree is read-only: the runtime's files and /dev/null, nothing of the machine's; its environment holds nothing of the machine", async () => {
  const pid = await hostOf(drives[0]);
  // proc_pid_mountinfo(5): mount id, parent, device, root, mount point, options …
  const mounts = proc(pid, "mountinfo")
    .trim()
    .split("\n")
    .map((line) => line.split(" "));
  const allowed =
    /^(\/|\/dev\/null|\/ring3\/(node|host(-code)?\.cjs|host-code(-strict)?\.cache|kernel\.node)|\/lib(64)?\/.*\.so[.\d]*)$/;
  assert.deepEqual(
    mounts.filter(([, , , , point]) => !allowed.test(point!)),
    [],
  );
  const writable = mounts.filter(([, , , , , options]) => options!.split(",")[0] !== "ro");
  assert.deepEqual(
    writable.map(([, , , , point]) => point),
    ["/dev/null"],
  );
  assert.deepEqual(proc(pid, "environ").split("\0").filter(Boolean).toSorted(), [
    "PWD=/",
    "UV_THREADPOOL_SIZE=1",
  ]);
});

test("ring3's own processes have given up what they never need: root's rights, if they run as root", async () => {
  const root = process.getuid!() === 0;
  const { keeperPid, manager, reflectors } = await ring3.status();
  for (const pid of [keeperPid, manager.pid, ...reflectors.map((reflector) => reflector.pid)]) {
    const capabilities = BigInt(`0x${status(pid, "CapBnd")}`);
    const loading = 1n << 16n; // CAP_SYS_MODULE, linux/capability.h
    const boot = 1n << 22n; // CAP_SYS_BOOT
    assert.equal(capabilities & (loading | boot), root ? 0n : loading | boot);
    assert.deepEqual([status(pid, "Seccomp"), status(pid, "CapInh")], ["2", "0000000000000000"]);
  }
});

test("a reflector has no capability and a filter of its own", async () => {
  for (const { pid } of (await ring3.status()).reflectors) {
    assert.deepEqual([status(pid, "CapEff"), status(pid, "NoNewPrivs")], ["0000000000000000", "1"]);
    for (const thread of readdirSync(`/proc/${pid}/task`))
      assert.equal(status(pid, "Seccomp_filters", thread), "2");
  }
});
