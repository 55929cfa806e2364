// Runs in: tests. A device between rest and work, whoever wants which.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { BusDevice } from "./bus.ts";
import type { Device } from "./device.ts";
import { chosenDriver, FakeHosts, playedDevice, settled } from "./fake-host.fixture.ts";
import { lostClaim } from "./usb-device.ts";

async function running(bus: Partial<BusDevice> = {}) {
  const clock = manualClock();
  const log: string[] = [];
  const hosts = new FakeHosts(log);
  const device: Device = playedDevice(
    hosts,
    clock,
    {
      changed: () => log.push(device.life.state),
      ready: () => log.push("ready"),
      lost: (_device, { outside, text }) => log.push(`lost${outside ? " from outside" : ""}: ${text}`),
      held: (_device, held) => log.push(held ? "held" : "not held"),
    },
    bus,
  );
  device.matched(chosenDriver(), true);
  await hosts.last.runs();
  const seen = () => log.splice(0);
  seen();
  return { clock, device, hosts, seen };
}

/** The host answers when the test says so. */
function slow({ hosts }: Awaited<ReturnType<typeof running>>) {
  const answers: PromiseWithResolvers<void>[] = [];
  hosts.last.answer = async () => {
    const answer = Promise.withResolvers<void>();
    answers.push(answer);
    await answer.promise;
    return { result: {}, fds: [] };
  };
  return {
    async answers() {
      answers.shift()!.resolve();
      await settled();
    },
    async refuses(error = new DeviceError("busy", "suspend")) {
      answers.shift()!.reject(error);
      await settled();
    },
  };
}

test("its clients' deadlines stand still from before the driver hears of a rest until it works again", async () => {
  const { device, seen } = await running();
  await device.suspend();
  assert.deepEqual(seen(), ["held", "host 1 suspend", "suspended", "held"]);
  await device.resume();
  assert.deepEqual(seen(), ["host 1 resume", "ready", "running", "not held"]);
});

test("a driver that refuses works on, and so do the deadlines", async () => {
  const rig = await running();
  const host = slow(rig);
  const suspended = assert.rejects(rig.device.suspend(), { kind: "busy" });
  await settled();
  await host.refuses();
  await suspended;
  assert.deepEqual(rig.seen(), ["held", "host 1 suspend", "not held"]);
  assert.equal(rig.device.life.state, "running");
});

test("at rest for the machine's sleep and for a person: only when neither wants it does it work again", async () => {
  const { device, seen } = await running();
  await device.suspend();
  await device.suspend("sleep");
  await device.resume("sleep");
  assert.deepEqual(
    [seen(), device.life.state],
    [["held", "host 1 suspend", "suspended", "held"], "suspended"],
  );
  await device.suspend("sleep");
  await device.resume();
  assert.deepEqual([seen(), device.life.state], [[], "suspended"]);
  await device.resume("sleep");
  assert.equal(device.life.state, "running");
});

test("a resume that comes while the suspend is under way follows it", async () => {
  const rig = await running();
  const host = slow(rig);
  const suspended = rig.device.suspend("sleep");
  await settled();
  const resumed = rig.device.resume("sleep");
  await settled();
  assert.deepEqual(rig.seen(), ["held", "host 1 suspend"]);
  await host.answers();
  await suspended;
  await host.answers();
  await resumed;
  assert.deepEqual(rig.seen(), ["suspended", "held", "host 1 resume", "ready", "running", "not held"]);
});

test("suspend, resume and suspend at once leave it at rest, by one suspend", async () => {
  const { device, seen } = await running();
  await Promise.all([device.suspend("sleep"), device.resume("sleep"), device.suspend("sleep")]);
  assert.deepEqual(seen(), ["held", "host 1 suspend", "suspended", "held"]);
});

test("a driver that only starts when the machine is about to sleep is at rest once it runs; a person's wish is for one that runs", async () => {
  const { device, hosts, seen } = await running();
  device.restart();
  await settled();
  await hosts.last.dies();
  await device.suspend();
  await device.suspend("sleep");
  seen();
  await hosts.last.runs();
  assert.deepEqual(seen(), [
    "host 2 probe",
    "ready",
    "running",
    "held",
    "host 2 suspend",
    "suspended",
    "held",
  ]);
  await device.resume("sleep");
  assert.equal(device.life.state, "running");
});

test("a driver that dies at rest is replaced by one at rest; after a restart or a stop by a person by one that works", async () => {
  const { device, hosts, seen } = await running();
  await device.suspend();
  hosts.last.fails();
  await settled();
  await hosts.last.dies();
  await hosts.last.runs();
  assert.equal(device.life.state, "suspended");
  seen();
  device.restart();
  await settled();
  await hosts.last.dies();
  await hosts.last.runs();
  assert.equal(device.life.state, "running");
  assert.deepEqual(seen().slice(-3), ["host 3 probe", "ready", "running"]);
});

test("a driver that dies while it is asked to rest: whoever asked hears of it, and the next one rests", async () => {
  const rig = await running();
  const host = slow(rig);
  const suspended = assert.rejects(rig.device.suspend("sleep"), { kind: "disconnected" });
  await settled();
  rig.hosts.last.fails();
  await host.refuses(new DeviceError("disconnected", "suspend"));
  await suspended;
  await rig.hosts.last.dies();
  rig.seen();
  await rig.hosts.last.runs();
  assert.deepEqual(rig.seen(), [
    "host 2 probe",
    "ready",
    "running",
    "held",
    "host 2 suspend",
    "suspended",
    "held",
  ]);
});

test("a driver whose resume fails is replaced", async () => {
  const rig = await running();
  await rig.device.suspend();
  const host = slow(rig);
  const resumed = rig.device.resume();
  await settled();
  await host.refuses(new DeviceError("io", "no answer"));
  await resumed;
  assert.match(rig.device.life.reason, /^crash: resume: no answer/);
  assert.equal(rig.device.life.state, "failed");
});

test("a driver that dies while it resumes is not at fault for that: how it has ended is told by its process", async () => {
  const rig = await running();
  await rig.device.suspend();
  const host = slow(rig);
  const resumed = rig.device.resume();
  await settled();
  rig.device.channelHost!.peer.close();
  await host.refuses(new DeviceError("disconnected", "resume"));
  await resumed;
  assert.equal(rig.device.life.state, "suspended");
  rig.hosts.last.fails("SIGKILL", true);
  assert.deepEqual([rig.device.life.reason, rig.device.life.outsideFailures], ["exit: SIGKILL", 1]);
});

for (const [driver, text] of [
  [null, "the bus was reset, and nobody has the interface now"],
  ["usb-storage", "the bus was reset, and the kernel's driver usb-storage has the interface now"],
] as const)
  test(`the bus was reset during the rest, and ${driver ?? "nobody"} has the interface: it is taken back, opened and probed afresh`, async () => {
    const bus = { had: "usbfs" as string | null, taken: 0 };
    const { device, hosts, seen } = await running({
      kernelDriver: () => bus.had,
      lostClaim: () => lostClaim(bus.had),
      allowTaking: () => void bus.taken++,
    });
    await device.suspend();
    bus.had = driver;
    seen();
    await device.resume();
    await settled();
    assert.equal(device.life.reason, `grant: ${text}`);
    await hosts.last.dies();
    bus.had = "usbfs";
    await hosts.last.runs();
    assert.deepEqual(
      [seen(), bus.taken, device.life.failures],
      [
        [
          ...["failed", "host 1 kill", `lost from outside: grant: ${text}`, "host 2 start", "starting"],
          ...["host 2 probe", "ready", "running"],
        ],
        1,
        0,
      ],
    );
  });

test("a bus that was reset under a driver at work: it is taken back from the kernel's driver, and left alone while nobody has it", async () => {
  let had: string | null = "usbfs";
  const { device } = await running({ kernelDriver: () => had, lostClaim: () => lostClaim(had) });
  for (const [driver, state] of [
    ["usbfs", "running"],
    [null, "running"], // the driver's own reset may be under way
    ["usb-storage", "failed"],
  ] as const) {
    had = driver;
    device.checkClaim();
    assert.equal(device.life.state, state);
  }
});
