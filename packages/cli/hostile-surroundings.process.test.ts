// Runs in: tests, as root, which may mount a small file system. Owns: whole ring3s where files, folders and the disk are not as
// they should be.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { DriversLife, eventually, socketOf } from "./drivers-life.fixture.ts";
import { serving, writeDrivers } from "./hostile-drivers.fixture.ts";
import { NbdClient, NbdError } from "./nbd-client.ts";
import { cli, RunningRing3, repository, run } from "./running-ring3.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "r3-around-"));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);
const main = join(repository, "packages/cli/main.ts");
const NOBODY = 65_534;

/** By the text of a ring3.yaml: what `ring3 up` says of it, behind the file's name. */
const configurations: Readonly<Record<string, string>> = {
  "takes: []": `:1:1: takes: expected one of the fields take, access, aliases, driver_paths, uid_range, spares, affinity, endpoints, mapping, placement, limits, found "takes" (did you mean "take"?)`,
  "take:\n  - usb: 7\n": ":2:10: take.0.usb: expected ",
  "limits:\n  replug_grace: soon\n": `:2:17: limits.replug_grace: expected a duration`,
  "uid_range: { first: 0, count: 1 }": ":1:21: uid_range.first: expected a user id from 1000 up, found 0",
  "access:\n  - { user: me, class: block }\n": ":2:5: access.0.mode: expected ",
  "take: [\n": ":2:1: expected ",
};

describe("a configuration", { concurrency: 2 }, () => {
  for (const [index, [text, said]] of Object.entries(configurations).entries())
    test(`${JSON.stringify(text)} is refused with file, line, expected and found`, async () => {
      const file = at(`${index}.yaml`);
      writeFileSync(file, text);
      const { code, err } = await cli("up", "--state-dir", at(`c${index}`), "--config", file);
      assert.equal(code, 1);
      assert.ok(err.startsWith(`ring3: ${file}${said}`), err);
    });
});

test("ublk is asked for where the kernel has none: ring3 does not start, and says what to do; auto takes NBD", async () => {
  assert.ok(!existsSync("/dev/ublk-control"), "this machine has ublk: rmmod ublk_drv");
  const file = at("ublk.yaml");
  writeFileSync(file, "endpoints: { block: ublk }\n");
  const { code, err } = await cli("up", "--state-dir", at("cu"), "--config", file);
  assert.equal(code, 1);
  assert.match(
    err,
    /ring3\.yaml has "endpoints: \{block: ublk\}"; ublk disks: there is no \/dev\/ublk-control; as root: modprobe ublk_drv/,
  );
  await using ring3 = await RunningRing3.start({ config: "endpoints: { block: auto }\n" });
  const drive = await ring3.plug("disk");
  const life = await DriversLife.of(ring3);
  assert.equal((await life.served(drive)).units[0]!.endpoints[0]!.kind, "nbd");
  life.close();
});

test("input devices of the kernel's are asked for where it has none: ring3 does not start, and says what to do", async () => {
  assert.ok(!existsSync("/dev/uinput"), "this machine has uinput: rmmod uinput");
  const file = at("uinput.yaml");
  writeFileSync(file, "endpoints: { input: uinput }\n");
  const { code, err } = await cli("up", "--state-dir", at("ci"), "--config", file);
  assert.equal(code, 1);
  assert.match(
    err,
    /ring3\.yaml has "endpoints: \{input: uinput\}"; there is no \/dev\/uinput; as root: modprobe uinput; or have it "auto"/,
  );
});

test("the kernel's NBD client is asked for where its module is not loaded: ring3 does not start, and says what to do", async () => {
  assert.ok(!existsSync("/sys/module/nbd"), "this machine has nbd: rmmod nbd");
  const file = at("nbd-device.yaml");
  writeFileSync(file, "endpoints: { block: nbd-device }\n");
  const { code, err } = await cli("up", "--state-dir", at("cn"), "--config", file);
  assert.equal(code, 1);
  assert.match(
    err,
    /ring3\.yaml has "endpoints: \{block: nbd-device\}"; nbd disks: .*: its module is not loaded; as root: modprobe nbd; or have it "auto"/,
  );
});

test("a configuration that is a directory is refused by its name", async () => {
  const { code, err } = await cli("up", "--state-dir", at("cd"), "--config", folder);
  assert.equal(code, 1);
  assert.ok(err.startsWith(`ring3: configuration ${folder}: EISDIR`), err);
});

mkdirSync(at("root-only"), { mode: 0o755 });
writeFileSync(at("file"), "");
writeFileSync(at("socket-taken"), "");
mkdirSync(at("taken"));
writeFileSync(join(at("taken"), "control.sock"), "precious");

/** By state directory: what is said of it. */
const directories: Readonly<Record<string, RegExp>> = {
  "/proc/ring3":
    /^ring3: state directory \/proc\/ring3 \(ENOENT\): choose a directory that you may write to with --state-dir DIR/,
  "/proc/self/ring3": /^ring3: state directory .* choose a directory/,
  [at("file")]: /^ring3: state directory .*file \(ENOTDIR\): choose a directory/,
  [join(at("file"), "below")]: /^ring3: state directory .*file\/below \(ENOTDIR\): choose a directory/,
  "/dev/null": /^ring3: state directory \/dev\/null \(ENOTDIR\): choose a directory/,
  [at("x".repeat(120))]:
    /socket path .* of \d+ bytes; Linux takes at most 107, so choose a shorter directory \(--state-dir DIR\)/,
  [at("taken")]: /listen on .*control\.sock, where something other than a socket lies/,
};

describe("a state directory", { concurrency: 2 }, () => {
  for (const [directory, said] of Object.entries(directories))
    test(`${directory.replace(folder, "").slice(0, 30)} is refused, and why`, async () => {
      const { code, out, err } = await cli("up", "--state-dir", directory);
      assert.deepEqual([code, out], [1, ""]);
      assert.match(err, said);
    });

  test("of another user is refused", async () => {
    const nobody = { uid: NOBODY, gid: NOBODY };
    const { code, err } = await run(process.execPath, [main, "up", "--state-dir", at("root-only")], nobody);
    assert.equal(code, 1);
    assert.match(
      err,
      /state directory .*root-only \(E(ACCES|PERM)\): choose a directory that you may write to/,
    );
  });

  test("that another ring3 has is refused, and which process", async () => {
    await using ring3 = await RunningRing3.start();
    const { code, err } = await cli("up", "--state-dir", ring3.directory);
    assert.equal(code, 1);
    assert.match(
      err,
      new RegExp(`ring3 already runs in .* \\(process ${ring3.keeperPid}\\): stop it, or choose another`),
    );
  });
});

test("of a folder of drivers the broken ones are left out, each with file, line and what to do; the good one runs", async () => {
  const drivers = at("drivers");
  const good = { code: serving.forks!.code };
  const named = {
    good,
    "wrong-field": { ...good, manifest: { grant: ["usb"] } },
    "wrong-class": { ...good, manifest: { class: "teapot" } },
  };
  writeDrivers(drivers, { ...named, "no-code": good, "no-json": good });
  rmSync(join(drivers, "no-code/driver.cjs"));
  writeFileSync(join(drivers, "no-json/driver.json"), `{ "name": "no-json",\n  "version" }`);
  symlinkSync("/nowhere", join(drivers, "dangling"));
  mkdirSync(join(drivers, "empty"));
  await using ring3 = await RunningRing3.start({ args: ["--drivers", drivers, "--drivers", at("missing")] });
  const { device } = await ring3.plug("good", "--serial", "good");
  assert.equal((await ring3.reached(device, "running")).driver, "good");
  const { out } = await ring3.cli("logs");
  for (const said of [
    `driver left out: ${drivers}/no-code: no driver.cjs: bundle driver.ts first`,
    `driver left out: ${drivers}/no-json/driver.json:2:`,
    `driver left out: ${drivers}/wrong-class/driver.json: class "teapot": expected one of block`,
    `driver left out: ${drivers}/wrong-field/driver.json:1:`,
    `driver path ${at("missing")}: ENOENT`,
  ])
    assert.ok(out.includes(said), `${said}\n${out}`);
});

test("without bubblewrap nothing is started; status and explain name the package", async () => {
  // In a mount namespace of its own bubblewrap is hidden below something that is no program.
  const hidden = [
    "--user",
    "--map-root-user",
    "--mount",
    "sh",
    "-c",
    'mount --bind /dev/null "$(command -v bwrap)" && exec "$@"',
    "sh",
  ];
  await using ring3 = await RunningRing3.start({ under: ["unshare", ...hidden] });
  const told = /no driver can be started: bubblewrap.* is not installed \(apt-get install bubblewrap\)/;
  await eventually("a word about it", () => told.test(ring3.stderr) || undefined);
  const { device } = await ring3.plug("unjailed");
  const { reason, hostPid } = await ring3.reached(device, "quarantined");
  assert.match(
    reason,
    /bubblewrap, which jails the drivers, is not installed \(apt-get install bubblewrap\)$/,
  );
  assert.equal(hostPid, null);
  const { out } = await ring3.cli("explain", device);
  assert.match(out, /What is missing\s+bubblewrap/);
});

describe("a full disk", () => {
  const disk = at("disk");
  before(() => {
    mkdirSync(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m,mode=755", "none", disk]);
  });
  after(() => execFileSync("umount", ["-l", disk]));

  /** Takes what room is left. */
  function fill(): void {
    const fd = openSync(join(disk, "filler"), "w");
    const bytes = Buffer.alloc(4096);
    try {
      for (;;) writeSync(fd, bytes);
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
    } finally {
      closeSync(fd);
    }
  }
  const free = () => rmSync(join(disk, "filler"));

  test("below a new state directory is said", async () => {
    fill();
    const { code, err } = await cli("up", "--state-dir", join(disk, "new"));
    free();
    assert.equal(code, 1);
    assert.match(err, /ENOSPC.*free some space there/);
  });

  test("below a running ring3 costs the log's file its entries, and nothing else", async () => {
    await using ring3 = await RunningRing3.start({ stateDirectory: join(disk, "s") });
    const life = await DriversLife.of(ring3);
    const drive = await ring3.plug("stays");
    const nbd = await NbdClient.connect(socketOf(await life.served(drive)));
    fill();
    for (let kills = 1; kills <= 20; kills++) {
      if (kills < 3) await life.kill(drive);
      await ring3.cli("status");
      await nbd.write(0, Buffer.alloc(4096, kills));
      assert.equal((await nbd.read(0, 4096))[0], kills);
    }
    assert.match(await ring3.log(drive.device), /driver failed: signal: .*SIGKILL/);
    const late = await ring3.plug("comes-later");
    await life.served(late);
    free();
    await nbd.close();
    life.close();
  });

  test("below a drive's image is an error to who writes; what was acknowledged is there, and room makes it work again", async () => {
    process.env.TMPDIR = disk; // images and state directory lie there
    await using ring3 = await RunningRing3.start();
    delete process.env.TMPDIR;
    const life = await DriversLife.of(ring3);
    const drive = await ring3.plug("fills", "--create", "8M");
    const nbd = await NbdClient.connect(socketOf(await life.served(drive)));
    const written: number[] = [];
    const write = async (index: number) => {
      await nbd.write(index * 65_536, Buffer.alloc(65_536, index + 1), true);
      written.push(index);
    };
    const refused = await Promise.allSettled(Array.from({ length: 128 }, (_, index) => write(index)));
    const errors = refused
      .filter(({ status }) => status === "rejected")
      .map((one) => (one as PromiseRejectedResult).reason);
    assert.ok(
      errors.length > 50 &&
        errors.every((error) => error instanceof NbdError && [5, 28].includes(error.code)),
      errors.join(),
    );
    assert.ok(written.length > 10);
    const check = async (index: number) =>
      assert.ok(
        (await nbd.read(index * 65_536, 65_536)).every((byte) => byte === index + 1),
        `piece ${index}`,
      );
    for (const index of written) await check(index);
    const status = await ring3.device(drive.device);
    assert.deepEqual([status.state, status.incarnation], ["running", 1]);
    execFileSync("mount", ["-o", "remount,size=16m", disk]);
    await write(127);
    await check(127);
    await nbd.flush();
    await nbd.close();
    life.close();
  });
});

test("nobody reads what ring3 says: clients that make it say something end nothing but their own connections", async () => {
  await using ring3 = await RunningRing3.start();
  const drive = await ring3.plug("quiet");
  const life = await DriversLife.of(ring3);
  const address = socketOf(await life.served(drive));
  const { manager, reflectors } = await ring3.status();
  ring3.deafen();
  for (let times = 0; times < 3; times++) {
    const socket = connect(address).on("error", () => {});
    socket.write("GET / HTTP/1.1\r\n\r\n");
    await new Promise((resolve) => socket.resume().once("close", resolve));
  }
  const client = await NbdClient.connect(address);
  await client.flush();
  await client.close();
  life.close();
  const now = await ring3.status();
  assert.deepEqual([now.manager.pid, now.reflectors], [manager.pid, reflectors]);
});
