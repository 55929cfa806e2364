// Runs in: tests. Owns: a ring3 started much as systemd/ring3.service has it started: not root, with two capabilities for its manager, in a
// network namespace of its own, with /proc/sys read-only, under its umask, and watched over.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { DriversLife, eventually, pause, socketOf } from "./drivers-life.fixture.ts";
import { NbdClient } from "./nbd-client.ts";
import { RunningRing3, repository } from "./running-ring3.fixture.ts";

const unit = readFileSync(join(repository, "systemd/ring3.service"), "utf8");
const USER = process.getuid!() === 0 ? 64_123 : process.getuid!();
const WATCH_MS = 1500;
const folder = mkdtempSync(join(tmpdir(), "r3-service-"));
const said: string[] = [];
let listener: ChildProcess | undefined;
let sim: ChildProcess | undefined;
let ring3: RunningRing3;
let life: DriversLife;

/** As the unit has it: "CAP_SYS_PTRACE CAP_DAC_READ_SEARCH" becomes setpriv(1)'s "+sys_ptrace,+dac_read_search". */
const capabilities = /^AmbientCapabilities=(.*)$/m
  .exec(unit)![1]!
  .split(" ")
  .map((name) => `+${name.slice(4).toLowerCase()}`)
  .join(",");

/** What the service manager would do before it starts the program. */
const service = `
set -e
mount --bind /proc/sys /proc/sys
mount --bind /proc/sys/user /proc/sys/user
mount -o remount,bind,ro /proc/sys
umask 077
exec setpriv --reuid ${USER} --regid ${USER} --clear-groups --no-new-privs --bounding-set=-all,${capabilities} \
  --inh-caps=${capabilities} --ambient-caps=${capabilities} "$@"`;

before(async () => {
  chmodSync(folder, 0o711);
  const program = join(folder, "notify-listener");
  const source = join(import.meta.dirname, "notify-listener.c");
  const { status, stderr } = spawnSync("cc", ["-Wall", "-Werror", "-o", program, source], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  const socket = join(folder, "notify");
  listener = spawn(program, [socket], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: listener.stdout! });
  await once(lines, "line");
  lines.on("line", (line) => said.push(line));
  const build = join(folder, "build"); // the checkout may lie where only its owner can read
  cpSync(join(repository, "build"), build, { recursive: true });
  const node = join(folder, "node");
  cpSync(process.execPath, node);
  const state = join(folder, "state");
  mkdirSync(state, { mode: 0o755 });
  chownSync(state, USER, USER);
  Object.assign(process.env, { NOTIFY_SOCKET: socket, WATCHDOG_USEC: String(WATCH_MS * 1000) });
  const root = process.getuid!() === 0;
  ring3 = await RunningRing3.start({
    program: build,
    node,
    stateDirectory: join(state, "ring3"),
    under: root ? ["unshare", "--mount", "--net", "sh", "-c", service, "service"] : [],
  });
  chmodSync(ring3.folder, 0o711);
  life = await DriversLife.of(ring3);
});

after(async () => {
  life?.close();
  await ring3?.stop();
  for (const process of [listener, sim]) process?.kill();
  rmSync(folder, { recursive: true });
});

/** A simulated drive whose socket the service's user may use. */
async function plugged(): Promise<{ device: string }> {
  const [socket, image] = [join(folder, "drive"), join(folder, "disk.img")];
  const main = join(repository, "sims/usb-drive/main.ts");
  sim = spawn(process.execPath, [main, "--listen", socket, "--image", image, "--create", "4M"], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  await once(createInterface({ input: sim.stdout! }), "line");
  chmodSync(socket, 0o666);
  const attached = { transport: "usbip", socket, busid: "1-1", port: "disk" } as const;
  const { devices } = await ring3.manager.ask("attach", attached);
  ring3.manager.onResumed = async (ask) => void (await ask("attach", attached));
  return { device: devices[0]! };
}

/** A field of proc_pid_status(5). */
const statusOf = (pid: number, field: string) =>
  new RegExp(`^${field}:\\s*(\\S+)`, "m").exec(readFileSync(`/proc/${pid}/status`, "latin1"))![1]!;

test("it serves a disk over the deaths of driver and manager, and only the manager has the two capabilities, the second too", async () => {
  const drive = await plugged();
  const { hostPid } = await life.served(drive);
  const disk = await NbdClient.connect(socketOf(await ring3.device(drive.device)));
  const bytes = Buffer.alloc(65_536, 0x5a);
  await disk.write(0, bytes);
  process.kill(hostPid!, "SIGKILL");
  assert.ok(bytes.equals(await disk.read(0, bytes.length)));
  const killed = await life.served(drive);
  await ring3.killManager();
  assert.ok(bytes.equals(await disk.read(0, bytes.length)));
  await disk.close();
  assert.deepEqual(await life.served(drive), killed);
  const { keeperPid, manager, reflectors } = await ring3.status();
  const host = (await ring3.device(drive.device)).hostPid!;
  for (const pid of [keeperPid, manager.pid, reflectors[0]!.pid, host])
    assert.deepEqual([statusOf(pid, "Uid"), statusOf(pid, "NoNewPrivs")], [String(USER), "1"]);
  const held = [manager.pid, keeperPid, reflectors[0]!.pid, host].map((pid) =>
    BigInt(`0x${statusOf(pid, "CapEff")}`),
  );
  const two = process.getuid!() === 0 ? (1n << 19n) | (1n << 2n) : 0n; // CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH: linux/capability.h
  assert.deepEqual(held, [two, 0n, 0n, 0n]);
  assert.equal((await ring3.device(drive.device)).sandbox, "standard");
  const endpoints = statSync(join(ring3.directory, "block")).mode & 0o777;
  assert.equal(endpoints, 0o711); // whom an access rule lets in may reach the sockets, whatever the umask
});

test("the service manager is told that it serves, that it lives while its manager does, and that it stops", async () => {
  await eventually(
    "two signs of life",
    () => said.filter((line) => line === "WATCHDOG=1").length >= 2 || undefined,
  );
  assert.equal(said[0], "READY=1");
  const { manager } = await ring3.status();
  process.kill(manager.pid, "SIGSTOP");
  const silent = async () => {
    const before = said.length;
    await pause(WATCH_MS);
    return said.length === before;
  };
  assert.ok((await silent()) || (await silent()), said.join()); // some may have been on their way, but not for that long
  const before = said.length;
  process.kill(manager.pid, "SIGCONT");
  await eventually("a sign of life", () => said.length > before || undefined);
  process.kill(ring3.keeperPid, "SIGTERM");
  assert.equal((await ring3.ended()).code, 0);
  await eventually("it stops", () => said.includes("STOPPING=1") || undefined);
  const since = said.slice(said.indexOf("STOPPING=1") + 1);
  assert.ok(
    since.every((line) => line === "WATCHDOG=1"),
    said.join(),
  ); // its manager lives while it stops
});

test("its unit is as little exposed as a manager of devices can be, and systemd takes every line of it", () => {
  const path = join(repository, "systemd/ring3.service");
  const exposure = spawnSync("systemd-analyze", ["security", "--offline=true", "--threshold=25", path], {
    encoding: "utf8",
  });
  assert.equal(exposure.status, 0, exposure.stdout + exposure.stderr);
  assert.match(exposure.stdout, /Overall exposure level for ring3\.service: (2\.[0-5]|1\.\d)/);
  const { stderr } = spawnSync("systemd-analyze", ["verify", path], { encoding: "utf8" });
  assert.match(stderr, /\/opt\/ring3\/ring3 is not executable/); // it has been read to that line, and ring3 is not installed here
  assert.doesNotMatch(stderr, /Unknown|Failed to parse|ignoring/);
});
