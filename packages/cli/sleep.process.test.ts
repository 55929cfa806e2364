// Runs in: tests. Owns: a ring3 with disks on a machine that sleeps and wakes as the test says: logind's place is taken by another.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DriversLife, eventually, pause, socketOf } from "./drivers-life.fixture.ts";
import { LoginBus } from "./login-bus.fixture.ts";
import { NbdClient } from "./nbd-client.ts";
import { type Drive, RunningRing3 } from "./running-ring3.fixture.ts";

const LOCK = "sleep ring3 delay";
const bytes = Buffer.alloc(65_536, 0x5a);

const bus = new LoginBus();
let ring3: RunningRing3;
let life: DriversLife;
let drive: Drive;
let disk: NbdClient;

before(async () => {
  process.env.DBUS_SYSTEM_BUS_ADDRESS = bus.address;
  await bus.startDaemon();
  ring3 = await RunningRing3.start();
  life = await DriversLife.of(ring3);
  drive = await ring3.plug("sleeper", "--create", "4M", "--write-cache");
  disk = await NbdClient.connect(socketOf(await life.served(drive)));
});

after(async () => {
  await disk?.close();
  life?.close();
  await ring3?.stop();
  await bus[Symbol.asyncDispose]();
});

const locked = (count: number) =>
  eventually(`${count} locks`, () => bus.locks().length === count || undefined);

const settles = async (promise: Promise<unknown>) =>
  await Promise.race([promise.then(() => true), pause(300).then(() => false)]);

async function log(): Promise<string> {
  const { entries } = await ring3.manager.ask("logs", { device: null, follow: false });
  return entries.map(({ level, message }) => `${level}: ${message}`).join("\n");
}

const logged = (what: RegExp) =>
  eventually(`in the log: ${what}`, async () => what.test(await log()) || undefined);

test("a bus without logind is said once; a logind that comes is asked for a lock", async () => {
  const nobody = "devices will not be at rest when the machine sleeps: there is no logind on the system bus";
  assert.equal((await log()).split(nobody).length, 2);
  await bus.startLogin();
  await locked(1);
  assert.deepEqual(bus.locks(), [LOCK]);
});

test("before the machine sleeps its disks are flushed and at rest, and only then it may; requests wait until it wakes", async () => {
  await disk.write(0, bytes);
  bus.prepareForSleep(true);
  await ring3.reached(drive.device, "suspended");
  await locked(0);
  assert.ok(drive.bytes(0, bytes.length).equals(bytes));
  const reading = disk.read(0, bytes.length);
  assert.equal(await settles(reading), false);
  bus.prepareForSleep(false);
  assert.ok((await reading).equals(bytes));
  await ring3.reached(drive.device, "running");
  await locked(1);
});

test("what a person has suspended stays so; twice said is once done; a disk that comes while the machine sleeps rests too", async () => {
  const other = await ring3.plug("person", "--create", "4M");
  await life.served(other);
  assert.equal((await ring3.cli("suspend", other.device)).out, `${other.device} is suspended\n`);
  bus.prepareForSleep(true);
  bus.prepareForSleep(true);
  await locked(0);
  const late = await ring3.plug("late", "--create", "4M");
  await ring3.reached(late.device, "suspended");
  bus.prepareForSleep(false);
  await ring3.reached(drive.device, "running");
  await ring3.reached(late.device, "running");
  assert.equal((await ring3.device(other.device)).state, "suspended");
  assert.equal((await ring3.cli("resume", other.device)).out, `${other.device} is running\n`);
  await locked(1);
});

test("a driver that dies while the machine sleeps is replaced by one at rest, and requests are answered after that", async () => {
  bus.prepareForSleep(true);
  const { hostPid, incarnation } = await ring3.reached(drive.device, "suspended");
  const reading = disk.read(0, bytes.length);
  process.kill(hostPid!, "SIGKILL");
  await life.restarted(drive, incarnation);
  await ring3.reached(drive.device, "suspended");
  assert.equal(await settles(reading), false);
  bus.prepareForSleep(false);
  assert.ok((await reading).equals(bytes));
});

test("logind begins anew: its delay counts, and who is late is named before it is over", async () => {
  await bus.endLogin();
  await bus.startLogin({ delayMs: 800 });
  await locked(1);
  const { hostPid } = await ring3.device(drive.device);
  process.kill(hostPid!, "SIGSTOP");
  bus.prepareForSleep(true);
  await locked(0);
  await logged(/warn: the machine sleeps before these devices are at rest: usb-sleeper:1\.0 \(running\)/);
  await ring3.reached(drive.device, "suspended");
  bus.prepareForSleep(false);
  await ring3.reached(drive.device, "running");
});

test("the manager dies while the machine is about to sleep: the next one asks logind, and what a person wants holds", async () => {
  const person = { device: "usb-person:1.0" };
  await ring3.manager.ask("suspend", person);
  bus.prepareForSleep(true);
  await ring3.reached(drive.device, "suspended");
  const reading = disk.read(0, bytes.length);
  const { manager } = await ring3.status();
  process.kill(manager.pid, "SIGKILL");
  assert.ok((await reading).equals(bytes)); // this logind says of itself that it is awake
  await locked(1);
  await ring3.reached(drive.device, "running");
  assert.equal((await ring3.device(person.device)).state, "suspended");
  await ring3.manager.ask("resume", person);
  await ring3.reached(person.device, "running");
});

test("a stranger's signal is nothing", async () => {
  const { manager } = await ring3.status();
  const [name] = [...bus.names()].find(([name, pid]) => name.startsWith(":") && pid === manager.pid)!;
  bus.pretendToPrepare(true, name);
  bus.pretendToPrepare(true, name);
  await pause(200);
  assert.equal((await ring3.device(drive.device)).state, "running");
  await locked(1);
});

test("the bus ends while the machine is about to sleep: disks work again; the next bus says that it sleeps", async () => {
  bus.prepareForSleep(true);
  await ring3.reached(drive.device, "suspended");
  await bus.endDaemon();
  await logged(/info: devices will not be at rest when the machine sleeps: connect to .*ECONNREFUSED/);
  await ring3.reached(drive.device, "running");
  await bus.endLogin();
  await bus.startDaemon();
  await bus.startLogin({ sleeps: true });
  await ring3.reached(drive.device, "suspended");
  bus.prepareForSleep(false);
  await ring3.reached(drive.device, "running");
  await locked(1);
});
